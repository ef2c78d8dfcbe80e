"""Messages of pre-training."""


class Errors:
    X710 = "The config has no section {missing}; expected {expected}. Start from configs/pretrain.cfg."
    X711 = "paths.encoder is not set; expected a checkpoint to start from. Set it in [paths] or with --paths.encoder NAME_OR_FOLDER; `spacy xling init-encoder` makes one from raw text."
    X712 = "The masked-LM loss is {loss} at step {step}; expected a finite number. Lower the learning rate, or lengthen its warm-up."
    X713 = "Step {step} has no piece that can be masked; expected text in a script that the tokenizer of {name} knows. Look at the text with spacy xling inspect, or make an encoder for it with spacy xling init-encoder."
    X714 = "The checkpoint {path} doesn't fit the encoder that the config names ({error}); expected the one the run started from. Correct paths.encoder, or train to another folder."
    X715 = "TensorBoard is missing; expected the extra. Run pip install 'spacy-xling[tensorboard]', or set tensorboard = null."
    X716 = "Found {found} processes; expected {expected}, as when the checkpoint was written. Start that many, or train to another folder."
    X717 = "Found both --resume and --overwrite; expected one: resume the existing run, or replace it."


class Warnings:
    W701 = "The languages {languages} have no held-out text with a piece that can be masked, so no loss is measured for them. Give them more text, set a greater heldout_share on the reader of raw text, or see with spacy xling inspect whether the tokenizer knows their script."
