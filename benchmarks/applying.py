"""What `spacy xling apply` costs beside `nlp.pipe`, whether its memory is flat, and what kills cost it.

    python benchmarks/applying.py MODEL [--texts 1000000] [--kills 10] [--words 12] [--seed 0] [--json FILE]

Writes made-up texts, of words drawn anew, to a folder that is removed in the end, and applies the
pipeline in one process: processor seconds beside those of `nlp.pipe` on the same texts, in memory zones, and
the resident memory after each tenth of them. Then a process does it again, is killed at random moments, and
goes on with `--resume` each time: the bytes are compared.
"""

import argparse
import json
import math
import multiprocessing
import random
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import spacy

from spacy_xling.applying.applying import Reading, apply_files
from spacy_xling.applying.engines import Engine, in_this_process
from spacy_xling.applying.predictor import PredictorSettings
from spacy_xling.writing import write_json

BATCH = 256
LETTERS = "abcdefghijklmnopqrstuvwxyz"


def write_texts(path: Path, texts: int, words: int, seed: int) -> None:
    """Texts whose words are drawn anew, so that a vocabulary that keeps them grows."""
    generator = random.Random(seed)
    with path.open("w", encoding="utf-8") as file:
        for number in range(texts):
            drawn = ("".join(generator.choices(LETTERS, k=generator.randint(2, 9))) for _ in range(words))
            file.write(json.dumps({"id": number, "text": " ".join(drawn)}) + "\n")


def resident_mb() -> float:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS"))


def pipe_seconds(model: Path, data: Path) -> float:
    """Processor seconds of `nlp.pipe` alone."""
    nlp = spacy.load(model)
    texts = [json.loads(line)["text"] for line in data.open(encoding="utf-8")]
    started = time.process_time()
    for at in range(0, len(texts), BATCH):
        with nlp.memory_zone():
            for doc in nlp.pipe(texts[at : at + BATCH], batch_size=BATCH):
                doc.cats  # noqa: B018
    return time.process_time() - started


def apply(model: Path, data: Path, output: Path, rejects: Path, **options: Any) -> tuple[float, list[float]]:
    """Processor seconds of `apply` without loading, and memory in MB after each tenth of the batches."""
    memory: list[float] = []
    seconds = 0.0
    every = math.ceil(sum(1 for _ in data.open("rb")) / BATCH / 10)

    @contextmanager
    def measured(settings: PredictorSettings) -> Iterator[Engine]:
        nonlocal seconds
        with in_this_process(settings) as engine:
            done = 0

            def submit(columns: Any) -> Any:
                nonlocal done
                done += 1
                if done % every == 0:
                    memory.append(round(resident_mb(), 1))
                return engine.submit(columns)

            started = time.process_time()
            yield Engine(submit, engine.ahead)
            seconds = time.process_time() - started

    settings = PredictorSettings(str(model))
    apply_files(data, output, settings, measured, reading=Reading(BATCH), rejects=rejects, **options)
    return seconds, memory


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("--texts", type=int, default=1_000_000)
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--words", type=int, default=12)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        data = folder / "texts.jsonl"
        write_texts(data, options.texts, options.words, options.seed)
        pipe = pipe_seconds(options.model, data)
        began = time.monotonic()
        seconds, memory = apply(options.model, data, folder / "whole.jsonl", folder / "none.jsonl")
        took = time.monotonic() - began
        found = {
            "texts": options.texts,
            "pipe_texts_per_processor_second": round(options.texts / pipe, 1),
            "apply_texts_per_processor_second": round(options.texts / seconds, 1),
            "apply_beside_pipe": round(pipe / seconds, 3),
            "memory_mb_by_tenth": memory,
        }
        print(json.dumps(found), flush=True)
        generator = random.Random(options.seed)
        killed = 0
        output = folder / "killed.jsonl"
        while not output.exists():
            arguments = (options.model, data, output, folder / "rejects.jsonl")
            process = multiprocessing.get_context("fork").Process(
                target=apply, args=arguments, kwargs={"resume": True}
            )
            process.start()
            process.join(
                generator.uniform(0.1, 2 * took / max(1, options.kills)) if killed < options.kills else None
            )
            if process.is_alive():
                process.kill()
                process.join()
                killed += 1
        found["kills"] = killed
        found["same_bytes"] = output.read_bytes() == (folder / "whole.jsonl").read_bytes()
        found["lines"] = sum(1 for _ in output.open("rb"))
    print(json.dumps(found, indent=2))
    if options.json is not None:
        write_json(options.json, found)


if __name__ == "__main__":
    main()
