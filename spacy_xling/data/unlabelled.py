"""The reader of raw text: an endless stream, sampled by language, in constant memory."""

from collections.abc import Iterator, Sequence
from functools import partial
from itertools import groupby, islice
from pathlib import Path

from spacy.language import Language
from spacy.util import logger

from ..errors import Errors
from ..generators import check_seed
from .files import Kinds, TextFile, find_files
from .heldout import check_heldout_share, is_heldout
from .languages import check_alpha
from .names import clean_name
from .records import parse_json_record, text_of
from .sampling import reservoir_sample
from .sources import RawText
from .streams import LanguageTexts, ShuffledStream, check_shuffle_buffer, require_text, texts_of_file


def build_unlabelled_text_v1(
    path: Path | None,
    *,
    languages: Sequence[str] | None = None,
    alpha: float = 0.3,
    text: str = "text",
    language: str | None = None,
    shuffle_buffer: int = 2000,
    seed: int = 0,
    heldout_share: float = 0.0,
) -> "UnlabelledText":
    """Build a reader of raw text, registered as `spacy-xling.UnlabelledText.v1`.

    path (Path | None): A file, or a folder of files by language: .txt with a text per line, or
        .jsonl, the name followed by .gz if gzipped. None is an error once the stream is made.
    languages (Sequence[str] | None): The languages to read, None or no name for all.
    alpha (float): Exponent of language sampling, from 0 (all languages alike) to 1 (by size).
    text (str): Field of the text in JSONL.
    language (str | None): Language of the texts if `path` is one file.
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
    check_seed(seed)
    return UnlabelledText(path, languages, alpha, text, language, shuffle_buffer, seed, heldout_share)


class UnlabelledText:
    """Makes streams of raw text; each call starts a new one. See `build_unlabelled_text_v1`."""

    def __init__(
        self,
        path: Path | None,
        languages: Sequence[str] | None,
        alpha: float,
        text: str,
        language: str | None,
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
        self.seed = seed
        self.heldout_share = heldout_share

    def __call__(self, nlp: Language | None = None, *, rank: int = 0) -> ShuffledStream[RawText]:
        """Start a stream.

        nlp (Language | None): The pipeline; raw text needs none of it, but spaCy calls every reader
            with it.
        rank (int): Number of the process, of several that read the same files each in an order of its own.
        RETURNS (ShuffledStream[RawText]): The stream.
        RAISES (ValueError): If `path` is None, a language is missing or holds no text.
        """
        sources = [
            LanguageTexts(language, files, text_of_line=self._text_to_train, size=self.shuffle_buffer)
            for language, files in self._files_by_language().items()
        ]
        stream = ShuffledStream(sources, RawText, alpha=self.alpha, seed=self.seed + rank)
        for language, n_lines in stream.lines.items():
            share = 100 * stream.shares[language]
            logger.info("Raw text: %s, %d lines, drawn %.1f %%", language, n_lines, share)
        return stream

    def read_heldout(self, limit: int) -> dict[str | None, list[str]]:
        """Read texts that the stream never gives.

        limit (int): The most texts of a language; the first in the order of the files are taken, and one that
            stands twice among them counts once.
        RETURNS (dict[str | None, list[str]]): Texts by language, none twice.
        """
        return {
            language: list(dict.fromkeys(islice(self._read(files, heldout=True), limit)))
            for language, files in self._files_by_language().items()
        }

    def sample(self, limit: int) -> dict[str | None, list[str]]:
        """Sample texts of each language that the stream gives, all texts of a language with the same chance.

        Which texts are taken depends on nothing but the seed and their number: languages with as many texts
        give the same lines, so that texts that are aligned stay aligned.

        limit (int): The most texts of a language.
        RETURNS (dict[str | None, list[str]]): The texts by language, None for that of a single file.
        RAISES (ValueError): If a language is missing or holds no text, or a line cannot be read.
        """
        return {
            language: reservoir_sample(self._read(files, heldout=False), limit, seed=self.seed)
            for language, files in self._files_by_language().items()
        }

    def _read(self, files: Sequence[TextFile], *, heldout: bool) -> Iterator[str]:
        texts = read_texts(files, field=self.text)
        return (text for text in texts if is_heldout(text, self.heldout_share) == heldout)

    def _text_to_train(self, file: TextFile, line: int, content: str) -> str:
        text = _text_of_raw_line(file, line, content, field=self.text)
        return "" if is_heldout(text, self.heldout_share) else text

    def _files_by_language(self) -> dict[str | None, list[TextFile]]:
        if self.path is None:
            raise ValueError(Errors.X105)
        return files_by_language(Path(self.path), languages=self.languages, language=self.language)


def files_by_language(
    path: Path, *, languages: Sequence[str] | None = None, language: str | None = None
) -> dict[str | None, list[TextFile]]:
    """Find the files of raw text.

    path (Path): A file, or a folder of files by language.
    languages (Sequence[str] | None): The languages to read, None or no name for all.
    language (str | None): Language of the texts if `path` is one file.
    RETURNS (dict[str | None, list[TextFile]]): The files of each language, sorted by language.
    RAISES (ValueError): If a language is missing, or `language` is set for a folder. (FileNotFoundError):
        If there is no such file or folder.
    """
    files = find_files(path, Kinds.RAW)
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
        for text in texts_of_file(file, partial(_text_of_raw_line, field=field)):
            found = True
            yield text
    require_text(found, files)


def _text_of_raw_line(file: TextFile, line: int, content: str, *, field: str) -> str:
    """The text of a line of raw text."""
    if file.kind == "txt" or not content.strip():
        return content.rstrip("\r\n")
    return text_of(parse_json_record(file, line, content), field)
