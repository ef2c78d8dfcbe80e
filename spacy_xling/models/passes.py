"""Passes of an encoder side by side, on the CPU.

A pass is many small kernels with Python between them: a second thread inside each kernel gains little, above
all in bf16 or with a small encoder. Two passes at a time keep two cores at work.
"""

from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import AbstractContextManager
from threading import Lock, Semaphore
from typing import TypeVar

import torch

# Held while torch's number of threads, which is one for all threads that are yet to begin, isn't what it was.
_starting = Lock()
Batch = TypeVar("Batch")
Result = TypeVar("Result")


def count_threads() -> int:
    """How many threads torch has, for this thread."""
    with _starting:
        return torch.get_num_threads()


def passes_at_once(sizes: Sequence[int], n_threads: int) -> int:
    """How many passes should run at a time: so many that the others wait for the largest, at the end, for a
    quarter of the time at most, and each with the same number of threads. Fewer passes are faster one by one.

    sizes (Sequence[int]): Padded pieces of each pass.
    n_threads (int): Number of threads.
    RETURNS (int): A divisor of the number of threads.
    """
    total, largest = sum(sizes), max(sizes, default=1)
    divisors = (n for n in range(1, n_threads + 1) if n_threads % n == 0)
    return max(n for n in divisors if n == 1 or 4 * (n - 1) * largest <= total)


def run_passes(
    run: Callable[[Batch], Result],
    batches: Sequence[Batch],
    mode: Callable[[], AbstractContextManager[None]],
    *,
    n_threads: int,
    at_once: int,
) -> list[Result]:
    """Run a pass for each batch.

    Threads that it starts end with the call, so that a process may be forked after it.

    run (Callable): A pass, which several threads may run at a time.
    batches (Sequence): What it takes, the longest first.
    mode (Callable): Makes the context that a thread runs its passes in: torch keeps such settings by thread.
    n_threads (int): Torch's threads, which the passes share, from `count_threads`.
    at_once (int): How many run at a time; 1 leaves all of them to the calling thread.
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

    if at_once == 1:
        work()
    else:
        _in_threads(work, n_threads, at_once, give_up=waiting.clear)
    return [results[number] for number in range(len(batches))]


def _in_threads(
    work: Callable[[], None], n_threads: int, n_workers: int, give_up: Callable[[], None]
) -> None:
    started = Semaphore(0)

    def start() -> None:
        # A thread that hasn't asked yet would take the number of all when its first kernel asks.
        torch.get_num_threads()
        torch.set_num_threads(n_threads // n_workers)
        started.release()
        work()

    try:
        # The pool waits for its threads, also where one failed or a user interrupts.
        with ThreadPoolExecutor(n_workers) as pool:
            try:
                with _starting:
                    workers = [pool.submit(start) for _ in range(n_workers)]
                    for _ in workers:
                        started.acquire()
                    torch.set_num_threads(n_threads)
                for worker in as_completed(workers):
                    worker.result()
            finally:
                give_up()
    except BaseException:
        # Where not all threads had started.
        torch.set_num_threads(n_threads)
        raise
