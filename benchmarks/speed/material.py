"""What is measured on: text, a tokenizer and random weights, made on the spot from what the repository has.

Each function makes what isn't there yet, in a folder WORK.
"""

import json
import random
import shutil
from collections.abc import Callable
from itertools import islice
from pathlib import Path

import spacy
import torch
from spacy.training.initialize import init_nlp
from spacy.util import load_config
from transformers import (
    AutoTokenizer,
    PreTrainedTokenizerFast,
    XLMRobertaConfig,
    XLMRobertaForMaskedLM,
    XLMRobertaForSequenceClassification,
)

from spacy_xling.encoders.tokenizers import train_tokenizer

from .shapes import LEARN_RATE, N_LABELS, find_shape

ROOT = Path(__file__).parents[2]
RAW = ROOT / "assets" / "quickstart" / "raw"
CONFIGS = ROOT / "configs"
N_PIECES, WINDOW = 6_000, 512
# About as many pieces in each text of training, and words of a line that follow each other.
PIECES, SPREAD, RUN = 90, 10, 10
N_LABELLED, N_RAW, N_DEV = 256, 2_048, 8
# Lengths in pieces of the texts of inference: lognormal.
N_MIXED, MEDIAN, SIGMA, SHORTEST, LONGEST = 8_192, 40, 0.8, 4, 400


def make(path: Path, fill: Callable[[Path], object]) -> Path:
    """Make a folder whole or not at all.

    path (Path): The folder.
    fill (Callable): Writes what belongs in a folder.
    RETURNS (Path): The folder.
    """
    if not path.exists():
        unfinished = path.with_name(f"{path.name}.unfinished")
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(parents=True)
        fill(unfinished)
        unfinished.rename(path)
    return path


def make_text(work: str) -> Path:
    """A tokenizer, `train.jsonl`, `dev.jsonl`, `raw/xx.txt` and `mixed.json`."""
    return make(Path(work) / "text", _write_text)


def _write_text(folder: Path) -> None:
    lines = [line for path in sorted(RAW.glob("*.txt")) for line in path.read_text("utf-8").splitlines()]
    tokenizer = train_tokenizer(lines, kind="unigram", n_pieces=N_PIECES, window=WINDOW)
    tokenizer.save_pretrained(folder / "tokenizer")
    generator = random.Random(0)
    texts = _texts(lines, tokenizer, generator)
    even = iter(lambda: texts(round(generator.gauss(PIECES, SPREAD))), None)
    labels = [f"label{number}" for number in range(N_LABELS)]
    rows = [
        json.dumps({"text": text, "label": labels[number % N_LABELS]})
        for number, text in enumerate(islice(even, N_LABELLED))
    ]
    (folder / "train.jsonl").write_text("\n".join(rows), encoding="utf-8")
    (folder / "dev.jsonl").write_text("\n".join(rows[:N_DEV]), encoding="utf-8")
    (folder / "raw").mkdir()
    (folder / "raw" / "xx.txt").write_text("\n".join(islice(even, N_RAW)), encoding="utf-8")
    lengths = (MEDIAN * generator.lognormvariate(0, SIGMA) for _ in range(N_MIXED))
    mixed = [texts(round(min(LONGEST, max(SHORTEST, length)))) for length in lengths]
    (folder / "mixed.json").write_text(json.dumps(mixed), encoding="utf-8")


def _texts(
    lines: list[str], tokenizer: PreTrainedTokenizerFast, generator: random.Random
) -> Callable[[int], str]:
    """A function that makes up a text of about so many pieces from runs of words of the lines."""
    words = [word for line in generator.sample(lines, len(lines)) for word in line.split()]
    encoded = tokenizer.backend_tokenizer.encode_batch(words, add_special_tokens=False)
    lengths = [len(encoding) for encoding in encoded]

    def text(n_pieces: int) -> str:
        taken, room = [], n_pieces - tokenizer.num_special_tokens_to_add()
        while room > 0:
            start = generator.randrange(len(words))
            for number in range(start, min(start + RUN, len(words))):
                taken.append(words[number])
                room -= lengths[number]
                if room <= 0:
                    break
        return " ".join(taken)

    return text


