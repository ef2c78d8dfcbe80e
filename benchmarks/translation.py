"""What a translator is worth that was trained in an hour, and what its parts bring.

    python benchmarks/translation.py prepare DATA WORK             lay out parallel and raw text
    python benchmarks/translation.py random ENCODER FOLDER         the same shape with random weights
    python benchmarks/translation.py word-for-word WORK            score the induced dictionaries
    python benchmarks/translation.py train WORK NAME SEED STEPS    train WORK/NAME-SEED

DATA has `parallel` with parallel text as en-LANG.tsv.gz and `unlabelled` with raw text as LANG.txt.gz. WORK
gets `parallel`, all of it, of which translators hold out HELDOUT; `training` without the held-out pairs, for
dictionaries; and `raw` without any side of a held-out pair. NAME is one of `joint`, `without` (lambda 0) and
`random` (joint, from WORK/random); the other two train from WORK/trimmed.
"""

import argparse
import gzip
import json
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path

import torch
from transformers import AutoConfig, AutoModelForMaskedLM

from spacy_xling.data.heldout import is_heldout
from spacy_xling.data.parallel import build_parallel_text_v1
from spacy_xling.data.translation_pairs import build_translation_pairs_v1
from spacy_xling.dictionaries.reader import build_dictionaries_v1
from spacy_xling.evaluation.translators import read_parallel, score_direction
from spacy_xling.models.checkpoint import load_tokenizer
from spacy_xling.switching.code_switching import CodeSwitcher, build_code_switching_v1

SOURCE, TARGETS = "en", ("da", "de", "nl")
# About 2,000 pairs.
HELDOUT = 0.03
NAMES = ("joint", "without", "random")


def prepare(data: Path, work: Path) -> None:
    """Lay out the text."""
    heldout: set[str] = set()
    for target in TARGETS:
        pairs = list(build_parallel_text_v1(data / "parallel" / f"{SOURCE}-{target}.tsv.gz").read())
        kept = [pair for pair in pairs if not is_heldout(pair.first, HELDOUT)]
        heldout.update(
            side for pair in pairs if is_heldout(pair.first, HELDOUT) for side in (pair.first, pair.second)
        )
        for name, rows in (("parallel", pairs), ("training", kept)):
            write(work / name / f"{SOURCE}-{target}.tsv", (f"{pair.first}\t{pair.second}" for pair in rows))
        print(f"{SOURCE}-{target}: {len(pairs):,} pairs, {len(pairs) - len(kept):,} held out")
    for language in (SOURCE, *TARGETS):
        with gzip.open(data / "unlabelled" / f"{language}.txt.gz", "rt", encoding="utf8") as lines:
            texts = [line.strip() for line in lines]
        write(work / "raw" / f"{language}.txt", (text for text in texts if text and text not in heldout))


def write(path: Path, lines: Iterable[str]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf8")


def make_random(encoder: str, folder: Path) -> None:
    """Write a checkpoint of the same shape and tokenizer with random weights."""
    torch.manual_seed(0)
    AutoModelForMaskedLM.from_config(AutoConfig.from_pretrained(encoder)).save_pretrained(folder)
    load_tokenizer(encoder).save_pretrained(folder)


def score_word_for_word(work: Path) -> None:
    """Print the scores of translations in which each word is replaced by the first translation that
    WORK/dictionaries has; words that it hasn't stay.
    """
    corpus = build_translation_pairs_v1(work / "parallel", heldout=True, heldout_share=HELDOUT)
    for direction, parallel in read_parallel(corpus).items():
        read = build_dictionaries_v1(work / "dictionaries", targets=[parallel.target], max_translations=1)
        switcher = CodeSwitcher(build_code_switching_v1(1.0, 1.0, "text", 0.0, 0), read())
        found = [switcher.switch(text, SOURCE).text for text in parallel.texts]
        scores = score_direction({"word for word": found}, parallel, resamples=1000)
        print(direction, json.dumps(asdict(scores)["systems"]))


def train(work: Path, name: str, seed: int, steps: int, directions: list[str]) -> None:
    """Train a translator, one of NAMES, by `spacy xling train`.

    Batches of 1,024 pieces of the source, as they pass, and 512 of raw text.
    """
    settings = {
        "paths.parallel": work / "parallel",
        "paths.unlabelled": work / "raw",
        "paths.encoder": work / ("random" if name == "random" else "trimmed"),
        "system.seed": seed,
        "corpora.train.directions": directions,
        "corpora.train.heldout_share": HELDOUT,
        "corpora.dev.limit": 60,
        "training.max_steps": steps,
        "training.eval_frequency": max(1, steps // 6),
        "training.optimizer.average_every": max(1, steps // 6),
        "training.optimizer.learn_rate.value": 1e-3,
        "training.optimizer.learn_rate.total_steps": steps,
        "training.optimizer.rate_factors": [["^decoder", 2.0]],
        "training.batcher.size": 1024,
        "components.xling_joint_translator.retry": False,
        "components.xling_joint_translator.pieces_per_update": 512,
        "components.xling_joint_translator.model.layers": 3,
        "components.xling_joint_translator.objective.mlm_weight": 0.0 if name == "without" else 0.1,
        "initialize.components.xling_joint_translator.languages": sorted(
            {direction.partition("-")[2] for direction in directions}
        ),
        "initialize.components.xling_joint_translator.unlabelled.languages": sorted(
            {language for direction in directions for language in direction.split("-")}
        ),
    }
    options = [
        part
        for key, value in settings.items()
        for part in (f"--{key}", value if isinstance(value, Path) else json.dumps(value))
    ]
    command = ["xling", "train", "configs/translation.cfg", "--output", work / f"{name}-{seed}", *options]
    subprocess.run([sys.executable, "-m", "spacy", *map(str, command)], check=True)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True)
    for name, words in (
        ("prepare", ("data", "work")),
        ("random", ("encoder", "folder")),
        ("word-for-word", ("work",)),
    ):
        command = commands.add_parser(name)
        for word in words:
            command.add_argument(word, type=str if word == "encoder" else Path)
    command = commands.add_parser("train")
    command.add_argument("work", type=Path)
    command.add_argument("name", choices=NAMES)
    command.add_argument("seed", type=int)
    command.add_argument("steps", type=int)
    command.add_argument("--directions", nargs="+", default=[f"{SOURCE}-{target}" for target in TARGETS])
    options = parser.parse_args()
    if options.command == "prepare":
        prepare(options.data, options.work)
    elif options.command == "random":
        make_random(options.encoder, options.folder)
    elif options.command == "train":
        train(options.work, options.name, options.seed, options.steps, options.directions)
    else:
        score_word_for_word(options.work)


if __name__ == "__main__":
    main()
