"""Finding and opening text files: one file, or a folder with a file or more per language."""

import codecs
import gzip
import os
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, NamedTuple, cast

from ..errors import Errors, one_line
from ..writing import writing_errors
from .names import clean_name

GZIP = ".gz"
# What a pipeline's folder is known by, and that of a checkpoint.
PIPELINE_FILE, CHECKPOINT_FILE = "config.cfg", "config.json"
BLOCK = 1 << 20
# What a message lists of a folder's files.
MOST_NAMES = 10


class Kinds:
    """The kinds of file that are read, and written, as their names end."""

    RAW = ("txt", "jsonl")
    PARALLEL = ("tsv",)
    LABELLED = ("jsonl", "csv", "tsv", "spacy")
    TRANSLATIONS = ("jsonl", "csv", "tsv")
    DICTIONARIES = ("tsv", "txt")
    # Of texts, whatever is to be done with them.
    TEXTS = ("txt", "jsonl", "csv", "tsv", "spacy")
    # Read, and written with scores.
    APPLIED = ("jsonl", "csv", "tsv", "parquet")
    # What a corpus is converted to.
    CONVERTED = ("spacy", "jsonl", "csv", "tsv")
    ALL = (*TEXTS, "parquet")
    # Without lines.
    BINARY = ("spacy", "parquet")


class TextFile(NamedTuple):
    """A file of texts.

    path (Path): Where it lies; a name that ends in `.gz` is gzipped.
    language (str | None): The file's name up to the first dot if it was found in a folder, else None.
    kind (str): One of `Kinds.ALL`.
    """

    path: Path
    language: str | None
    kind: str


def find_files(path: Path, suffixes: Sequence[str] = Kinds.TEXTS) -> list[TextFile]:
    """List the files of a corpus, which is one file or a folder of files by language.

    In a folder, `da.jsonl.gz` holds texts of the language "da". Hidden files, subfolders and files of
    another kind are passed over.

    path (Path): The file or folder.
    suffixes (Sequence[str]): The kinds of file to accept, some of `Kinds.ALL`.
    RETURNS (list[TextFile]): The files, sorted by name.
    RAISES (FileNotFoundError): If there is no such file or folder.
    RAISES (ValueError): If the file is of another kind, the folder has no file of these kinds, or a
        file is empty, can't be read, or has no lines of UTF-8.
    """
    with reading_errors(path):
        files = _files_of_folder(path, suffixes) if path.is_dir() else [_single_file(path, suffixes)]
    for file in files:
        with reading_errors(file.path), open_binary(file) as handle:
            start = handle.read(1) if file.kind in Kinds.BINARY else handle.readline()
        if not start:
            raise ValueError(Errors.X109.format(path=file.path))
        if file.kind not in Kinds.BINARY:
            _check_first_line(file, start)
    return files


def name_of(path: Path) -> str:
    """The name of a file up to the first dot, which says its language or languages.

    path (Path): The file.
    RETURNS (str): The name, without blanks around it.
    RAISES (ValueError): It is not valid Unicode.
    """
    name = clean_name(path.name.split(".")[0])
    try:
        name.encode("utf-8")
    except UnicodeEncodeError as error:
        raise ValueError(Errors.X170.format(name=ascii(path.name))) from error
    return name


def require_new_files(
    paths: Sequence[Path], *, overwrite: bool = False, inputs: Sequence[Path | None] = ()
) -> None:
    """Refuse to write over files, so that nothing is lost, and where no file can be.

    paths (Sequence[Path]): The files to be written.
    overwrite (bool): They may be there.
    inputs (Sequence[Path | None]): Files and folders that are read, of which none may be replaced.
    RAISES (ValueError): One is there, and not to be replaced; it is a folder, or within a file; two are the
        same. (OSError): The system refuses to look.
    """
    for path in paths:
        with writing_errors(path):
            folder = next(folder for folder in path.absolute().parents if folder.exists())
            if path.is_dir():
                raise ValueError(Errors.X145.format(found=path, kind="folder", path=path))
            if not folder.is_dir():
                raise ValueError(Errors.X145.format(found=folder, kind="file", path=path))
    if len(set(map(_real, paths))) < len(paths):
        raise ValueError(Errors.X172.format(paths=", ".join(map(str, paths))))
    existing = [path for path in paths if path.exists()]
    if existing and not overwrite:
        raise ValueError(Errors.X142.format(paths=", ".join(map(str, existing))))
    for path in existing:
        require_apart(path, inputs)


