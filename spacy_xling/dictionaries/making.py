"""Dictionaries for all files of parallel text."""

import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from statistics import mode
from typing import NamedTuple

import tqdm  # type: ignore[import-untyped]

from ..data.codes import HYPHEN, split_languages
from ..data.conversion import read_docs
from ..data.files import TextFile, require_new_files
from ..data.labelled import build_labelled_text_v1
from ..data.languages import get_language
from ..data.parallel import ParallelText, read_pairs
from ..errors import Errors
from ..writing import write_file
from .bitext import read_bitext
from .coverage import Coverage, measure_coverage
from .dictionary import Dictionary
from .induction import Entry, induce
from .reader import entry_key

# More pairs of texts take memory and time, and add rare words.
MOST_TEXTS = 1_000_000
# Entries to look at.
SAMPLE = 20


class ParallelFile(NamedTuple):
    """A file of parallel text, and which of its sides is which.

    file (TextFile): The file.
    source (str): The language of the words to look up.
    target (str): The language of their translations.
    turned (bool): The source language stands on the second side.
    """

    file: TextFile
    source: str
    target: str
    turned: bool


class MadeDictionary(NamedTuple):
    """A dictionary that was written.

    path (Path): Its file.
    source (str): The language of the words.
    target (str): The language of the translations.
    n_pairs (int): Pairs of texts it was made from.
    n_entries (int): Pairs of a word and a translation.
    n_words (int): Words that have a translation.
    sample (Sequence[Entry]): Some entries, evenly spread.
    seconds (float): How long it took.
    coverage (Coverage | None): How many of the words of the labelled text it has, if there is such text.
    """

    path: Path
    source: str
    target: str
    n_pairs: int
    n_entries: int
    n_words: int
    sample: Sequence[Entry]
    seconds: float
    coverage: Coverage | None


def init_dictionaries(
    parallel: ParallelText,
    output: Path,
    *,
    source: str | None = None,
    labelled: Path | None = None,
    overwrite: bool = False,
    max_pairs: int = MOST_TEXTS,
    jobs: int = 1,
    progress: bool = False,
) -> Iterator[MadeDictionary]:
    """Make a dictionary from each file of parallel text, see `induce`. The same text gives the same files.

    parallel (ParallelText): The parallel text, in files named as `en-da.tsv`.
    output (Path): The folder to write, `en-da.tsv` and so on: word, tab, translation, tab, weight.
    source (str | None): The language of the labelled text; it may stand on either side of a file. None for
        the one that most of the labelled texts say, and without any for the one that all files name first.
    labelled (Path | None): Labelled text: how many of its words each dictionary has is counted.
    overwrite (bool): Replace files that are there.
    max_pairs (int): The most pairs of a file; of more, that number evenly spread over the file.
    jobs (int): Files at a time, each in a process of its own, with its own memory.
    progress (bool): Show a progress bar.
    YIELDS (MadeDictionary): Each dictionary, once its file is written.
    RAISES (ValueError): The source language isn't known, or in no file; a file is there already, or the
        folder is that of the parallel text; a line is no pair, or no pair has a word on both sides.
        (OSError): A file can't be written.
    """
    docs = [] if labelled is None else read_docs(build_labelled_text_v1(labelled))
    known = [language for language in map(get_language, docs) if language is not None]
    files = find_parallel(parallel, source or (mode(known) if known else None))
    paths = [output / f"{found.source}{HYPHEN}{found.target}.tsv" for found in files]
    if output.resolve() in {found.file.path.resolve().parent for found in files}:
        raise ValueError(Errors.X160.format(path=output))
    require_new_files(paths, overwrite=overwrite)
    texts = [doc.text for doc in docs if get_language(doc) in (files[0].source, None)]
    if labelled is not None and not texts:
        raise ValueError(Errors.X157.format(path=labelled, source=files[0].source))
    # All lines are read once before anything is written.
    counts = [sum(1 for _ in read_pairs(found.file)) for found in files]
    with (
        tqdm.tqdm(total=len(files), disable=None if progress else True, leave=False) as bar,
        ExitStack() as stack,
    ):
        # The executor starts as many processes as it is given, whether or not there is work for them.
        workers = min(jobs, len(paths))
        apply = map if workers == 1 else stack.enter_context(ProcessPoolExecutor(workers)).map
        for made in apply(partial(_make, texts=texts, max_pairs=max_pairs), files, paths, counts):
            bar.set_description(made.path.name)
            bar.update()
            yield made


def find_parallel(parallel: ParallelText, source: str | None) -> list[ParallelFile]:
    """Find the files that have the source language on a side.

    parallel (ParallelText): The parallel text.
    source (str | None): The source language; None for the one that all files name first.
    RETURNS (list[ParallelFile]): The files, one for each target language.
    RAISES (ValueError): The source language isn't known, or in no file; two files are of the same languages.
    """
    by_name = parallel.files_by_name()
    if source is None:
        firsts = sorted({split_languages(name)[0] for name in by_name})
        if len(firsts) > 1:
            raise ValueError(Errors.X155.format(path=parallel.path, found=", ".join(by_name)))
        source = firsts[0]
    found: dict[str, ParallelFile] = {}
    for name, file in by_name.items():
        before, after = name.removeprefix(f"{source}{HYPHEN}"), name.removesuffix(f"{HYPHEN}{source}")
        target = before if before != name else after
        if target == name or not target:
            continue
        if target in found:
            raise ValueError(Errors.X153.format(path=file.path, other=found[target].file.path))
        found[target] = ParallelFile(file, source, target, turned=before == name)
    if not found:
        raise ValueError(Errors.X156.format(path=parallel.path, source=source, found=", ".join(by_name)))
    return list(found.values())


def _make(
    found: ParallelFile, path: Path, n_pairs: int, *, texts: Sequence[str], max_pairs: int
) -> MadeDictionary:
    start = time.perf_counter()
    bitext = read_bitext(_spread(found, n_pairs, max_pairs))
    n_read = len(bitext.source.lengths)
    entries = induce(bitext) if n_read else []
    if not entries:
        raise ValueError(Errors.X158.format(path=found.file.path))
    write_file(path, "".join(f"{word}\t{text}\t{weight:.4f}\n" for word, text, weight in entries))
    by_word: dict[str, dict[str, float]] = {}
    for word, text, weight in entries:
        by_word.setdefault(entry_key(word), {})[text] = weight
    dictionary = Dictionary(found.source, found.target, by_word)
    return MadeDictionary(
        path=path,
        source=found.source,
        target=found.target,
        n_pairs=n_read,
        n_entries=len(entries),
        n_words=len(dictionary),
        sample=entries[:: max(1, len(entries) // SAMPLE)][:SAMPLE],
        seconds=time.perf_counter() - start,
        coverage=measure_coverage(dictionary, texts) if texts else None,
    )


def _spread(found: ParallelFile, n_pairs: int, most: int) -> Iterator[tuple[str, str]]:
    """The pairs of a file, source first; of more than a limit, those at even distances."""
    for number, pair in enumerate(read_pairs(found.file)):
        # Of 5 pairs 2 are taken where number * 2 // 5 grows: 0 0 0 1 1 (2).
        if n_pairs <= most or (number + 1) * most // n_pairs > number * most // n_pairs:
            yield (pair.second, pair.first) if found.turned else (pair.first, pair.second)
