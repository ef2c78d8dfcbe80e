"""What `spacy xling apply` costs beside `nlp.pipe`, whether its memory is flat, and what kills cost it.

    python benchmarks/applying.py [MODEL] [--texts 1000000] [--timed 20000] [--rounds 5] [--kills 10]
        [--words 12] [--seed 0] [--json FILE]

Without a MODEL it makes a pipeline on an encoder of 2 layers of 32 with random weights. Writes made-up texts,
of random words, to a folder that is removed in the end. First it scores TIMED of them by `nlp.pipe` in
memory zones and by the command's own function, in this process and in turns, ROUNDS times: texts per second
of the processor. Then a new process applies the pipeline to all TEXTS, and one lets the pipeline's tokenizer
alone read them, in memory zones too: their resident memory after each tenth. Last, a process does it again,
is killed at random moments, and resumes with `--resume` each time: the bytes are compared.
"""

import argparse
import json
import math
import multiprocessing
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import spacy
from kills import resident_mb, run_with_kills
from serving import make_encoder, make_pipeline
from spacy.language import Language

from spacy_xling.applying.applying import apply_files
from spacy_xling.applying.engines import Engine
from spacy_xling.applying.formats import Reading
from spacy_xling.applying.on_processes import in_this_process
from spacy_xling.applying.predictor import PredictorSettings
from spacy_xling.writing import write_json

BATCH = 256
LETTERS = "abcdefghijklmnopqrstuvwxyz"


def write_texts(path: Path, texts: int, words: int, seed: int) -> None:
    """Texts of random words, so that a vocabulary that keeps them grows."""
    generator = random.Random(seed)
    with path.open("w", encoding="utf-8") as file:
        for number in range(texts):
            drawn = ("".join(generator.choices(LETTERS, k=generator.randint(2, 9))) for _ in range(words))
            file.write(json.dumps({"id": number, "text": " ".join(drawn)}) + "\n")


def make_tiny(folder: Path) -> Path:
    encoder = make_encoder(
        folder / "encoder",
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
    )
    return make_pipeline(encoder, folder / "pipeline")


def read_batches(data: Path) -> Iterator[list[str]]:
    with data.open(encoding="utf-8") as lines:
        while batch := [json.loads(line)["text"] for line in islice(lines, BATCH)]:
            yield batch


def pipe_seconds(nlp: Language, data: Path) -> float:
    """Processor seconds of `nlp.pipe` alone."""
    batches = list(read_batches(data))
    started = time.process_time()
    for batch in batches:
        with nlp.memory_zone():
            for doc in nlp.pipe(batch, batch_size=BATCH):
                doc.cats  # noqa: B018  (read, as the command does)
    return time.process_time() - started


def apply_seconds(model: Path, data: Path) -> float:
    """Processor seconds of `apply`, reading and writing included, loading not."""
    seconds = 0.0

    @contextmanager
    def measured(settings: PredictorSettings) -> Iterator[Engine]:
        nonlocal seconds
        with in_this_process(settings) as engine:
            started = time.process_time()
            yield engine
            seconds = time.process_time() - started

    output = data.with_name("timed.jsonl")
    settings = PredictorSettings(str(model))
    apply_files(data, output, settings, measured, reading=Reading(BATCH), overwrite=True)
    return seconds


def apply_whole(model: Path, data: Path, output: Path) -> list[float]:
    """Memory in MB after each tenth of the batches of `apply`."""
    memory: list[float] = []
    every = math.ceil(sum(1 for _ in data.open("rb")) / BATCH / 10)

    @contextmanager
    def watched(settings: PredictorSettings) -> Iterator[Engine]:
        with in_this_process(settings) as engine:
            done = 0

            def submit(columns: Any) -> Any:
                nonlocal done
                done += 1
                if done % every == 0:
                    memory.append(round(resident_mb(), 1))
                return engine.submit(columns)

            yield Engine(submit, engine.ahead)

    # One thread, as the command whose output it is compared with.
    settings = PredictorSettings(str(model), threads=1)
    apply_files(data, output, settings, watched, reading=Reading(BATCH))
    return [*memory, round(resident_mb(), 1)][:10]


def tokenize_whole(model: Path, data: Path) -> list[float]:
    """Memory in MB after each tenth of the batches of the tokenizer alone."""
    nlp = spacy.load(model)
    memory = []
    every = math.ceil(sum(1 for _ in data.open("rb")) / BATCH / 10)
    for number, batch in enumerate(read_batches(data), 1):
        with nlp.memory_zone():
            for text in batch:
                nlp.tokenizer(text)
        if number % every == 0:
            memory.append(round(resident_mb(), 1))
    return [*memory, round(resident_mb(), 1)][:10]


def start(model: Path, data: Path, output: Path) -> "subprocess.Popen[bytes]":
    """Begin the command, or resume it."""
    command = [sys.executable, "-m", "spacy", "xling", "apply", model, data, output, "--resume"]
    command += ["--rejects", output.with_name(f"{output.stem}-rejects.jsonl"), "--threads", "1"]
    return subprocess.Popen([*map(str, command)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def kill_and_resume(model: Path, data: Path, output: Path, kills: int, seconds: float, seed: int) -> int:
    """Run the command to its end, with kills at random moments of its work between; returns how many there
    were.
    """
    one = data.with_name("one.jsonl")
    write_texts(one, 1, 1, seed)
    began = time.monotonic()
    start(model, one, one.with_name("scored.jsonl")).wait()
    loading = time.monotonic() - began
    generator = random.Random(seed)
    lifetimes = [loading + generator.uniform(0, seconds / kills) for _ in range(kills)]
    return run_with_kills(partial(start, model, data, output), lifetimes)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("model", type=Path, nargs="?")
    parser.add_argument("--texts", type=int, default=1_000_000)
    parser.add_argument("--timed", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--words", type=int, default=12)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    found: dict[str, Any] = {"texts": options.texts}
    # A process that forks after torch has run may hang.
    processes = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory() as place, processes.Pool(1, maxtasksperchild=1) as pool:
        folder = Path(place)
        model = options.model or make_tiny(folder)
        data, timed, whole = folder / "texts.jsonl", folder / "some.jsonl", folder / "whole.jsonl"
        write_texts(timed, options.timed, options.words, options.seed)
        nlp = spacy.load(model)
        rounds = [(pipe_seconds(nlp, timed), apply_seconds(model, timed)) for _ in range(options.rounds)]
        for name, column in zip(("pipe", "apply"), zip(*rounds, strict=True), strict=True):
            found[f"{name}_texts_per_processor_second"] = round(options.timed / statistics.median(column), 1)
        found["apply_beside_pipe"] = [round(pipe / apply, 3) for pipe, apply in rounds]
        print(json.dumps(found), flush=True)
        write_texts(data, options.texts, options.words, options.seed)
        began = time.monotonic()
        found["memory_mb_by_tenth"] = pool.apply(apply_whole, (model, data, whole))
        took = time.monotonic() - began
        found["memory_mb_by_tenth_of_the_tokenizer"] = pool.apply(tokenize_whole, (model, data))
        print(json.dumps(found), flush=True)
        output = folder / "killed.jsonl"
        found["kills"] = kill_and_resume(model, data, output, options.kills, took, options.seed)
        found["same_bytes"] = output.read_bytes() == whole.read_bytes()
        found["lines"] = sum(1 for _ in output.open("rb"))
    print(json.dumps(found, indent=2))
    if options.json is not None:
        write_json(options.json, found)


if __name__ == "__main__":
    main()
