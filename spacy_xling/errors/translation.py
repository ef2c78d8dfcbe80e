"""Messages of translating and translators."""


class Errors:
    X801 = (
        "'{name}' can't translate (found: {found}); expected a sequence-to-sequence checkpoint of the families Marian "
        "(OPUS-MT), M2M-100, NLLB, MADLAD or mBART, or one of these converted for CTranslate2. Choose another."
    )
    X802 = (
        "The checkpoint '{name}' doesn't know the language '{code}'; it knows {known}. Correct the language, or write the "
        "checkpoint's own code for it, as da=dan_Latn, or among the `codes` of xling_translator."
    )
    X803 = (
        "The language of a text isn't known, and the checkpoint '{name}' needs it; expected one for each text. Give "
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
        "and device that it supports. Convert the checkpoint again, or leave --precision and --gpu-id out."
    )
    X807 = (
        "Found the target language {found!r}, which can't name a file; expected letters, digits, '-' and '_' such as 'da' or "
        "'zh-Hans'. Write another name before its code, as zh=zho_Hans."
    )
    X809 = "Found --gpu-id {gpu}; expected below {found}, the number of GPUs that torch finds. Give -1 for the CPU."
    X810 = "Found {setting} = {found}; expected {least} or more. Correct it."
    X811 = "Found no target language; expected one or more. Give e.g. --to da,de."
    X812 = (
        "Found the language {found!r}, which can't be part of the name of a checkpoint ('{name}'); expected letters, digits, '-' "
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
        "The language of a text isn't known, and it can't be translated back without: {text!r}. Expected one for each text. Give --from, "
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
        "doc._.translation_language; or train again, with `languages` under [initialize.components.{name}]."
    )
    X822 = (
        "Found no parallel text for the direction '{direction}' in {path}, whose files are named {found}; expected one named "
        "by these two languages. Correct the direction, or add the file."
    )
    X823 = "Found '{found}' as the name of parallel text; expected two languages, as 'en-da'. Rename the file or the direction."
    X824 = (
        "No example has a translation and its language; expected parallel text to train '{name}' on. Read it with "
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
    X827 = "'{name}' has lambda = {weight}, but no raw text; expected some. Set initialize.unlabelled, or mlm_weight = 0."
    X828 = (
        "Found no target language for a text, and '{name}' translates into {known}; expected one. Set its target, or "
        "doc._.translation_language."
    )
    X829 = (
        "Found no pair of texts to evaluate on in {path}, with a share of {share} held out; expected at least one. Give the "
        "share that training had, or 1 for separate text."
    )


class Warnings:
    W801 = (
        "Found {count:,} sentence(s) longer than the model of {language} takes; expected shorter ones. They were translated in "
        "parts, cut at the end of a word. Put a full stop or a line end between sentences."
    )
    W802 = "{count:,} text(s) are blank; expected at least one character. They were skipped: fill them, if they matter."
    W803 = (
        "{count:,} text(s) are in {language} already; expected those of other languages. They were copied to its file: "
        "leave them out if they aren't wanted."
    )
    W804 = (
        "'{name}' was saved without a checkpoint: which of '{model}' it needs depends on the languages of texts, and it has seen "
        "none. Expected languages beforehand: name them in `codes`, or set `source`, or translate a text of each first."
    )
    W820 = (
        "A pair of texts ({count} of the batch) is skipped by '{name}': a side is blank, or longer than the encoder's "
        "window of {longest} pieces. Expected sentences: split long texts, if they matter."
    )
    W821 = (
        "The training of '{name}' held out {share} of the parallel text, and {wanted} was requested; expected no more. "
        "It has seen some of the text that it is scored on: give --heldout-share {share}."
    )
