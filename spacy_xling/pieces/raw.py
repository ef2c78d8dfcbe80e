"""Raw text as an endless stream of windows."""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import Any

import numpy as np

from ..errors import Errors
from ..types import Pieces
from .windows import join, one_window, separate

# Texts cut into pieces in one call of the tokenizer.
READ_AHEAD = 16


class RawWindows:
    """Takes texts from an endless stream and hands out their windows, in constant memory.

    texts (Iterator): Where texts come from: `RawText`, as `spacy-xling.UnlabelledText.v1` gives them, or
        `TextPair`, as `spacy-xling.ParallelText.v1` does.
    cut (Callable[[Sequence], Pieces]): Texts to windows: `pieces.cutting.cut_texts` or `cut_pairs`.
    """

    def __init__(self, texts: Iterator[Any], cut: Callable[[Sequence[Any]], Pieces]) -> None:
        self.texts = texts
        self.cut = cut
        self._waiting: deque[Pieces] = deque()

    def take(self, *, n_windows: int | None = None, n_pieces: int | None = None) -> Pieces:
        """The next windows: a number of them, or as many as together hold at least a number of pieces.

        n_windows (int | None): How many windows; a text that fits the encoder is one.
        n_pieces (int | None): How many pieces, specials included; the last window may exceed it.
        RETURNS (Pieces): The windows, each a text of its own.
        """
        taken: list[Pieces] = []
        pieces = 0
        while len(taken) < (n_windows or 0) or pieces < (n_pieces or 0):
            taken.append(self._next())
            pieces += len(taken[-1].ids)
        return join(taken)

    def state_dict(self) -> dict[str, Any]:
        """Where the stream stands, as plain data: the texts' own state and the windows read ahead."""
        waiting = [{"ids": w.ids.tolist(), "words": w.words.tolist()} for w in self._waiting]
        return {"texts": self.texts.state_dict(), "waiting": waiting}  # type: ignore[attr-defined]

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from where another stream over the same text stood."""
        self.texts.load_state_dict(state["texts"])  # type: ignore[attr-defined]
        self._waiting = deque(one_window(np.array(w["ids"]), np.array(w["words"])) for w in state["waiting"])

    def _next(self) -> Pieces:
        while not self._waiting:
            texts = list(islice(self.texts, READ_AHEAD))
            if len(texts) < READ_AHEAD:
                raise ValueError(Errors.X207)
            self._waiting.extend(separate(self.cut(texts)))
        return self._waiting.popleft()
