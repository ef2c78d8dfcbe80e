"""A command that is killed and resumed until it has ended, and the memory of a process."""

import subprocess
from collections.abc import Callable, Iterable
from pathlib import Path


def run_with_kills(start: Callable[[], "subprocess.Popen[bytes]"], lifetimes: Iterable[float]) -> int:
    """Run a command to its end, with kills between.

    start (Callable[[], Popen]): Starts the command, or resumes it.
    lifetimes (Iterable[float]): Seconds after which each kill comes, from a start on.
    RETURNS (int): How many kills there were before the end.
    RAISES (SystemExit): The command failed.
    """
    killed = 0
    for lifetime in (*lifetimes, None):
        process = start()
        try:
            if process.wait(lifetime):
                raise SystemExit("The command failed: run it by itself.")
            break
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            killed += 1
    return killed


def resident_mb(process: int | str = "self") -> float:
    """Resident memory of a process in MB, by its number; 0 for one that has just ended."""
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS")), 0.0)
