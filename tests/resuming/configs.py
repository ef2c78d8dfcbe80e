"""Configs of short trainings with raw text, by what reads that, and one of spaCy's own components."""

# What a run with raw text has, whichever COMPONENT reads that.
START = """
[paths]
folder = null
encoder = null

[system]
seed = 3

[nlp]
lang = "xx"
"""
REST = """
[corpora]

[corpora.train]
@readers = "spacy-xling.LabelledText.v1"
path = ${paths.folder}/train.jsonl

[corpora.dev]
@readers = "spacy-xling.LabelledText.v1"
path = ${paths.folder}/train.jsonl

[initialize]

[initialize.components]

[initialize.components.COMPONENT]

[initialize.components.COMPONENT.unlabelled]
@readers = "spacy-xling.UnlabelledText.v1"
path = ${paths.folder}/raw
shuffle_buffer = 3

[training]
seed = ${system.seed}
gpu_allocator = null
train_corpus = "corpora.train"
dev_corpus = "corpora.dev"
max_steps = 9
eval_frequency = 3
dropout = 0.2
accumulate_gradient = 2

[training.batcher]
@batchers = "spacy-xling.batch_by_pieces.v1"
tokenizer = ${paths.encoder}
size = 64

[training.optimizer]
@optimizers = "spacy-xling.AdamW.v1"
use_averages = true

[training.optimizer.learn_rate]
@schedules = "spacy-xling.warmup_linear.v1"
value = 0.01
warmup_share = 0.3
total_steps = 12

[training.logger]
@loggers = "spacy-xling.ConsoleLogger.v1"
output_file = ${paths.folder}/log.jsonl
"""

JOINT = f"""{START}
pipeline = ["xling_textcat"]

[components]

[components.xling_textcat]
factory = "xling_textcat"
texts_per_update = 2

[components.xling_textcat.model]
@architectures = "spacy-xling.JointTextCat.v1"
hidden_width = 8

[components.xling_textcat.model.encoder]
@architectures = "spacy-xling.MaskedLMEncoder.v1"
name = ${{paths.encoder}}
dropout = 0.1
freeze_layers = 1

[components.xling_textcat.objective]
@losses = "spacy-xling.JointObjective.v1"

[components.xling_textcat.objective.mlm_weight]
@schedules = "spacy-xling.linear.v1"
start = 0.1
end = 0.9
steps = 8

{REST.replace("COMPONENT", "xling_textcat")}"""

# The same, with words of the labelled texts replaced.
SWITCHED = f"""{JOINT}
[components.xling_textcat.code_switching]
@misc = "spacy-xling.code_switching.v1"
seed = ${{system.seed}}

[initialize.components.xling_textcat.dictionaries]
@readers = "spacy-xling.Dictionaries.v1"
path = ${{paths.folder}}/dictionaries
"""

# The same, with translations instead of the labelled texts, and words replaced in the others.
TRANSLATED = f"""{SWITCHED}
[components.xling_textcat.translated_texts]
@misc = "spacy-xling.translated_texts.v1"
seed = ${{system.seed}}

[initialize.components.xling_textcat.translations]
@readers = "spacy-xling.Translations.v1"
path = ${{paths.folder}}/translated
"""

# The first, from translations of the labelled texts that a component makes.
READ_TRANSLATED = (
    JOINT.replace('pipeline = ["xling_textcat"]', 'pipeline = ["xling_translator", "xling_textcat"]')
    .replace('factory = "xling_textcat"\n', 'factory = "xling_textcat"\ntext_field = "translation"\n')
    .replace(
        "accumulate_gradient = 2\n", 'accumulate_gradient = 2\nannotating_components = ["xling_translator"]\n'
    )
    + """
[components.xling_translator]
factory = "xling_translator"
model = ${paths.folder}/translator
target = "da"
length_ratio = 0.5
retry = false
"""
)

# A translator, whose text is a stream.
TRANSLATOR = f"""{START}
pipeline = ["xling_joint_translator"]

[components]

[components.xling_joint_translator]
factory = "xling_joint_translator"
texts_per_update = 2

[components.xling_joint_translator.model]
@architectures = "spacy-xling.JointTranslation.v1"
layers = 1

[components.xling_joint_translator.model.encoder]
@architectures = "spacy-xling.MaskedLMEncoder.v1"
name = ${{paths.encoder}}

{REST.replace("COMPONENT", "xling_joint_translator")}""".replace(
    """@readers = "spacy-xling.LabelledText.v1"
path = ${paths.folder}/train.jsonl""",
    """@readers = "spacy-xling.TranslationPairs.v1"
path = ${paths.folder}/parallel
directions = ["en-de", "de-en", "en-da"]
shuffle_buffer = 2""",
)

