"""Messages of scores, calibration and reports."""


class Errors:
    X746 = "Found the threshold {found}; expected a score from 0 to 1. Correct it, or leave it out."
    X750 = "{path} holds no labelled text; expected texts with labels to score on. Give the test text."
    X751 = "No pipeline could be loaded from {path} ({error}); expected a whole folder that `spacy train` saved. Give one, or train it again."
    X752 = "The pipeline set no categories for the text {text!r}; expected some. Give a pipeline with a text classifier."
    X753 = "The pipeline gives the labels {found}; expected at least one of the texts' labels: {expected}. Give texts with its labels, or the pipeline that was trained for these."
    X754 = "The pipeline gave the score {score} for the label '{label}' to the text {text!r}; expected a finite number. Find the step at which its training went wrong, or give another pipeline."
    X755 = "Found confidence = {confidence}; expected a number between 0 and 1, both excluded. Give e.g. --confidence 0.95."
    X756 = "Found resamples = {resamples} and seed = {seed}; expected up to a million samples, and 0 or more of both. Give e.g. --resamples 1000."
    X757 = "Found --no-temperature, without --centre or with --by-language, --abstain-below or --target-accuracy; expected it with --centre alone: all else is fitted with temperatures. Leave it out."
    X758 = "{path} can't be read ({error}); expected the numbers that `spacy xling inspect ENCODER TEXTS --json FILE` writes. Give that file with --closeness, or leave it out."
    X759 = "{path} can't be read ({error}); expected lines that a ConsoleLogger writes to its `output_file`: JSON with step, losses and score. Give such a file with --logs, or leave it out."
    X761 = "{count} labelled texts with a piece were found to calibrate on; expected {least} or more. Give more dev text."
    X762 = "No temperature fits the {count} texts best: the lower, the better, as when all are classified right, or nothing was learnt; expected a trained pipeline that makes some mistakes. Give more dev text, or leave the scores as they are."
    X763 = (
        "The dev text has the labels {unknown}; expected only those of '{name}': {known}. Remove these texts."
    )
    X764 = "Found abstain_below = {abstain_below} and target_accuracy = {target_accuracy}; expected one of them, from 0 to 1. Leave one out, or correct it."
    X766 = "No threshold reaches an accuracy of {target}: the best is {best:.3f}, on the {answered} texts with the highest scores ({least} are needed); expected a lower target. Lower --target-accuracy, or give more dev text."
    X767 = "{count} dev text(s) have several labels; expected exactly one, as '{name}' gives each text one. Remove these texts."
    X768 = "No text of the source language {source} was found to centre by; found {found}. Name the language of the training labels with --source, or of the texts (field lang, a folder of files by language)."
    X769 = "Found {found}, without {missing}; expected both or neither. Give raw text of the target languages, or leave {found} out."
    X785 = "The closeness of '{encoder}' is of the languages {found}; expected at least one of the scores' target languages: {expected}. Run spacy xling inspect on texts of these, with the same language codes."
    X786 = "Found {options} without --html; expected the report that they are for. Give --html FILE, or leave them out."


class Warnings:
    W750 = "The {count} text(s) of language '{language}' have no labels; expected some. The language is left out: label texts of it, or remove them."
    W751 = "The file {path} gave no text of the language that it is named by; expected at least one. The language is missing: fill the file, or remove it."
    W752 = "Found texts of {languages}; expected the source language '{source}' among them. Without it there is no gap, and all languages count as targets: give --source one of these, or add its texts."
    W753 = "The pipeline '{name}' has never seen the class '{label}' in training; expected all classes of the texts. Its {count} text(s) count as wrong: train with texts of it, or remove them."
    W754 = "The pipeline '{name}' has labels that no text was annotated for: {labels}. They count as 0 in its macro scores, as in those of spacy evaluate: add texts, or keep it in mind."
    W755 = "The pipeline '{name}' has labels that another one lacks: {labels}; expected the same for all. Their F1 is over other labels and can't be compared, their accuracy can: train them on the same labels."
    W756 = "The {count} text(s) without a language count under '-', and neither as source nor as target; expected a language of each. Name the files by language, or give each text its field lang."
    W757 = "The {count} text(s) that have no label or several keep '{name}' from being scored as a classifier of exactly one label: each label counts by itself, from a score of {threshold} on. Expected one label for each text: correct these, or remove them."
    W758 = "No text of some languages has labels of '{name}' ({found}). They count as 0 in the macro scores there, as in those of spacy evaluate; expected texts of each label in each language. Compare these languages by accuracy or micro F1, or label by label."
    W759 = "{name} is centred by raw text of {found}, and not of {languages}; expected raw text of each language that it meets. Scores of these stay as they are: add raw text, and train or spacy xling calibrate --centre again."
    W760 = "'{name}' was calibrated or centred already. What it had is gone: its offsets are computed again, and temperatures and the threshold below which to abstain belong to the earlier scores."
    W761 = "Some labelled texts are in {languages}, and '{name}' was centred by raw text of {found} alone; expected raw text of each target language. Scores of the others stay as they are: add raw text of them."
    W762 = (
        "Found --uncentred, but no centred pipeline: expected one. There is nothing to show without offsets."
    )
    W763 = "A folder for transformers can't hold what '{name}' does besides its model: {lost}. Serve the pipeline itself where that matters."
