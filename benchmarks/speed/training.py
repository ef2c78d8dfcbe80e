"""Steps of training: the usual PyTorch loop, and pipelines under spaCy's own loop."""

import contextlib
import io
import json
import time
from collections.abc import Callable, Iterator
from itertools import cycle
from pathlib import Path
from typing import Any

import spacy
import torch
from spacy.training.initialize import init_nlp
from spacy.training.loop import train
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader
from transformers import (
    AutoTokenizer,
    DataCollatorForLanguageModeling,
    DataCollatorWithPadding,
    XLMRobertaForMaskedLM,
)

from .material import make_encoder, make_text, own_config, spacy_config
from .moments import Moment, moment
from .shapes import LEARN_RATE, MLM_WEIGHT, N_LABELS, TEXTS_PER_STEP

Figures = dict[str, float]


def plain_loop(work: str, shape: str, steps: int, warm_up: int, mlm_weight: float = MLM_WEIGHT) -> Figures:
    """Joint training as one would write it in PyTorch: two passes of one encoder, all logits of the raw
    text, fp32. Texts are cut into pieces beforehand. With a weight of 0 there is no raw text.

    work (str): Folder with text and encoders.
    shape (str): Name of the encoder's shape.
    steps (int): Steps that are timed.
    warm_up (int): Steps before them.
    mlm_weight (float): Lambda.
    RETURNS (Figures): Labelled texts per second, seconds of a step and of the optimizer in it.
    """
    folder = make_encoder(work, shape)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = XLMRobertaForMaskedLM.from_pretrained(folder)
    head = nn.Linear(model.config.hidden_size, N_LABELS)
    parameters = [*model.parameters(), *head.parameters()]
    optimizer = torch.optim.AdamW(parameters, lr=LEARN_RATE)
    labelled, raw = batches(make_text(work), tokenizer)
    model.train()
    begun: list[Moment] = []
    stepping: list[float] = []
    for _ in range(warm_up + steps):
        begun.append(moment())
        batch = next(labelled)
        states = model.roberta(batch["input_ids"], batch["attention_mask"]).last_hidden_state
        mask = batch["attention_mask"].unsqueeze(2)
        logits = head(F.dropout((states * mask).sum(dim=1) / mask.sum(dim=1), 0.1))
        loss = F.cross_entropy(logits, batch["labels"])
        if mlm_weight:
            loss = loss + mlm_weight * model(**next(raw)).loss
        torch.autograd.backward(loss)
        forth = time.perf_counter()
        nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        optimizer.zero_grad()
        stepping.append(time.perf_counter() - forth)
    begun.append(moment())
    return summary(begun, stepping, warm_up)


def batches(text: Path, tokenizer: Any) -> tuple[Iterator[Any], Iterator[Any]]:
    """Batches of labelled and of raw text, without end."""
    rows = [json.loads(line) for line in (text / "train.jsonl").read_text("utf-8").splitlines()]
    names = sorted({row["label"] for row in rows})
    ids = tokenizer([row["text"] for row in rows])["input_ids"]
    labelled: Any = [
        {"input_ids": pieces, "labels": names.index(row["label"])}
        for pieces, row in zip(ids, rows, strict=True)
    ]
    lines = (text / "raw" / "xx.txt").read_text("utf-8").splitlines()
    raw: Any = [{"input_ids": pieces} for pieces in tokenizer(lines)["input_ids"]]
    masking = DataCollatorForLanguageModeling(tokenizer, mlm_probability=0.15)
    return (
        cycle(DataLoader(labelled, TEXTS_PER_STEP, collate_fn=DataCollatorWithPadding(tokenizer))),
        cycle(DataLoader(raw, TEXTS_PER_STEP, collate_fn=masking)),
    )


def joint_pipeline(
    work: str,
    shape: str,
    steps: int,
    warm_up: int,
    precision: str = "fp32",
    mlm_weight: float = MLM_WEIGHT,
) -> Figures:
    """`configs/joint.cfg` under spaCy's loop; see `plain_loop` for what it takes and gives.

    precision (str): The encoder's.
    """
    config = own_config(
        work,
        shape,
        components__xling_textcat__model__encoder__precision=precision,
        components__xling_textcat__objective__mlm_weight=mlm_weight,
        components__xling_textcat__texts_per_update=TEXTS_PER_STEP,
    )
    return time_loop(config, steps, warm_up)


def spacy_pipeline(work: str, shape: str, steps: int, warm_up: int, own_optimizer: bool = False) -> Figures:
    """spaCy's `transformer` and `textcat` under spaCy's loop; see `plain_loop` for what it takes and gives.

    own_optimizer (bool): Whether `spacy-xling.AdamW.v1` steps, and not spaCy's Adam.
    """
    config = spacy_config(work, shape)
    if own_optimizer:
        config["training"]["optimizer"] = {"@optimizers": "spacy-xling.AdamW.v1", "learn_rate": LEARN_RATE}
    return time_loop(config, steps, warm_up)


class Enough(Exception):
    """Ends spaCy's loop where the last timed step has ended."""


class Clock:
    """Notes when each step of spaCy's loop begins, as `before_update`: from one to the next is all that a
    step does, its batch included. The one evaluation that the loop insists on comes after the first step.

    last_step (int): The step that isn't run any more, counted from 0.
    """

    def __init__(self, last_step: int) -> None:
        self.last_step = last_step
        self.begun: list[Moment] = []
        self.stepping: list[float] = []

    def __call__(self, nlp: Any, state: dict[str, int]) -> None:
        self.begun.append(moment())
        self.stepping.append(0.0)
        if state["step"] == self.last_step:
            raise Enough

    def watch(self, finish: Callable[[Any], None]) -> Callable[[Any], None]:
        """A `finish_update` whose seconds are added to those of its step."""

        def timed(optimizer: Any) -> None:
            started = time.perf_counter()
            finish(optimizer)
            self.stepping[-1] += time.perf_counter() - started

        return timed


def time_loop(config: spacy.util.Config, steps: int, warm_up: int) -> Figures:
    """Train a pipeline for some steps; see `plain_loop`."""
    clock = Clock(warm_up + steps)
    spacy.registry.callbacks.register("speed.clock.v1", func=lambda: clock)
    training = config["training"]
    training["before_update"] = {"@callbacks": "speed.clock.v1"}
    training["batcher"] = {"@batchers": "spacy.batch_by_sequence.v1", "size": TEXTS_PER_STEP}
    training["max_steps"] = training["eval_frequency"] = 1_000_000
    nlp = init_nlp(config)
    for _, component in nlp.pipeline:
        component.finish_update = clock.watch(component.finish_update)
    with contextlib.suppress(Enough):
        train(nlp, None, stdout=io.StringIO(), stderr=io.StringIO())
    return summary(clock.begun, clock.stepping, warm_up)


def summary(begun: list[Moment], stepping: list[float], warm_up: int) -> Figures:
    """Means over the timed steps.

    begun (list[Moment]): When each step began, and at the end when the last one ended.
    stepping (list[float]): Seconds in the optimizer of each step.
    warm_up (int): Steps that don't count.
    RETURNS (Figures): What is reported.
    """
    steps = len(begun) - 1 - warm_up
    seconds, cpu_seconds = (
        (end - start) / steps for start, end in zip(begun[warm_up], begun[-1], strict=True)
    )
    return {
        "texts_per_second": TEXTS_PER_STEP / seconds,
        "step_seconds": seconds,
        "step_cpu_seconds": cpu_seconds,
        "optimizer_seconds": sum(stepping[warm_up : warm_up + steps]) / steps,
    }
