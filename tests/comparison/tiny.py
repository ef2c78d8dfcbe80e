"""A comparison that takes seconds: two recipes of a bag of words, on a few texts in three languages."""

import json
import random
from pathlib import Path

import srsly
from spacy.util import load_config_from_str

from spacy_xling.comparison.plan import read_plan
from tests.classifiers import BAG_OF_WORDS

CONFIG = f"""{BAG_OF_WORDS}
[training.batcher]
@batchers = "spacy.batch_by_sequence.v1"
size = 4

[training.optimizer]
@optimizers = "Adam.v1"
learn_rate = 0.005
"""

PLAN = """
[paths]
folder = null

[compare]
source = "en"
test = ${paths.folder}/test
seeds = [0, 1]
threshold = 0.5

[settings]
paths.train = ${paths.folder}/train.jsonl
paths.dev = ${paths.folder}/dev.jsonl
paths.log = ${paths.folder}/log.jsonl
training.dropout = 0.5

[recipes]

[recipes.slow]
config = ${paths.folder}/recipe.cfg

[recipes.slow.settings]
training.max_steps = 6

[recipes.fast]
config = ${paths.folder}/recipe.cfg

[recipes.fast.settings]
training.max_steps = 12
training.optimizer.learn_rate = 0.1
"""

CLASSES = {"LATE": "parcel order bus train delay wait", "REFUND": "money bill price cash card bank"}
# How many of a class's words a language shares with English.
SHARED = {"en": 6, "da": 4, "de": 2}


def write_text(folder: Path) -> Path:
    """The text, the config and the plan of a comparison. A text has two words of its class and one of the
    other, so that nothing is perfect.
    """
    chance = random.Random(0)

    def rows(language, count):
        for _ in range(count):
            label, other = chance.sample(list(CLASSES), 2)
            drawn = [*chance.sample(CLASSES[label].split(), 2), chance.choice(CLASSES[other].split())]
            known = [word for words in CLASSES.values() for word in words.split()[: SHARED[language]]]
            text = " ".join(word if word in known else f"{word}{language}" for word in drawn)
            yield {"text": text, "label": label}

    (folder / "test").mkdir(parents=True)
    for language in SHARED:
        srsly.write_jsonl(folder / "test" / f"{language}.jsonl", rows(language, 60))
    srsly.write_jsonl(folder / "train.jsonl", rows("en", 24))
    srsly.write_jsonl(folder / "dev.jsonl", rows("en", 40))
    (folder / "recipe.cfg").write_text(CONFIG, encoding="utf8")
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
        compute.pop("processor_seconds")
    return found


def contents(output: Path):
    """All bytes of a comparison's runs, and when they were written."""
    files = [path for path in (output / "runs").rglob("*") if path.is_file()]
    return {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in files}
