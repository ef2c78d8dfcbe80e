"""Variants of code-switching: phrases, translations chosen in context, moved words, a share that changes.

    python benchmarks/switching_variants.py phrases PARALLEL OUTPUT
    python benchmarks/switching_variants.py context ENCODER LABELLED DICTIONARIES OUTPUT
    spacy xling compare benchmarks/plans/xsid-variants.cfg --code benchmarks/switching_variants.py ...

`phrases` writes dictionaries of phrases of 2 and 3 words, as en-da.tsv: those whose words are linked to each
other by both directions of the aligner of `init-dictionaries`, and to no word outside (Koehn et al. 2003,
N03-1017). `context` writes for each word of the labelled texts how probable the encoder finds each of its
translations, where the other words are replaced by their best ones. As `--code` the file registers
`benchmarks.code_switching.v1`, which has the settings of `spacy-xling.code_switching.v1` and these:

    context (str)   what `context` has written: translations are drawn by weight times that probability
    window (int)    the words of a switched text are moved, each by less than so many positions
    rises (int)     the share of switched texts goes from 0 up to twice `share` in so many texts, then stays;
                    with a negative number it goes down from twice `share` to 0
"""

import argparse
import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from itertools import chain, pairwise, product
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from spacy import registry
from transformers import AutoModelForMaskedLM, AutoTokenizer

from spacy_xling.data.conversion import read_docs
from spacy_xling.data.labelled import build_labelled_text_v1
from spacy_xling.data.languages import get_language
from spacy_xling.data.parallel import build_parallel_text_v1, read_pairs
from spacy_xling.dictionaries.bitext import Bitext, read_bitext
from spacy_xling.dictionaries.dictionary import Dictionary
from spacy_xling.dictionaries.induction import NONE, best_links
from spacy_xling.dictionaries.making import find_parallel
from spacy_xling.dictionaries.reader import build_dictionaries_v1
from spacy_xling.dictionaries.word_alignment import align
from spacy_xling.dictionaries.words import find_words, lower
from spacy_xling.switching import code_switching
from spacy_xling.switching.code_switching import (
    CodeSwitcher,
    CodeSwitching,
    Replacement,
    SwitchedText,
    build_code_switching_v1,
    draw_replacements,
    write_text,
)

LONGEST, LONGEST_TRANSLATION = 3, 4
LEAST_COUNT, LEAST_SCORE, LEAST_SHARE, MOST = 2, 0.1, 0.2, 3
BATCH, TEXTS = 128, 50


@dataclass(frozen=True)
class Variant(CodeSwitching):
    """The settings; see the top of this file."""

    context: str | None = None
    window: int = 0
    rises: int = 0


@registry.misc("benchmarks.code_switching.v1")
def build_variant_v1(
    share: float = 0.5,
    rate: float = 1.0,
    by: code_switching.Unit = "text",
    alpha: float = 0.0,
    seed: int = 0,
    context: str | None = None,
    window: int = 0,
    rises: int = 0,
) -> CodeSwitching:
    """Build the settings; see the top of this file."""
    settings = asdict(build_code_switching_v1(share, rate, by, alpha, seed))
    return Variant(**settings, context=context, window=window, rises=rises)


class VariantSwitcher(CodeSwitcher):
    """Switches as a variant says."""

    settings: Variant

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self._seen = 0
        self._context = read_context(self.settings.context) if self.settings.context else {}

    def switch(self, text: str, language: str | None) -> SwitchedText:
        """Draw whether a text is switched, and switch it."""
        dictionaries, words = self.dictionaries.of(language), find_words(text)
        share = self.settings.share
        if self.settings.rises:
            part = min(1.0, self._seen / abs(self.settings.rises))
            share *= 2 * (part if self.settings.rises > 0 else 1 - part)
        self._seen += 1
        if not (dictionaries and words and self._generator.random() < share):
            return SwitchedText(text, len(words), ())
        replacements = draw_replacements(text, words, dictionaries, self.settings, self._generator)
        if self._context:
            replacements = [self._draw_again(text, found) for found in replacements]
        written = write_text(text, words, replacements)
        if self.settings.window:
            written = self._move_words(written)
        return SwitchedText(written, len(words), replacements)

    def _draw_again(self, text: str, found: Replacement) -> Replacement:
        weights = self._context.get(text, {}).get(f"{found.target} {found.first}")
        if weights is None:
            return found
        place = self._generator.choice(len(weights), p=list(weights.values()))
        return found._replace(translation=list(weights)[place])

    def _move_words(self, text: str) -> str:
        words = find_words(text)
        order = np.argsort(
            np.arange(len(words)) + self._generator.uniform(0, self.settings.window, len(words))
        )
        gaps = [text[a.end : b.start] for a, b in pairwise(words)]
        moved = [words[place].text for place in order]
        inner = "".join(word + gap for word, gap in zip(moved, [*gaps, ""], strict=True))
        return text[: words[0].start] + inner + text[words[-1].end :]


