"""The reader of raw text: an endless stream, sampled by language, in constant memory."""

from contextlib import closing
from itertools import groupby
from pathlib import Path
from typing import Any, Dict, Iterator, List, NamedTuple, Optional, Sequence

import numpy as np
from spacy.language import Language
from spacy.util import logger

from ..errors import Errors
from .files import LineReader, TextFile, count_lines, find_files
from .languages import check_alpha, sampling_shares
from .records import parse_json_record, text_of

KINDS = ("txt", "jsonl")


class RawText(NamedTuple):
    """A text without labels.

    text (str): The text.
    language (Optional[str]): Its language, or None if it is not known.
    """

    text: str
    language: Optional[str]


def build_unlabelled_text_v1(
    path: Optional[Path],
    *,
    languages: Optional[List[str]] = None,
    alpha: float = 0.3,
    text: str = "text",
    language: Optional[str] = None,
    shuffle_buffer: int = 2000,
    seed: int = 0,
) -> "UnlabelledText":
    """Build a reader of raw text, registered as `spacy-xling.UnlabelledText.v1`.

    path (Optional[Path]): A file, or a folder of files by language: .txt with a text per line, or
        .jsonl, the name followed by .gz if gzipped. None is an error once the stream is made.
    languages (Optional[List[str]]): The languages to read, None or no name for all.
    alpha (float): Exponent of language sampling, from 0 (all languages alike) to 1 (by size).
    text (str): Field of the text in JSONL.
    language (Optional[str]): Language of the texts if `path` is one file.
    shuffle_buffer (int): Number of texts of each language to draw from, 1 for the order of the file.
    seed (int): Seed of the draws.
    RETURNS (UnlabelledText): The reader.
    RAISES (ValueError): If `alpha` lies outside [0, 1] or `shuffle_buffer` is below 1.
    """
    check_alpha(alpha)
    if shuffle_buffer < 1:
        raise ValueError(Errors.X133.format(shuffle_buffer=shuffle_buffer))
    return UnlabelledText(
        path,
        languages=languages,
        alpha=alpha,
        text=text,
        language=language,
        shuffle_buffer=shuffle_buffer,
        seed=seed,
    )


class UnlabelledText:
    """Makes streams of raw text; each call starts a new one.

    path (Optional[Path]): A file, or a folder of files by language.
    languages (Optional[List[str]]): The languages to read, None or no name for all.
    alpha (float): Exponent of language sampling.
    text (str): Field of the text in JSONL.
    language (Optional[str]): Language of the texts if `path` is one file.
    shuffle_buffer (int): Number of texts of each language to draw from.
    seed (int): Seed of the draws.
    """

    def __init__(
        self,
        path: Optional[Path],
        *,
        languages: Optional[List[str]],
        alpha: float,
        text: str,
        language: Optional[str],
        shuffle_buffer: int,
        seed: int,
    ) -> None:
        self.path = path
        self.languages = languages
        self.alpha = alpha
        self.text = text
        self.language = language
        self.shuffle_buffer = shuffle_buffer
        self.seed = seed

    def __call__(self, nlp: Language) -> "RawTextStream":
        """Start a stream.

        nlp (Language): The pipeline; raw text needs none of it, but spaCy calls every reader with it.
        RETURNS (RawTextStream): The stream.
        RAISES (ValueError): If `path` is None, a language is missing or holds no text.
        """
        if self.path is None:
            raise ValueError(Errors.X105)
        by_language = files_by_language(Path(self.path), languages=self.languages, language=self.language)
        sources = [
            LanguageTexts(language, files, field=self.text, size=self.shuffle_buffer)
            for language, files in by_language.items()
        ]
        stream = RawTextStream(sources, alpha=self.alpha, seed=self.seed)
        for source in sources:
            share = stream.shares[source.language]
            logger.info("Raw text: %s, %d lines, drawn %.1f %%", source.language, source.n_lines, 100 * share)
        return stream


def files_by_language(
    path: Path, *, languages: Optional[Sequence[str]] = None, language: Optional[str] = None
) -> Dict[Optional[str], List[TextFile]]:
    """Find the files of raw text.

    path (Path): A file, or a folder of files by language.
    languages (Optional[Sequence[str]]): The languages to read, None or no name for all.
    language (Optional[str]): Language of the texts if `path` is one file.
    RETURNS (Dict[Optional[str], List[TextFile]]): The files of each language, sorted by language.
    RAISES (ValueError): If a language is missing, or `language` is set for a folder. (FileNotFoundError):
        If there is no such file or folder.
    """
    files = find_files(path, KINDS)
    if language is not None:
        if path.is_dir():
            raise ValueError(Errors.X131.format(path=path, language=language))
        files = [file._replace(language=language) for file in files]
    # Files of a folder come sorted by name, where "da-DK.txt" stands between "da.jsonl" and "da.txt".
    files = sorted(files, key=lambda file: file.language or "")
    by_language = {name: list(group) for name, group in groupby(files, lambda file: file.language)}
    if not languages:
        return by_language
    missing = [name for name in languages if name not in by_language]
    if missing:
        raise ValueError(Errors.X130.format(path=path, missing=missing, found=list(by_language)))
    return {name: files for name, files in by_language.items() if name in languages}


def read_texts(files: Sequence[TextFile], *, field: str = "text") -> Iterator[str]:
    """Read the texts of one language once, in the order of the files; blank ones are passed over.

    files (Sequence[TextFile]): The files, read one after the other.
    field (str): Field of the text in JSONL.
    YIELDS (str): The texts.
    RAISES (ValueError): If a line is not what was expected, or the files hold no text.
    """
    found = False
    for file in files:
        with closing(LineReader(file)) as lines:
            for line in lines:
                text = _text_of_line(lines, line, field)
                if text.strip():
                    found = True
                    yield text
    if not found:
        raise ValueError(_no_text(files))