def _is_free(folder: Path) -> bool:
    """Whether a folder is new or empty."""
    return not folder.exists() or (folder.is_dir() and not any(folder.iterdir()))


def require_apart(path: Path, inputs: Sequence[Path | None]) -> None:
    """Refuse to replace what is read.

    path (Path): The file or folder to be written.
    inputs (Sequence[Path | None]): Files and folders that are read; names that aren't there, as those of
        the hub, are passed over.
    RAISES (ValueError): X173: it is a file or holds something, and is one of them, part of one, or holds one.
    """
    if _is_free(path):
        return
    for read in filter(None, inputs):
        if _loses(path, read):
            raise ValueError(Errors.X173.format(path=path, read=read))


def is_pipeline(folder: Path) -> bool:
    """Whether a folder holds a spaCy pipeline."""
    return (folder / PIPELINE_FILE).is_file() and (folder / "meta.json").is_file()


def _loses(written: Path, read: Path) -> bool:
    """Whether something that is read is lost when a file or folder is replaced.

    All that lies in a pipeline's folder is read. In other folders it is files right there: in that of a
    checkpoint all, else those of texts. So where `data` is read, `data/parts` can be replaced, and
    `data/da.txt` can't.
    """
    ours, theirs = _real(written), _real(read)
    if ours in (theirs, *theirs.parents):
        return read.exists()
    if not read.is_dir():
        return False
    if is_pipeline(read):
        return theirs in ours.parents
    is_checkpoint = (read / CHECKPOINT_FILE).is_file()
    with reading_errors(read):
        files = [path for path in _shown_files(read) if is_checkpoint or kind_of_file(path) in Kinds.ALL]
    # A file may be a link to where the output is.
    return any(ours in (file, *file.parents) for file in map(_real, files))


def require_new_folder(
    folder: Path,
    *,
    overwrite: bool = False,
    replaces: str = CHECKPOINT_FILE,
    inputs: Sequence[Path | None] = (),
) -> None:
    """Refuse a folder that holds something, so that nothing is lost. Call it before the work begins.

    folder (Path): The folder that is to be written.
    overwrite (bool): It may hold a checkpoint, or a pipeline, which will be replaced.
    replaces (str): The file by which that is known: `CHECKPOINT_FILE` or `PIPELINE_FILE`.
    inputs (Sequence[Path | None]): Files and folders that are read, of which none may be replaced.
    RAISES (ValueError): It exists, is not an empty folder, and not to be replaced; X173.
    """
    may_be_replaced = overwrite and (folder / replaces).is_file()
    if not may_be_replaced and not _is_free(folder):
        message = Errors.X706 if replaces == CHECKPOINT_FILE else Errors.X765
        raise ValueError(message.format(path=folder))
    require_apart(folder, inputs)


def open_binary(file: TextFile) -> BinaryIO:
    """Open a file, gzipped or not, for reading its uncompressed bytes."""
    if is_gzipped(file.path):
        return cast(BinaryIO, gzip.open(file.path, "rb"))
    return file.path.open("rb")


@contextmanager
def reading_errors(path: Path) -> Iterator[None]:
    """Name the file in whatever goes wrong while it is read.

    path (Path): The file, or a folder of files.
    RAISES (ValueError): If it can't be read, or its gzip stream is truncated or corrupt.
    """
    try:
        yield
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise ValueError(Errors.X110.format(path=path, error=error)) from error
    except FileNotFoundError:
        raise
    except OSError as error:
        raise ValueError(Errors.X168.format(path=path, error=one_line(error))) from error


