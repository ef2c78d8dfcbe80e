"""One short run of `spacy train` on real text, where that is at hand.

XLING_DATA names a folder of labelled, raw and parallel text (`train.jsonl`, `dev.jsonl`, `raw`, `parallel`,
`test`), as `benchmarks/transfer.py prepare` lays it out for each task, and XLING_ENCODER an encoder.
"""

import os
from collections import Counter
from pathlib import Path

import pytest
import spacy
import srsly
from spacy.cli.train import train

from spacy_xling.data.parallel import build_parallel_text_v1
from spacy_xling.dictionaries.making import init_dictionaries

CONFIGS = Path(__file__).parent.parent / "configs"
DATA, ENCODER = os.environ.get("XLING_DATA"), os.environ.get("XLING_ENCODER")


@pytest.mark.slow
@pytest.mark.skipif(not (DATA and ENCODER), reason="XLING_DATA and XLING_ENCODER aren't set")
@pytest.mark.parametrize(
    ("config", "precision"), [("joint", "fp32"), ("joint", "bf16"), ("baseline", "fp32")]
)
def test_training_on_real_text_beats_the_majority_class(config, precision, tmp_path):
    text = Path(DATA)
    overrides = {
        "paths.train": str(text / "train.jsonl"),
        "paths.dev": str(text / "dev.jsonl"),
        "paths.unlabelled": str(text / "raw"),
        "paths.encoder": ENCODER,
        "components.xling_textcat.model.encoder.precision": precision,
        "training.max_steps": 150,
        "training.eval_frequency": 50,
        "training.optimizer.learn_rate.value": 3e-4,
        "training.batcher.size": 512,
    }
    train(CONFIGS / f"{config}.cfg", tmp_path, overrides=overrides)
    nlp = spacy.load(tmp_path / "model-best")
    rows = list(srsly.read_jsonl(text / "dev.jsonl"))
    found = [max(doc.cats, key=doc.cats.get) for doc in nlp.pipe(row["text"] for row in rows)]
    right = sum(label == row["label"] for label, row in zip(found, rows, strict=True))
    majority = Counter(row["label"] for row in rows).most_common(1)[0][1]
    assert right > 1.5 * majority


@pytest.mark.slow
@pytest.mark.skipif(not (DATA and ENCODER), reason="XLING_DATA and XLING_ENCODER aren't set")
def test_code_switching_on_real_text_raises_the_languages_that_have_a_dictionary(tmp_path):
    text = Path(DATA)
    made = list(
        init_dictionaries(build_parallel_text_v1(text / "parallel"), tmp_path / "dictionaries", jobs=2)
    )
    overrides = {
        "paths.train": str(text / "train.jsonl"),
        "paths.dev": str(text / "dev.jsonl"),
        "paths.encoder": ENCODER,
        "training.max_steps": 300,
        "training.eval_frequency": 100,
        "training.optimizer.learn_rate.value": 3e-4,
        "training.batcher.size": 512,
    }
    accuracy = {}
    for name, more in (
        ("baseline", {}),
        ("code_switching", {"paths.dictionaries": str(tmp_path / "dictionaries")}),
    ):
        train(CONFIGS / f"{name}.cfg", tmp_path / name, overrides=overrides | more)
        nlp = spacy.load(tmp_path / name / "model-best")
        rows = [row for found in made for row in srsly.read_jsonl(text / "test" / f"{found.target}.jsonl")]
        cats = [doc.cats for doc in nlp.pipe(row["text"] for row in rows)]
        right = [max(found, key=found.get) == row["label"] for found, row in zip(cats, rows, strict=True)]
        accuracy[name] = sum(right) / len(right)
    assert accuracy["code_switching"] > accuracy["baseline"] + 0.05
