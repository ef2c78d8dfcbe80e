"""Texts per second of the engines of `spacy xling apply`, and what each costs to start.

    python benchmarks/engines.py MODEL TEXTS [--few 4096] [--repeats 3] [--only NAMES] [--json FILE]

Runs the command over the first FEW texts and over all of them: one process with two threads, two processes of
a thread each, Ray and Spark with two workers of a thread each, Spark in batches of 1,024, for a batch is a
job there. All of them in turns, REPEATS times. The few are some batches for each worker, so that all have
loaded: their seconds say what starting costs. The texts between, by the seconds between, are the throughput.
Medians of the repeats are printed, with the throughput beside that of one process in the same round. TEXTS is
JSONL with "text".
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from itertools import islice
from pathlib import Path
from typing import Any

from spacy_xling.writing import write_json

FIRST = "one process, two threads"
ENGINES = {
    FIRST: ["--threads", "2"],
    "two processes": ["--n-process", "2", "--threads", "1"],
    "Ray, two workers": ["--engine", "ray", "--n-process", "2", "--threads", "1"],
    "Spark, two workers": ["--engine", "spark", "--n-process", "2", "--threads", "1", "--batch-size", "1024"],
}


def seconds_of(model: Path, data: Path, options: list[str]) -> float:
    """Wall seconds of the command."""
    output = data.with_name("scored.jsonl")
    command = [sys.executable, "-m", "spacy", "xling", "apply", model, data, output, "--overwrite", *options]
    started = time.monotonic()
    subprocess.run([*map(str, command)], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return time.monotonic() - started


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("texts", type=Path)
    parser.add_argument("--few", type=int, default=4096)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--only", nargs="+", choices=ENGINES, default=list(ENGINES))
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    lines = options.texts.read_text(encoding="utf-8").splitlines(keepends=True)
    rounds: list[dict[str, dict[str, float]]] = []
    with tempfile.TemporaryDirectory() as place:
        few, all_ = Path(place) / "few.jsonl", Path(place) / "all.jsonl"
        few.write_text("".join(islice(lines, options.few)), encoding="utf-8")
        all_.write_text("".join(lines), encoding="utf-8")
        for _ in range(options.repeats):
            found = {}
            for name in options.only:
                start = seconds_of(options.model, few, ENGINES[name])
                whole = seconds_of(options.model, all_, ENGINES[name])
                rate = (len(lines) - options.few) / (whole - start)
                found[name] = {"seconds_of_few": start, "texts_per_second": rate}
                print(name, found[name], flush=True)
            rounds.append(found)
    table: dict[str, Any] = {}
    for name in options.only:
        rates = [found[name]["texts_per_second"] for found in rounds]
        table[name] = {
            "seconds_of_few": round(statistics.median(found[name]["seconds_of_few"] for found in rounds), 1),
            "texts_per_second": round(statistics.median(rates), 1),
        }
        if FIRST in options.only:
            beside = [found[name]["texts_per_second"] / found[FIRST]["texts_per_second"] for found in rounds]
            table[name]["beside_one_process"] = round(statistics.median(beside), 3)
    print(json.dumps(table, indent=2))
    if options.json is not None:
        write_json(options.json, {"rounds": rounds, "medians": table})


if __name__ == "__main__":
    main()
