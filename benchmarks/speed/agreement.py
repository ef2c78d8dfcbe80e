"""How far lower precision changes what a trained pipeline says."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import spacy

from .inference import export
from .material import CONFIGS, ROOT, make

ASSETS = ROOT / "assets" / "quickstart"
QUICKSTART = {"training.max_steps": 400, "training.batcher.size": 512, "learn_rate": 2e-3}
# The budget of `benchmarks/transfer.py` on xSID.
XSID = {"training.max_steps": 500, "training.batcher.size": 512, "learn_rate": 3e-4}


def make_trained(work: str, data: str | None, encoder: str | None) -> Path:
    """A jointly trained pipeline: on the quickstart's text and an encoder of its own, or on xSID.

    work (str): Folder for models.
    data (str | None): Folder that `benchmarks/transfer.py prepare` laid out.
    encoder (str | None): With it, a masked-LM checkpoint.
    RETURNS (Path): The pipeline.
    """
    if data is None or encoder is None:
        start = make(Path(work) / "trained" / "start", _init_encoder)
        settings = QUICKSTART | {"components.xling_textcat.model.encoder.freeze_embeddings": "true"}
        return _make_pipeline(Path(work) / "trained" / "quickstart", ASSETS, str(start), settings)
    return _make_pipeline(Path(work) / "trained" / "xsid", Path(data) / "xsid", encoder, XSID)


def _init_encoder(folder: Path) -> None:
    options = ("--parallel", ASSETS / "parallel", "--preset", "tiny", "--pieces", 6000, "--overwrite")
    _spacy("xling", "init-encoder", ASSETS / "raw", "--output", folder, *options)


def _make_pipeline(output: Path, text: Path, encoder: str, settings: dict[str, Any]) -> Path:
    given = {
        "paths.train": text / "train.jsonl",
        "paths.dev": text / "dev.jsonl",
        "paths.unlabelled": text / "raw",
        "paths.encoder": encoder,
        "training.eval_frequency": 100,
        **settings,
    }
    given["training.optimizer.learn_rate.value"] = given.pop("learn_rate")
    words = [word for name, value in given.items() for word in (f"--{name}", value)]

    def fill(folder: Path) -> None:
        _spacy("train", CONFIGS / "joint.cfg", "--output", folder, *words)

    return make(output, fill) / "model-best"


def _spacy(*words: Any) -> None:
    done = subprocess.run([sys.executable, "-m", "spacy", *map(str, words)], capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(done.stdout[-2000:] + done.stderr[-2000:])


def agreement(
    work: str, data: str | None = None, encoder: str | None = None, precision: str = "bf16"
) -> dict[str, Any]:
    """Compare a precision with fp32 on test text of all languages.

    work (str): Folder for models.
    data (str | None): As `make_trained` takes it.
    encoder (str | None): As `make_trained` takes it.
    precision (str): "bf16", or what `spacy xling export` takes.
    RETURNS (dict[str, Any]): Number of texts, share of equal labels, the largest difference of a score, and
        the accuracy of both.
    """
    model = make_trained(work, data, encoder)
    text = ASSETS if data is None or encoder is None else Path(data) / "xsid"
    lines = [line for path in sorted((text / "test").glob("*.jsonl")) for line in _lines(path)]
    rows = [json.loads(line) for line in lines]
    texts = [row["text"] for row in rows]
    if precision == "bf16":
        override = {"components.xling_textcat.model.encoder.precision": "bf16"}
        other = spacy.load(model, config=override)
    else:
        name = f"{model.parent.name}-{precision}"
        other = spacy.load(export(model, model.parent.parent / name, precision))
    whole, low = ([doc.cats for doc in nlp.pipe(texts)] for nlp in (spacy.load(model), other))
    differences = [
        abs(cats[label] - others[label]) for cats, others in zip(whole, low, strict=True) for label in cats
    ]
    best, best_low = ([max(cats, key=cats.__getitem__) for cats in found] for found in (whole, low))
    return {
        "texts": len(rows),
        "equal_labels": _share(best, best_low),
        "largest_difference": max(differences),
        "accuracy_fp32": _share(best, [row["label"] for row in rows]),
        "accuracy": _share(best_low, [row["label"] for row in rows]),
    }


def _lines(path: Path) -> list[str]:
    return path.read_text("utf-8").splitlines()


def _share(first: list[str], second: list[str]) -> float:
    return sum(a == b for a, b in zip(first, second, strict=True)) / len(first)
