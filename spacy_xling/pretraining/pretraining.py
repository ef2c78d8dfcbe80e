"""Masked-LM and translation-LM training of an encoder, from scratch or continued."""

from contextlib import nullcontext
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import nn

from ..data.languages import UNKNOWN
from ..data.unlabelled import UnlabelledText
from ..errors import Errors
from ..generators import generator_state, set_generator_state
from ..models.batches import masked_windows, padding_for
from ..models.checkpoint import Encoder, freeze, load_encoder, resolve_precision
from ..models.masked_lm import MaskedLM, MaskedLMLoss
from ..optimizer.schedules import value_at
from ..pieces.cutting import cut_pairs, cut_texts
from ..pieces.masking import mask_heldout, masking_vocabulary
from ..pieces.raw import RawWindows
from ..pieces.windows import join, split_windows
from ..types import JsonDict, MaskedPieces
from .accelerating import Accelerator, set_seed
from .settings import OptimizerBlock, Settings


class Streams:
    """The masked windows of each step: raw text and text pairs, in the shares that the settings ask for.

    settings (Settings): The run's settings.
    encoder (Encoder): The encoder the windows are for.
    rank (int): Number of this process, of several; each reads in an order of its own.
    """

    def __init__(self, settings: Settings, encoder: Encoder, rank: int) -> None:
        split = partial(split_windows, encoder.tokenizer.backend_tokenizer)
        training, corpora = settings.training, settings.corpora
        per_batch = training.batch_pieces / training.accumulate_gradient
        share = training.parallel_share
        readers: dict[str, tuple[Any, Any, float]] = {
            "unlabelled": (corpora.unlabelled, partial(cut_texts, split=split), 1 - share),
            "parallel": (corpora.parallel, partial(cut_pairs, split=split, window=encoder.window), share),
        }
        self._sources: dict[str, tuple[RawWindows, int]] = {}
        self.lines: dict[str, dict[str, int]] = {name: {} for name in readers}
        for name, (reader, cut, part) in readers.items():
            if part > 0:
                texts = reader(None, rank=rank)
                self._sources[name] = RawWindows(texts, cut), max(1, round(per_batch * part))
                self.lines[name] = {str(key or UNKNOWN): n for key, n in texts.lines.items()}
        self._masking = settings.masking
        self._vocabulary = masking_vocabulary(encoder.tokenizer)
        self._generator = np.random.Generator(np.random.PCG64([training.seed, rank]))

    def draw(self) -> MaskedPieces:
        """The windows of the next (sub-)batch, with new masks."""
        windows = join([source.take(n_pieces=pieces) for source, pieces in self._sources.values()])
        return self._masking(windows, self._vocabulary, self._generator)

    def state_dict(self) -> JsonDict:
        """Where each stream and the generator of the masks stand, as plain data."""
        return {
            "generator": generator_state(self._generator),
            "sources": {name: source.state_dict() for name, (source, _) in self._sources.items()},
        }

    def load_state_dict(self, state: JsonDict) -> None:
        """Continue from where other streams over the same text stood."""
        set_generator_state(self._generator, state["generator"])
        for name, (source, _) in self._sources.items():
            source.load_state_dict(state["sources"][name])


def read_heldout(settings: Settings, encoder: Encoder) -> dict[str, MaskedPieces]:
    """Read and mask the held-out texts of a run, once: every measurement is of the same targets.

    RETURNS (dict[str, MaskedPieces]): The windows by language, none of a language that has none with a piece
        that can be masked, nor for a run on parallel text alone.
    """
    unlabelled = settings.corpora.unlabelled
    # Of ours alone it is known that it has nothing to read.
    if isinstance(unlabelled, UnlabelledText) and unlabelled.path is None:
        return {}
    return mask_heldout(
        unlabelled.read_heldout(settings.training.heldout_texts),
        split=partial(split_windows, encoder.tokenizer.backend_tokenizer),
        masking=settings.masking,
        vocabulary=masking_vocabulary(encoder.tokenizer),
        seed=settings.training.seed,
    )


