"""Passes of an encoder side by side.

A pass is many small kernels with Python between them: a second thread inside each kernel gains little, above
all in bf16 or with a small encoder. Two passes at a time keep two cores at work.
"""

from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import AbstractContextManager
from typing import TypeVar

import torch

Batch = TypeVar("Batch")
Result = TypeVar("Result")


def run_passes(
    run: Callable[[Batch], Result],
    batches: Sequence[Batch],
    mode: Callable[[], AbstractContextManager[None]],
    at_once: int,
) -> list[Result]:
    """Run a pass for each batch, several at a time, which share torch's threads.

    Their own threads end with the call, so that a process may be forked after it.

    run (Callable): A pass, which several threads may run at a time.
    batches (Sequence): What it takes, the longest first.
    mode (Callable): Makes the context that a thread runs its passes in: torch keeps such settings by thread.
    at_once (int): The most passes at a time.
    RETURNS (list): What it gave, in the order of the batches.
    RAISES (Exception): What a pass raised; those that haven't begun are left out.
    """
    waiting = deque(enumerate(batches))
    results: dict[int, Result] = {}

    def work() -> None:
        with mode():
            while waiting:
                try:
                    number, batch = waiting.popleft()
                except IndexError:  # pragma: no cover  (another thread was faster)
                    return
                results[number] = run(batch)

    n_workers = min(at_once, len(batches))
    if n_workers < 2:
        work()
        return list(results.values())
    n_threads = torch.get_num_threads()

    def start() -> None:
        torch.set_num_threads(max(1, n_threads // n_workers))
        work()

    try:
        with ThreadPoolExecutor(n_workers) as pool:
            try:
                for worker in as_completed([pool.submit(start) for _ in range(n_workers)]):
                    worker.result()
            finally:
                waiting.clear()
    finally:
        # What a thread says of itself holds for threads that are yet to start, too.
        torch.set_num_threads(n_threads)
    return [results[number] for number in range(len(batches))]