# The component looks there when it starts to learn.
code_switching.CodeSwitcher = VariantSwitcher
Context = dict[str, dict[str, dict[str, float]]]


@lru_cache
def read_context(path: str) -> Context:
    """What `context` has written: by text, by target and number of the word, shares of the translations."""
    return json.loads(Path(path).read_text(encoding="utf8"))


def linked_spans(bitext: Bitext) -> Iterator[tuple[slice, slice]]:
    """Spans of words and of their translations, numbered over all texts: the first and the last word are
    linked both ways, and no word of either span to one outside the other.
    """
    best_source, best_target = best_links(bitext, align(bitext))
    linked = best_source != NONE
    linked[linked] = best_target[best_source[linked]] == np.flatnonzero(linked)
    back = np.full(len(bitext.target.words), NONE)
    back[best_source[linked]] = np.flatnonzero(linked)
    texts = zip(bitext.source.starts.tolist(), bitext.source.lengths.tolist(), strict=True)
    for (start, length), size in product(texts, range(2, LONGEST + 1)):
        for first in range(start, start + length - size + 1):
            if not linked[[first, first + size - 1]].all():
                continue
            places = best_source[first : first + size][linked[first : first + size]]
            span = slice(places.min(), places.max() + 1)
            inside = back[span][back[span] != NONE]
            is_closed = first <= inside.min() and inside.max() < first + size
            if is_closed and span.stop - span.start <= LONGEST_TRANSLATION:
                yield slice(first, first + size), span


def find_phrases(bitext: Bitext) -> Iterator[tuple[str, str, float]]:
    """The phrases, their translations and scores: the geometric mean of the shares both ways."""
    source, target = bitext.source, bitext.target
    counts = Counter(
        (tuple(source.words[words].tolist()), tuple(target.words[translation].tolist()))
        for words, translation in linked_spans(bitext)
    )
    totals: tuple[Counter, Counter] = (Counter(), Counter())
    for pair, count in counts.items():
        for side in (0, 1):
            totals[side][pair[side]] += count
    found = defaultdict(list)
    for (phrase, translation), count in counts.items():
        score = count / (totals[0][phrase] * totals[1][translation]) ** 0.5
        if count >= LEAST_COUNT and score >= LEAST_SCORE:
            found[phrase].append((score, translation))
    for phrase, translations in found.items():
        best = max(translations)[0]
        for score, translation in sorted(translations, reverse=True)[:MOST]:
            if score >= LEAST_SHARE * best:
                yield (
                    " ".join(source.types[word] for word in phrase),
                    " ".join(target.forms[word] for word in translation),
                    score,
                )


def write_phrases(parallel: Path, output: Path) -> None:
    """Write a dictionary of phrases for each file of parallel text."""
    output.mkdir(parents=True)
    for file in find_parallel(build_parallel_text_v1(parallel), None):
        pairs = [tuple(pair)[::-1] if file.turned else tuple(pair) for pair in read_pairs(file.file)]
        lines = [
            f"{phrase}\t{text}\t{score:.4f}\n" for phrase, text, score in find_phrases(read_bitext(pairs))
        ]
        (output / f"{file.source}-{file.target}.tsv").write_text("".join(lines), encoding="utf8")
        print(f"{file.source}-{file.target}: {len(lines)} phrases, e.g. {lines[:3]}", flush=True)


class Slot(NamedTuple):
    """A word of a text, and translations of it that are as long."""

    text: str
    name: str
    candidates: Sequence[str]
    weights: Sequence[float]
    before: list[int]
    after: list[int]


