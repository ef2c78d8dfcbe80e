"""One step of an optimizer on all parameters of a shape, each with a gradient."""

import time
from statistics import median
from typing import Any

import torch
from spacy.training.initialize import init_nlp
from torch import nn

from spacy_xling.models.architectures import joint_shim
from spacy_xling.optimizer.adamw import AdamW

from .material import own_config
from .shapes import LEARN_RATE


def own_step(work: str, shape: str, steps: int, warm_up: int) -> dict[str, float]:
    """`spacy-xling.AdamW.v1` through the component's shim, which clips by the global norm first.

    work (str): Folder with text and encoders.
    shape (str): Name of the encoder's shape.
    steps (int): Steps that are timed.
    warm_up (int): Steps before them.
    RETURNS (dict[str, float]): The median of the milliseconds of a step.
    """
    shim = _shim(work, shape)
    optimizer = AdamW(LEARN_RATE)
    return _time(shim.module, lambda: shim.finish_update(optimizer), steps, warm_up)


def torch_step(work: str, shape: str, steps: int, warm_up: int) -> dict[str, float]:
    """torch's own: the same norm, `AdamW(fused=True)`, and the gradients given back. See `own_step`."""
    module = _shim(work, shape).module
    parameters = list(module.parameters())
    optimizer = torch.optim.AdamW(parameters, lr=LEARN_RATE, weight_decay=0.01, fused=True)

    def step() -> None:
        nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        optimizer.zero_grad()

    return _time(module, step, steps, warm_up)


def _shim(work: str, shape: str) -> Any:
    nlp = init_nlp(own_config(work, shape, "baseline.cfg"))
    return joint_shim(nlp.get_pipe("xling_textcat").model)


def _time(module: nn.Module, step: Any, steps: int, warm_up: int) -> dict[str, float]:
    generator = torch.Generator().manual_seed(0)
    seconds = []
    for _ in range(warm_up + steps):
        for parameter in module.parameters():
            parameter.grad = torch.randn(parameter.shape, generator=generator)
        started = time.perf_counter()
        step()
        seconds.append(time.perf_counter() - started)
    return {"step_milliseconds": 1000 * median(seconds[warm_up:])}
