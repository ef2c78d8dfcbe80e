"""A comparison that takes seconds: two ways of a bag of words, on a few texts in three languages."""

import json
from pathlib import Path

import srsly
from spacy.util import load_config_from_str

from spacy_xling.comparison.plan import read_plan

CONFIG = """
[paths]
train = null

[system]
seed = 9

[nlp]
lang = "xx"
pipeline = ["textcat"]

[components]

[components.textcat]
factory = "textcat"

[components.textcat.model]
@architectures = "spacy.TextCatBOW.v3"
exclusive_classes = true
ngram_size = 1
no_output_layer = false
length = 64

[corpora]

[corpora.train]
@readers = "spacy-xling.LabelledText.v1"
path = ${paths.train}

[corpora.dev]
@readers = "spacy-xling.LabelledText.v1"
path = ${paths.train}

[training]
seed = ${system.seed}
gpu_allocator = null
train_corpus = "corpora.train"
dev_corpus = "corpora.dev"
max_steps = 6
eval_frequency = 2
dropout = 0.5

[training.optimizer]
@optimizers = "Adam.v1"
learn_rate = 0.01
"""

PLAN = """
[paths]
folder = null

[compare]
source = "en"
test = ${paths.folder}/test
seeds = [0, 1]

[settings]
paths.train = ${paths.folder}/train.jsonl

[ways]

[ways.slow]
config = ${paths.folder}/way.cfg

[ways.fast]
config = ${paths.folder}/way.cfg

[ways.fast.settings]
training.max_steps = 12
training.optimizer.learn_rate = 0.1
"""

# A word of each class is the same in all languages, so that something transfers.
WORDS = {"en": ("the {} came", "an {}"), "de": ("das {} kam", "ein {}"), "da": ("en {} kom", "og {}")}
CLASSES = {"LATE": ("parcel", "order", "bus"), "REFUND": ("money", "refund", "bill")}


def write_text(folder: Path) -> Path:
    """The text, the config and the plan of a comparison."""
    (folder / "test").mkdir(parents=True)
    for language, patterns in WORDS.items():
        rows = [
            {"text": pattern.format(word), "label": label}
            for label, words in CLASSES.items()
            for word in words
            for pattern in patterns
        ]
        srsly.write_jsonl(folder / "test" / f"{language}.jsonl", rows)
        if language == "en":
            srsly.write_jsonl(folder / "train.jsonl", rows[:2] + rows[6:8])
    (folder / "way.cfg").write_text(CONFIG, encoding="utf8")
    (folder / "plan.cfg").write_text(PLAN, encoding="utf8")
    return folder


def make_plan(folder: Path, text: str = PLAN, **changes: object):
    """The plan of a folder; settings are changed by name, with `__` for the dot."""
    overrides = {name.replace("__", "."): value for name, value in changes.items()}
    return read_plan(load_config_from_str(text, {"paths.folder": str(folder), **overrides}))


def table(output: Path):
    """All numbers of a comparison but those that a clock has measured."""
    found = json.loads((output / "table.json").read_text(encoding="utf8"))
    for compute in found["compute"].values():
        compute.pop("seconds")
    return found


def contents(output: Path):
    """All bytes of a comparison's runs, and when they were written."""
    files = [path for path in (output / "runs").rglob("*") if path.is_file()]
    return {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in files}
