"""What code-switching costs: seconds of a step of training with it and without, in turns.

    python benchmarks/switching_cost.py ENCODER LABELLED DICTIONARIES [--steps 200] [--batch 40]

LABELLED and DICTIONARIES are what `LabelledText.v1` and `Dictionaries.v1` read. Three classifiers take turns
on the same batches, on one thread: without switching; with each word replaced by itself, which costs
the switching and nothing else; and with translations, whose texts have other pieces. Prints median
milliseconds of `update` and the optimiser's step, their ratios to the first pair by pair, and pieces of a
batch.
"""

import argparse
import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import spacy
import torch
from spacy.language import Language
from spacy.training import Example
from thinc.api import fix_random_seed

from spacy_xling.data.labelled import build_labelled_text_v1
from spacy_xling.dictionaries.dictionary import Dictionaries, Dictionary
from spacy_xling.dictionaries.reader import build_dictionaries_v1
from spacy_xling.optimizer.adamw import build_adamw_v1

NAME = "xling_textcat"
WARM_UP = 10


def identity(dictionaries: Dictionaries) -> Dictionaries:
    """The same entries, each its own translation."""
    return Dictionaries(
        [Dictionary(d.source, d.target, {key: {key: 1.0} for key, _ in d.items()}) for d in dictionaries]
    )


def make(encoder: str, examples: Sequence[Example], reader: Callable | None) -> Language:
    """An initialized pipeline of one classifier."""
    fix_random_seed(0)
    nlp = spacy.blank("xx")
    config: dict[str, Any] = {"model": {"encoder": {"name": encoder}}, "objective": {"mlm_weight": 0.0}}
    if reader is not None:
        config["code_switching"] = {"@misc": "spacy-xling.code_switching.v1"}
    pipe: Any = nlp.add_pipe(NAME, config=config)
    pipe.initialize(lambda: examples, nlp=nlp, dictionaries=reader)
    return nlp


def measure(pipes: dict[str, Any], examples: Sequence[Example], *, steps: int, batch: int) -> dict[str, list]:
    """Seconds of each step of each classifier, in turns; the first few aren't counted."""
    optimizers = {name: build_adamw_v1(learn_rate=3e-4) for name in pipes}
    seconds: dict[str, list] = {name: [] for name in pipes}
    for step in range(WARM_UP + steps):
        first = step * batch % (len(examples) - batch)
        for name, pipe in pipes.items():
            start = time.perf_counter()
            pipe.update(examples[first : first + batch], sgd=optimizers[name])
            seconds[name].append(time.perf_counter() - start)
    return {name: found[WARM_UP:] for name, found in seconds.items()}


def count_pieces(pipe: Any, examples: Sequence[Example], *, steps: int, batch: int) -> float:
    """Mean number of pieces of a batch as the encoder gets it."""
    counts = []
    for step in range(steps):
        first = step * batch % (len(examples) - batch)
        texts = [switched.text for switched in pipe._switch(examples[first : first + batch])]
        counts.append(len(pipe._split(texts).ids))
    return statistics.mean(counts)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("encoder")
    parser.add_argument("labelled", type=Path)
    parser.add_argument("dictionaries", type=Path)
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--batch", type=int, default=40)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    examples = list(build_labelled_text_v1(arguments.labelled)(spacy.blank("xx")))
    dictionaries = build_dictionaries_v1(arguments.dictionaries)()
    readers: dict[str, Callable | None] = {
        "without": None,
        "each word by itself": lambda nlp: identity(dictionaries),
        "translations": lambda nlp: dictionaries,
    }
    pipes: dict[str, Any] = {
        name: make(arguments.encoder, examples, reader).get_pipe(NAME) for name, reader in readers.items()
    }
    sizes = {"steps": arguments.steps, "batch": arguments.batch}
    seconds = measure(pipes, examples, **sizes)
    print("| switching | ms of a step | of it without | pieces of a batch |\n|---|---:|---:|---:|")
    for name, found in seconds.items():
        ratio = statistics.median(a / b for a, b in zip(found, seconds["without"], strict=True))
        pieces = count_pieces(pipes[name], examples, **sizes)
        print(f"| {name} | {1000 * statistics.median(found):.1f} | {ratio:.3f} | {pieces:.0f} |")


if __name__ == "__main__":
    main()
