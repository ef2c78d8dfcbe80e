"""Messages of components."""


class Errors:
    X501 = (
        "The classification loss of '{name}' is {found}; expected one of exclusive classes, as CrossEntropy, for "
        "xling_textcat, and one of independent labels, as BinaryCrossEntropy, for xling_textcat_multilabel. "
        "Correct [components.{name}.objective.classification], or use the other component."
    )
    X502 = (
        "Found texts_per_update = {texts} and pieces_per_update = {pieces}; expected one of them, 1 or more, or "
        "null for both. Correct them under [components.NAME]."
    )
    X503 = (
        "The component '{name}' has mlm_weight > 0 but no raw text; expected a reader under "
        "[initialize.components.{name}.unlabelled], unlabelled texts among the examples, or mlm_on_labelled = "
        "true. Give it raw text (a component that is loaded or sourced, with the callback "
        "spacy-xling.attach_unlabelled.v1 under [initialize.after_init]), or set mlm_weight = 0."
    )
    X504 = (
        "Found labels {found} for '{name}'; expected at least two, as exactly one is true of each text. Check "
        "that the training data has categories, or use xling_textcat_multilabel for a single label."
    )
    X505 = (
        "Found positive_label = '{found}' among labels {labels}; expected one of exactly two labels that "
        "exclude each other. Correct it in [initialize.components.NAME], or leave it out."
    )
    X506 = (
        "Found labels {unknown} in a training example; expected only those of '{name}': {known}. Add them with "
        "add_label() or to `labels` in [initialize.components.{name}], or remove the texts."
    )
    X507 = (
        "Found no labels for '{name}'; expected at least one. Check that the training data has categories, or "
        "give `labels` in [initialize.components.{name}]."
    )
    X508 = (
        "The loss is no longer a number at step {step} (classification {class_loss}, masked-LM {mlm_loss}); "
        "expected a finite one. Lower the learning rate, lengthen its warm-up, or lower mlm_weight."
    )
    X509 = (
        "The objective of '{name}' is {found}; expected spacy-xling.JointObjective.v1, with the classification "
        "loss under [components.{name}.objective.classification]. Correct [components.{name}.objective]."
    )
    X510 = (
        "The raw text of '{name}' comes from a {found} without `state_dict`; expected a stream that can be saved "
        "and restored, as spacy-xling.UnlabelledText.v1 gives. Add `state_dict` and `load_state_dict` to it, or "
        "train with `spacy train`, without checkpoints."
    )
    X520 = (
        "There is no component '{upstream}' for '{name}' to share an encoder with; the pipeline has {found}. "
        "Add a transformer of spacy-transformers before it, or correct `upstream` under [components.{name}]."
    )
    X521 = (
        "The component '{upstream}', whose encoder '{name}' is to share, is a {found}; expected a transformer of "
        "spacy-transformers. Correct `upstream` under [components.{name}]."
    )
    X522 = (
        "The encoder of '{upstream}' isn't loaded yet; expected it before '{name}' needs it. Put '{upstream}' "
        "before '{name}' in [nlp] pipeline, and call nlp.initialize() or load a trained pipeline."
    )
    X523 = (
        "No masked-LM head for '{upstream}' was found in '{source}' ({error}). '{name}' looks in the checkpoint "
        "that [components.{upstream}.model] names; expected one with its trained, tied LM head. Set head_from "
        '= "name or folder" of such a checkpoint under [components.{name}.model], or mlm_weight = 0.'
    )
    X524 = (
        "The objective of '{name}' is {found}; expected spacy-xling.MaskedLMObjective.v1, for the classification "
        "losses are those of other components. Correct [components.{name}.objective]."
    )
    X525 = (
        "The masked-LM loss is {mlm_loss} at step {step}; expected a finite number. Lower the learning rate, "
        "lengthen its warm-up, or lower mlm_weight."
    )
    X526 = (
        "The component '{name}' has mlm_weight > 0 but no raw text; expected a reader under "
        "[initialize.components.{name}.unlabelled], or mlm_on_batch = true. Give it raw text (a component that is "
        "loaded or sourced, with the callback spacy-xling.attach_unlabelled.v1 under [initialize.after_init]), or "
        "set mlm_weight = 0."
    )
    X527 = (
        "spacy-transformers can't be imported ({error}); expected it for '{name}', for components that share a "
        "transformer. Install the extra: pip install 'spacy-xling[shared]'. It takes transformers below 4.53.3."
    )
    X530 = (
        "Found the temperature {found} for '{name}'; expected a finite number above 0. Correct its calibration, or "
        "run spacy xling calibrate again."
    )
    X531 = "Found abstain_below = {found} for '{name}'; expected a score from 0 (never) to 1. Set e.g. 0.5, or none."
    X532 = (
        "'{name}' can't abstain: any number of its labels may be true of a text, and none too; expected "
        "xling_textcat for that. Leave abstain_below and target_accuracy out."
    )
    X533 = (
        "Found the offsets {found} of {language} for '{name}'; expected {labels} finite numbers, one for each label. "
        "Correct its calibration, or run spacy xling calibrate --centre again."
    )
    X535 = (
        "Found heldout_texts = {limit} for '{name}', but no reader of raw text that keeps any from training; "
        "expected 0, or a reader with heldout_share > 0. Set heldout_share = 0.01 under "
        "[initialize.components.{name}.unlabelled], or heldout_texts = 0."
    )
    X536 = (
        "Found heldout_languages = {wanted} for '{name}'; expected languages of its raw text: {found}. Correct "
        "heldout_languages, or add the files."
    )
    X537 = (
        "'{name}' was exported and can only predict; expected a component that can be trained. Train the pipeline "
        "that it was exported from, and export it again, or name it under [training] frozen_components."
    )
    X540 = (
        "The component '{name}' has code_switching but no dictionaries; expected a reader under "
        "[initialize.components.{name}.dictionaries], such as spacy-xling.Dictionaries.v1. Give it dictionaries (a "
        "component that is loaded or sourced, with the callback spacy-xling.attach_dictionaries.v1 under "
        "[initialize.after_init]), or set code_switching = null."
    )
    X541 = (
        "'{name}' was given a {found} for its dictionaries; expected what spacy-xling.Dictionaries.v1 reads. Call the "
        "reader: pipe.attach_dictionaries(reader())."
    )
    X543 = (
        "'{name}' has centring = true, and for its raw text {found}; expected a reader that gives samples, such as "
        "spacy-xling.UnlabelledText.v1, under [initialize.components.{name}.unlabelled]. Give it one, or set "
        "centring = false."
    )
    X544 = (
        "The languages of the labelled texts to centre '{name}' by: {found} (- for one that isn't known); expected texts "
        "of a known source language, which is the one that isn't moved. Name it (field lang, `language` of the reader, or "
        "spacy xling convert --language)."
    )
    X545 = (
        "There is no raw text to centre '{name}' by, beside that of the labelled texts' language ({sources}); expected "
        "{least} texts or more of another language, in files named by language, as da.txt, or with the reader's `language`. "
        "Give raw text of the target languages, or leave centring out."
    )
    X546 = (
        "'{name}' has centring = true, but no labelled text to compare raw text with; expected a reader of it. Give "
        "the callback spacy-xling.attach_unlabelled.v1 `labelled`, as in labelled = ${{corpora.train}}, or set "
        "centring = false."
    )
    X547 = (
        "The component '{name}' has translated_texts but no translations; expected a reader under "
        "[initialize.components.{name}.translations], such as spacy-xling.Translations.v1. Give it translations (a "
        "component that is loaded or sourced, with the callback spacy-xling.attach_translations.v1 under "
        "[initialize.after_init]), or set translated_texts = null."
    )
    X548 = (
        "'{name}' was given a {found} for its translations; expected what spacy-xling.Translations.v1 reads. Call the "
        "reader: pipe.attach_translations(reader())."
    )
    X554 = (
        "The settings that '{name}' was saved with can't be used ({error}); expected those that nlp.to_disk() wrote, with "
        "the model beside them. Save the pipeline again, or copy all of its files."
    )
    X555 = "Found threshold = {found!r} for '{name}'; expected a score from 0 to 1. Set e.g. threshold = 0.5."
    X556 = "Found text_field = {found!r} for '{name}'; expected {known}. Set one of them."
    X557 = (
        "'{name}' has text_field = \"translation\", and no text has a translation; expected doc._.translation. Put "
        'xling_translator, or another component that sets it, before it (nlp.add_pipe("xling_translator", first=True)), or '
        'set text_field = "text".'
    )
    X558 = (
        "doc._.{name} is {value!r} ({type}). A string, or None, was expected: set it to one, or leave out another "
        "package's component that sets it."
    )


