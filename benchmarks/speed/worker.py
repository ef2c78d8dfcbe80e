"""One measurement in a process of its own, so that its peak memory is that of it alone.

    python -m benchmarks.speed.worker MODULE:FUNCTION ARGUMENTS OUTPUT

ARGUMENTS is JSON. What the function gives is written to OUTPUT as JSON, with the peak memory of the process
and the share of its time that it waited for a core, which others had.
"""

import importlib
import json
import os
import resource
import sys
import time
import warnings
from pathlib import Path
from typing import Any

from .skipping import Skipped


def peak_memory() -> int:
    """The most memory in bytes that this process has had resident, the loading of its model included."""
    status = Path("/proc/self/status")
    if status.exists():
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) * 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def waiting_seconds() -> float:
    """Seconds that the main thread could have run and had no core; 0 where the system doesn't say."""
    schedstat = Path("/proc/self/schedstat")
    return int(schedstat.read_text().split()[1]) * 1e-9 if schedstat.exists() else 0.0


def run(target: str, arguments: dict[str, Any]) -> dict[str, Any]:
    """Call a function of this package.

    target (str): Its module and name, e.g. "training:plain_loop".
    arguments (dict[str, Any]): What it takes.
    RETURNS (dict[str, Any]): Its figures, or why it was skipped.
    """
    module, name = target.split(":")
    started, waited = time.perf_counter(), waiting_seconds()
    try:
        figures = getattr(importlib.import_module(f"{__package__}.{module}"), name)(**arguments)
    except Skipped as reason:
        return {"skipped": str(reason)}
    # What makes material gives its folder.
    own = figures if isinstance(figures, dict) else {}
    share = (waiting_seconds() - waited) / (time.perf_counter() - started)
    return {**own, "peak_memory": peak_memory(), "waited": round(share, 3)}


def main() -> None:
    warnings.simplefilter("ignore")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "true")
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    target, arguments, output = sys.argv[1:]
    Path(output).write_text(json.dumps(run(target, json.loads(arguments))), encoding="utf-8")


if __name__ == "__main__":
    main()
