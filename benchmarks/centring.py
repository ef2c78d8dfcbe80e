"""What centring by language needs: how many raw texts, and of which classes.

    python benchmarks/centring.py MODEL TRAIN RAW TEST [--source en]

MODEL is a trained pipeline with exclusive classes, TRAIN its labelled text, RAW raw text and TEST
labelled text by language. Prints the mean over the languages of both of what centring adds to their
accuracy, in points: by the first 30, 100 and 500 raw texts, and by raw text whose class shares differ.
For that, half of a language's test texts are drawn as its raw text, each class as often as a case says,
and the accuracy is that on the other half; 20 times each.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spacy_xling.data.conversion import given_labels, read_docs
from spacy_xling.data.labelled import build_labelled_text_v1
from spacy_xling.data.languages import rows_by_language
from spacy_xling.data.unlabelled import build_unlabelled_text_v1
from spacy_xling.evaluation.by_language import load_pipeline
from spacy_xling.evaluation.calibration import find_component

SIZES, MOST, REPEATS = (30, 100, 500), 500, 20
Array = NDArray[Any]


def class_shares(
    truths: Array, n_classes: int, generator: np.random.Generator
) -> Iterator[tuple[str, Array]]:
    """How often each class is drawn, by the name of the case."""
    counts = np.bincount(truths, minlength=n_classes) / len(truths)
    yield "as in the test", counts
    yield "all alike", np.ones(n_classes)
    for most in (5, 20):
        yield f"up to {most} times as often", counts * np.exp(generator.uniform(0, np.log(most), n_classes))
    one = np.eye(n_classes)[generator.choice(truths)]
    yield "half of one class", (counts + one) / 2
    yield "all of one class", one


def measure(logits: Array, truths: Array, source: Array, raw: Array) -> Iterator[tuple[str, float]]:
    """What centring adds to the accuracy on a language, by the name of the case."""

    def gain(rows: Array, offset: Array) -> float:
        right = [
            (found.argmax(axis=1) == truths[rows]).mean() for found in (logits[rows] + offset, logits[rows])
        ]
        return 100 * float(right[0] - right[1])

    every = np.arange(len(logits))
    for size in SIZES:
        yield f"{size} raw texts", gain(every, source - raw[:size].mean(axis=0))
    generator = np.random.default_rng(0)
    for _ in range(REPEATS):
        halves = np.array_split(generator.permutation(len(logits)), 2)
        counts = np.bincount(truths[halves[0]], minlength=logits.shape[1])
        for name, shares in class_shares(truths[halves[0]], logits.shape[1], generator):
            weights = (shares / np.maximum(counts, 1))[truths[halves[0]]]
            drawn = generator.choice(halves[0], len(halves[0]), p=weights / weights.sum())
            yield f"class shares {name}", gain(halves[1], source - logits[drawn].mean(axis=0))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    for name in ("model", "train", "raw", "test"):
        parser.add_argument(name, type=Path)
    parser.add_argument("--source", default="en")
    arguments = parser.parse_args()
    pipe = find_component(load_pipeline(arguments.model))

    def logits_of(texts: list[str]) -> Array:
        return pipe.model.ops.to_numpy(pipe.raw_logits(texts)[0])

    labelled = [doc.text for doc in read_docs(build_labelled_text_v1(arguments.train))]
    chosen = np.random.default_rng(0).permutation(len(labelled))[:MOST]
    source = logits_of([labelled[row] for row in chosen]).mean(axis=0)
    raw = build_unlabelled_text_v1(arguments.raw).sample(MOST)
    docs = read_docs(build_labelled_text_v1(arguments.test))
    gains: dict[str, list[float]] = {}
    for language, rows in rows_by_language(docs).items():
        if language == arguments.source or language not in raw:
            continue
        truths = np.array([pipe.cfg["labels"].index(given_labels(docs[row])[0]) for row in rows])
        found = measure(logits_of([docs[row].text for row in rows]), truths, source, logits_of(raw[language]))
        for name, gain in found:
            gains.setdefault(name, []).append(gain)
    for name, values in gains.items():
        print(f"{name:40} {np.mean(values):+.1f}")


if __name__ == "__main__":
    main()
