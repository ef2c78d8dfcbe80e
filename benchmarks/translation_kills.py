"""Does `spacy xling translate` keep its memory, and lose nothing to kills?

    python benchmarks/translation_kills.py MODEL TEXTS --from en --to da [--kills 5] [--seed 0]

Translates the texts once without a kill, and prints seconds and the resident memory at each tenth of that
time. Then it does so again, kills the process at random moments, resumes with `--resume` each time, and
compares the bytes. MODEL may be any checkpoint: a tiny one with random weights does.
"""

import argparse
import json
import random
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

from kills import resident_mb, run_with_kills

POLL = 0.2


def start(options: argparse.Namespace, output: Path) -> "subprocess.Popen[bytes]":
    command = [
        "-m",
        "spacy",
        "xling",
        "translate",
        options.texts,
        "--model",
        options.model,
        "--to",
        options.to,
    ]
    command += ["--from", options.source, "--output", output, "--beams", "1", "--no-retry", "--resume"]
    return subprocess.Popen(
        [sys.executable, *map(str, command)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )


def run_whole(options: argparse.Namespace, output: Path) -> tuple[float, list[float]]:
    """Seconds of a run, and its memory in MB at each tenth of them."""
    began = time.monotonic()
    memory = []
    process = start(options, output)
    while process.poll() is None:
        memory.append(resident_mb(process.pid))
        time.sleep(POLL)
    if process.returncode:
        raise SystemExit("The translation failed: run the command by itself.")
    tenths = [memory[len(memory) * number // 10 - 1] for number in range(1, 11)]
    return time.monotonic() - began, tenths


def run_killed(options: argparse.Namespace, output: Path, seconds: float) -> int:
    """Run to the end, with kills between; returns how many there were."""
    generator = random.Random(options.seed)
    longest = seconds * 2 / (options.kills + 2)
    lifetimes = [generator.uniform(0.1, 1.0) * longest for _ in range(options.kills)]
    return run_with_kills(partial(start, options, output), lifetimes)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("model")
    parser.add_argument("texts", type=Path)
    parser.add_argument("--from", dest="source", required=True)
    parser.add_argument("--to", required=True)
    parser.add_argument("--kills", type=int, default=5)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        whole, killed = Path(place) / "whole", Path(place) / "killed"
        seconds, memory = run_whole(options, whole)
        print(
            json.dumps({"seconds": round(seconds, 1), "memory_mb_by_tenth": [round(mb) for mb in memory]}),
            flush=True,
        )
        kills = run_killed(options, killed, seconds)
        name = f"{options.to}.jsonl"
        same = (whole / name).read_bytes() == (killed / name).read_bytes()
        lines = sum(1 for _ in (whole / name).open("rb"))
        print(json.dumps({"kills": kills, "same_bytes": same, "lines": lines}))


if __name__ == "__main__":
    main()