class Warnings:
    W501 = (
        "Found labels {unknown} in the examples, which aren't among the labels of '{name}' ({known}); training "
        "on them will fail. Add them to `labels` in [initialize.components.{name}], or remove these texts."
    )
    W520 = (
        "The transformer '{upstream}' takes no optimiser steps, so the masked-LM term of '{name}' changes "
        "nothing, and no further masked passes are run. Take '{upstream}' out of frozen_components, or leave "
        "'{name}' out of the pipeline."
    )
    W521 = (
        "The optimizer averages weights, but can't replace those of the transformer '{upstream}' by averages: "
        "components would be evaluated with averages on an encoder without. Set use_averages = false "
        "and average_last = 0, or use xling_textcat, whose encoder is averaged."
    )
    W540 = (
        "The component '{name}' has dictionaries but no code_switching, so they are not used; expected both. Add "
        '[components.{name}.code_switching] with @misc = "spacy-xling.code_switching.v1", or take the dictionaries out.'
    )
    W541 = (
        "The dictionaries are of words of {sources}, and the labelled texts of '{name}' are in {found}; expected a "
        "dictionary for their language. Nothing is switched: name the texts' language (field lang, `language` of the "
        "reader, or spacy xling convert --language), or give other dictionaries."
    )
    W542 = (
        "The dictionary {pair} has {share:.1f} % of the words of the labelled texts of '{name}'; expected more, as words "
        "that it lacks can't be switched. Give more parallel text or another dictionary, and see spacy xling debug-data."
    )
    W543 = (
        "The augmenter has no dictionary of words of {language}, and gives no copies of such texts; it has those of "
        "{sources}. Name the texts' language with its `language`, or give other dictionaries."
    )
    W544 = (
        "Found too few lines of raw text to centre '{name}' by ({found}); expected {least} of a language, and better a "
        "hundred. Scores in these languages stay as they are: give more."
    )
    W545 = (
        "'{name}' is centred, and its weights change: its offsets stay the old ones. Give it raw text to update them (the "
        "callback spacy-xling.attach_unlabelled.v1 with `labelled`, or attach_centring), or run spacy xling calibrate "
        "--centre on what was trained."
    )
    W546 = (
        "The component '{name}' has translations but no translated_texts, so they are not used; expected both. Add "
        '[components.{name}.translated_texts] with @misc = "spacy-xling.translated_texts.v1", or take the translations out.'
    )
    W547 = (
        "Of the labelled texts of '{name}' (in {found}) {share:.1f} % have a translation among those of texts in {sources}; "
        "expected most of them, as the others are trained on as they are. A text must be the same to the last character, and "
        "so must its language: correct paths.translations, or run spacy xling translate again."
    )
    W550 = (
        "'{name}' has seen no labelled text, neither in nlp.initialize nor in its first step, which learnt nothing; "
        "expected texts with `cats`. Label them, or leave '{name}' out of what is trained."
    )
    W551 = (
        "'{name}' has no raw text, so the masked-LM term is off, and it learns from labelled text alone; expected a "
        "reader such as spacy-xling.UnlabelledText.v1 under [initialize.components.{name}.unlabelled]. Give it raw text "
        "of the target languages, or set mlm_weight = 0 to leave the term out."
    )