def make_encoder(work: str, shape: str) -> Path:
    """A masked-LM checkpoint with random weights."""

    def fill(folder: Path) -> None:
        torch.manual_seed(0)
        XLMRobertaForMaskedLM(_config(shape)).save_pretrained(folder)
        AutoTokenizer.from_pretrained(make_text(work) / "tokenizer").save_pretrained(folder)

    return make(Path(work) / "encoders" / shape, fill)


def _config(shape: str) -> XLMRobertaConfig:
    found = find_shape(shape)
    return XLMRobertaConfig(
        vocab_size=found.n_pieces,
        hidden_size=found.width,
        num_hidden_layers=found.layers,
        num_attention_heads=found.heads,
        intermediate_size=found.inner,
        max_position_embeddings=WINDOW + 2,
        type_vocab_size=1,
        layer_norm_eps=1e-5,
    )


def make_classifier(work: str, shape: str) -> Path:
    """The same encoder under `transformers`' own classification head."""

    def fill(folder: Path) -> None:
        encoder = make_encoder(work, shape)
        model = XLMRobertaForSequenceClassification.from_pretrained(encoder, num_labels=N_LABELS)
        model.save_pretrained(folder)
        AutoTokenizer.from_pretrained(encoder).save_pretrained(folder)

    return make(Path(work) / "classifiers" / shape, fill)


def make_own_pipeline(work: str, shape: str) -> Path:
    """`xling_textcat` on the encoder, as `configs/baseline.cfg` has it, untrained."""
    return _make_pipeline(work, shape, "own", own_config(work, shape, "baseline.cfg"))


def make_spacy_pipeline(work: str, shape: str) -> Path:
    """spaCy's own `transformer` and `textcat` on the encoder, untrained."""
    return _make_pipeline(work, shape, "spacy", spacy_config(work, shape))


def _make_pipeline(work: str, shape: str, name: str, config: spacy.util.Config) -> Path:
    return make(Path(work) / "pipelines" / f"{shape}-{name}", lambda folder: init_nlp(config).to_disk(folder))


def own_config(work: str, shape: str, name: str = "joint.cfg", **settings: object) -> spacy.util.Config:
    """A config of this repository, with the text and an encoder of WORK.

    work (str): The folder.
    shape (str): Name of the encoder's shape.
    name (str): Name of the config.
    settings (object): What else to change, by the dotted name with a double underscore for the dot.
    RETURNS (Config): The config.
    """
    text = make_text(work)
    overrides = {
        "paths.train": str(text / "train.jsonl"),
        "paths.dev": str(text / "dev.jsonl"),
        "paths.encoder": str(make_encoder(work, shape)),
        "training.optimizer.learn_rate.value": LEARN_RATE,
        **{key.replace("__", "."): value for key, value in settings.items()},
    }
    if name == "joint.cfg":
        overrides["paths.unlabelled"] = str(text / "raw")
    return load_config(CONFIGS / name, overrides=overrides, interpolate=False)


def spacy_config(work: str, shape: str) -> spacy.util.Config:
    """What `spacy init config --pipeline textcat --gpu` writes, with `TextCatReduce.v1` (mean) and without
    accumulated gradients; text and encoder are those of WORK.
    """
    from spacy.cli.init_config import init_config

    config = init_config(lang="xx", pipeline=["textcat"], optimize="efficiency", gpu=True, silent=True)
    text = make_text(work)
    for corpus in ("train", "dev"):
        reader = {"@readers": "spacy-xling.LabelledText.v1", "path": str(text / f"{corpus}.jsonl")}
        config["corpora"][corpus] = reader
    config["components"]["transformer"]["model"]["name"] = str(make_encoder(work, shape))
    config["components"]["textcat"]["model"] = {
        "@architectures": "spacy.TextCatReduce.v1",
        "exclusive_classes": True,
        "use_reduce_first": False,
        "use_reduce_last": False,
        "use_reduce_max": False,
        "use_reduce_mean": True,
        "nO": None,
        "tok2vec": {
            "@architectures": "spacy-transformers.TransformerListener.v1",
            "grad_factor": 1.0,
            "pooling": {"@layers": "reduce_mean.v1"},
            "upstream": "*",
        },
    }
    config["training"]["accumulate_gradient"] = 1
    config["training"]["gpu_allocator"] = None
    return config
