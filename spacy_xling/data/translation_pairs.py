"""The reader of parallel text as examples of translations."""

from collections.abc import Iterable, Iterator, Sequence
from copy import copy
from heapq import nsmallest
from itertools import chain, islice
from pathlib import Path

from spacy.language import Language
from spacy.training import Example

from ..errors import Errors
from ..types import StateDict
from .codes import split_languages
from .doc_translations import set_translation, set_translation_language
from .heldout import check_heldout_share, is_heldout, text_hash
from .languages import set_language
from .parallel import ParallelText, build_parallel_text_v1, read_pairs
from .sources import TextPair, TextStream

# Share of the pairs that are held out, unless it is said.
HELDOUT_SHARE = 0.02


def build_translation_pairs_v1(
    path: Path | None,
    *,
    directions: Sequence[str] | None = None,
    heldout: bool = False,
    heldout_share: float = HELDOUT_SHARE,
    limit: int = 0,
    alpha: float = 0.3,
    shuffle_buffer: int = 2000,
    seed: int = 0,
) -> "TranslationPairs":
    """Build a corpus of texts and their translations, registered as `spacy-xling.TranslationPairs.v1`, to
    train and evaluate a translator. Reads what `spacy-xling.ParallelText.v1` reads.

    For training as many pairs are drawn as the files have lines, those of small files more often; the next
    pass continues from there. A pass begins with one pair of each file. With `[training] max_epochs = -1`
    nothing is held in memory. For evaluation it gives the held-out pairs once.

    path (Path | None): A .tsv file, or a folder of them named by their languages, such as "en-da.tsv", the
        name followed by .gz if gzipped. A line is a text, a tab and its translation. None is an error once it
        is read.
    directions (Sequence[str] | None): What is translated into what, as "en-da" or, the other way round,
        "da-en"; None for each file as its name says.
    heldout (bool): Give the held-out pairs, for evaluation, and not those to train on.
    heldout_share (float): Share of the texts that are held out, from 0 to below 1; for evaluation on text of
        its own it may be 1. What a text says decides: a pair is held out if its first side is, and never
        trained on if either side is.
    limit (int): The most held-out pairs of a direction, chosen by a hash of their text; 0 for all.
    alpha (float): Exponent of the sampling of files, from 0 (all alike) to 1 (by size).
    shuffle_buffer (int): Number of pairs of each file to draw from.
    seed (int): Seed of the draws.
    RETURNS (TranslationPairs): The corpus.
    RAISES (ValueError): A setting out of range.
    """
    if not (heldout and heldout_share == 1):
        check_heldout_share(heldout_share)
    reader = build_parallel_text_v1(
        path,
        alpha=alpha,
        shuffle_buffer=shuffle_buffer,
        seed=seed,
        heldout_share=0.0 if heldout else heldout_share,
    )
    return TranslationPairs(reader, directions, heldout, heldout_share, limit)


class TranslationPairs:
    """Gives texts and their translations as examples. See `build_translation_pairs_v1`."""

    def __init__(
        self,
        reader: ParallelText,
        directions: Sequence[str] | None,
        heldout: bool,
        heldout_share: float,
        limit: int,
    ) -> None:
        self.reader = reader
        self.directions = directions
        self.heldout = heldout
        self.heldout_share = heldout_share
        self.limit = limit
        self._stream: TextStream[TextPair] | None = None
        # Where the stream stood when the pass began that isn't over.
        self._begun: StateDict | None = None

    def __call__(self, nlp: Language) -> Iterator[Example]:
        """Read the corpus.

        nlp (Language): The pipeline whose tokenizer makes the Docs.
        YIELDS (Example): An example per text and direction. Both of its Docs have the text, its language, and
            in `doc._.translation_language` that of the translation; the reference has `doc._.translation`.
        RAISES (ValueError): There is no such file, a line is no pair, or a direction that no file is of.
        """
        read = self._read_heldout if self.heldout else self._draw
        return read(nlp, self._directions_by_file())

    def _draw(self, nlp: Language, by_file: dict[str, list[tuple[str, str]]]) -> Iterator[Example]:
        # One stream for all passes: each continues where the last one ended, or most of a large file would
        # never be read. One that was left before its end, as a look at the first texts, begins again.
        if self._stream is None:
            reader = copy(self.reader)
            reader.pairs = list(by_file)
            self._stream = reader(nlp)
        if self._begun is not None:
            self._stream.load_state_dict(self._begun)
        self._begun = self._stream.state_dict()
        # First one of each file: who looks at the first texts meets all directions.
        files = self.reader.files_by_name()
        firsts = [next(filter(self._is_trained_on, read_pairs(files[name]))) for name in by_file]
        n_drawn = max(0, sum(self._stream.lines.values()) - len(firsts))
        for pair in chain(firsts, islice(self._stream, n_drawn)):
            for source, target in by_file[pair.languages]:
                yield _example(nlp, pair, source, target)
        self._begun = None

    def _is_trained_on(self, pair: TextPair) -> bool:
        return not any(is_heldout(side, self.heldout_share) for side in (pair.first, pair.second))

    def _read_heldout(self, nlp: Language, by_file: dict[str, list[tuple[str, str]]]) -> Iterator[Example]:
        files = self.reader.files_by_name()
        found = False
        for name, directions in by_file.items():
            pairs: Iterable[TextPair] = read_pairs(files[name])
            pairs = (pair for pair in pairs if is_heldout(pair.first, self.heldout_share))
            if self.limit:
                # Those of the smallest hashes, from all over the file.
                pairs = nsmallest(self.limit, pairs, key=lambda pair: text_hash(pair.first))
            for pair in pairs:
                found = True
                for source, target in directions:
                    yield _example(nlp, pair, source, target)
        if not found:
            raise ValueError(Errors.X829.format(path=self.reader.path, share=self.heldout_share))

    def _directions_by_file(self) -> dict[str, list[tuple[str, str]]]:
        """The directions by the name of the file that they are read from."""
        names = list(self.reader.files_by_name())
        if not self.directions:
            return {name: [languages_of(name)] for name in names}
        by_file: dict[str, list[tuple[str, str]]] = {}
        for direction in self.directions:
            source, target = languages_of(direction)
            wanted = (direction, *(name for name in names if set(languages_of(name)) == {source, target}))
            # Where there is a file for either direction, that of the direction itself.
            found = next((name for name in wanted if name in names), None)
            if found is None:
                raise ValueError(Errors.X822.format(direction=direction, path=self.reader.path, found=names))
            by_file.setdefault(found, []).append((source, target))
        return by_file


def languages_of(name: str) -> tuple[str, str]:
    """The two languages that a file or a direction is named by.

    name (str): Such as "en-da", "eng_Latn-dan_Latn" or "zh-Hans-en".
    RETURNS (tuple[str, str]): The languages.
    RAISES (ValueError): X823: it doesn't name two.
    """
    first, _, second = split_languages(name)
    if not first or not second:
        raise ValueError(Errors.X823.format(found=name))
    return first, second


def _example(nlp: Language, pair: TextPair, source: str, target: str) -> Example:
    turned = languages_of(pair.languages) != (source, target)
    text, translation = (pair.second, pair.first) if turned else (pair.first, pair.second)
    predicted, reference = nlp.make_doc(text), nlp.make_doc(text)
    for doc in (predicted, reference):
        set_language(doc, source)
        set_translation_language(doc, target)
    set_translation(reference, translation)
    return Example(predicted, reference)