class LanguageTexts:
    """The texts of one language, drawn pass after pass from a shuffle buffer.

    A draw takes a random slot of the buffer and refills it with the next line. At the end of the files
    the buffer is emptied before the next pass begins, so that each pass gives each text once.

    language (Optional[str]): The language.
    files (Sequence[TextFile]): Its files, read one after the other.
    field (str): Field of the text in JSONL.
    size (int): Number of texts in the full buffer.
    RAISES (ValueError): If the files hold no text.
    """

    def __init__(self, language: Optional[str], files: Sequence[TextFile], *, field: str, size: int) -> None:
        self.language = language
        self.files = files
        self.field = field
        self.size = size
        self.n_lines = sum(count_lines(file) for file in files)
        self.buffer: List[str] = []
        self._start(0)
        self._fill()

    def draw(self, generator: np.random.Generator) -> str:
        """Draw the next text.

        generator (Generator): Chooses the slot of the buffer.
        RETURNS (str): The text.
        """
        if not self.buffer:
            self._start(0)
            self._fill()
        slot = int(generator.integers(len(self.buffer)))
        text = self.buffer[slot]
        following = self._next_text()
        if following is None:
            last = self.buffer.pop()
            if slot < len(self.buffer):
                self.buffer[slot] = last
        else:
            self.buffer[slot] = following
        return text

    @property
    def identity(self) -> Dict[str, Any]:
        """What must be the same for a saved position to have a meaning."""
        names = [file.path.name for file in self.files]
        return {"language": self.language, "files": names, "lines": self.n_lines}

    @property
    def position(self) -> Dict[str, Any]:
        """Where the reading stands, and what was read but not drawn."""
        return {
            "file": self._index,
            "offset": self._reader.offset,
            "line": self._reader.line,
            "buffer": list(self.buffer),
        }

    def restore(self, position: Dict[str, Any]) -> None:
        """Go to a saved position.

        position (Dict[str, Any]): A value of `position`.
        """
        self._reader.close()
        self._start(position["file"], offset=position["offset"], line=position["line"])
        self.buffer = list(position["buffer"])

    def _start(self, index: int, *, offset: int = 0, line: int = 0) -> None:
        self._index = index
        self._reader = LineReader(self.files[index], offset=offset, line=line)

    def _fill(self) -> None:
        while len(self.buffer) < self.size and (text := self._next_text()) is not None:
            self.buffer.append(text)
        if not self.buffer:
            raise ValueError(_no_text(self.files))

    def _next_text(self) -> Optional[str]:
        """Read up to the next text that is not blank; None at the end of the last file."""
        while True:
            for line in self._reader:
                text = _text_of_line(self._reader, line, self.field)
                if text.strip():
                    return text
            if self._index + 1 == len(self.files):
                return None
            self._start(self._index + 1)


class RawTextStream:
    """An endless stream of raw texts; the language of each is drawn by p ~ n^alpha.

    The stream holds the shuffle buffers and nothing else of the files. It can be pickled and copied, and
    its state can be saved.

    sources (Sequence[LanguageTexts]): The texts of each language.
    alpha (float): Exponent of language sampling.
    seed (int): Seed of the draws.
    """

    def __init__(self, sources: Sequence[LanguageTexts], *, alpha: float, seed: int) -> None:
        self.sources = sources
        self.shares = sampling_shares({source.language: source.n_lines for source in sources}, alpha)
        self._generator = np.random.Generator(np.random.PCG64(seed))

    def __iter__(self) -> "RawTextStream":
        return self

    def __next__(self) -> RawText:
        """Draw the next text.

        RETURNS (RawText): The text and its language.
        RAISES (ValueError): If a line is not what the reader expects, naming the file and the line.
        """
        chosen = self._generator.choice(len(self.sources), p=list(self.shares.values()))
        source = self.sources[chosen]
        return RawText(source.draw(self._generator), source.language)

    def state_dict(self) -> Dict[str, Any]:
        """Save where the stream stands.

        RETURNS (Dict[str, Any]): The state, of strings, small integers, lists and dicts with string keys.
        """
        generator: Dict[str, Any] = dict(self._generator.bit_generator.state)
        # Two numbers of 128 bits, which most JSON and msgpack libraries cannot hold.
        generator["state"] = {name: str(number) for name, number in generator["state"].items()}
        return {
            "generator": generator,
            "languages": [{**source.identity, **source.position} for source in self.sources],
        }

    def load_state_dict(self, state: Dict[str, Any]) -> None:
        """Go to a saved state; the texts that follow are those that followed when it was saved.

        state (Dict[str, Any]): A value of `state_dict` of a stream over the same files.
        RAISES (ValueError): If the state belongs to other files.
        """
        expected = [source.identity for source in self.sources]
        saved = [
            {key: position.get(key) for key in ("language", "files", "lines")}
            for position in state["languages"]
        ]
        if saved != expected:
            raise ValueError(Errors.X134.format(found=saved, expected=expected))
        for source, position in zip(self.sources, state["languages"], strict=True):
            source.restore(position)
        generator = state["generator"]
        numbers = {name: int(number) for name, number in generator["state"].items()}
        self._generator.bit_generator.state = {**generator, "state": numbers}


def _text_of_line(reader: LineReader, line: str, field: str) -> str:
    if reader.file.kind == "txt" or not line.strip():
        return line.rstrip("\r\n")
    return text_of(parse_json_record(reader.file, reader.line, line), field)


def _no_text(files: Sequence[TextFile]) -> str:
    paths = ", ".join(str(file.path) for file in files)
    return Errors.X132.format(language=files[0].language, files=paths)
