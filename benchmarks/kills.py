"""A command that is killed and resumed until it has ended."""

import subprocess
from collections.abc import Callable, Iterable


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
