"""The reader of raw text: an endless stream, sampled by language, in constant memory."""

from contextlib import closing
from functools import partial
from itertools import groupby, islice
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, NamedTuple, Optional, Sequence

import numpy as np
from spacy.language import Language
from spacy.util import logger

from ..errors import Errors
from ..generators import check_seed, generator_state, make_generator, set_generator_state
from .files import LineReader, TextFile, count_lines, find_files
from .heldout import check_heldout_share, is_heldout
from .languages import check_alpha, sampling_shares
from .names import clean_name
from .records import parse_json_record, text_of
from .sampling import reservoir_sample

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
    languages: Optional[Sequence[str]] = None,
    alpha: float = 0.3,
    text: str = "text",
    language: Optional[str] = None,
    shuffle_buffer: int = 2000,
    seed: int = 0,
    heldout_share: float = 0.0,
) -> "UnlabelledText":
    """Build a reader of raw text, registered as `spacy-xling.UnlabelledText.v1`.

    path (Optional[Path]): A file, or a folder of files by language: .txt with a text per line, or
        .jsonl, the name followed by .gz if gzipped. None is an error once the stream is made.
    languages (Optional[Sequence[str]]): The languages to read, None or no name for all.
    alpha (float): Exponent of language sampling, from 0 (all languages alike) to 1 (by size).
    text (str): Field of the text in JSONL.
    language (Optional[str]): Language of the texts if `path` is one file.
    shuffle_buffer (int): Number of texts of each language to draw from, 1 for the order of the file.
    seed (int): Seed of the draws.
    heldout_share (float): Share of the texts that the stream never gives, from 0 to below 1; what a text
        says decides, so that two texts of the same wording are on the same side.
    RETURNS (UnlabelledText): The reader.
    RAISES (ValueError): If `alpha` lies outside [0, 1], `heldout_share` outside [0, 1), or
        `shuffle_buffer` is below 1.
    """
    check_alpha(alpha)
    check_heldout_share(heldout_share)
    check_shuffle_buffer(shuffle_buffer)
    return UnlabelledText(
        path,
        languages=languages,
        alpha=alpha,
        text=text,
        language=language,
        shuffle_buffer=shuffle_buffer,
        seed=seed,
        heldout_share=heldout_share,
    )


def check_shuffle_buffer(shuffle_buffer: int) -> None:
    """Check the size of a shuffle buffer.

    shuffle_buffer (int): Number of texts.
    RAISES (ValueError): If it is below 1.
    """
    if shuffle_buffer < 1:
        raise ValueError(Errors.X133.format(shuffle_buffer=shuffle_buffer))


