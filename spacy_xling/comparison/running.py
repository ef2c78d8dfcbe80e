"""Runs as processes, one after another or several at a time."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from typing import NamedTuple

from ..data.files import require_new_files
from ..errors import Errors
from ..writing import locked
from .jobs import LOG_FILE, Job, claim, is_finished, settle

# Where libraries read their number of threads.
THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "RAYON_NUM_THREADS")
LOCK_FILE = "lock"
# Seconds: between two looks at the processes, and how long those of a killed comparison may take to end.
POLL, PATIENCE = 0.05, 20.0

Say = Callable[[str], None]
# A file or a pipe shows a line at once too.
say_at_once = partial(print, flush=True)


class Machine(NamedTuple):
    """How to do runs.

    parallel (int): How many at a time.
    gpu_id (int): The GPU, or -1.
    code (Path | None): A file that each process imports first.
    lock (int | None): Handle of the lock on the comparison's folder, which each process holds too.
    """

    parallel: int = 1
    gpu_id: int = -1
    code: Path | None = None
    lock: int | None = None


def run_jobs(jobs: Sequence[Job], machine: Machine, say: Say) -> dict[Path, str]:
    """Do the runs that aren't finished. A failed one is reported, and the others continue.

    jobs (Sequence[Job]): The runs; one that makes an encoder comes before those that start from it.
    machine (Machine): How to do them.
    say (Callable[[str], None]): Takes a line about each run.
    RETURNS (dict[Path, str]): The errors of those that failed, by folder.
    """
    if machine.parallel < 1:
        raise ValueError(Errors.X777.format(jobs=machine.parallel))
    waiting = [job for job in jobs if not is_finished(job)]
    for job in jobs:
        if is_finished(job):
            settle(job)
            say(f"{job.title}: finished before")
    running: dict[Path, Process] = {}
    failed: dict[Path, str] = {}
    try:
        while waiting or running:
            for job in _startable(waiting, machine.parallel - len(running), failed, say):
                say(f"{job.title}: started")
                running[job.folder] = Process(job, machine)
            for process in [p for p in running.values() if p.has_ended]:
                del running[process.job.folder]
                _note_end(process, failed, say)
            time.sleep(POLL)
    finally:
        for process in running.values():
            process.kill()
    return failed


class Process:
    """The process of a run."""

    def __init__(self, job: Job, machine: Machine) -> None:
        self.job = job
        self._started = time.perf_counter()
        claim(job)
        command = [sys.executable, "-m", "spacy_xling.comparison.process", str(job.folder)]
        command += ["--gpu-id", str(machine.gpu_id)]
        command += [] if machine.code is None else ["--code", str(machine.code)]
        with (job.folder / LOG_FILE).open("ab") as log:
            self._process = subprocess.Popen(
                command,
                # It ends when this pipe does.
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=_environment(machine.parallel),
                pass_fds=() if machine.lock is None else (machine.lock,),
                # Ctrl-C is for this process only.
                start_new_session=True,
            )

    @property
    def has_ended(self) -> bool:
        return self._process.poll() is not None

    @property
    def seconds(self) -> float:
        """Seconds since its start."""
        return time.perf_counter() - self._started

    @property
    def error(self) -> str | None:
        """Its error; None if its run is finished."""
        status = self._process.returncode
        if status == 0 and is_finished(self.job):
            return None
        said = last_line(self.job.folder / LOG_FILE)
        return f"killed by {signal.Signals(-status).name} ({said})" if status < 0 else said

    def kill(self) -> None:
        """End it at once; what it has saved is whole."""
        self._process.kill()
        self._process.wait()
        self.close()

    def close(self) -> None:
        """Close its pipe."""
        if self._process.stdin is not None:
            self._process.stdin.close()


def own_folder(output: Path) -> AbstractContextManager[int]:
    """Keep a second comparison out of a folder, which is made if it is missing, and wait for processes that a
    killed one left; see `locked`.

    RAISES (ValueError): X145: it can't be a folder.
    """
    require_new_files([output / LOCK_FILE], overwrite=True)
    return locked(output / LOCK_FILE, PATIENCE)


def last_line(path: Path) -> str:
    """The last line of a log that isn't blank; an empty one if there is none."""
    text = path.read_bytes().decode("utf8", errors="replace")
    return next((line.strip() for line in reversed(text.splitlines()) if line.strip()), "")


def threads_each(parallel: int, environment: Mapping[str, str]) -> int:
    """How many threads, 1 or more, each of several processes gets; OMP_NUM_THREADS in the environment may set
    a limit for all together.
    """
    given = environment.get("OMP_NUM_THREADS", "")
    total = int(given) if given.isdecimal() else len(os.sched_getaffinity(0))
    return max(1, total // parallel)


def _environment(parallel: int) -> dict[str, str]:
    threads = str(threads_each(parallel, os.environ))
    return {
        **os.environ,
        **dict.fromkeys(THREADS, threads),
        "PYTHONUNBUFFERED": "1",
        "PYTHONIOENCODING": "utf8:replace",
    }


def _startable(waiting: list[Job], room: int, failed: dict[Path, str], say: Say) -> Iterator[Job]:
    """The runs that can start now, removed from those that wait."""
    for job in list(waiting):
        if job.encoder is not None and job.encoder.folder in failed:
            waiting.remove(job)
            failed[job.folder] = f"its {job.encoder.title} failed"
            say(f"{job.title}: skipped, its {job.encoder.title} failed")
        elif room > 0 and (job.encoder is None or is_finished(job.encoder)):
            waiting.remove(job)
            room -= 1
            yield job


def _note_end(process: Process, failed: dict[Path, str], say: Say) -> None:
    job, error = process.job, process.error
    process.close()
    if error is None:
        settle(job)
        say(f"{job.title}: done in {process.seconds:.0f} s")
    else:
        failed[job.folder] = error
        say(f"{job.title}: failed: {error} (log: {job.folder / LOG_FILE})")
