"""Every message of the package, with its code.

A message is one line that says what was found, what was expected and what to do. The first digit of a
code tells the folder it belongs to: 0 all of them, 1 data, 2 pieces, 3 models, 4 objective, 5 pipeline, 6
training, 7 encoders, evaluation, comparison, exporting, 8 translation, 9 applying, explaining.
"""

from typing import Optional


class MessagesWithCodes(type):
    """Prefixes each message with its name in square brackets."""

    def __getattribute__(cls, name: str) -> str:
        message: str = super().__getattribute__(name)
        return message if name.startswith("__") else f"[{name}] {message}"


class Errors(metaclass=MessagesWithCodes):
    # 0 all folders
    X001 = (
        'Found {name} = {found!r}; expected pairs of a text and a number, such as [["refund", 2.0], ["late", 0.5]], '
        'or for the weights of labels "balanced". Write each text with its number in brackets.'
    )
    X002 = "Found a text twice in {name}: {found}; expected each once. Take one of the two out."
    X003 = (
        "The text {text!r} in {name} can't be kept in a config file, where '$' begins a variable; expected a text "
        "without. Rename the label, or at the end of a pattern write \\\\Z for $."
    )

    X004 = (
        "Not all that was printed could be written ({error}); expected a console or a disk with room. The files that the "
        "command writes are whole: run it again to see the rest."
    )
    X005 = (
        "{error}: this environment has what serves exported pipelines, and no more; expected one with all that spacy-xling "
        "requires. Run the command in another, or here, after pip uninstall spacy-xling and pip install spacy-xling."
    )
    X006 = (
        'Found {name} = {found}; expected pairs of two texts, such as [["da", "dan_Latn"], ["de", "deu_Latn"]]. Write '
        "each in brackets."
    )
    X007 = (
        "The run of which {path} tells can't be gone on with ({found}); expected the same data, model and settings as before, "
        "and the files that were there. Undo the changes, choose another output, or give --overwrite without --resume."
    )
    X008 = "Another process is at work in {folder}; expected none. Wait for it, end it, or choose another output."

    # 1 data
    X101 = (
        "doc._.language is {value!r} ({type}). A string such as 'da', or None, was expected: set "
        "doc._.language to one, or leave out another package's component that sets it."
    )
    X102 = (
        "alpha is {alpha}. A number from 0 (all languages alike) to 1 (each by its number of texts) was "
        "expected: change it."
    )
    X103 = "Language {language!r} has {count} texts. A positive number was expected: leave the language out."
    X104 = (
        "paths.train (or paths.dev) is not set: the LabelledText reader got no path. A file or folder was "
        "expected: set it in [paths] or with --paths.train FILE."
    )
    X105 = (
        "paths.unlabelled is not set: the UnlabelledText reader got no path. A file or folder was expected: "
        "set it in [paths] or with --paths.unlabelled FILE."
    )
    X106 = (
        "There is nothing at {path}. A file or a folder of files by language was expected: correct the path."
    )
    X107 = (
        "The folder {path} holds {found}. Files named by language with one of {expected} were expected, such "
        "as 'da.jsonl' or 'da.jsonl.gz': rename the files or correct the path."
    )
    X108 = (
        "The name of {path} does not tell its kind. One of {expected} was expected, with or without '.gz': "
        "rename or convert the file."
    )
    X109 = "The file {path} is empty. Texts were expected: fill the file or remove it."
    X110 = (
        "The gzip file {path} cannot be read: {error}. A whole gzip stream was expected: fetch or pack it "
        "again."
    )
    X111 = "{path}, line {line}: {error}. UTF-8 was expected: convert the file to UTF-8."
    X112 = (
        "{path}, line {line}: no JSON that can be read: {error}. One JSON object per line was expected: correct the "
        "line."
    )
    X113 = (
        "{path}, line {line}: the JSON value is a {type}. An object with named fields was expected: correct "
        "the line."
    )
    X114 = (
        "{path}, line {line}: the fields are {found}. The text was expected in the field '{field}': set the "
        "reader's 'text' to the name of the text field."
    )
    X115 = (
        "{path}, line {line}: the field '{field}' is {value}. A string was expected: correct the line or set "
        "the reader's 'text' to another field."
    )
    X116 = (
        "{path}, line {line}: the field '{field}' is not valid Unicode: {error}. Text without lone surrogates "
        "was expected: correct the line."
    )
    X117 = (
        "{path}, line {line}: {error}. A row with fields quoted by double quotes was expected: correct the "
        "row (a quote may be left open), or if quotes are text set quoted = false on the reader, or convert with "
        "--no-quotes."
    )
    X118 = (
        "{path}, line {line}: the row has {found} fields. {expected} were expected, as in the header: "
        "correct the row, or quote a field that holds the delimiter."
    )
    X119 = "{path}, line {line}: the header is {found}. Each name once was expected: rename the columns."
    X120 = (
        "{path}, line {line}: the fields are {found}. A class was expected in '{field}', '{labels}' or "
        "'{cats}': set the reader's 'label', 'labels' or 'cats' to the name of the field; a text without "
        "a class has the field too, empty or null."
    )
    X121 = (
        "{path}, line {line}: {filled} are all filled. One of them was expected: empty the others, or set "
        "the reader's 'label', 'labels' or 'cats' to a name that the data does not have."
    )
    X122 = (
        "{path}, line {line}: the field '{field}' is {value}. A class is a string that is not blank or a "
        "whole number: correct the line, or set the reader's 'label', 'labels' or 'cats' to the right field."
    )
    X123 = (
        "{path}, line {line}: the field '{field}' is {value}. A list of classes was expected (in CSV and "
        "TSV, classes with the reader's 'separator' between them): correct the line."
    )
    X124 = (
        "{path}, line {line}: the field '{field}' is {value}, and {beyond} is not in the field "
        "'{label_set}'. Each class that holds was expected there: add it, or remove '{label_set}'."
    )
    X125 = (
        "{path}, line {line}: the field '{field}' is {value}. An object with 0 or 1 for each class, which is "
        "there once, was expected (in JSONL only): correct the line."
    )
    X126 = (
        "{path}, line {line}: the field '{field}' is {value}. A language is a string: correct the line, or "
        "set the reader's 'lang' to another field."
    )
    X127 = (
        "The file {path} is not a DocBin: {error}. A file written by DocBin.to_disk was expected: convert it "
        "again."
    )
    X128 = (
        "No example was found in {path} ({files} files read). At least one text was expected: check that the "
        "files hold texts that are not empty."
    )
    X129 = (
        "separator is empty. What stands between two classes in CSV and TSV was expected: set it, for "
        "instance to ','."
    )
    X130 = (
        "{path} has no file of the languages {missing}; it has {found}. Each of the setting 'languages' was "
        "expected: add the file, correct 'languages', or name the language of a single file with 'language'."
    )
    X131 = (
        "language is '{language}', but {path} is a folder, whose files name their languages. A single file "
        "was expected: remove 'language' or set the path to one file."
    )
    X132 = (
        "The files of language {language} hold no text: {files}. At least one line that is not blank was "
        "expected: fill the files or leave the language out."
    )
    X133 = (
        "shuffle_buffer is {shuffle_buffer}. A number of texts of 1 (no shuffling) or more was expected: "
        "change it."
    )
    X134 = (
        "The saved state is of the files {found}. The stream reads {expected}: resume with the files that "
        "were there when the state was saved."
    )
    X135 = (
        "{path}, line {line}: the line has {columns} columns, {filled} of them with text. A text, a tab and its "
        "translation were expected: correct the line, or take it out."
    )
    X136 = "heldout_share is {share}. A share of the texts from 0 to below 1 was expected: change it, e.g. to 0.01."
    X137 = (
        "paths.parallel is not set: the ParallelText reader got no path. A file or folder was expected: set it "
        "in [paths] or with --paths.parallel FILE, or set parallel_share = 0."
    )
    X138 = (
        "{path} has no file named {missing}; it has {found}. Each of the setting 'pairs' was expected, as "
        "'en-da.tsv': add the file or correct 'pairs'."
    )
    X139 = (
        "{path} and {other} are both named '{name}'. One file for each pair of languages was expected: join "
        "them or rename one."
    )
    X140 = (
        "The shares are {dev} for dev and {test} for test; expected a sum below 1, so that something is left for "
        "train. Make them smaller, e.g. 0.1 each."
    )
    X141 = "The output {path} has none of the endings {expected}. Give it the one of the kind you want."
    X142 = (
        "{paths} exists already; expected a new file, so that nothing is lost. Choose another name, or add "
        "--overwrite."
    )
    X143 = (
        "The text {text!r} has {value} for {label!r}, which {path} can't hold; expected 0 or 1. Write a .spacy file, "
        "or round the values."
    )
    X144 = (
        "The label {label!r} can't be written to the lists of {path}, between whose labels stands {separator!r}; "
        "expected a label without it. Set another --separator, or write .jsonl."
    )
    X145 = "{found} is a {kind}; expected {path} to become a file in a folder. Choose another name."
    X146 = (
        "paths.dictionaries is not set: the Dictionaries reader got no path. A file or a folder of files such as "
        "en-da.tsv was expected: set it in [paths] or with --paths.dictionaries FOLDER; spacy xling init-dictionaries "
        "makes one from parallel text."
    )
    X147 = (
        "{path} is named '{name}'; expected the source and the target language with a hyphen between, as in 'en-da.tsv'. "
        "Rename the file, or take it out of the folder."
    )
    X148 = (
        "{path}, line {line}: the line has {columns} columns, {filled} of the first two with text; expected a word, a tab "
        "and its translation (in .txt a blank or a tab between), and perhaps a tab and a weight. Correct the line, or "
        "take it out."
    )
    X149 = (
        "{path}, line {line}: the weight is {found!r}; expected a number above 0, up to 1e100. Correct it; a dictionary has no header "
        "and no further columns."
    )
    X150 = "{path}, line 1: found {found}, a header; expected a word and its translation. Take the line out."
    X151 = (
        "Found no dictionary {wanted} among {found}; expected one of each language that is asked for. Add the file, or "
        "correct `source` or `targets`."
    )
    X152 = "{path} has no entry with a letter or digit; expected one at least. Fill the file, or remove it."
    X153 = "{path} and {other} are of the same two languages; expected one file for both. Join them, or take one out."
    X154 = "Found max_translations = {found}; expected 1 or more. Set e.g. max_translations = 3."
    X155 = (
        "The files of parallel text in {path} don't all begin with the same language: {found}; expected that of the "
        "labelled text on one side of each. Name it with --source."
    )
    X156 = (
        "{path} has no parallel text of the source language '{source}'; it has {found}. Expected a file such as "
        "'{source}-da.tsv'. Correct --source, or rename the files."
    )
    X157 = (
        "{path} holds no text of the source language '{source}'; expected the labelled text. Correct --source, or give "
        "other text with --labelled."
    )
    X158 = (
        "No dictionary could be made from {path}; expected more pairs of texts, with words on both sides, of 40 words or "
        "fewer. Give more parallel text, or leave the file out with --pairs."
    )
    X159 = (
        "{path} holds labelled texts in {found}, and the dictionaries are of words of {sources}; expected a dictionary "
        "of the texts' language. Name the texts' language with spacy xling convert --language, or give other "
        "dictionaries."
    )
    X160 = (
        "{path} is the folder of the parallel text; expected another one, so that no text is replaced. Choose another "
        "--output."
    )
    X161 = (
        "{path} couldn't be written ({error}); expected a disk with room, a folder that can be written to, and names of "
        "valid Unicode. Make room, or choose another place or name."
    )
    X162 = (
        "The language of a text is {language!r}, and doc._.language gives {found!r}: another package has an extension of "
        "this name, which can't be set. Expected one that can: leave that package out, or give its extension another "
        "name."
    )
    X163 = (
        "{path}, line {line}: the header is {header!r}, with {found!r} between its fields and no {expected!r}; expected "
        "{expected!r}, as in any .{kind}. Save the table with commas as .csv, or with tabs as .tsv."
    )
    X164 = (
        "{path}, {place}: the text has {found:,} characters; expected {limit:,} at most. Look whether it is a single text "
        "(a quote may be left open); if so, set max_length = {found} on the reader."
    )
    X165 = (
        "{path}, text {number}: the categories are {found}; expected strings that are not blank for names. Set doc.cats "
        "anew, and write the file again."
    )
    X166 = (
        "The lines of {path} end in a carriage return alone, so that all are one; expected a line feed, too. Save the "
        "file with the line ends of Unix or Windows."
    )
    X167 = "{path} begins with bytes of UTF-16, or of no text; expected text in UTF-8. Convert the file to UTF-8, or unpack it."
    X168 = "{path} can't be read ({error}); expected the right to read it, and a sound disk. Mend that, or copy the file."
    X169 = (
        "The label {label!r} can't be written to {path}, for it would be read without the blanks around it; expected none. "
        "Write a .spacy file, or take them off in doc.cats."
    )
    X170 = "The file {name} has a name that is not valid Unicode; expected a language before its first dot. Rename it."
    X171 = "Found the seed {found!r}; expected a whole number from 0 to 2 ** 32 - 1. Set e.g. seed = 0."
    X172 = "Found a file twice among those to be written: {paths}; expected each once. Give each a name of its own."
    X173 = (
        "{path} is there, and is, holds or is part of {read}, which is read; expected another file or folder, so that nothing "
        "is lost. Choose another name."
    )
    X174 = (
        "paths.translations is not set: the Translations reader got no path. A file or a folder of files by language was "
        "expected: set it in [paths] or with --paths.translations FOLDER; spacy xling translate writes one."
    )
    X175 = (
        "{path}, line {line}: the fields are {found}. The text that was translated was expected in the field '{field}': give "
        "what spacy xling translate writes, or set the reader's 'source_text' to the name of the field."
    )
    X176 = (
        "{path}, line {line}: the record doesn't name the language of its text. A language was expected in the field "
        "'{field}': add it, name the file by it in a folder, or set the reader's 'language'."
    )
    X177 = (
        "Found no translation in {path} ({records} records: {doubted} in doubt, the others without text, or in the language "
        'that they were in before); expected one at least. Translate with spacy xling translate, or set on_doubt = "use".'
    )
    X178 = (
        "{path} has no translations into {missing}; it has some into {found}. Each of the setting 'languages' was expected: "
        "translate into it, or correct 'languages'."
    )
    X181 = "{path}, line {line}: two fields have one name among {found}; expected each name once. Correct the line."

    # 2 pieces
    X201 = (
        "Windows of {window} pieces overlap by {overlap}; expected an overlap from 0 to below {room} (the "
        "window less its special pieces). Set a smaller `overlap` or a larger `window` on the encoder."
    )
    X202 = (
        "The tokenizer of '{name}' has no mask piece (its special pieces: {found}); the masked-LM term needs "
        "one. Choose a masked-LM checkpoint, or set mlm_weight = 0."
    )
    X203 = "Found a masking rate of {rate}; expected a share of the pieces above 0 and up to 1. Set e.g. rate = 0.15."
    X204 = (
        "Found mask_share = {mask_share} and random_share = {random_share}; expected two shares from 0 on that "
        "sum to 1 at most. Set e.g. 0.8 and 0.1."
    )
    X205 = "Found max_word_pieces = {value}; expected 1 or more. Set e.g. max_word_pieces = 10."
    X206 = "Found size = {size} and buffer = {buffer}; expected both 1 or more. Set e.g. size = 2048, buffer = 512."

    X207 = (
        "The reader of raw text came to an end; expected an endless stream of texts, as "
        "spacy-xling.UnlabelledText.v1 gives. Let the reader start over, e.g. with itertools.cycle."
    )
    X208 = "Found {name} = {found} for {what}; expected {expected}. Correct it."
    X209 = (
        "The {what} aren't those that the checkpoint was written with; changed, missing or new: {changed}. Expected the "
        "same: bring them back, or train to another folder."
    )

    # 3 models
    X301 = (
        "No checkpoint could be loaded from '{name}' ({error}); expected a folder with config.json, "
        "weights and tokenizer, or a name on the model hub. Correct the name; without a network, give a local "
        "folder."
    )
    X302 = (
        "The tokenizer of '{name}' is a slow one ({found}); expected a fast one, which knows which piece belongs "
        "to which word. Choose a checkpoint with a tokenizer.json."
    )
    X303 = (
        "The tokenizer of '{name}' needs a library that is missing ({error}). Install the extra: pip install "
        "'spacy-xling[sentencepiece]', or choose a checkpoint with a tokenizer.json."
    )
    X304 = (
        "The tokenizer of '{name}' has special pieces {found}; expected a padding piece, and pieces that start or "
        "end a text. Choose a masked-LM checkpoint with its own tokenizer."
    )
    X305 = (
        "Found window = {wanted}; expected 1 to {longest}, what this encoder can take. Set a smaller `window`, or "
        "null for the encoder's own."
    )
    X306 = (
        "Found freeze_layers = {wanted}; expected 0 to {depth}, the layers that this encoder can freeze one by "
        "one (an encoder that shares its layers has none). Set a smaller `freeze_layers`."
    )
    X307 = (
        "The LM head of {family} is of an unknown form; expected one found under {known}. Choose a checkpoint of "
        "a supported family (BERT, DistilBERT, RoBERTa, XLM-R, ALBERT, ModernBERT)."
    )
    X308 = (
        "The checkpoint '{name}' lacks {n} weights of its encoder ({first} ...); expected all of them. Choose a "
        "whole checkpoint, made for this architecture."
    )
    X309 = (
        "The encoder '{name}' isn't loaded yet; expected nlp.initialize() or spacy.load() before it is used. "
        "Call nlp.initialize(lambda: examples), or load a trained pipeline."
    )
    X310 = (
        "No model config could be read from '{path}' ({error}); expected a Hugging Face config.json, or a "
        "checkpoint. Correct the path."
    )
    X311 = "Found {setting} = {found}; expected {expected}. Correct it under [components.NAME.model]."
    X312 = (
        "The tokenizer of '{name}' has pieces up to number {highest}, but the encoder has {rows} embeddings; "
        "expected one for each piece. Use the tokenizer that belongs to the checkpoint."
    )
    X313 = (
        "No trained component in '{path}' ({error}); expected the folder that nlp.to_disk() wrote. Save the "
        "pipeline again, or copy all of its files."
    )

    X314 = (
        "The checkpoint '{name}' has no trained weights for its masked-LM head ({missing}); expected all of them. "
        "Choose a masked-LM checkpoint with its head."
    )
    X315 = (
        "The LM head of '{name}' ({family}) has a decoder of its own; expected one tied to the word embeddings, "
        "which a shared encoder has. Choose another encoder, or use xling_textcat, which takes both kinds."
    )
    X316 = (
        "The LM head isn't loaded yet, or its encoder isn't known; expected nlp.initialize() before training. "
        "Call nlp.initialize(lambda: examples), or load a pipeline that was trained with mlm_weight > 0."
    )
    X317 = (
        "The LM head of '{name}' is for another encoder: found (family, width, pieces) = {found}; expected "
        "{expected}. Choose the checkpoint that the encoder was made from."
    )
    X318 = (
        "The attention of the encoder ({family}) was changed after it was loaded: found another than torch's "
        "scaled_dot_product_attention without a mask or bias in a layer; expected that in all {layers}. Load the "
        "pipeline anew with the encoder as it is to be."
    )
    X320 = (
        "No exported model is loaded; expected the folder that spacy xling export wrote. Load it with spacy.load, or "
        "with nlp.from_disk."
    )
    X321 = (
        "A library that an exported pipeline runs on is missing ({error}); expected onnxruntime and tokenizers. "
        "Install them: pip install onnxruntime tokenizers, or pip install 'spacy-xling[onnx]'."
    )
    X322 = (
        "Found torch.no_grad() or torch.inference_mode() around an update; expected none, for there is nothing to "
        "learn without gradients. Call nlp.update and nlp.rehearse outside of it."
    )
    X323 = (
        "No gradient of the {term} reaches a parameter: all that it depends on are frozen (requires_grad = False); "
        "expected one at least that is trained. Unfreeze some, name the component under [training] "
        "frozen_components, or, for the masked-LM loss, set mlm_weight = 0."
    )
    X330 = (
        "The file {file} of the checkpoint '{name}' has {found}, which can make transformers load code, or files that "
        "nobody looked at; expected a checkpoint that is data. Choose another, or take the key out if it works without."
    )
    X331 = (
        "The weights of '{name}' are pickles ({found}), which can run code; expected safetensors. If you trust them, set "
        "the environment variable {variable}=1, or convert them: "
        'python -c "from transformers import {model} as M, AutoTokenizer as T; '
        "[c.from_pretrained({name!r}).save_pretrained('converted') for c in (M, T)]\", and take "
        "the folder 'converted'."
    )

    X332 = (
        "The config of '{name}' has {found}, which this release of transformers can't make; expected a model that it can. "
        "Install transformers 5, or choose another checkpoint."
    )
    X333 = (
        "The encoder is of the family '{family}', whose classification head in transformers isn't known here; expected one "
        'of {known}. Choose such an encoder, or head = "plain" under [components.NAME.model].'
    )

    # 4 objective
    X401 = (
        "Found mlm_weight = {found} at step {step}; expected 0 or more. Set e.g. mlm_weight = 0.1, or 0 for "
        "classification only."
    )
    X402 = "Found a weight of {found} for label '{label}'; expected a number from 0 on. Correct the label weights."
    X403 = (
        "Found weights for labels {unknown}; expected labels of the component, which are {labels}. Correct the "
        "label weights under [components.NAME.objective.classification]."
    )
    X404 = "Found label_smoothing = {found}; expected 0 to below 1. Set e.g. label_smoothing = 0.1."
    X405 = "Found gamma = {found}; expected 0 or more. Set e.g. gamma = 2.0."

    X406 = (
        "Found a {found} for mlm_weight; expected a number or a function of the step. Use one of the schedules "
        "spacy-xling.constant.v1, warmup.v1, linear.v1, exponential.v1 or warmup_linear.v1; thinc's own are "
        "generators, and can't be saved or copied."
    )

    # 5 pipeline
    X501 = (
        "The classification loss of '{name}' is {found}; expected CrossEntropy or FocalLoss for xling_textcat, "
        "whose classes are exclusive, and BinaryCrossEntropy or BinaryFocalLoss for xling_textcat_multilabel. "
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
        "Found positive_label = '{found}' among labels {labels}; expected one of exactly two labels. Correct it "
        "in [initialize.components.NAME], or leave it out."
    )
    X506 = (
        "Found labels {unknown} in a training example; expected only those of '{name}': {known}. Add them with "
        "add_label() or to `labels` in [initialize.components.{name}], or take the texts out."
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
        "of a known source language, for it is the one that isn't moved. Name it (field lang, `language` of the reader, or "
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

    # 6 training
    X601 = "Found {name} = {value}; expected a finite number of at least 0. Correct it in the config."
    X602 = "Found {name} = {value}; expected a finite number above 0. Correct it in the config."
    X603 = "Found {name} = {value}; expected a whole number of at least 1. Count in optimiser steps."
    X604 = "Found warmup_share = {warmup_share}; expected 0 to below 1. Set e.g. warmup_share = 0.1."
    X605 = "Found {name} = {value}; expected a number in [0, 1). Set e.g. beta1 = 0.9 and beta2 = 0.999."
    X606 = (
        "Found the pattern {pattern!r} in rate_factors, which is no regular expression ({reason}); expected "
        "one that re.search can look for in a parameter's name. Correct the pattern."
    )
    X607 = "Found progress_bar = {value!r}; expected one of {expected}. Set null for no progress bar."
    X608 = "Found keep = {keep}; expected to keep 1 checkpoint or more. Set e.g. keep = 1."
    X609 = (
        "{path} couldn't be written ({error}); expected a disk with room and a folder that can be written to. "
        "Make room or mend the rights, then go on with --resume (last whole checkpoint: {kept})."
    )
    X610 = (
        "Found a checkpoint of an earlier run at {path}; expected a folder without. Add --resume to go on with "
        "that run, or choose another --output folder, or remove {folder}."
    )
    X611 = (
        "The config has changed since {path} was written: {changes}; expected the same one. Undo the changes, or "
        "train to another folder."
    )
    X612 = (
        "The training text isn't what the run to be resumed had read in its first {n_batches} batches; expected "
        "the same texts in the same order. Bring back the files it was started with, or start anew in another "
        "--output folder."
    )
    X613 = (
        "The optimizer keeps values under {keys}, which belong to no parameter of the pipeline; expected only "
        "those of thinc's parameters and of torch's named ones. Train with `spacy train`, without checkpoints."
    )
    X615 = "Found checkpoint_every = {found}; expected 1 step or more. Set e.g. --checkpoint-every 500."
    X616 = (
        "The checkpoint {path} can't be read ({error}); expected what a run of this version wrote. Remove the "
        "folder and start anew."
    )

    X620 = (
        "Found use_averages = true and average_last = {average_last}; expected one kind of average. Set "
        "use_averages = false, or average_last = 0."
    )
    X621 = (
        "TensorBoard is missing; expected the extra for spacy-xling.TensorBoardLogger.v1. Run pip install "
        "'spacy-xling[tensorboard]', or take the logger out of [training.logger]."
    )
    X622 = (
        "Found --gpu-id {gpu}, and no such GPU can be used ({error}); expected one, with CuPy, or -1 for the CPU. Install "
        "CuPy for your CUDA, or leave --gpu-id out."
    )
    X623 = (
        "The config {path} has no section [training]; expected a whole training config. Fill it with spacy init "
        "fill-config, or make one with spacy xling init-config."
    )
    X624 = (
        "Found training.dropout = {found}; expected a number from 0.0 to below 1, with its point, or a schedule. Set e.g. "
        "--training.dropout 0.1."
    )

    X625 = (
        "Found the checkpoint {path} of {saved} processes; expected as many as train now, {found}. Go on with torchrun "
        "--nproc-per-node {saved}, or train into another folder."
    )
    X626 = (
        "Found the components {names} to be trained by {count} processes; expected spacy-xling's own that have an encoder "
        "of their own: gradients of others aren't added up. Freeze them ([training] frozen_components), or train in one "
        "process."
    )

    X627 = (
        "Found fewer batches than the {count} processes, of which each step takes one for each; expected as many at least. "
        "Take smaller batches ([training.batcher]), or fewer processes."
    )

    # 7 encoders
    X701 = "Found the kind of tokenizer '{found}'; expected unigram or wordpiece. Choose one of them."
    X702 = (
        "No tokenizer of {n_pieces} pieces could be trained ({error}); expected more pieces than the texts have "
        "characters. Give more pieces, or leave out texts of another script."
    )
    X703 = (
        "Found {contexts} contexts in the parallel text; expected more than the {width} dimensions of the "
        "embeddings. Give more parallel text, or leave it out."
    )
    X704 = "Found the preset '{found}'; expected one of {presets}. Choose one, or give a config file."
    X706 = (
        "The output {path} exists and is not an empty folder; expected a folder that is new or empty, so that "
        "nothing is lost. Choose another --output, add --overwrite to replace a checkpoint, or move what is there."
    )
    X707 = (
        "{path} couldn't be written ({error}); expected a disk with room and a folder that can be written to. "
        "Make room, or choose another folder."
    )
    X710 = "The config has no section {missing}; expected {expected}. Start from configs/pretrain.cfg."
    X711 = (
        "paths.encoder is not set; expected a checkpoint to start from. Set it in [paths] or with --paths.encoder "
        "NAME_OR_FOLDER; `spacy xling init-encoder` makes one from raw text."
    )
    X712 = (
        "The masked-LM loss is {loss} at step {step}; expected a finite number. Lower the learning rate, or "
        "lengthen its warm-up."
    )
    X713 = (
        "Step {step} has no piece that can be masked; expected text in a script that the tokenizer of {name} "
        "knows. Look at the text with spacy xling inspect, or make an encoder for it with spacy xling init-encoder."
    )
    X714 = (
        "The checkpoint {path} doesn't fit the encoder that the config names ({error}); expected the one the run "
        "started from. Correct paths.encoder, or train to another folder."
    )
    X715 = "TensorBoard is missing; expected the extra. Run pip install 'spacy-xling[tensorboard]', or set tensorboard = null."
    X716 = (
        "Found {found} processes; expected {expected}, as when the checkpoint was written. Start as many, or train "
        "to another folder."
    )
    X717 = (
        "Found both --resume and --overwrite; expected one: go on with the run that is there, or start anew."
    )
    X720 = (
        "No piece of '{name}' besides the special ones occurs {min_count} times or more in a language of {texts}; "
        "expected one at least. Lower --min-count, or give more texts."
    )
    X721 = (
        "Found max_pieces = {max_pieces}; expected {least} or more, for {required} pieces are always kept (the "
        "special ones, and what the tokenizer can't do without). Set a higher --max-pieces."
    )
    X722 = "Found {setting} = {found}; expected a whole number of 1 or more. Correct it."
    X723 = (
        "The tokenizer of '{name}' is of the kind {found}; expected one of {expected}. Choose another encoder, or "
        "use this one whole."
    )
    X724 = (
        "The tokenizer of '{name}' numbers its pieces in a way that can't be kept up when some go (e.g. "
        "{pieces}); expected the added pieces after those of the vocabulary. Use this encoder whole."
    )
    X725 = (
        "Pushing to '{repo}' failed ({error}); expected a hub that can be reached, and the right to write there. Log in (hf "
        "auth login, or the environment variable HF_TOKEN), correct the name, as you/name, or try again."
    )
    X726 = (
        "The repository '{repo}' is public; expected a private one. Nothing was uploaded: add --public if everyone may "
        "read the model, or choose another name."
    )
    X727 = (
        "{path} can't be used as scores of '{name}' ({error}); expected what spacy xling evaluate --json wrote of this one "
        "pipeline. Evaluate it again."
    )
    X728 = (
        "The scores in {path} are those of '{name}', and a checkpoint for transformers lacks what makes some of them ({lost}); "
        "expected scores of what is pushed. Leave --scores out; or export the checkpoint, make a pipeline of it with spacy "
        "xling import-transformers, and evaluate and push that."
    )
    X730 = (
        "Found texts of {found}; expected the source language '{source}' among them. Add its file, or give "
        "--source one of these."
    )
    X731 = (
        "Found layer = {layer}; expected 0 (the embeddings) to {depth} (the last layer of this encoder). Give a "
        "layer in that range, or none for the middle one."
    )
    X732 = (
        "Found {count} text(s) of language '{language}'; expected 2 or more. Raise the limit, add texts, or take "
        "the file out."
    )
    X733 = (
        "Found {count} pair(s) of '{name}' whose texts stand in no other pair; expected 2 or more. Add pairs, or "
        "take the file out."
    )
    X734 = (
        "Found vectors of the shapes {source} and {target}; expected {expected}. Make them of texts and an "
        "encoder that fit together."
    )
    X735 = (
        "Found parallel text {found}; expected '{source}-LANG.tsv' with LANG one of {languages}. Rename the "
        "files, or leave --parallel out."
    )
    X736 = (
        "Found the name {path} for the figure; expected one that ends in {expected}. Change the name's end."
    )
    X737 = (
        "matplotlib can't be imported ({error}); expected it for figures and reports. Install the extra: pip install "
        "'spacy-xling[plots]', or leave {option} out."
    )
    X738 = (
        "Found one and the same vector for all texts of the source language; expected texts that differ. Give "
        "other texts, or an encoder whose tokenizer knows the language."
    )
    X740 = (
        "The {texts} texts have the labels: {labels}; expected two or more labels, or entities and --mode shared. "
        "Give text of each class, or name the fields of text and label with spacy xling convert."
    )
    X741 = (
        "Some texts have several labels, or none of those they were annotated for; expected exactly one for each. "
        "Leave out --exclusive, or mend the labels."
    )
    X742 = (
        "{mode} training has no raw text; expected some of each target language. Add --unlabelled with a folder of "
        "files by language (da.txt ...), or choose --mode baseline."
    )
    X743 = (
        "Code-switching has no dictionaries; expected some for each target language. Add --dictionaries with a folder of "
        "files (en-da.tsv ...), or --parallel with parallel text to make them from."
    )
    X744 = (
        "Found {value!r}; expected a name without '$', which begins a variable in a config file, and is doubled when "
        "spaCy saves it. Rename the file or folder."
    )
    X745 = "The config file {path} can't be read ({error}); expected text in UTF-8. Give a config, or convert it to UTF-8."
    X746 = "Found the threshold {found}; expected a score from 0 to 1. Correct it, or leave it out."
    X747 = (
        "No masked-LM model could be made from the config, of the family '{family}' ({error}); expected the shape of a "
        "masked-LM model that memory has room for. Correct --config, or leave it out."
    )
    X748 = (
        "{library} can't be imported ({error}); expected it for {purpose}. Install the extra: pip install "
        "'spacy-xling[pretrain]'."
    )
    X749 = (
        "Translate-train has no translations; expected some of the labelled text into each target language. Add "
        "--translations with a folder that spacy xling translate wrote, or choose another --mode."
    )
    X750 = "{path} holds no labelled text; expected texts with labels to score on. Give the test text."
    X751 = (
        "No pipeline could be loaded from {path} ({error}); expected a whole folder that `spacy train` saved. Give "
        "one, or train it anew."
    )
    X752 = "The pipeline set no categories for the text {text!r}; expected some. Give a pipeline with a text classifier."
    X753 = (
        "The pipeline gives the labels {found}; expected one at least of the texts' labels: {expected}. Give texts "
        "with its labels, or the pipeline that was trained for these."
    )
    X754 = (
        "The pipeline gave the score {score} for the label '{label}' to the text {text!r}; expected a finite number. "
        "Look for the step at which its training went wrong, or give another pipeline."
    )
    X755 = (
        "Found confidence = {confidence}; expected a number between 0 and 1, both excluded. Give e.g. --confidence "
        "0.95."
    )
    X756 = (
        "Found resamples = {resamples} and seed = {seed}; expected up to a million samples, and 0 or more of both. Give "
        "e.g. --resamples 1000."
    )
    X757 = (
        "Found --no-temperature, without --centre or with --by-language, --abstain-below or --target-accuracy; expected it "
        "with --centre alone, for all else is fitted to temperatures. Leave it out."
    )
    X758 = (
        "{path} can't be read ({error}); expected the numbers that `spacy xling inspect ENCODER TEXTS --json FILE` "
        "writes. Give that file with --closeness, or leave it out."
    )
    X759 = (
        "{path} can't be read ({error}); expected lines that a ConsoleLogger writes to its `output_file`: JSON with "
        "step, losses and score. Give such a file with --logs, or leave it out."
    )
    X760 = (
        "The pipeline has {found} for a text classifier; expected one xling_textcat or xling_textcat_multilabel. Give "
        "its name with --component, or another pipeline."
    )
    X761 = (
        "{count} labelled texts with a piece were found to calibrate on; expected {least} or more. Give more dev "
        "text."
    )
    X762 = (
        "For the {count} texts no temperature fits best: the lower, the better, as where all are classified right, or "
        "where nothing has been learnt; expected some mistakes of a trained pipeline. Give more dev text, or leave the "
        "scores as they are."
    )
    X763 = "The dev text has the labels {unknown}; expected only those of '{name}': {known}. Take these texts out."
    X764 = (
        "Found abstain_below = {abstain_below} and target_accuracy = {target_accuracy}; expected one of them, from "
        "0 to 1. Leave one out, or correct it."
    )
    X765 = (
        "The output {path} exists and is not an empty folder; expected one that is new or empty, so that nothing is "
        "lost. Choose another --output, or add --overwrite to replace a pipeline."
    )
    X766 = (
        "No threshold reaches an accuracy of {target}: the best is {best:.3f}, on the {answered} texts with the "
        "highest scores ({least} are needed); expected a lower target. Lower --target-accuracy, or give more dev "
        "text."
    )
    X767 = (
        "{count} dev text(s) have several labels; expected exactly one, for '{name}' gives one to each. Take these "
        "texts out."
    )
    X768 = (
        "No text of the source language {source} was found to centre by; found {found}. Name the language of the "
        "training labels with --source, or of the texts (field lang, a folder of files by language)."
    )
    X769 = (
        "Found {found}, without {missing}; expected both or neither. Give raw text of the target languages, or leave "
        "{found} out."
    )
    X770 = (
        "The plan has no section {missing}; expected [compare] and [ways] with a block for each way of training. "
        "Start from configs/compare.cfg."
    )
    X771 = (
        "Found the name {name!r}; expected one of letters, digits, '.', '+', '-' and '_', for a folder is named so. "
        "Change it."
    )
    X772 = (
        "The config {config} of '{name}' can't be read with the plan's settings ({error}); expected a config that "
        "has each of them. Correct its path, or its settings in the plan."
    )
    X773 = "The plan names the {what} '{name}'; expected one of {known}. Correct the name, or add its block."
    X774 = "Found seeds = {seeds}; expected each once. Take out what is there twice."
    X775 = (
        "The plan of {title} has changed since the run in {folder}: {changes}; expected the same one, for results "
        "of two plans must not be mixed. Undo the changes, take another --output, or remove that folder."
    )
    X776 = (
        "The config {config} of '{way}' doesn't take its seed from the plan; expected training.seed = "
        "${{system.seed}}, so that seeds differ. Correct the config."
    )
    X777 = "Found jobs = {jobs}; expected 1 or more. Give e.g. --jobs 2."
    X779 = "Found no {what}; expected one or more. See what has failed in the logs."
    X780 = (
        "The way '{way}' has training.max_steps = {steps} and {pieces} pieces that pass an encoder in a step; "
        "expected 1 or more of both to equalise compute. Set max_steps, or leave --equal-compute out."
    )
    X781 = (
        "{test} has labelled text of the languages {found}; expected the source '{source}' and one more. Correct "
        "`source`, or give test text by language."
    )
    X782 = (
        "Optuna can't be imported ({error}); expected it for a search. Install the extra: pip install "
        "'spacy-xling[search]'."
    )
    X783 = (
        "The plan has no section [search]; expected one with `way`, `trials` and ranges of settings. Add it, as "
        "configs/compare.cfg shows."
    )
    X784 = (
        'The range of \'{name}\' is {found}; expected ["uniform", low, high], ["log", low, high] with low above 0, or '
        '["choices", ...]. Correct it '
        "under [search.ranges]."
    )
    X785 = (
        "The closeness of '{encoder}' is of the languages {found}; expected one at least of the scores' target languages: "
        "{expected}. Run spacy xling inspect on texts of these, with the same language codes."
    )
    X786 = "Found {options} without --html; expected the report that they are for. Give --html FILE, or leave them out."
    X790 = (
        "The pipeline '{path}' has {found}; expected an xling_textcat or xling_textcat_multilabel to export. Give the "
        "folder of a pipeline with one."
    )
    X791 = (
        "What an export needs can't be imported ({error}); expected onnx and onnxruntime. Install the extra: pip install "
        "'spacy-xling[onnx]'."
    )
    X792 = (
        "The encoder of '{name}', of the family '{family}', can't be written as an ONNX graph ({error}); expected BERT, "
        "DistilBERT, RoBERTa, XLM-R, ALBERT or ModernBERT. Choose such an encoder, or serve the pipeline as it is."
    )
    X793 = "Found the precision '{found}'; expected one of {known}. Correct --precision."
    X794 = (
        "'{name}' in '{path}' was exported already; expected the pipeline that training wrote. Give the one that it was "
        "exported from."
    )
    X795 = (
        "{path} couldn't be written ({error}); expected a disk with room and a folder that can be written to. Make "
        "room, or choose another --output."
    )
    X787 = (
        "The checkpoint '{name}' has no trained classification head ({missing}); expected one for sequence "
        "classification. Choose a checkpoint that was trained to classify; to train on an encoder, name it in a config."
    )
    X788 = (
        "The checkpoint '{name}' has problem_type = '{found}'; expected single_label_classification or "
        "multi_label_classification, for its outputs are no scores of labels. Choose another checkpoint."
    )
    X789 = (
        "The checkpoint '{name}' has the labels {labels}; expected each once, as text, and one at least. Correct "
        "id2label in its config.json."
    )
    X796 = "Found the format '{found}'; expected one of {known}. Correct --format."
    X797 = (
        "'{name}' has {setting} = {found}, and the classification head of the family '{family}' in transformers is another; "
        'expected {expected}. Train with head = "native" under [components.{name}.model], which can always be exported, or '
        "leave --format transformers out."
    )
    X798 = "Found {option}, which is for --format {format}. Leave it out, or choose that format."
    X799 = (
        "The logits of '{name}' and those of the family '{family}' in transformers, with the same weights, differ by up to "
        "{difference:.3g}; expected the same but for rounding. Take a release of transformers that spacy-xling was tested "
        "with (constraints.txt), or serve the pipeline as it is."
    )

    # 8 translation
    X801 = (
        "'{name}' can't translate (found: {found}); expected a sequence-to-sequence checkpoint of the families Marian "
        "(OPUS-MT), M2M-100, NLLB, MADLAD or mBART, or one of these converted for CTranslate2. Choose another."
    )
    X802 = (
        "The checkpoint '{name}' doesn't know the language '{code}'; it knows {known}. Correct the language, or write the "
        "checkpoint's own code for it, as da=dan_Latn, or among the `codes` of xling_translator."
    )
    X803 = (
        "The language of a text isn't known, and the checkpoint '{name}' must be told it; expected one for each text. Give "
        "--from, a field 'lang', or files named by language; to xling_translator doc._.language, or its `source`."
    )
    X804 = (
        "The checkpoint '{name}' lacks {n} weights ({first} ...); expected all of them. Choose a whole checkpoint, made for "
        "this architecture."
    )
    X805 = (
        "'{name}' holds a model of CTranslate2, which is missing ({error}). Install the extra: pip install "
        "'spacy-xling[ctranslate2]', or give a checkpoint of transformers."
    )
    X806 = (
        "CTranslate2 can't load '{name}' ({error}); expected a folder that ct2-transformers-converter wrote, and a precision "
        "and device that it has. Convert the checkpoint again, or leave --precision and --gpu-id out."
    )
    X807 = (
        "Found the target language {found!r}, which can't name a file; expected letters, digits, '-' and '_' such as 'da' or "
        "'zh-Hans'. Write another name before its code, as zh=zho_Hans."
    )
    X809 = "Found --gpu-id {gpu}; expected below {found}, the number of GPUs that torch finds. Give -1 for the CPU."
    X810 = "Found {setting} = {found}; expected {least} or more. Correct it."
    X811 = "Found no target language; expected one or more. Give e.g. --to da,de."
    X812 = (
        "Found the language {found!r}, which can't stand in the name of a checkpoint ('{name}'); expected letters, digits, '-' "
        "and '_'. Correct the language, or give the checkpoint's own code for it."
    )
    X813 = (
        "A text needs the checkpoint '{name}', which wasn't saved with this pipeline; it has {known}. Make the pipeline again "
        "with its language among `codes`, or leave texts in it out."
    )
    X814 = (
        "The weights of '{name}' are pickles, which aren't saved with a pipeline; expected safetensors. Convert them, by the "
        "command that X331 gives without SPACY_XLING_PICKLED_WEIGHTS, or set save = false under the translator's block."
    )
    X815 = (
        "The language of a text isn't known, and it is to come back to it: {text!r}. Expected one for each text. Give --from, "
        "a field 'lang', or files named by language."
    )
    X816 = (
        "'{name}' is a pipeline; expected a checkpoint. Take its translator into this pipeline as it is: "
        'nlp.add_pipe("xling_joint_translator", source=spacy.load(...)).'
    )
    X817 = (
        "spaCy can't use the GPU {gpu} ({error}); expected CuPy for it. Install the extra: pip install 'spacy-xling[cuda12x]', "
        "or give -1 for the CPU."
    )
    X820 = (
        "Found a {found} as the objective of '{name}'; expected one for translations. Use "
        "spacy-xling.TranslationObjective.v1."
    )
    X821 = (
        "'{name}' was trained to translate into {known}; found {found}. Name one of these as the target, or in "
        "doc._.translation_language; or train anew, with `languages` under [initialize.components.{name}]."
    )
    X822 = (
        "Found no parallel text for the direction '{direction}' in {path}, whose files are named {found}; expected one named "
        "by these two languages. Correct the direction, or add the file."
    )
    X823 = "Found '{found}' as the name of parallel text; expected two languages, as 'en-da'. Rename the file or the direction."
    X824 = (
        "No example has a translation and its language; expected parallel text to train '{name}' on. Read it by "
        "spacy-xling.TranslationPairs.v1."
    )
    X825 = (
        "The loss is no number at step {step} (translation: {translation_loss}, masked-LM: {mlm_loss}); expected finite "
        "ones. Lower the learning rate, or clip the gradients."
    )
    X826 = (
        "Translations are scored by sacrebleu, which is missing ({error}). Install the extra: pip install "
        "'spacy-xling[translate]'."
    )
    X827 = "'{name}' has raw text for lambda = {weight} nowhere; expected some. Set initialize.unlabelled, or mlm_weight = 0."
    X828 = (
        "Found no target language for a text, and '{name}' translates into {known}; expected one. Set its target, or "
        "doc._.translation_language."
    )
    X829 = (
        "Found no pair of texts to evaluate on in {path}, with a share of {share} held out; expected one at least. Give the "
        "share that training had, or 1 for text of its own."
    )

    # 9 applying
    X901 = "Found no column '{field}' for the text; there are: {found}. Expected one: name it with --text."
    X902 = "Found a {found} for a text; expected a string. Correct it, or take it out."
    X903 = (
        "The data has {taken} already, and that is where predictions go; expected other names, so that nothing is lost. Give "
        "e.g. --prefix predicted_, which makes predicted_{first}."
    )
    X904 = (
        "pyarrow can't be imported ({error}); expected it for Parquet, Ray and Spark. Install the extra: pip install "
        "'spacy-xling[parquet]'."
    )
    X905 = "{path}, line {line}: the text can't be scored ({error}). Correct the line, or give --rejects."
    X906 = "{path} can't be read ({error}); expected a whole Parquet file. Write it again, or leave it out."
    X907 = (
        "The predictions can't be written to a row of {path} ({error}); expected none with the delimiter where quotes are text. "
        "Leave --no-quotes out, or write .jsonl."
    )
    X908 = (
        "The output {path} isn't of the kind of the input; expected one that ends in {expected}. Rename it."
    )
    X909 = (
        "A worker ended ({error}); expected it to live, which takes the memory of a pipeline for each. Take fewer with "
        "--n-process, and go on with --resume: nothing is lost."
    )
    X910 = "Found the shard {found!r}; expected one of how many, from 1/1 on, as 2/8. Correct --shard."
    X911 = "The shard {shard} of {path} has none of its {files} files; expected one at least. Take as many shards as files, at most."
    X912 = "Found the engine {found!r}; expected one of {expected}. Correct --engine."
    X913 = (
        "{library} can't be imported ({error}); expected it for --engine {engine}. Install the extra: pip install "
        "'spacy-xling[{engine}]'."
    )
    X914 = "{engine} can't be started, or reached ({error}); expected {expected}. Mend that, or leave --engine out."
    X915 = "Found --address with the engine {found}; expected ray or spark, whose cluster it names. Leave it out."

    # 9 explaining
    X950 = (
        "captum can't be imported ({error}); expected it for integrated gradients. Install the extra: pip install "
        "'spacy-xling[explain]', or take the method occlusion."
    )
    X951 = "Found the label {found!r}; expected one that the pipeline gives a score to: {known}. Correct it, or leave it out."
    X952 = "Found the method {found!r}; expected {known}. Correct it."
    X953 = (
        "The label '{label}' has its score from {found}; expected an xling_textcat or xling_textcat_multilabel that was not "
        "exported, for integrated gradients are taken on its encoder. Take the method occlusion, or the pipeline as it was "
        "trained."
    )
    X954 = "The text {text!r} has no word that the classifier reads; expected one at least. Give a text with words."


class Warnings(metaclass=MessagesWithCodes):
    W160 = (
        "Found labels that differ in case, blanks or Unicode form alone ({count}): {found}. They are different classes; "
        "expected one way of writing for each. Write them alike."
    )
    W161 = (
        "Found languages that differ in case, blanks or Unicode form alone ({count}): {found}. They are different "
        "languages; expected one way of writing for each. Write them alike."
    )
    W301 = (
        "The checkpoint '{name}' has no trained weights for its masked-LM head ({missing}). They start at random: "
        "with mlm_weight > 0 the masked-LM term first trains the head, and says little about the language until "
        "then. Choose a checkpoint with its head, or set mlm_weight = 0. (Microsoft's DeBERTa checkpoints keep "
        "their head in a form that transformers can't load.)"
    )
    W302 = (
        "Found an encoder ({family}) whose windows don't pass without padding; expected it of this family. Scores and "
        "losses are right, but take longer. Its attention isn't torch's scaled_dot_product_attention, or this release "
        "of transformers computes it in another way: take one that spacy-xling was tested with (constraints.txt)."
    )
    W501 = (
        "Found labels {unknown} in the examples, which aren't among the labels of '{name}' ({known}); training "
        "on them will fail. Add them to `labels` in [initialize.components.{name}], or take these texts out."
    )
    W520 = (
        "The transformer '{upstream}' takes no optimiser steps, so the masked-LM term of '{name}' can change "
        "nothing, and no more masked passes are run. Take '{upstream}' out of frozen_components, or leave "
        "'{name}' out of the pipeline."
    )
    W521 = (
        "The optimizer averages weights, but averages can't be put in the place of those of the transformer "
        "'{upstream}': components would be evaluated with averages on an encoder without. Set use_averages = false "
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
        "The dictionary {pair} has {share:.1f} % of the words of the labelled texts of '{name}'; expected more, for what "
        "it hasn't can't be switched. Give more parallel text or another dictionary, and see spacy xling debug-data."
    )
    W543 = (
        "The augmenter has no dictionary of words of {language}, and gives no copies of such texts; it has those of "
        "{sources}. Name the texts' language with its `language`, or give other dictionaries."
    )
    W544 = (
        "Raw text of too few lines for '{name}' to be centred by ({found}); expected {least} of a language, and better a "
        "hundred. Their scores stay as they are: give more."
    )
    W545 = (
        "'{name}' is centred, and its weights change: its offsets stay those of before. Give it raw text to keep up by (the "
        "callback spacy-xling.attach_unlabelled.v1 with `labelled`, or attach_centring), or run spacy xling calibrate "
        "--centre on what was trained."
    )
    W546 = (
        "The component '{name}' has translations but no translated_texts, so they are not used; expected both. Add "
        '[components.{name}.translated_texts] with @misc = "spacy-xling.translated_texts.v1", or take the translations out.'
    )
    W547 = (
        "Of the labelled texts of '{name}' (in {found}) {share:.1f} % have a translation among those of texts in {sources}; "
        "expected most of them, for the others are learnt from as they are. A text must be the same to the last sign, and so "
        "must its language: correct paths.translations, or run spacy xling translate again."
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
    W602 = (
        "Found {name} = {found}, and {other} = {expected}; expected the same number of steps in both. Set both, "
        "e.g. with --{other} {expected} --{name} {expected}."
    )
    W701 = (
        "The languages {languages} have no held-out text with a piece that can be masked, so no loss is measured "
        "for them. Give them more text, set a greater heldout_share on the reader of raw text, or see with spacy "
        "xling inspect whether the tokenizer knows their script."
    )
    W720 = (
        "Of the pieces that are kept from '{name}', {n} hold characters that the vocabulary has no continuing "
        "piece for ({first} ...): a word that was unknown for such a character may come out in pieces after "
        "trimming. All other words keep their pieces. Nothing needs to be done if that is harmless."
    )
    W750 = (
        "The {count} text(s) of language '{language}' have no labels; expected some. The language is left out: label "
        "texts of it, or take them out."
    )
    W751 = (
        "The file {path} gave no text of the language that it is named by; expected one at least. The language is "
        "missing: fill the file, or remove it."
    )
    W752 = (
        "Found texts of {languages}; expected the source language '{source}' among them. Without it there is no gap, "
        "and all languages count as targets: give --source one of these, or add its texts."
    )
    W753 = (
        "The pipeline '{name}' has never seen the class '{label}' in training; expected all classes of the texts. Its "
        "{count} text(s) count as wrong: train with texts of it, or take them out."
    )
    W754 = (
        "The pipeline '{name}' has labels that no text was annotated for: {labels}. They count as 0 in its macro "
        "scores, as in those of spacy evaluate: add texts, or keep it in mind."
    )
    W755 = (
        "The pipeline '{name}' has labels that another one hasn't: {labels}; expected the same for all. Their F1 is "
        "over other labels and can't be compared, their accuracy can: train them on the same labels."
    )
    W756 = (
        "The {count} text(s) without a language count under '-', and neither as source nor as target; expected a "
        "language of each. Name the files by language, or give each text its field lang."
    )
    W757 = (
        "The {count} text(s) that have no label or several keep '{name}' from being scored as the classifier of exactly "
        "one label that it is: each label counts by itself, from a score of {threshold} on. Expected one label for each "
        "text: mend these, or take them out."
    )
    W758 = (
        "No text of some languages has labels of '{name}' ({found}). They count as 0 in the macro scores there, as in "
        "those of spacy evaluate; expected texts of each label in each language. Compare these languages by accuracy or "
        "micro F1, or label by label."
    )
    W759 = (
        "{name} is centred by raw text of {found}, and not of {languages}; expected raw text of each language that it "
        "meets. Scores of these stay as they are: add raw text, and train or spacy xling calibrate --centre again."
    )
    W760 = (
        "'{name}' was calibrated or centred already. What it had is gone: its offsets are found anew, and temperatures and "
        "the threshold below which to abstain belong to the scores of before."
    )
    W761 = (
        "Some labelled texts are in {languages}, and '{name}' was centred by raw text of {found} alone; expected raw text "
        "of each target language. Scores of the others stay as they are: add raw text of them."
    )
    W801 = (
        "Found {count:,} sentence(s) longer than the model of {language} takes; expected shorter ones. They were translated in "
        "parts, cut at the end of a word. Put a full stop or a line end between sentences."
    )
    W802 = "{count:,} text(s) are blank; expected one sign at least. They were passed over: fill them, if they matter."
    W803 = (
        "{count:,} text(s) are in {language} already; expected those of other languages. They stand in its file as they were: "
        "leave them out if they aren't wanted."
    )
    W804 = (
        "'{name}' was saved without a checkpoint: which of '{model}' it needs depends on the languages of texts, and it has met "
        "none. Expected languages beforehand: name them in `codes`, or set `source`, or translate a text of each first."
    )
    W820 = (
        "A pair of texts ({count} of the batch) is passed over by '{name}': a side is blank, or longer than the encoder's "
        "window of {longest} pieces. Expected sentences: split long texts, if they matter."
    )
    W821 = (
        "The training of '{name}' held out {share} of the parallel text, and {wanted} is asked for; expected as much or less. "
        "It has seen some of the text that it is scored on: give --heldout-share {share}."
    )
    W762 = "Found --uncentred, but no pipeline that is centred: expected one. There is nothing to show without offsets."
    W763 = (
        "What '{name}' does beside its model, and a folder for transformers can't hold: {lost}. Serve the pipeline itself "
        "where it matters."
    )
    W950 = (
        "After {steps:,} steps the words' scores sum up to {found:.4f}, and should to {expected:.4f}; expected 1 % of that "
        "between them at most. Take them for a rough figure, or take the method occlusion."
    )


def one_line(error: Exception, longest: Optional[int] = 300) -> str:
    """The message of an error, as one line, cut after so many characters; None cuts nothing."""
    return " ".join(str(error).split())[:longest]
