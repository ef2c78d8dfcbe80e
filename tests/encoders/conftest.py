"""A small corpus and the config of a pre-training run on it."""

from pathlib import Path

import pytest
from spacy.util import load_config

CONFIG = Path(__file__).parents[2] / "configs" / "pretrain.cfg"
ENGLISH = ["The parcel number {} arrived late.", "I want my money back for order {}.", "Box {} was broken."]
GERMAN = ["Das Paket Nummer {} kam zu spät.", "Ich möchte mein Geld für {} zurück.", "Karton {} war kaputt."]


@pytest.fixture(scope="session")
def corpus(tmp_path_factory):
    """Raw English and German text under `raw`, and the pairs of both under `parallel`."""
    folder = tmp_path_factory.mktemp("corpus")
    (folder / "raw").mkdir()
    (folder / "parallel").mkdir()
    texts = {"en": [], "de": []}
    for number in range(40):
        texts["en"] += [text.format(number) for text in ENGLISH]
        texts["de"] += [text.format(number) for text in GERMAN]
    for language, lines in texts.items():
        (folder / "raw" / f"{language}.txt").write_text("\n".join(lines), encoding="utf-8")
    pairs = zip(texts["en"], texts["de"], strict=True)
    lines = "\n".join(f"{first}\t{second}" for first, second in pairs)
    (folder / "parallel" / "en-de.tsv").write_text(lines, encoding="utf-8")
    return folder


@pytest.fixture
def run_config(checkpoint, corpus):
    """The config of a short run; dotted settings are changed by name."""

    def make(**changes):
        overrides = {
            "paths.encoder": str(checkpoint),
            "paths.unlabelled": str(corpus / "raw"),
            "paths.parallel": str(corpus / "parallel"),
            "corpora.unlabelled.shuffle_buffer": 20,
            "corpora.unlabelled.heldout_share": 0.1,
            "corpora.parallel.shuffle_buffer": 20,
            "training.batch_pieces": 120,
            "training.pass_pieces": 64,
            "training.parallel_share": 0.5,
            "training.max_steps": 6,
            "training.eval_frequency": 2,
            "training.heldout_texts": 5,
            "training.optimizer.learn_rate.value": 1e-3,
        }
        overrides.update({name.replace("__", "."): value for name, value in changes.items()})
        return load_config(CONFIG, overrides=overrides, interpolate=False)

    return make
