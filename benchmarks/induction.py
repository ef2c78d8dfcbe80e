"""Dictionaries that are made from parallel text, compared with other aligners and with Wiktionary.

    python benchmarks/induction.py PARALLEL WIKTIONARY LABELLED --languages da de
    python benchmarks/induction.py ... --languages da de --aligners ours eflomal systran
    python benchmarks/induction.py ... --languages zh ja --aligners characters ours segmented

PARALLEL and WIKTIONARY are folders with en-LANG.tsv.gz: English text, a tab, its translation. LABELLED is a
.jsonl file with English text in `text`. `--output FOLDER` keeps dictionaries as FOLDER/ALIGNER/en-LANG.tsv.

`ours` is what `spacy xling init-dictionaries` does, and `characters` the same without joining characters of
Chinese and Japanese to words. The others need packages that this project does not: `pip install eflomal`
(GPL), `pip install systran-align`, and for `segmented` `pip install jieba` for Chinese or `pip install
sudachipy sudachidict_core` for Japanese. Wiktionary writes Chinese in traditional characters, which
`pip install opencc-python-reimplemented` makes simplified, as most parallel text has them.

The columns of the table:

    seconds       of a processor, from text to dictionary
    entries       pairs of a word and a translation
    words         words that have a translation
    compared      those that are single words of Wiktionary, too
    first         share of these whose best translation is one of Wiktionary's
    any           the same for any of the best three
    frequent      as `first`, of words that occur `FREQUENT` times or more in the parallel text
    right         number of words whose best translation is one of Wiktionary's
    coverage      share of the running words of LABELLED that have an entry

Wiktionary has few inflected forms, so an inflected translation mostly counts as wrong, whatever the aligner.
"""

import argparse
import gzip
import json
import os
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from spacy_xling.dictionaries.bitext import Bitext, Side, make_side, read_bitext
from spacy_xling.dictionaries.coverage import measure_coverage
from spacy_xling.dictionaries.dictionary import Dictionary
from spacy_xling.dictionaries.induction import LEAST_SHARE, MOST_TRANSLATIONS, Entry, induce
from spacy_xling.dictionaries.words import find_words, is_unspaced, lower

Pairs = list[tuple[str, str]]
# Links of one pair of texts: number of a word, and of one of its translation.
PairLinks = Iterable[tuple[int, int]]

FREQUENT = 5
# What is kept of the pairs of words that other aligners link, tuned on Danish, German and Turkish. With two
# links or more, more translations are right, and half as many words have one.
LEAST_SCORE, LEAST_LINKS = 0.1, 1


class Measures(NamedTuple):
    """How good a dictionary is. Shares are in percent; see the top of this file."""

    entries: int
    words: int
    compared: int
    first: float
    any: float
    frequent: float
    right: int
    coverage: float


def induce_ours(pairs: Pairs, language: str) -> list[Entry]:
    """What this project does."""
    return induce(read_bitext(pairs))


def induce_by_characters(pairs: Pairs, language: str) -> list[Entry]:
    """The same, where each character of a script without blanks is a word."""
    return induce(without_joins(read_bitext(pairs)))


def induce_segmented(pairs: Pairs, language: str) -> list[Entry]:
    """The same, where a segmenter finds the words of the translations."""
    word_starts = SEGMENTERS[language]()
    pairs = [pair for pair in pairs if len(read_bitext([pair]).source.lengths)]
    bitext = read_bitext(pairs)
    starts = [
        np.isin([word.start for word in find_words(text)], list(word_starts(text))) for _, text in pairs
    ]
    target = join_between(bitext.target, np.concatenate(starts) | ~bitext.target.joins)
    return [
        entry._replace(translation=entry.translation.replace(" ", ""))
        for entry in induce(without_joins(bitext._replace(target=target)))
    ]


def induce_with_eflomal(pairs: Pairs, language: str) -> list[Entry]:
    """Links that eflomal (Östling & Tiedemann 2016, PBML 106) finds in both directions, counted."""
    import eflomal

    bitext = read_bitext(pairs)
    with tempfile.TemporaryDirectory() as folder:
        forward, backward = Path(folder) / "forward", Path(folder) / "backward"
        eflomal.Aligner().align(
            map(" ".join, texts_of(bitext.source)),
            map(" ".join, texts_of(bitext.target)),
            links_filename_fwd=str(forward),
            links_filename_rev=str(backward),
        )
        both = zip(read_links(forward), read_links(backward), strict=True)
        return count_links(bitext, [one & other for one, other in both])