class Scorer:
    """How probable a masked-LM encoder finds words in a text.

    encoder (str): Hub name or folder.
    """

    def __init__(self, encoder: str) -> None:
        self.tokenizer = AutoTokenizer.from_pretrained(encoder)
        self.model = AutoModelForMaskedLM.from_pretrained(encoder).eval()
        self.pieces = lru_cache(maxsize=None)(self._pieces)

    def _pieces(self, text: str) -> list[int]:
        """The pieces of a text, as it stands after a blank."""
        return self.tokenizer(f" {text}", add_special_tokens=False)["input_ids"]

    @torch.inference_mode()
    def score(self, slots: list[Slot]) -> list[list[float]]:
        """The mean log probability of a piece of each candidate, all of its pieces masked."""
        cls, mask, sep = (getattr(self.tokenizer, f"{name}_token_id") for name in ("cls", "mask", "sep"))
        found: list[list[float]] = []
        for begin in range(0, len(slots), BATCH):
            batch = slots[begin : begin + BATCH]
            wanted = [torch.tensor([self.pieces(text) for text in slot.candidates]) for slot in batch]
            rows = [
                [cls, *slot.before, *[mask] * ids.shape[1], *slot.after, sep]
                for slot, ids in zip(batch, wanted, strict=True)
            ]
            masked = [
                (row, 1 + len(slot.before) + n)
                for row, (slot, ids) in enumerate(zip(batch, wanted, strict=True))
                for n in range(ids.shape[1])
            ]
            padded = self.tokenizer.pad({"input_ids": rows}, return_tensors="pt")
            hidden = self.model.base_model(**padded).last_hidden_state
            places = tuple(torch.tensor(masked).T)
            log_p = self.model.lm_head(hidden[places]).log_softmax(-1)
            for part, ids in zip(log_p.split([ids.shape[1] for ids in wanted]), wanted, strict=True):
                found.append(part.gather(1, ids.T).mean(0).tolist())
        return found


def write_context(encoder: str, labelled: Path, dictionaries: Path, output: Path) -> None:
    """Write how probable translations are, given the others."""
    scorer = Scorer(encoder)
    of = build_dictionaries_v1(dictionaries)().of
    context: Context = defaultdict(lambda: defaultdict(dict))
    docs = read_docs(build_labelled_text_v1(labelled))
    for begin in range(0, len(docs), TEXTS):
        slots = [
            slot
            for doc in docs[begin : begin + TEXTS]
            for dictionary in of(get_language(doc))
            for slot in find_slots(scorer, doc.text, dictionary)
        ]
        # Alike in length, so that little is padded.
        slots.sort(key=lambda slot: len(slot.before) + len(slot.after))
        for slot, scores in zip(slots, scorer.score(slots), strict=True):
            found = context[slot.text][slot.name]
            for text, weight, score in zip(slot.candidates, slot.weights, scores, strict=True):
                found[text] = weight * float(np.exp(score))
        print(begin, "of", len(docs), flush=True)
    for words in context.values():
        for name, found in words.items():
            words[name] = {text: p / sum(found.values()) for text, p in found.items()}
    output.write_text(json.dumps(context, ensure_ascii=False), encoding="utf8")


def find_slots(scorer: Scorer, text: str, dictionary: Dictionary) -> Iterator[Slot]:
    """The words of a text that have several translations, by the translations' number of pieces."""
    words = find_words(text)
    keys = [lower(word.text) for word in words]
    best = [
        dictionary[key].texts[0] if key in dictionary else word.text
        for key, word in zip(keys, words, strict=True)
    ]
    pieces = [scorer.pieces(word) for word in best]
    for place, key in enumerate(keys):
        if key not in dictionary or len(dictionary[key].texts) == 1:
            continue
        entry = dictionary[key]
        weights = np.diff([0.0, *entry.cumulative]).tolist()
        by_size = defaultdict(list)
        for candidate, weight in zip(entry.texts, weights, strict=True):
            by_size[len(scorer.pieces(candidate))].append((candidate, weight))
        before, after = (list(chain(*part)) for part in (pieces[:place], pieces[place + 1 :]))
        for group in by_size.values():
            candidates, group_weights = zip(*group, strict=True)
            yield Slot(
                text, f"{dictionary.target} {place}", candidates, group_weights, before[-60:], after[:60]
            )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True)
    phrases = commands.add_parser("phrases")
    phrases.add_argument("parallel", type=Path)
    phrases.add_argument("output", type=Path)
    context = commands.add_parser("context")
    context.add_argument("encoder")
    context.add_argument("labelled", type=Path)
    context.add_argument("dictionaries", type=Path)
    context.add_argument("output", type=Path)
    arguments = vars(parser.parse_args())
    {"phrases": write_phrases, "context": write_context}[arguments.pop("command")](**arguments)


if __name__ == "__main__":
    main()
