"""Pairs of texts in two languages, one the translation of the other."""

from contextlib import closing
from pathlib import Path
from typing import Dict, Iterator, List, Tuple

from ..errors import Errors
from .files import LineReader, TextFile, find_files
from .sampling import reservoir_sample

Pair = Tuple[str, str]


def read_pairs(path: Path, limit: int, *, seed: int = 0) -> Dict[str, List[Pair]]:
    """Sample pairs of each file, all pairs of a file with the same chance.

    path (Path): A folder of files such as `en-da.tsv` or `en-da.tsv.gz`, or one such file. A line is a
        text, a tab and its translation; there is no header, quotes are text, and blank lines are passed
        over.
    limit (int): The most pairs of a file.
    seed (int): Seed of the draws.
    RETURNS (Dict[str, List[Pair]]): The pairs by the file's name up to its first dot, "en-da".
    RAISES (ValueError): If a line has not two columns that are filled, naming the file and the line, or the
        files are not such as `find_files` takes.
    """
    by_name: Dict[str, List[TextFile]] = {}
    for file in find_files(path, ["tsv"]):
        by_name.setdefault(file.path.name.split(".")[0], []).append(file)
    return {name: reservoir_sample(_pairs(files), limit, seed=seed) for name, files in by_name.items()}


def _pairs(files: List[TextFile]) -> Iterator[Pair]:
    for file in files:
        with closing(LineReader(file)) as lines:
            for line in lines:
                if line.strip():
                    yield _pair(lines, line)


def _pair(lines: LineReader, line: str) -> Pair:
    columns = [column.strip() for column in line.split("\t")]
    filled = sum(map(bool, columns))
    if len(columns) != 2 or filled != 2:
        raise ValueError(
            Errors.X135.format(path=lines.file.path, line=lines.line, found=len(columns), filled=filled)
        )
    first, second = columns
    return first, second
