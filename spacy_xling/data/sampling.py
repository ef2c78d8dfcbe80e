"""Samples of text in constant memory."""

from pathlib import Path
from typing import Dict, Iterable, List, Optional, Sequence, TypeVar

import numpy as np

from .parallel import TextPair, build_parallel_text_v1, read_pairs
from .unlabelled import files_by_language, read_texts

Item = TypeVar("Item")


def sample_texts(
    path: Path,
    limit: int,
    *,
    seed: int = 0,
    languages: Optional[Sequence[str]] = None,
    field: str = "text",
) -> Dict[Optional[str], List[str]]:
    """Sample texts of each language, all texts of a language with the same chance.

    Which texts are taken depends on nothing but the seed and their number: languages with as many texts
    give the same lines, so that texts that are aligned stay aligned.

    path (Path): A file, or a folder of files by language, as the UnlabelledText reader takes.
    limit (int): The most texts of a language.
    seed (int): Seed of the draws.
    languages (Optional[Sequence[str]]): The languages to read, None or no name for all.
    field (str): Field of the text in JSONL.
    RETURNS (Dict[Optional[str], List[str]]): The texts of each language; the language of a single file is
        None.
    RAISES (ValueError): If a language is missing or holds no text, or a line cannot be read.
    """
    return {
        language: reservoir_sample(read_texts(files, field=field), limit, seed=seed)
        for language, files in files_by_language(path, languages=languages).items()
    }


def sample_pairs(path: Path, limit: int, *, seed: int = 0) -> Dict[str, List[TextPair]]:
    """Sample pairs of each file, all pairs of a file with the same chance.

    path (Path): A folder of files such as `en-da.tsv`, or one such file, as the ParallelText reader takes.
    limit (int): The most pairs of a file.
    seed (int): Seed of the draws.
    RETURNS (Dict[str, List[TextPair]]): The pairs by the file's name up to its first dot, "en-da".
    RAISES (ValueError): If a line is no pair, naming the file and the line, or the files are not such as the
        reader takes.
    """
    return {
        name: reservoir_sample(read_pairs(file), limit, seed=seed)
        for name, file in build_parallel_text_v1(path).files_by_name().items()
    }


def reservoir_sample(items: Iterable[Item], size: int, *, seed: int) -> List[Item]:
    """Draw items without replacement in one pass that holds no more than the sample (Vitter 1985, ACM
    Transactions on Mathematical Software 11(1), algorithm R).

    items (Iterable[Item]): The items.
    size (int): How many to draw, 1 or more.
    seed (int): Seed of the draws.
    RETURNS (List[Item]): The sample, in no order; all items if there are not more.
    """
    generator = np.random.default_rng(seed)
    sample: List[Item] = []
    for number, item in enumerate(items):
        if number < size:
            sample.append(item)
        elif (slot := int(generator.integers(number + 1))) < size:
            sample[slot] = item
    return sample