SHARED = f"""{START}
pipeline = ["transformer", "xling_mlm", "textcat"]

[components]

[components.transformer]
factory = "transformer"

[components.transformer.model]
@architectures = "spacy-transformers.TransformerModel.v3"
name = ${{paths.encoder}}

[components.transformer.model.get_spans]
@span_getters = "spacy-transformers.doc_spans.v1"

[components.xling_mlm]
factory = "xling_mlm"
texts_per_update = 2

[components.textcat]
factory = "textcat"

[components.textcat.model]
@architectures = "spacy.TextCatReduce.v1"
exclusive_classes = true
use_reduce_first = false
use_reduce_last = false
use_reduce_max = false
use_reduce_mean = true

[components.textcat.model.tok2vec]
@architectures = "spacy-transformers.TransformerListener.v1"
grad_factor = 1.0
pooling = {{"@layers": "reduce_mean.v1"}}

{REST.replace("COMPONENT", "xling_mlm")}"""

# Entities, for spaCy's parser draws from Python's generator at each update; texts in lower case, for an
# augmenter does so at each text.
SPACY = """
[paths]
folder = null

[system]
seed = 3

[nlp]
lang = "xx"
pipeline = ["tok2vec", "tagger", "ner"]

[components]

[components.tok2vec]
factory = "tok2vec"

[components.tok2vec.model]
@architectures = "spacy.HashEmbedCNN.v2"
pretrained_vectors = null
width = 8
depth = 1
embed_size = 50
window_size = 1
maxout_pieces = 2
subword_features = true

[components.tagger]
factory = "tagger"

[components.tagger.model]
@architectures = "spacy.Tagger.v2"

[components.tagger.model.tok2vec]
@architectures = "spacy.Tok2VecListener.v1"
width = 8
upstream = "tok2vec"

[components.ner]
factory = "ner"

[components.ner.model]
@architectures = "spacy.TransitionBasedParser.v2"
state_type = "ner"
extra_state_tokens = false
hidden_width = 8
maxout_pieces = 2
use_upper = true

[components.ner.model.tok2vec]
@architectures = "spacy.Tok2VecListener.v1"
width = 8
upstream = "tok2vec"

[corpora]

[corpora.train]
@readers = "spacy.Corpus.v1"
path = ${paths.folder}/train.spacy

[corpora.train.augmenter]
@augmenters = "spacy.lower_case.v1"
level = 0.3

[corpora.dev]
@readers = "spacy.Corpus.v1"
path = ${paths.folder}/dev.spacy

[training]
seed = ${system.seed}
gpu_allocator = null
train_corpus = "corpora.train"
dev_corpus = "corpora.dev"
max_steps = 9
eval_frequency = 4
dropout = 0.3

[training.batcher]
@batchers = "spacy.batch_by_words.v1"

[training.batcher.size]
@schedules = "compounding.v1"
start = 10
stop = 40
compound = 1.2

[training.optimizer]
@optimizers = "Adam.v1"
use_averages = true
L2 = 0.01

[training.optimizer.learn_rate]
@schedules = "warmup_linear.v1"
warmup_steps = 4
total_steps = 20
initial_rate = 0.01

[training.logger]
@loggers = "spacy.ConsoleLogger.v3"
output_file = ${paths.folder}/log.jsonl
"""

# Each kind of training: its config, and settings to change.
KINDS = {
    "joint": (JOINT, {}),
    "last averages": (
        JOINT,
        {
            "training__optimizer__use_averages": False,
            "training__optimizer__average_last": 2,
            "training__optimizer__average_every": 3,
        },
    ),
    "streamed": (JOINT, {"training__max_epochs": -1, "training__accumulate_gradient": 1}),
    "epochs": (JOINT, {"training__max_epochs": 3, "training__max_steps": 0}),
    "switched": (SWITCHED, {}),
    "translated": (TRANSLATED, {}),
    "read translated": (READ_TRANSLATED, {}),
    "translator": (
        TRANSLATOR,
        {
            "training__max_epochs": -1,
            "corpora__dev__heldout": True,
            "corpora__dev__heldout_share": 1.0,
        },
    ),
    "centred": (JOINT, {"components__xling_textcat__centring": True}),
    "shared": (SHARED, {}),
    "spacy": (SPACY, {}),
    "patience": (SPACY, {"training__patience": 5, "training__max_steps": 0, "training__eval_frequency": 2}),
    "plain order": (SPACY, {"corpora__train__augmenter": None}),
}
