"""Passes of an encoder side by side, on the CPU.

A pass is many small kernels with Python between them: a second thread inside each kernel gains little, above
all in bf16 or with a small encoder. Two passes at a time keep two cores at work.
"""

from collections import deque
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, suppress
from heapq import heapreplace
from threading import Lock, Semaphore, Thread
from typing import TypeVar

import torch

from .forking import hold_during_fork
from .torch_forking import fork_after

# What keeps a thread at work, in pieces: less passes faster with all threads within each kernel.
WORTH_A_THREAD = 1024
# Held while torch's number of threads, which is one for all threads that are yet to begin, isn't what it was.
_starting = Lock()
hold_during_fork(_starting)
Batch = TypeVar("Batch")
Result = TypeVar("Result")
Gathered = TypeVar("Gathered")


def count_threads() -> int:
    """How many threads torch has, for this thread."""
    with _starting:
        return torch.get_num_threads()


def count_passes(cost: int, most: int, n_threads: int) -> int:
    """How many passes of the same size to make: the fewest that cost `most` or less each and are a multiple
    of the threads at work, so that none waits for the last. Each of these has `WORTH_A_THREAD` at least.

    cost (int): What all windows cost, in pieces; see `pieces.padding.work`.
    most (int): The most that a pass may cost.
    n_threads (int): Number of threads.
    RETURNS (int): The number, 1 or more.
    """
    at_once = max(n for n in _divisors(n_threads) if n == 1 or cost >= n * WORTH_A_THREAD)
    return max(1, -(-cost // (most * at_once))) * at_once


def passes_at_once(costs: Sequence[int], n_threads: int) -> int:
    """How many passes should run at a time: the most for which threads wait for the last one for less than a
    fifth of the time, and each pass has the same number of threads.

    costs (Sequence[int]): What each pass costs, as they pass.
    n_threads (int): Number of threads.
    RETURNS (int): A divisor of the number of threads.
    """
    divisors = _divisors(n_threads)
    return max(n for n in divisors if n == 1 or 4 * n * _last_end(costs, n) < 5 * sum(costs))


def _divisors(number: int) -> list[int]:
    return [n for n in range(1, number + 1) if number % n == 0]


def _last_end(costs: Sequence[int], n_workers: int) -> int:
    """When the last pass ends, where each worker takes the next one as soon as it is free."""
    ends = [0] * n_workers
    for cost in costs:
        heapreplace(ends, ends[0] + cost)
    return max(ends)


def run_passes(
    run: Callable[[Batch], Result],
    batches: Sequence[Batch],
    gather: Callable[[list[Result]], Gathered],
    mode: Callable[[], AbstractContextManager[None]],
    *,
    n_threads: int,
    at_once: int,
) -> Gathered:
    """Run a pass for each batch, and bring together what they gave.

    Threads that it starts end with the call, so that a process may be forked after it. Passes for which no
    thread can start, as at the end of a process, run in the calling one.

    run (Callable): A pass, which several threads may run at a time.
    batches (Sequence): What it takes, the longest first.
    gather (Callable): Takes what the passes gave, in the order of the batches. It runs once, on the last of
        the threads to end: the calling one's threads of torch would have to be waked for it.
    mode (Callable): Makes the context that a thread runs its passes in: torch keeps such settings by thread.
    n_threads (int): Torch's threads, which the passes share, from `count_threads`.
    at_once (int): How many run at a time; 1 leaves all of them to the calling thread.
    RETURNS (Gathered): What `gather` gave.
    RAISES (Exception): What a pass or `gather` raised; passes that haven't begun are left out.
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

    def finish() -> Gathered:
        return gather([results[number] for number in range(len(batches))])

    if at_once == 1:
        work()
        return finish()
    return _in_threads(work, finish, n_threads, at_once, give_up=waiting.clear)


def _in_threads(
    work: Callable[[], None],
    finish: Callable[[], Gathered],
    n_threads: int,
    n_workers: int,
    give_up: Callable[[], None],
) -> Gathered:
    started = Semaphore(0)
    at_work = list(range(n_workers))
    gathered: list[Gathered] = []
    errors: list[BaseException] = []

    def run() -> None:
        try:
            work()
            # The first number is the last to be taken.
            if at_work.pop() == 0:
                gathered.append(finish())
        except BaseException as error:
            errors.append(error)
            give_up()

    def start() -> None:
        # A thread that hasn't asked yet would take the number of all when its first kernel asks.
        torch.get_num_threads()
        torch.set_num_threads(n_threads // n_workers)
        started.release()
        run()

    # Threads of our own: Python's pools take no more work once the main thread has ended.
    threads: list[Thread] = []
    try:
        with _starting:
            # At the end of a process, or of what it may have, no more start.
            with suppress(RuntimeError):
                for _ in range(n_workers):
                    thread = Thread(target=start)
                    thread.start()
                    threads.append(thread)
            for _ in threads:
                started.acquire()
            torch.set_num_threads(n_threads)
        for _ in range(n_workers - len(threads)):
            run()
        for thread in threads:
            thread.join()
    except BaseException:
        # A user interrupts, perhaps before all threads have started.
        give_up()
        for thread in threads:
            thread.join()
        with _starting:
            torch.set_num_threads(n_threads)
        raise
    finally:
        fork_after(threads)
    if errors:
        raise errors.pop(0)
    return gathered[0]
