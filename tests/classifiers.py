"""Configs of classifiers whose training takes seconds, as text to which a test may add its own blocks."""

# Of any classifier NAME; its component is to follow.
BASE = """
[paths]
train = null
dev = ${paths.train}
unlabelled = null
labels = null
encoder = null
log = null

[system]
seed = 0

[nlp]
lang = "xx"
pipeline = ["NAME"]

[corpora]

[corpora.train]
@readers = "spacy-xling.LabelledText.v1"
path = ${paths.train}

[corpora.dev]
@readers = "spacy-xling.LabelledText.v1"
path = ${paths.dev}

[training]
seed = ${system.seed}
gpu_allocator = null
train_corpus = "corpora.train"
dev_corpus = "corpora.dev"
max_steps = 4
eval_frequency = 2
dropout = 0.1

[training.logger]
@loggers = "spacy-xling.ConsoleLogger.v1"
output_file = ${paths.log}

[components]

[components.NAME]
factory = "NAME"
"""

# spaCy's own, on a bag of words.
BAG_OF_WORDS = (
    BASE.replace("NAME", "textcat")
    + """
[components.textcat.model]
@architectures = "spacy.TextCatBOW.v3"
exclusive_classes = true
ngram_size = 1
no_output_layer = false
length = 64
"""
)

# Ours, on an encoder.
ENCODER_MODEL = """
[components.NAME.model]
@architectures = "spacy-xling.JointTextCat.v1"

[components.NAME.model.encoder]
@architectures = "spacy-xling.MaskedLMEncoder.v1"
name = ${paths.encoder}
"""

ENCODER = (
    BASE
    + ENCODER_MODEL
    + """
[components.NAME.objective]
@losses = "spacy-xling.JointObjective.v1"
mlm_weight = 0.5

[initialize]

[initialize.components]

[initialize.components.NAME]

[initialize.components.NAME.unlabelled]
@readers = "spacy-xling.UnlabelledText.v1"
path = ${paths.unlabelled}

[training.batcher]
@batchers = "spacy-xling.batch_by_pieces.v1"
tokenizer = ${paths.encoder}
size = 256

[training.optimizer]
@optimizers = "spacy-xling.AdamW.v1"
learn_rate = 0.001
"""
)
