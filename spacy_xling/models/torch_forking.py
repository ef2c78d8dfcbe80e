"""What torch needs in a fork, as that of `nlp.pipe(n_process=2)`: hooks that run when a process is forked.
Importing registers those.
"""

import os
import time
from collections.abc import Iterable
from threading import Thread

import torch

# Seconds to wait for threads to be gone, which takes far less: their number may be another thread's by then.
PATIENCE = 1.0
# Native numbers of threads that may not be gone yet.
_joined: set[int] = set()


def fork_after(threads: Iterable[Thread]) -> None:
    """Let no process be forked before some threads are gone. A thread that has been joined still frees what
    MKL holds for it, under a lock that a child forked meanwhile would wait for for ever.

    threads (Iterable[Thread]): Threads that ran torch and were joined.
    """
    _joined.update(thread.native_id for thread in threads if thread.native_id is not None)
    _forget_gone()


def _forget_gone() -> None:
    for number in list(_joined):
        # Only Linux has this folder, and only there is MKL's lock known to be left locked.
        if not os.path.exists(f"/proc/self/task/{number}"):
            _joined.discard(number)


def _before_fork() -> None:
    deadline = time.monotonic() + PATIENCE
    _forget_gone()
    while _joined and time.monotonic() < deadline:
        time.sleep(0.0001)
        _forget_gone()
    _joined.clear()


def _after_fork_in_child() -> None:
    # A child forked from a parent that ran torch on several threads hangs in torch's thread pool.
    torch.set_num_threads(1)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before_fork, after_in_child=_after_fork_in_child)
