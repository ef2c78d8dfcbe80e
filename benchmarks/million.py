"""A million made-up pairs of texts, to see what `init-dictionaries` needs of memory.

    python benchmarks/million.py FOLDER
    /usr/bin/time -v spacy xling init-dictionaries FOLDER --output DICTIONARIES

Writes FOLDER/en-xx.tsv. A text has 12 words on average, of 300,000 that are drawn by p ~ 1 / rank^1.05; its
translation has one word for each but for a seventh of the words, in the same order, three times in ten turned
round at a place.
"""

import argparse
from pathlib import Path

import numpy as np

PAIRS, BLOCK, TYPES, MEAN, MOST = 1_000_000, 10_000, 300_000, 12, 40


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    folder.mkdir(parents=True, exist_ok=True)
    generator = np.random.default_rng(0)
    shares = 1 / np.arange(1, TYPES + 1) ** 1.05
    shares /= shares.sum()
    with (folder / "en-xx.tsv").open("w", encoding="utf-8") as lines:
        for _ in range(PAIRS // BLOCK):
            lengths = np.clip(generator.poisson(MEAN, BLOCK), 1, MOST)
            drawn = generator.choice(TYPES, size=lengths.sum(), p=shares)
            for words in np.split(drawn, np.cumsum(lengths)[:-1]):
                found = [f"t{word}" for word in words if word % 7] or ["nothing"]
                place = generator.integers(len(found)) if generator.random() < 0.3 else 0
                text = " ".join(f"s{word}" for word in words)
                lines.write(f"{text}\t{' '.join(found[place:] + found[:place])}\n")


if __name__ == "__main__":
    main()
