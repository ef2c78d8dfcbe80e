"""Endless streams of the texts of files, sampled by language, in constant memory."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from typing import Generic, TypeVar

import numpy as np

from ..errors import Errors
from ..generators import generator_state, make_generator, set_generator_state
from ..types import StateDict
from .files import LineReader, TextFile, count_lines
from .languages import sampling_shares

Item = TypeVar("Item")
# Reads the text of a line, given its file and number; an empty text is passed over.
TextOfLine = Callable[[TextFile, int, str], str]
# What must be the same for a saved position to have a meaning.
IDENTITY = ("language", "files", "lines")


def check_shuffle_buffer(shuffle_buffer: int) -> None:
    """Refuse a shuffle buffer of fewer texts than 1, by a ValueError."""
    if shuffle_buffer < 1:
        raise ValueError(Errors.X133.format(shuffle_buffer=shuffle_buffer))


def texts_of_file(file: TextFile, text_of_line: TextOfLine) -> Iterator[str]:
    """Read the texts of a file, once.

    file (TextFile): The file.
    text_of_line (TextOfLine): Reads the text of a line.
    YIELDS (str): The texts that are not blank.
    """
    with closing(LineReader(file)) as lines:
        for content in lines:
            text = text_of_line(file, lines.line, content)
            if text.strip():
                yield text


def require_text(found: object, files: Sequence[TextFile]) -> None:
    """Refuse the files of a language by a ValueError if nothing was found in them."""
    if not found:
        paths = ", ".join(str(file.path) for file in files)
        raise ValueError(Errors.X132.format(language=files[0].language, files=paths))


class LanguageTexts:
    """The texts of one language, drawn pass after pass from a shuffle buffer.

    A draw takes a random slot of the buffer and refills it with the next line. At the end of the files
    the buffer is emptied before the next pass begins, so that each pass gives each text once.

    language (str | None): The language.
    files (Sequence[TextFile]): Its files, read one after the other.
    text_of_line (TextOfLine): Reads the text of a line.
    size (int): Number of texts in the full buffer.
    RAISES (ValueError): If the files hold no text.
    """

    def __init__(
        self, language: str | None, files: Sequence[TextFile], *, text_of_line: TextOfLine, size: int
    ) -> None:
        self.language = language
        self.files = files
        self.text_of_line = text_of_line
        self.size = size
        self.n_lines = sum(count_lines(file) for file in files)
        self.buffer: list[str] = []
        self._begin_pass()

    def draw(self, generator: np.random.Generator) -> str:
        """Draw the next text.

        generator (Generator): Chooses the slot of the buffer.
        RETURNS (str): The text.
        """
        if not self.buffer:
            self._begin_pass()
        slot = int(generator.integers(len(self.buffer)))
        text = self.buffer[slot]
        following = self._next_text()
        if following is None:
            self.buffer[slot] = self.buffer[-1]
            self.buffer.pop()
        else:
            self.buffer[slot] = following
        return text

    @property
    def position(self) -> StateDict:
        """What is read, where the reading stands, and what was read but not drawn."""
        return {
            "language": self.language,
            "files": [file.path.name for file in self.files],
            "lines": self.n_lines,
            "file": self._index,
            "offset": self._reader.offset,
            "line": self._reader.line,
            "buffer": list(self.buffer),
        }

    def restore(self, position: StateDict) -> None:
        """Go to a saved `position`."""
        self._reader.close()
        self._start(position["file"], offset=position["offset"], line=position["line"])
        self.buffer = list(position["buffer"])

    def _start(self, index: int, *, offset: int = 0, line: int = 0) -> None:
        self._index = index
        self._reader = LineReader(self.files[index], offset=offset, line=line)

    def _begin_pass(self) -> None:
        self._start(0)
        while len(self.buffer) < self.size and (text := self._next_text()) is not None:
            self.buffer.append(text)
        require_text(self.buffer, self.files)

    def _next_text(self) -> str | None:
        """Read up to the next text that is not blank; None at the end of the last file."""
        while True:
            for content in self._reader:
                text = self.text_of_line(self._reader.file, self._reader.line, content)
                if text.strip():
                    return text
            if self._index + 1 == len(self.files):
                return None
            self._start(self._index + 1)


class ShuffledStream(Generic[Item]):
    """An endless stream of texts; the language of each is drawn by p ~ n^alpha.

    The stream holds the shuffle buffers and nothing else of the files. It can be pickled and copied, and
    its state can be saved.

    sources (Sequence[LanguageTexts]): The texts of each language.
    make_item (Callable[[str, str | None], Item]): Makes what is given of a text and its language.
    alpha (float): Exponent of language sampling.
    seed (int): Seed of the draws.
    """

    def __init__(
        self,
        sources: Sequence[LanguageTexts],
        make_item: Callable[[str, str | None], Item],
        *,
        alpha: float,
        seed: int,
    ) -> None:
        self.lines: Mapping[str | None, int] = {source.language: source.n_lines for source in sources}
        self.shares: Mapping[str | None, float] = sampling_shares(self.lines, alpha)
        self._sources = sources
        self._make_item = make_item
        self._generator = make_generator(seed)

    def __iter__(self) -> "ShuffledStream[Item]":
        return self

    def __next__(self) -> Item:
        """Draw the next text.

        RETURNS (Item): The text, with its language.
        RAISES (ValueError): If a line is not what the reader expects, naming the file and the line.
        """
        chosen = self._generator.choice(len(self._sources), p=list(self.shares.values()))
        source = self._sources[chosen]
        return self._make_item(source.draw(self._generator), source.language)

    def state_dict(self) -> StateDict:
        """Save where the stream stands.

        RETURNS (StateDict): The state, of strings, small integers, lists and dicts with string keys.
        """
        return {
            "generator": generator_state(self._generator),
            "languages": [source.position for source in self._sources],
        }

    def load_state_dict(self, state: StateDict) -> None:
        """Go to a saved state; the texts that follow are those that followed when it was saved.

        state (StateDict): A value of `state_dict` of a stream over the same files.
        RAISES (ValueError): If the state belongs to other files.
        """
        saved = [_identity(position) for position in state["languages"]]
        expected = [_identity(source.position) for source in self._sources]
        if saved != expected:
            raise ValueError(Errors.X134.format(found=saved, expected=expected))
        for source, position in zip(self._sources, state["languages"], strict=True):
            source.restore(position)
        set_generator_state(self._generator, state["generator"])


def _identity(position: StateDict) -> StateDict:
    return {key: position.get(key) for key in IDENTITY}
