"""The reader of parallel text: texts and their translations."""

from collections.abc import Iterator
from pathlib import Path

from spacy.language import Language

from ..errors import Errors
from .files import Kinds, TextFile, find_files, name_of
from .heldout import check_heldout_share, is_heldout
from .languages import check_alpha
from .sampling import reservoir_sample
from .sources import TextPair
from .streams import LanguageTexts, ShuffledStream, check_shuffle_buffer, texts_of_file

SEPARATOR = "\t"


def build_parallel_text_v1(
    path: Path | None,
    *,
    pairs: list[str] | None = None,
    alpha: float = 0.3,
    shuffle_buffer: int = 2000,
    seed: int = 0,
    heldout_share: float = 0.0,
) -> "ParallelText":
    """Build a reader of parallel text, registered as `spacy-xling.ParallelText.v1`.

    path (Path | None): A .tsv file, or a folder of them named by their languages, such as "en-da.tsv",
        the name followed by .gz if gzipped. A line is a text, a tab and its translation, without a header
        and without quotes. None is an error once the text is read.
    pairs (list[str] | None): The names to read, such as "en-da"; None or no name for all.
    alpha (float): Exponent of the sampling of files, from 0 (all alike) to 1 (by size).
    shuffle_buffer (int): Number of pairs of each file to draw from, 1 for the order of the file.
    seed (int): Seed of the draws.
    heldout_share (float): Share of the texts that are held out, from 0 to below 1: a pair is never given if
        either side is. The same share on `spacy-xling.UnlabelledText.v1` holds out the same texts.
    RETURNS (ParallelText): The reader.
    RAISES (ValueError): If `alpha` lies outside [0, 1], `heldout_share` outside [0, 1), or
        `shuffle_buffer` is below 1.
    """
    check_alpha(alpha)
    check_heldout_share(heldout_share)
    check_shuffle_buffer(shuffle_buffer)
    return ParallelText(path, pairs, alpha, shuffle_buffer, seed, heldout_share)


class ParallelText:
    """Makes streams of text pairs; each call starts a new one. See `build_parallel_text_v1`."""

    def __init__(
        self,
        path: Path | None,
        pairs: list[str] | None,
        alpha: float,
        shuffle_buffer: int,
        seed: int,
        heldout_share: float,
    ) -> None:
        self.path = path
        self.pairs = pairs
        self.alpha = alpha
        self.shuffle_buffer = shuffle_buffer
        self.seed = seed
        self.heldout_share = heldout_share

    def __call__(self, nlp: Language | None = None, *, rank: int = 0) -> ShuffledStream[TextPair]:
        """Start a stream.

        nlp (Language | None): Not needed; spaCy calls every reader with it.
        rank (int): Number of the process, of several that read the same files each in an order of its own.
        RETURNS (ShuffledStream[TextPair]): The stream.
        RAISES (ValueError): If `path` is None, a file is missing or holds no pair to train on.
        """
        sources = [
            LanguageTexts(name, [file], text_of_line=self._line_to_train, size=self.shuffle_buffer)
            for name, file in self.files_by_name().items()
        ]
        return ShuffledStream(sources, _pair, alpha=self.alpha, seed=self.seed + rank)

    def read(self) -> Iterator[TextPair]:
        """Read all pairs once, file by file. Held-out pairs are there too.

        YIELDS (TextPair): The pairs.
        RAISES (ValueError): If `path` is None, a file is missing, or a line is no pair.
        """
        for file in self.files_by_name().values():
            yield from read_pairs(file)

    def sample(self, limit: int) -> dict[str, list[TextPair]]:
        """Sample pairs of each file, all pairs of a file with the same chance. Held-out pairs are there too.

        limit (int): The most pairs of a file.
        RETURNS (dict[str, list[TextPair]]): The pairs by the file's name up to its first dot, "en-da".
        RAISES (ValueError): As `read`.
        """
        return {
            name: reservoir_sample(read_pairs(file), limit, seed=self.seed)
            for name, file in self.files_by_name().items()
        }

    def files_by_name(self) -> dict[str, TextFile]:
        """Find the files.

        RETURNS (dict[str, TextFile]): The file of each name.
        RAISES (ValueError): If `path` is None, a file is missing or two have the same name.
        """
        if self.path is None:
            raise ValueError(Errors.X137)
        by_name: dict[str, TextFile] = {}
        for file in find_files(Path(self.path), Kinds.PARALLEL):
            name = name_of(file.path)
            if name in by_name:
                raise ValueError(Errors.X139.format(path=file.path, other=by_name[name].path, name=name))
            by_name[name] = file._replace(language=name)
        if not self.pairs:
            return by_name
        missing = [name for name in self.pairs if name not in by_name]
        if missing:
            raise ValueError(Errors.X138.format(path=self.path, missing=missing, found=list(by_name)))
        return {name: by_name[name] for name in self.pairs}

    def _line_to_train(self, file: TextFile, line: int, content: str) -> str:
        text = _line_of_pair(file, line, content)
        return "" if text and any(is_heldout(side, self.heldout_share) for side in _sides(text)) else text


def read_pairs(file: TextFile) -> Iterator[TextPair]:
    """Read the pairs of a file, once.

    file (TextFile): The file, with its name as `language`.
    YIELDS (TextPair): The pairs.
    RAISES (ValueError): If a line is no pair, naming the file and the line.
    """
    for line in texts_of_file(file, _line_of_pair):
        yield _pair(line, file.language)


def _line_of_pair(file: TextFile, line: int, content: str) -> str:
    """The line without its line end, checked; nothing for a blank one."""
    text = content.rstrip("\r\n")
    if not text.strip():
        return ""
    columns = text.split(SEPARATOR)
    if len(columns) != 2 or not all(column.strip() for column in columns):
        filled = sum(bool(column.strip()) for column in columns)
        raise ValueError(Errors.X135.format(path=file.path, line=line, columns=len(columns), filled=filled))
    return text


def _pair(line: str, languages: str | None) -> TextPair:
    return TextPair(*_sides(line), str(languages))


def _sides(line: str) -> tuple[str, str]:
    first, second = line.split(SEPARATOR)
    return first.strip(), second.strip()