def make_optimizer(module: nn.Module, settings: OptimizerBlock) -> torch.optim.AdamW:
    """torch's fused AdamW, at rate 0: each step sets its own. Matrices decay; vectors, that is biases and the
    parameters of norms, don't. Frozen parameters are left out.
    """
    trained = [parameter for parameter in module.parameters() if parameter.requires_grad]
    groups = [
        {"params": [p for p in trained if p.ndim > 1], "weight_decay": settings.weight_decay},
        {"params": [p for p in trained if p.ndim <= 1], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(
        groups, lr=0.0, betas=(settings.beta1, settings.beta2), eps=settings.eps, fused=True
    )


class Pretraining:
    """A run in memory: everything that changes from step to step.

    settings (Settings): The run's settings.
    accelerator (Accelerator): This process, of one or several.
    """

    def __init__(self, settings: Settings, accelerator: Accelerator) -> None:
        training, start = settings.training, settings.encoder
        set_seed(training.seed + accelerator.process_index)
        self.settings = settings
        self.accelerator = accelerator
        self.encoder = load_encoder(start.name, window=start.window, dropout=start.dropout)
        freeze(self.encoder.masked_lm, embeddings=start.freeze_embeddings, layers=start.freeze_layers)
        precision = resolve_precision(start.precision, accelerator.device)
        loss = MaskedLMLoss(self.encoder.masked_lm, precision)
        self.module = accelerator.prepare_model(loss)
        self.optimizer = make_optimizer(loss, training.optimizer)
        tokenizer = self.encoder.tokenizer
        packs = self.masked_lm.encoder.packs
        self.padding = padding_for(
            tokenizer, training.pass_pieces, precision, accelerator.device, packs=packs
        )
        self.streams = Streams(settings, self.encoder, accelerator.process_index)
        self.step = 0
        self.n_pieces = 0

    @property
    def masked_lm(self) -> MaskedLM:
        return self.encoder.masked_lm

    def update(self) -> float:
        """One optimiser step on the mean loss of all its targets, in all sub-batches and processes.

        RETURNS (float): That loss, in nats.
        RAISES (ValueError): There is no target, or the loss is no longer a number.
        """
        self.module.train()
        batches = [self.streams.draw() for _ in range(self.settings.training.accumulate_gradient)]
        n_targets = self._sum(sum(len(batch.targets) for batch in batches))
        if not n_targets:
            raise ValueError(Errors.X713.format(step=self.step, name=self.settings.encoder.name))
        # Gradients of several processes come as their mean.
        scale = self.accelerator.num_processes / n_targets
        total = torch.zeros((), device=self.accelerator.device, dtype=torch.float64)
        for number, batch in enumerate(batches, start=1):
            with nullcontext() if number == len(batches) else self.accelerator.no_sync(self.module):
                loss = self.module(masked_windows(batch, self.padding))
                self.accelerator.backward(loss * scale)
            total += loss.detach()
        self.n_pieces += int(self._sum(sum(len(batch.pieces.ids) for batch in batches)))
        mean = self._sum(total) / n_targets
        if not np.isfinite(mean):
            raise ValueError(Errors.X712.format(step=self.step, loss=mean))
        self._step()
        return mean

    def _step(self) -> None:
        optimizer = self.settings.training.optimizer
        if optimizer.grad_clip:
            nn.utils.clip_grad_norm_(self.module.parameters(), optimizer.grad_clip)
        for group in self.optimizer.param_groups:
            group["lr"] = value_at(optimizer.learn_rate, self.step)
        self.optimizer.step()
        self.optimizer.zero_grad()
        self.step += 1

    def _sum(self, value: Any) -> float:
        """The sum of a number over all processes."""
        tensor = torch.as_tensor(value, dtype=torch.float64, device=self.accelerator.device)
        return float(self.accelerator.reduce(tensor, "sum"))
