"""Training runs for tests of resuming: their configs and files, and how to kill and compare them."""

import io
import json
from pathlib import Path

import pytest
import spacy
import srsly
from spacy.language import Language
from spacy.tokens import DocBin
from spacy.training.initialize import init_nlp
from spacy.util import load_config_from_str

from spacy_xling import writing
from spacy_xling.resuming import training_loop
from spacy_xling.resuming.training_loop import train_resumable
from tests.conftest import SINGLE, TEXTS, write_raw
from tests.translation.checkpoints import make_seq2seq

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


class Killed(BaseException):
    """What a process that is killed does not get to handle."""


class Work:
    """A folder with the files of a run.

    config (str): JOINT, SWITCHED, TRANSLATED, SHARED or SPACY.
    folder (Path): An empty folder.
    encoder (Path): A checkpoint, for all but SPACY.
    changes: Settings by dot name, with `__` for the dot.
    """

    def __init__(self, config, folder, encoder=None, **changes):
        if 'factory = "transformer"' in config:
            pytest.importorskip("spacy_transformers", reason="needs the extra 'shared'")
        self.folder = folder
        self.output = folder / "output"
        self.log = folder / "log.jsonl"
        self.text = config
        self.overrides = {"paths.folder": str(folder)}
        if encoder is not None:
            self.overrides["paths.encoder"] = str(encoder)
        self.change(**changes)
        self.fill()

    def change(self, **changes):
        self.overrides.update({name.replace("__", "."): value for name, value in changes.items()})

    def fill(self):
        lines = [{"text": text, "label": max(cats, key=cats.get), "lang": "en"} for text, cats in SINGLE]
        srsly.write_jsonl(self.folder / "train.jsonl", lines)
        write_raw(self.folder / "raw", {"en": TEXTS[:2], "de": TEXTS[2:4] * 10})
        write_dictionaries(self.folder / "dictionaries")
        if "xling_translator" in self.text:
            make_seq2seq("m2m100", self.folder / "translator")
        write_parallel(self.folder / "parallel")
        write_translations(self.folder / "translated")
        nlp = spacy.blank("xx")
        docs = [nlp.make_doc(text) for text in TEXTS]
        for number, doc in enumerate(docs):
            for token in doc:
                token.tag_ = "LONG" if len(token) > 4 else "SHORT"
            # Not every text has entities, nor every batch.
            doc.ents = [doc.char_span(0, len(doc[0]), label="FIRST")] if number % 3 else []
        DocBin(docs=docs[:6]).to_disk(self.folder / "train.spacy")
        # Words of these enter the vocabulary at an evaluation only.
        DocBin(docs=docs).to_disk(self.folder / "dev.spacy")

    def start(self):
        """The initialized pipeline."""
        config = load_config_from_str(self.text, overrides=self.overrides, interpolate=False)
        return init_nlp(config)

    def train(self, **options):
        """Train, and give back what was printed."""
        printed = io.StringIO()
        train_resumable(self.start(), self.output, stdout=printed, stderr=io.StringIO(), **options)
        return printed.getvalue()

    def rows(self):
        """The log, but for what a clock has measured."""
        rows = [json.loads(line) for line in self.log.read_text(encoding="utf8").splitlines()]
        for row in rows:
            row.pop("seconds", None)
            row["scores"].pop("speed", None)
        return rows

    def files(self):
        """All bytes of the output folder, and of the log."""
        paths = [*self.output.rglob("*"), self.log]
        return {path: path.read_bytes() for path in paths if path.is_file()}

    def result(self):
        """All bytes of the saved pipelines, and the log."""
        files = {
            str(path.relative_to(self.output)): self._content(path)
            for name in ("model-last", "model-best")
            for path in sorted((self.output / name).rglob("*"))
            if path.is_file()
        }
        return files, self.rows()

    def _content(self, path):
        if path.parent.name == "transformer" and path.name == "model":
            # Beside the weights, spacy-transformers writes where a process read the config from.
            shims = srsly.msgpack_loads(path.read_bytes())["shims"]
            return [srsly.msgpack_loads(shim)["state"] for node in shims for shim in node]
        return path.read_bytes().replace(str(self.folder).encode(), b"FOLDER")


def write_dictionaries(folder):
    """Some words of the training text with one or two translations in German and Danish."""
    folder.mkdir()
    german = "parcel\tPaket\tbox\tKarton\tmoney\tGeld\tlate\tspät\tlate\tzu spät\torder\tBestellung"
    danish = "parcel\tpakken\tbox\tæsken\tmoney\tpenge\tback\ttilbage\torder\tordre\torder\tbestilling"
    for name, cells in (("en-de", german.split("\t")), ("en-da", danish.split("\t"))):
        lines = (f"{word}\t{found}\n" for word, found in zip(cells[::2], cells[1::2], strict=True))
        (folder / f"{name}.tsv").write_text("".join(lines), encoding="utf8")


def write_parallel(folder):
    """Some pairs of sentences."""
    folder.mkdir()
    for name, rows in (
        ("en-de", zip(TEXTS[:2], TEXTS[2:4], strict=True)),
        ("en-da", zip(TEXTS[:2], TEXTS[4:6], strict=True)),
    ):
        (folder / f"{name}.tsv").write_text("".join(f"{a}\t{b}\n" for a, b in rows), encoding="utf8")


def write_translations(folder):
    """Each training text in German, some in Danish, as files by language."""
    folder.mkdir()
    for language, places in (("de", (0, 1, 2, 3)), ("da", (0, 3))):
        texts = [SINGLE[number][0] for number in places]
        records = [
            {"text": f"{TEXTS[2 + number]} {language}", "source_text": text, "source_lang": "en"}
            for number, text in zip(places, texts, strict=True)
        ]
        srsly.write_jsonl(folder / f"{language}.jsonl", records)


class Moments:
    """The moments at which a run can be killed: before each update, and before each thing that writing does.

    monkeypatch: Of the test.
    lifetime (int | None): How many moments the process lives; None to count them only.
    """

    def __init__(self, monkeypatch, lifetime=None):
        self.count = 0
        self.lifetime = lifetime
        for owner, name in (
            (Language, "update"),
            (training_loop, "save_snapshot"),
            (training_loop, "update_meta"),
            (writing, "flush"),
            (Path, "rename"),
            (Path, "replace"),
            (Path, "unlink"),
            (writing.shutil, "rmtree"),
        ):
            monkeypatch.setattr(owner, name, self.dying(getattr(owner, name)))

    def dying(self, function):
        def call(*args, **kwargs):
            self.count += 1
            # A dead process does nothing more, not even what an exception handler would.
            if self.lifetime is not None and self.count > self.lifetime:
                raise Killed
            return function(*args, **kwargs)

        return call


def is_killed(work, lifetime, monkeypatch, **options):
    """Train for so many moments; whether that was too short."""
    with monkeypatch.context() as patch:
        Moments(patch, lifetime)
        try:
            work.train(**options)
        except Killed:
            return True
    return False


def count_moments(work, monkeypatch):
    """Train to the end; how many moments that took."""
    with monkeypatch.context() as patch:
        moments = Moments(patch)
        work.train()
    return moments.count
