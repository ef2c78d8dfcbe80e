"""How fast is `spacy xling pretrain`, beside what a user would pick instead?

    python benchmarks/pretrain_speed.py RAW [--steps 20] [--repeats 3] [--json FILE]

RAW is a folder of raw text by language. Peer: `transformers`' own `Trainer` with
`DataCollatorForLanguageModeling`, dynamic padding and the same texts in each batch, fp32. Shape: 4 layers x
192, with vocabularies of 16,000 and of 64,000 pieces; the weights are random, on which speed doesn't
depend. The runs take turns in one process, so that what slows the machine slows all of them. Each is timed
without its first steps. Prints a table of pieces per second (without padding): median, least and greatest
of the repeats, and the ratio of the medians to the Trainer's.
"""

import argparse
import json
import platform
import tempfile
import time
from itertools import islice
from pathlib import Path
from statistics import median
from typing import Any

import accelerate
import torch
import transformers
from spacy.util import load_config
from torch.utils.data import Dataset, SequentialSampler
from transformers import (
    AutoModelForMaskedLM,
    AutoTokenizer,
    DataCollatorForLanguageModeling,
    Trainer,
    TrainerCallback,
    TrainingArguments,
)

from spacy_xling.data.unlabelled import build_unlabelled_text_v1
from spacy_xling.encoders.initialising import init_encoder, preset_config
from spacy_xling.pretraining.pretraining import Pretraining
from spacy_xling.pretraining.settings import resolve_settings

CONFIG = Path(__file__).parent.parent / "configs" / "pretrain.cfg"
VOCABULARIES = (16_000, 64_000)
TEXTS_PER_BATCH = 64
WINDOW = 256
WARM_UP = 3
LEARN_RATE = 1e-4


class Texts(Dataset):
    """Texts cut into pieces beforehand, as a Trainer's user would keep them.

    ids (list[list[int]]): The pieces of each text.
    """

    def __init__(self, ids: list[list[int]]) -> None:
        self.ids = ids

    def __len__(self) -> int:
        return len(self.ids)

    def __getitem__(self, number: int) -> dict[str, list[int]]:
        return {"input_ids": self.ids[number]}


class InOrder(Trainer):
    """A Trainer that takes the texts as they come, so that both sides have the same batches."""

    def _get_train_sampler(self, *arguments: Any) -> SequentialSampler:
        return SequentialSampler(self.train_dataset)


class Clock(TrainerCallback):
    """Notes when the warm-up ended and when training did."""

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        if state.global_step == WARM_UP:
            self.started = time.perf_counter()
        self.ended = time.perf_counter()


def time_trainer(folder: Path, texts: list[str], steps: int) -> float:
    """Pieces per second of `transformers`' Trainer."""
    tokenizer = AutoTokenizer.from_pretrained(folder)
    ids = tokenizer(texts, truncation=True, max_length=WINDOW)["input_ids"]
    clock = Clock()
    with tempfile.TemporaryDirectory() as output:
        InOrder(
            model=AutoModelForMaskedLM.from_pretrained(folder),
            args=TrainingArguments(
                output,
                per_device_train_batch_size=TEXTS_PER_BATCH,
                max_steps=WARM_UP + steps,
                learning_rate=LEARN_RATE,
                optim="adamw_torch_fused",
                save_strategy="no",
                report_to=[],
                use_cpu=True,
                disable_tqdm=True,
            ),
            train_dataset=Texts(ids),
            data_collator=DataCollatorForLanguageModeling(tokenizer, mlm_probability=0.15),
            callbacks=[clock],
        ).train()
    return sum(map(len, ids[WARM_UP * TEXTS_PER_BATCH :])) / (clock.ended - clock.started)


def time_own(folder: Path, texts: list[str], steps: int, precision: str) -> float:
    """Pieces per second of `spacy xling pretrain`, from raw text to the optimiser's step."""
    with tempfile.TemporaryDirectory() as corpus:
        # As many pieces in a step as the Trainer has on average, and the same texts in the same order.
        (Path(corpus) / "xx.txt").write_text("\n".join(texts), encoding="utf-8")
        n_pieces = len(AutoTokenizer.from_pretrained(folder)(" ".join(texts))["input_ids"]) + 2 * len(texts)
        overrides = {
            "paths.encoder": str(folder),
            "paths.unlabelled": corpus,
            "corpora.unlabelled.shuffle_buffer": 1,
            "corpora.unlabelled.heldout_share": 0.0,
            "encoder.precision": precision,
            "training.batch_pieces": n_pieces // (WARM_UP + steps),
            "training.optimizer.learn_rate.value": LEARN_RATE,
        }
        run = Pretraining(
            resolve_settings(load_config(CONFIG, overrides=overrides, interpolate=False)),
            accelerate.Accelerator(cpu=True),
        )
        for _ in range(WARM_UP):
            run.update()
        pieces, started = run.n_pieces, time.perf_counter()
        for _ in range(steps):
            run.update()
        return (run.n_pieces - pieces) / (time.perf_counter() - started)


def measure(raw: Path, n_pieces: int, steps: int, repeats: int) -> dict[str, list[float]]:
    """Pieces per second of each way, so many times, taking turns."""
    reader = build_unlabelled_text_v1(raw)
    texts = [text.text for text in islice(reader(), TEXTS_PER_BATCH * (WARM_UP + steps))]
    figures: dict[str, list[float]] = {"Trainer fp32": [], "pretrain fp32": [], "pretrain bf16": []}
    with tempfile.TemporaryDirectory() as folder:
        made = init_encoder(
            Path(folder) / "encoder",
            reader,
            config=preset_config("mini"),
            n_pieces=n_pieces,
            max_texts=100_000,
        ).path
        for _ in range(repeats):
            figures["Trainer fp32"].append(time_trainer(made, texts, steps))
            figures["pretrain fp32"].append(time_own(made, texts, steps, "fp32"))
            figures["pretrain bf16"].append(time_own(made, texts, steps, "bf16"))
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("raw", type=Path)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    transformers.logging.set_verbosity_error()
    found = {n: measure(arguments.raw, n, arguments.steps, arguments.repeats) for n in VOCABULARIES}
    print("| pieces | way | pieces/s | least | greatest | x Trainer |\n|---|---|---|---|---|---|")
    for n_pieces, figures in found.items():
        base = median(figures["Trainer fp32"])
        for way, rates in figures.items():
            numbers = f"{median(rates):,.0f} | {min(rates):,.0f} | {max(rates):,.0f}"
            print(f"| {n_pieces:,} | {way} | {numbers} | {median(rates) / base:.2f} |")
    versions = {"torch": torch.__version__, "transformers": transformers.__version__}
    print(f"\n{torch.get_num_threads()} threads, {platform.processor() or platform.machine()}, {versions}")
    if arguments.json:
        arguments.json.write_text(json.dumps({"figures": found, "versions": versions}, indent=1))


if __name__ == "__main__":
    main()