class UnlabelledText:
    """Makes streams of raw text; each call starts a new one.

    path (Optional[Path]): A file, or a folder of files by language.
    languages (Optional[Sequence[str]]): The languages to read, None or no name for all.
    alpha (float): Exponent of language sampling.
    text (str): Field of the text in JSONL.
    language (Optional[str]): Language of the texts if `path` is one file.
    shuffle_buffer (int): Number of texts of each language to draw from.
    seed (int): Seed of the draws.
    heldout_share (float): Share of the texts that the stream never gives.
    """

    def __init__(
        self,
        path: Optional[Path],
        *,
        languages: Optional[Sequence[str]],
        alpha: float,
        text: str,
        language: Optional[str],
        shuffle_buffer: int,
        seed: int,
        heldout_share: float,
    ) -> None:
        self.path = path
        self.languages = languages
        self.alpha = alpha
        self.text = text
        self.language = language
        self.shuffle_buffer = shuffle_buffer
        check_seed(seed)
        self.seed = seed
        self.heldout_share = heldout_share

    def __call__(self, nlp: Optional[Language] = None, *, rank: int = 0) -> "RawTextStream":
        """Start a stream.

        nlp (Optional[Language]): The pipeline; raw text needs none of it, but spaCy calls every reader
            with it.
        rank (int): Number of the process, of several that read the same files each in an order of its own.
        RETURNS (RawTextStream): The stream.
        RAISES (ValueError): If `path` is None, a language is missing or holds no text.
        """
        sources = [
            LanguageTexts(language, files, text_of_line=self._text_to_train, size=self.shuffle_buffer)
            for language, files in self._files_by_language().items()
        ]
        stream = RawTextStream(sources, alpha=self.alpha, seed=self.seed + rank)
        for source in sources:
            share = stream.shares[source.language]
            logger.info("Raw text: %s, %d lines, drawn %.1f %%", source.language, source.n_lines, 100 * share)
        return stream

    def read_heldout(self, limit: int) -> Dict[Optional[str], List[str]]:
        """Read texts that the stream never gives.

        limit (int): The most texts of a language; the first in the order of the files are taken, and one that
            stands twice among them counts once.
        RETURNS (Dict[Optional[str], List[str]]): Texts by language, none twice.
        """
        by_language = {}
        for language, files in self._files_by_language().items():
            found = (
                text for text in read_texts(files, field=self.text) if is_heldout(text, self.heldout_share)
            )
            # A dict, for texts that stand twice.
            by_language[language] = list(dict.fromkeys(islice(found, limit)))
        return by_language

    def sample(self, limit: int) -> Dict[Optional[str], List[str]]:
        """Sample texts of each language that the stream gives, all texts of a language with the same chance.

        Which texts are taken depends on nothing but the seed and their number: languages with as many texts
        give the same lines, so that texts that are aligned stay aligned.

        limit (int): The most texts of a language.
        RETURNS (Dict[Optional[str], List[str]]): The texts by language, None for that of a single file.
        RAISES (ValueError): If a language is missing or holds no text, or a line cannot be read.
        """
        return {
            language: reservoir_sample(self._read_to_train(files), limit, seed=self.seed)
            for language, files in self._files_by_language().items()
        }

    def _read_to_train(self, files: Sequence[TextFile]) -> Iterator[str]:
        texts = read_texts(files, field=self.text)
        return (text for text in texts if not is_heldout(text, self.heldout_share))

    def _text_to_train(self, file: TextFile, line: int, content: str) -> str:
        text = text_of_raw_line(file, line, content, field=self.text)
        return "" if is_heldout(text, self.heldout_share) else text

    def _files_by_language(self) -> Dict[Optional[str], List[TextFile]]:
        if self.path is None:
            raise ValueError(Errors.X105)
        return files_by_language(Path(self.path), languages=self.languages, language=self.language)


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
        files = [file._replace(language=clean_name(language)) for file in files]
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
        for text in texts_of_file(file, partial(text_of_raw_line, field=field)):
            found = True
            yield text
    if not found:
        raise ValueError(_no_text(files))


# Reads the text of a line, given its file and number; an empty text is passed over.
TextOfLine = Callable[[TextFile, int, str], str]


def text_of_raw_line(file: TextFile, line: int, content: str, *, field: str) -> str:
    """Read the text of a line of raw text.

    file (TextFile): The file it stands in.
    line (int): Its number.
    content (str): The line, with its line end.
    field (str): Field of the text in JSONL.
    RETURNS (str): The text.
    RAISES (ValueError): If a line of JSONL is not valid.
    """
    if file.kind == "txt" or not content.strip():
        return content.rstrip("\r\n")
    return text_of(parse_json_record(file, line, content), field)


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


class LanguageTexts:
    """The texts of one language, drawn pass after pass from a shuffle buffer.

    A draw takes a random slot of the buffer and refills it with the next line. At the end of the files
    the buffer is emptied before the next pass begins, so that each pass gives each text once.

    language (Optional[str]): The language.
    files (Sequence[TextFile]): Its files, read one after the other.
    text_of_line (TextOfLine): Reads the text of a line.
    size (int): Number of texts in the full buffer.
    RAISES (ValueError): If the files hold no text.
    """

    def __init__(
        self, language: Optional[str], files: Sequence[TextFile], *, text_of_line: TextOfLine, size: int
    ) -> None:
        self.language = language
        self.files = files
        self.text_of_line = text_of_line
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
            for content in self._reader:
                text = self.text_of_line(self._reader.file, self._reader.line, content)
                if text.strip():
                    return text
            if self._index + 1 == len(self.files):
                return None
            self._start(self._index + 1)


def _no_text(files: Sequence[TextFile]) -> str:
    return Errors.X132.format(language=files[0].language, files=", ".join(str(file.path) for file in files))


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
        self._generator = make_generator(seed)

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
        return {
            "generator": generator_state(self._generator),
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
        set_generator_state(self._generator, state["generator"])
