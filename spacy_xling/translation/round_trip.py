"""Texts into another language and back: English as translations are written, to train on."""

from collections.abc import Callable, Sequence

from ..data.sources import RawText
from ..errors import Errors
from .seq2seq import Engine
from .translator import SplitText, Translation, Translator


class RoundTrip:
    """Translates into a language, and what comes out back into the language of the text. It does so for the
    windows of a `Translator`.

    there (Translator): Translates into the language.
    find_engine (Callable[[str], Engine]): Gives the model for the way back, for the code of the language to
        come back to.
    """

    def __init__(self, there: Translator, find_engine: Callable[[str], Engine]) -> None:
        self.there = there
        self.find_engine = find_engine
        self.settings = there.settings
        self._back: dict[str, Translator] = {}

    def split(self, raw: RawText) -> SplitText:
        """Split a text into sentences; see `Translator.split`.

        RAISES (ValueError): X815: its language isn't known.
        """
        if raw.language is None and raw.text.strip():
            raise ValueError(Errors.X815.format(text=raw.text[:60]))
        return self.there.split(raw)

    def translate(
        self, window: Sequence[SplitText], *, on_progress: Callable[[float], object] = lambda share: None
    ) -> list[Translation]:
        """Translate the texts of a window, there and back.

        window (Sequence[SplitText]): The texts.
        on_progress (Callable[[float], object]): Receives the share of the work that is done.
        RETURNS (list[Translation]): The texts that came back, with the doubts of either way, and with its
            sentences counted once for each. A text in the other language already stays as it is.
        """
        results = self.there.translate(window, on_progress=lambda share: on_progress(share / 2))
        by_language: dict[str | None, list[int]] = {}
        for row, text in enumerate(window):
            if not text.is_same and text.sentences:
                by_language.setdefault(text.language, []).append(row)
        done = 0
        for language, rows in by_language.items():
            back = self._translator(language or "")
            texts = [back.split(RawText(results[row].text, self.there.target)) for row in rows]
            for row, found in zip(rows, back.translate(texts), strict=True):
                results[row] = _both(results[row], found)
            done += len(rows)
            on_progress(0.5 + 0.5 * done / len(window))
        return results

    def _translator(self, language: str) -> Translator:
        if language not in self._back:
            self._back[language] = Translator(lambda _: self.find_engine(language), language, self.settings)
        return self._back[language]


def _both(there: Translation, back: Translation) -> Translation:
    doubts = tuple(dict.fromkeys((*there.doubts, *back.doubts)))
    return Translation(back.text, doubts, there.counts + back.counts)
