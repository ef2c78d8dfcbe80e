"""Resident memory while very many texts pass a pipeline."""

import resource
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import spacy

from .material import make_own_pipeline

BATCH_SIZE, CHUNK, REPORTS = 256, 10_000, 10


def resident_memory() -> int:
    """Bytes that this process has resident now; where there is no /proc, the most it ever had."""
    statm = Path("/proc/self/statm")
    if statm.exists():
        return int(statm.read_text().split()[1]) * resource.getpagesize()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def memory_over_texts(work: str, shape: str, texts: int, tokenizer_alone: bool = False) -> dict[str, Any]:
    """`nlp.pipe` within a memory zone for each chunk. Each text has a word that no other has, so that the
    vocabulary would grow.

    work (str): Folder with pipelines.
    shape (str): Name of the encoder's shape.
    texts (int): Number of texts.
    tokenizer_alone (bool): Whether our component is left out, and spaCy's tokenizer alone runs.
    RETURNS (dict[str, Any]): Texts per second, and `resident`: pairs of texts so far and bytes.
    """
    nlp = spacy.load(make_own_pipeline(work, shape))
    if tokenizer_alone:
        nlp.disable_pipes(nlp.pipe_names)
    every = max(1, texts // REPORTS)
    started, resident = time.perf_counter(), []
    for start in range(0, texts, every):
        end = min(texts, start + every)
        for first in range(start, end, CHUNK):
            with nlp.memory_zone():
                for _ in nlp.pipe(short_texts(first, min(end, first + CHUNK)), batch_size=BATCH_SIZE):
                    pass
        resident.append((end, resident_memory()))
    return {"texts_per_second": texts / (time.perf_counter() - started), "resident": resident}


def short_texts(start: int, end: int) -> Iterator[str]:
    """Texts by number, all different."""
    return (f"Where is parcel nr{number}?" for number in range(start, end))