def induce_with_systran(pairs: Pairs, language: str) -> list[Entry]:
    """Links that systran-align, a fast_align, finds with the options that fast_align recommends, counted. It
    unites the links of both directions on its own.
    """
    import systran_align

    bitext = read_bitext(pairs)
    sides = [list(texts_of(side)) for side in bitext]
    with tempfile.TemporaryDirectory() as folder:
        text, *models = (str(Path(folder) / name) for name in ("text", "forward", "backward"))
        lines = (" ".join([*source, "|||", *target]) + "\n" for source, target in zip(*sides, strict=True))
        Path(text).write_text("".join(lines), encoding="utf-8")
        systran_align.generate_alignment_probabilities(
            text, *models, favor_diagonal=True, optimize_tension=True, variational_bayes=True
        )
        found = systran_align.Aligner(*models).align_batch(*sides)
    return count_links(bitext, [result["alignments"] for result in found])


def jieba_starts() -> Callable[[str], Iterator[int]]:
    """Gives a function that finds where the words of a Chinese text begin."""
    import jieba

    jieba.initialize()
    return lambda text: (start for _, start, _ in jieba.tokenize(text))


def sudachi_starts() -> Callable[[str], Iterator[int]]:
    """Gives a function that finds where the words of a Japanese text begin, in Sudachi's shortest units."""
    from sudachipy import Dictionary as SudachiDictionary
    from sudachipy import SplitMode

    tokenizer = SudachiDictionary().tokenizer()
    return lambda text: (word.begin() for word in tokenizer.tokenize(text, SplitMode.A))


SEGMENTERS = {"zh": jieba_starts, "ja": sudachi_starts}
ALIGNERS = {
    "ours": induce_ours,
    "characters": induce_by_characters,
    "segmented": induce_segmented,
    "eflomal": induce_with_eflomal,
    "systran": induce_with_systran,
}


def without_joins(bitext: Bitext) -> Bitext:
    """The same text, of which no characters will be joined."""
    return Bitext(*(side._replace(joins=np.zeros_like(side.joins)) for side in bitext))


def join_between(side: Side, starts: np.ndarray) -> Side:
    """Join each word that doesn't start one to the word before."""
    numbers: dict[str, int] = {}
    forms: Counter = Counter()
    words = []
    for group in np.split(side.words, np.flatnonzero(starts)[1:]):
        words.append(numbers.setdefault(" ".join(side.types[word] for word in group), len(numbers)))
        forms[" ".join(side.forms[word] for word in group)] += 1
    lengths = np.add.reduceat(starts.astype(np.int64), side.starts)
    return make_side(numbers, forms, np.array(words), lengths, side.joins[starts])


def texts_of(side: Side) -> Iterator[list[str]]:
    """The words of each text, in lower case."""
    for words in np.split(side.words, side.starts[1:]):
        yield [side.types[word] for word in words]


def read_links(path: Path) -> list[set[tuple[int, int]]]:
    """Read links such as "0-0 1-2", a line for each pair of texts."""
    links = []
    for line in path.read_text().splitlines():
        ends = (link.split("-") for link in line.split())
        links.append({(int(source), int(target)) for source, target in ends})
    return links


def count_links(bitext: Bitext, links: list[PairLinks]) -> list[Entry]:
    """Make a dictionary of links: entries score sqrt(t(translation | word) t(word | translation)), where each
    t is the number of links of the pair divided by all links of the given word.
    """
    counts: Counter = Counter()
    for source, target, found in zip(texts_of(bitext.source), texts_of(bitext.target), links, strict=True):
        counts.update((source[i], target[j]) for i, j in found)
    of_source, of_target = Counter(), Counter()
    for (source, target), count in counts.items():
        of_source[source] += count
        of_target[target] += count
    usual = dict(zip(bitext.target.types, bitext.target.forms, strict=True))
    scored: dict[str, list[Entry]] = {}
    for (source, target), count in counts.items():
        score = count / (of_source[source] * of_target[target]) ** 0.5
        if score >= LEAST_SCORE and count >= LEAST_LINKS:
            scored.setdefault(source, []).append(Entry(source, usual[target], score))
    return [entry for entries in scored.values() for entry in best_of(entries)]