def count_lines(file: TextFile) -> int:
    """Count the lines of a file in constant memory, blank ones too; a last line needs no line end."""
    lines = 0
    last = b""
    with reading_errors(file.path), open_binary(file) as handle:
        while block := handle.read(BLOCK):
            lines += block.count(b"\n")
            last = block
    return lines + (not last.endswith(b"\n"))


class LineReader:
    """Reads a file line by line as UTF-8 text and knows where it is.

    The file is opened when a line is first asked for, so that a reader can be pickled, copied and made
    again from `offset` and `line`.

    file (TextFile): The file.
    offset (int): Bytes read so far, counted uncompressed.
    line (int): Number of the last line read; the first line is 1.
    """

    def __init__(self, file: TextFile, *, offset: int = 0, line: int = 0) -> None:
        self._handle: BinaryIO | None = None
        self.file = file
        self.offset = offset
        self.line = line

    def __iter__(self) -> "LineReader":
        return self

    def __next__(self) -> str:
        """Read the next line.

        RETURNS (str): The line with its line end, without a byte order mark.
        RAISES (ValueError): If the line is not UTF-8 or the file can't be read.
        """
        with reading_errors(self.file.path):
            if self._handle is None:
                self._handle = open_binary(self.file)
                self._handle.seek(self.offset)
            encoded = self._handle.readline()
        if not encoded:
            self.close()
            raise StopIteration
        self.offset += len(encoded)
        self.line += 1
        if self.line == 1:
            encoded = encoded.removeprefix(codecs.BOM_UTF8)
        try:
            return encoded.decode("utf-8")
        except UnicodeDecodeError as error:
            message = Errors.X111.format(path=self.file.path, line=self.line, error=error)
            raise ValueError(message) from error

    def close(self) -> None:
        """Close the file; the next line asked for opens it again."""
        if self._handle is not None:
            self._handle.close()
            self._handle = None

    def __getstate__(self) -> dict[str, object]:
        return {**self.__dict__, "_handle": None}

    def __del__(self) -> None:
        self.close()


def _real(path: Path) -> Path:
    """The path without links. `Path.resolve` refuses a link to itself."""
    return Path(os.path.realpath(path))


def _check_first_line(file: TextFile, line: bytes) -> None:
    if line.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) or b"\0" in line:
        raise ValueError(Errors.X167.format(path=file.path))
    if not line.endswith(b"\n") and b"\r" in line.rstrip(b"\r"):
        raise ValueError(Errors.X166.format(path=file.path))


def _shown_files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.is_file() and not path.name.startswith("."))


def _files_of_folder(folder: Path, suffixes: Sequence[str]) -> list[TextFile]:
    paths = _shown_files(folder)
    accepted = [path for path in paths if kind_of_file(path) in suffixes]
    if not accepted:
        more = f" and {len(paths) - MOST_NAMES} more" if len(paths) > MOST_NAMES else ""
        found = (", ".join(path.name for path in paths[:MOST_NAMES]) or "no file") + more
        raise ValueError(Errors.X107.format(path=folder, found=found, expected=listed_kinds(suffixes)))
    return [TextFile(path, name_of(path), kind_of_file(path)) for path in accepted]


def _single_file(path: Path, suffixes: Sequence[str]) -> TextFile:
    if not path.is_file():
        raise FileNotFoundError(Errors.X106.format(path=path))
    kind = kind_of_file(path)
    if kind not in suffixes:
        raise ValueError(Errors.X108.format(path=path, expected=listed_kinds(suffixes)))
    return TextFile(path, None, kind)


def is_gzipped(path: Path) -> bool:
    """Whether a file's name says that it is gzipped."""
    return path.suffix.lower() == GZIP


def kind_of_file(path: Path) -> str:
    """The kind of a file, as its name says, gzipped or not."""
    named = path.with_suffix("") if is_gzipped(path) else path
    return named.suffix.lower().removeprefix(".")


def listed_kinds(suffixes: Sequence[str]) -> str:
    """The kinds of file as a message lists them."""
    return ", ".join(f".{suffix}" for suffix in suffixes)
