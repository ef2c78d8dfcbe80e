"""Messages of encoders that are made, pre-trained, trimmed or inspected."""


class Errors:
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
        "nothing is lost. Choose another --output, add --overwrite to replace a checkpoint, or move its content."
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
        "Found {found} processes; expected {expected}, as when the checkpoint was written. Start that many, or train "
        "to another folder."
    )
    X717 = "Found both --resume and --overwrite; expected one: resume the existing run, or replace it."
    X720 = (
        "No piece of '{name}' besides the special ones occurs {min_count} times or more in a language of {texts}; "
        "expected at least one. Lower --min-count, or give more texts."
    )
    X721 = (
        "Found max_pieces = {max_pieces}; expected {least} or more: {required} pieces are always kept (the "
        "special ones, and what the tokenizer needs). Set a higher --max-pieces."
    )
    X722 = "Found {setting} = {found}; expected a whole number of 1 or more. Correct it."
    X723 = (
        "The tokenizer of '{name}' is of the kind {found}; expected one of {expected}. Choose another encoder, or "
        "use this one whole."
    )
    X724 = (
        "The tokenizer of '{name}' numbers its pieces so that none can be removed (e.g. "
        "{pieces}); expected the added pieces after those of the vocabulary. Use this encoder whole."
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
        "Found {count} text(s) of language '{language}'; expected 2 or more. Raise the limit, add texts, or remove "
        "the file."
    )
    X733 = (
        "Found {count} pair(s) of '{name}' whose texts are in no other pair; expected 2 or more. Add pairs, or "
        "remove the file."
    )
    X734 = (
        "Found vectors of the shapes {source} and {target}; expected {expected}. Make them of texts and an "
        "encoder that fit together."
    )
    X735 = (
        "Found parallel text {found}; expected '{source}-LANG.tsv' with LANG one of {languages}. Rename the "
        "files, or leave --parallel out."
    )
    X736 = "Found the name {path} for the figure; expected one that ends in {expected}. Rename it."
    X737 = (
        "matplotlib can't be imported ({error}); expected it for figures and reports. Install the extra: pip install "
        "'spacy-xling[plots]', or leave {option} out."
    )
    X738 = (
        "Found the same vector for all texts of the source language; expected texts that differ. Give "
        "other texts, or an encoder whose tokenizer knows the language."
    )
    X747 = (
        "No masked-LM model could be made from the config, of the family '{family}' ({error}); expected the shape of a "
        "masked-LM model that memory has room for. Correct --config, or leave it out."
    )
    X748 = (
        "{library} can't be imported ({error}); expected it for {purpose}. Install the extra: pip install "
        "'spacy-xling[pretrain]'."
    )


class Warnings:
    W701 = (
        "The languages {languages} have no held-out text with a piece that can be masked, so no loss is measured "
        "for them. Give them more text, set a greater heldout_share on the reader of raw text, or see with spacy "
        "xling inspect whether the tokenizer knows their script."
    )
    W720 = (
        "Of the pieces kept from '{name}', {n} hold characters for which the vocabulary has no continuing piece "
        "({first} ...): a word that was unknown because of such a character may be split into pieces after "
        "trimming. All other words keep their pieces. If that is harmless, nothing needs to be done."
    )