def best_of(entries: list[Entry]) -> list[Entry]:
    """The best entries of a word, by the rule that our own keep to."""
    entries = sorted(entries, key=lambda entry: -entry.weight)
    return [entry for entry in entries[:MOST_TRANSLATIONS] if entry.weight >= LEAST_SHARE * entries[0].weight]


def measure(
    entries: list[Entry], wiktionary: dict[str, set[str]], texts: list[str], pairs: Pairs
) -> Measures:
    """Compare a dictionary with Wiktionary, and find out how much of the texts it has."""
    found: dict[str, dict[str, float]] = {}
    for entry in entries:
        found.setdefault(entry.word, {})[entry.translation] = entry.weight
    compared = [word for word in found if word in wiktionary]
    right = {
        word: [comparable(translation) in wiktionary[word] for translation in found[word]]
        for word in compared
    }
    seen = Counter(lower(word.text) for text, _ in pairs for word in find_words(text))
    first = [right[word][0] for word in compared]
    return Measures(
        entries=len(entries),
        words=len(found),
        compared=len(compared),
        first=percent(first),
        any=percent([any(right[word]) for word in compared]),
        frequent=percent([right[word][0] for word in compared if seen[word] >= FREQUENT]),
        right=sum(first),
        coverage=100 * measure_coverage(Dictionary("en", "other", found), texts).share,
    )


def percent(truths: list[bool]) -> float:
    return 100 * sum(truths) / len(truths) if truths else 0.0


def read_wiktionary(path: Path, language: str) -> dict[str, set[str]]:
    """The translations of single words that are single words themselves."""
    simplify = simplifier() if language == "zh" else str
    found: dict[str, set[str]] = {}
    for word, translation in read_pairs(path):
        if len(find_words(word)) == 1 and is_word(translation):
            found.setdefault(lower(find_words(word)[0].text), set()).add(simplify(comparable(translation)))
    return found


def simplifier() -> Callable[[str], str]:
    """Gives a function that writes traditional Chinese characters as simplified ones."""
    from opencc import OpenCC

    return OpenCC("t2s").convert


def is_word(text: str) -> bool:
    """Whether it is a single word, as far as can be told: a text without blanks in its script passes."""
    words = find_words(text)
    return len(words) == 1 or (bool(words) and all(is_unspaced(word.text) for word in words))


def comparable(translation: str) -> str:
    """In lower case, without blanks."""
    return lower(translation).replace(" ", "")


def read_pairs(path: Path) -> Pairs:
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        columns = (line.rstrip("\n").split("\t") for line in lines)
        return [(row[0], row[1]) for row in columns if len(row) > 1]


def processor_seconds() -> float:
    """What this process and those that it started have used so far: other load does not count."""
    return sum(os.times()[:4])


def write_dictionary(entries: list[Entry], path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = (f"{entry.word}\t{entry.translation}\t{entry.weight:.4f}\n" for entry in entries)
    path.write_text("".join(lines), encoding="utf-8")


def run(arguments: argparse.Namespace) -> None:
    """Print the table, row by row."""
    with arguments.labelled.open(encoding="utf-8") as lines:
        texts = [json.loads(line)["text"] for line in lines]
    columns = ("language", "aligner", "seconds", *Measures._fields)
    print(f"| {' | '.join(columns)} |\n|{'---|' * len(columns)}", flush=True)
    for language in arguments.languages:
        name = f"en-{language}.tsv"
        pairs = read_pairs(arguments.parallel / f"{name}.gz")
        wiktionary = read_wiktionary(arguments.wiktionary / f"{name}.gz", language)
        for aligner in arguments.aligners:
            start = processor_seconds()
            entries = ALIGNERS[aligner](pairs, language)
            seconds = processor_seconds() - start
            cells = [
                f"{value:.1f}" if isinstance(value, float) else f"{value:,}"
                for value in measure(entries, wiktionary, texts, pairs)
            ]
            print(f"| {language} | {aligner} | {seconds:.1f} | {' | '.join(cells)} |", flush=True)
            if arguments.output is not None:
                write_dictionary(entries, arguments.output / aligner / name)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    for folder in ("parallel", "wiktionary"):
        parser.add_argument(folder, type=Path)
    parser.add_argument("labelled", type=Path)
    parser.add_argument("--languages", nargs="+", required=True)
    parser.add_argument("--aligners", nargs="+", choices=list(ALIGNERS), default=["ours"])
    parser.add_argument("--output", type=Path)
    run(parser.parse_args())


if __name__ == "__main__":
    main()
