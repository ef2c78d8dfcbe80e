"""Streams of texts to their translations, sentence by sentence, in order and in constant memory."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from math import ceil
from typing import NamedTuple

from ..data.codes import parse_code
from ..data.sources import RawText
from ..errors import Errors
from ..pieces.padding import like_lengths
from .families import Pair
from .guards import LETTER, UNSPACED, find_doubts
from .sentences import cut, join, split_sentences, whole
from .seq2seq import Engine

# Limits of length are multiples of it: sentences of one limit can share a batch, in which each has the limit
# that it has alone.
LIMIT_STEP = 16
LIMIT_MARGIN = 8
# The start of the decoder and the piece that names the language.
SPECIALS = 2
# A loop is often left by another beam, or by force.
RETRY_NO_REPEAT = 3


class Settings(NamedTuple):
    """How texts are translated.

    beams (int | None): Number of beams, 1 for greedy search; None for that of the checkpoint.
    length_ratio (float): Pieces that a translation may have for each of the source, and eight more, rounded
        up to a multiple of 16.
    batch_pieces (int): The most pieces of a batch, after padding.
    batch_size (int): The most sentences of a batch.
    window (int): Number of sentences among which those of like length are put together; whole texts.
    split (bool): Split texts into sentences, or take each as one.
    retry (bool): Translate a sentence again whose translation is in doubt, with one more beam and no three
        pieces in a row twice.
    """

    beams: int | None = None
    length_ratio: float = 2.0
    batch_pieces: int = 2048
    batch_size: int = 64
    window: int = 2048
    split: bool = True
    retry: bool = True


DEFAULTS = Settings()
SMALLEST = {"beams": 1, "length_ratio": 0.1, "batch_pieces": 1, "batch_size": 1, "window": 1}


def check_settings(settings: Settings) -> None:
    """Refuse settings of which one is too small, by a ValueError (X810)."""
    for name, least in SMALLEST.items():
        value = getattr(settings, name)
        if value is not None and value < least:
            raise ValueError(Errors.X810.format(setting=name, found=value, least=least))


class Output(NamedTuple):
    """A translated sentence.

    text (str): The translation.
    doubts (tuple[str, ...]): What may be wrong with it, some of `guards.KINDS`.
    found (tuple[str, ...]): What may have been wrong with a first translation; the same where there was no
        second.
    is_retried (bool): There was a second translation.
    is_cut (bool): The sentence was too long for the model, and was translated in parts.
    """

    text: str
    doubts: tuple[str, ...] = ()
    found: tuple[str, ...] = ()
    is_retried: bool = False
    is_cut: bool = False


class SplitText(NamedTuple):
    """A text to translate.

    text (str): The text.
    language (str | None): The code of its language.
    parts (list[str]): As `split_sentences` gives them.
    is_same (bool): It is in the target language already.
    """

    text: str
    language: str | None
    parts: list[str]
    is_same: bool

    @property
    def sentences(self) -> list[str]:
        """Its sentences; those without a letter are the same in all languages."""
        return [] if self.is_same else [part for part in self.parts[1::2] if LETTER.search(part)]


class Translation(NamedTuple):
    """A translated text.

    text (str): The translation.
    doubts (tuple[str, ...]): What may be wrong with any of its sentences, each kind once.
    counts (Counter): Numbers of "sentences"; of those "cut", "retried", and by kind of doubt, "found KIND"
        and "left KIND"; and 1 for "same" if the text is in the target language already, and stays as it is.
    """

    text: str
    doubts: tuple[str, ...]
    counts: Counter


class Translator:
    """Translates into one language.

    find_engine (Callable[[str | None], Engine]): Gives the model for the code of a source language, or for
        None, one that isn't known; it is asked once for each.
    target (str): The code of the target language.
    settings (Settings): How.
    RAISES (ValueError): X810: a setting is too small.
    """

    def __init__(
        self, find_engine: Callable[[str | None], Engine], target: str, settings: Settings = DEFAULTS
    ) -> None:
        check_settings(settings)
        self.find_engine = find_engine
        self.target = target
        self.settings = settings
        self.script = parse_code(target).script
        self._directions: dict[str | None, Direction] = {}

    def pipe(self, texts: Iterable[RawText]) -> Iterator[Translation]:
        """Translate a stream of texts.

        texts (Iterable[RawText]): The texts, each with the code of its language, or None.
        YIELDS (Translation): Their translations, in the order of the texts.
        RAISES (ValueError): X802, X803: the model doesn't know a language, or needs that of the
            source.
        """
        for window in windows(map(self.split, texts), self.settings.window):
            yield from self.translate(window)

    def split(self, raw: RawText) -> SplitText:
        """Split a text into sentences."""
        text, language = raw
        is_same = language is not None and parse_code(language).is_same(parse_code(self.target))
        parts = split_sentences(text, language) if self.settings.split else whole(text)
        return SplitText(text, language, parts, is_same)

    def translate(
        self, window: Sequence[SplitText], *, on_progress: Callable[[float], object] = lambda share: None
    ) -> list[Translation]:
        """Translate the texts of a window; `on_progress` receives the share of the work that is done."""
        # A sentence that stands twice is translated once.
        distinct: dict[str | None, dict[str, None]] = {}
        for text in window:
            if sentences := text.sentences:
                distinct.setdefault(text.language, {}).update(dict.fromkeys(sentences))
        total = sum(map(len, distinct.values()))
        outputs: dict[str | None, dict[str, Output]] = {}
        for language, texts in distinct.items():
            before = sum(map(len, outputs.values()))

            def show(done: int, before: int = before) -> None:
                on_progress((before + done) / total)

            outputs[language] = self._direction(language).translate(list(texts), show)
        return [self._translation(text, outputs.get(text.language, {})) for text in window]

    def _direction(self, language: str | None) -> "Direction":
        if language not in self._directions:
            engine = self.find_engine(language)
            pair = engine.tokenizer.pair(language, self.target)
            self._directions[language] = Direction(engine, pair, self.script, self.settings)
        return self._directions[language]

    def _translation(self, text: SplitText, outputs: Mapping[str, Output]) -> Translation:
        if text.is_same:
            return Translation(text.text, (), Counter(same=1))
        parts = list(text.parts)
        counts: Counter = Counter()
        doubts: dict[str, None] = {}
        for number in range(1, len(parts), 2):
            output = outputs.get(parts[number], Output(parts[number]))
            parts[number] = output.text
            doubts.update(dict.fromkeys(output.doubts))
            counts.update(["sentences", *["cut"] * output.is_cut, *["retried"] * output.is_retried])
            counts.update(f"found {kind}" for kind in output.found)
            counts.update(f"left {kind}" for kind in output.doubts)
        return Translation(join(parts, spaced=self.script not in UNSPACED), tuple(doubts), counts)


def windows(texts: Iterable[SplitText], size: int) -> Iterator[list[SplitText]]:
    """Gather texts until they have enough sentences; the same stream gives the same windows.

    texts (Iterable[SplitText]): The texts.
    size (int): Number of sentences, or more by those of the last text. A text without any counts as one.
    YIELDS (list[SplitText]): The texts of each window, in their order.
    """
    window: list[SplitText] = []
    n_sentences = 0
    for text in texts:
        window.append(text)
        n_sentences += max(1, len(text.sentences))
        if n_sentences >= size:
            yield window
            window, n_sentences = [], 0
    if window:
        yield window


class Direction:
    """Translates sentences from one language into another.

    engine (Engine): The model.
    pair (Pair): The languages.
    script (str | None): The script of the target, if it is known.
    settings (Settings): How.
    """

    def __init__(self, engine: Engine, pair: Pair, script: str | None, settings: Settings) -> None:
        self.engine = engine
        self.pair = pair
        self.script = script
        self.settings = settings
        self.beams = settings.beams or engine.beams

    def translate(
        self, sentences: Sequence[str], on_done: Callable[[int], object] = lambda n: None
    ) -> dict[str, Output]:
        """Translate sentences.

        sentences (Sequence[str]): The sentences, each once.
        on_done (Callable[[int], object]): Receives how many are done, from time to time.
        RETURNS (dict[str, Output]): The translation of each.
        """
        pieces = dict(zip(sentences, self._encode(sentences), strict=True))
        long = {text: cut(text, self._fits) for text in sentences if len(pieces[text]) > self.engine.longest}
        # What is cut is left out, and its parts are put in.
        short = [part for text in sentences for part in (long[text][1::2] if text in long else [text])]
        new = [part for part in dict.fromkeys(short) if part not in pieces]
        pieces.update(zip(new, self._encode(new), strict=True))
        outputs = self._generate({text: pieces[text] for text in short}, on_done, beams=self.beams)
        doubtful = {text: pieces[text] for text, output in outputs.items() if output.doubts}
        if doubtful and self.settings.retry:
            retried = self._generate(doubtful, beams=self.beams + 1, no_repeat=RETRY_NO_REPEAT)
            outputs.update({text: _better(outputs[text], retried[text]) for text in retried})
        outputs.update({text: self._joined(parts, outputs) for text, parts in long.items()})
        return outputs

    def _encode(self, texts: Sequence[str]) -> list[list[int]]:
        return self.engine.tokenizer.encode(texts, self.pair) if texts else []

    def _fits(self, text: str) -> bool:
        return len(self._encode([text])[0]) <= self.engine.longest

    def _generate(
        self,
        pieces: Mapping[str, list[int]],
        on_done: Callable[[int], object] = lambda n: None,
        *,
        beams: int,
        no_repeat: int = 0,
    ) -> dict[str, Output]:
        outputs: dict[str, Output] = {}
        for limit, texts in self._batches(pieces):
            rows = [pieces[text] for text in texts]
            generated = self.engine.generate(rows, self.pair, limit=limit, beams=beams, no_repeat=no_repeat)
            for text, found in zip(texts, generated, strict=True):
                doubts = find_doubts(text, found.text, script=self.script, unfinished=not found.is_finished)
                outputs[text] = Output(found.text, doubts, doubts)
            on_done(len(outputs))
        return outputs

    def _batches(self, pieces: Mapping[str, list[int]]) -> Iterator[tuple[int, list[str]]]:
        """Sentences of like length that have one limit, after it: batches of the longest first."""
        by_limit: dict[int, list[str]] = {}
        for text, row in pieces.items():
            by_limit.setdefault(self._limit(len(row)), []).append(text)
        size = self.settings.batch_size
        for limit, texts in sorted(by_limit.items(), reverse=True):
            for group in like_lengths([len(pieces[text]) for text in texts], self.settings.batch_pieces):
                for start in range(0, len(group), size):
                    yield limit, [texts[number] for number in group[start : start + size]]

    def _limit(self, n_pieces: int) -> int:
        wanted = self.settings.length_ratio * n_pieces + LIMIT_MARGIN
        return min(LIMIT_STEP * ceil(wanted / LIMIT_STEP), self.engine.longest - SPECIALS)

    def _joined(self, parts: Sequence[str], outputs: Mapping[str, Output]) -> Output:
        found = [outputs[part] for part in parts[1::2]]
        translated = [outputs[part].text if number % 2 else part for number, part in enumerate(parts)]
        return Output(
            join(translated, spaced=self.script not in UNSPACED),
            tuple(dict.fromkeys(kind for output in found for kind in output.doubts)),
            tuple(dict.fromkeys(kind for output in found for kind in output.found)),
            is_retried=any(output.is_retried for output in found),
            is_cut=True,
        )


def _better(first: Output, second: Output) -> Output:
    """The translation with fewer doubts, the first if both have as many."""
    chosen = second if len(second.doubts) < len(first.doubts) else first
    return chosen._replace(found=first.doubts, is_retried=True)
