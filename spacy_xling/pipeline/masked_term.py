"""The masked-LM term of a component: what its masked passes read, and where its training stands."""

import math
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import Any

from spacy.language import Language
from spacy.pipeline import TrainablePipe
from spacy.training import Example
from thinc.api import Model, Optimizer

from ..data.languages import UNKNOWN
from ..data.sources import RawText
from ..errors import Errors, Warnings
from ..generators import generator_state, make_generator, set_generator_state
from ..models.contracts import Learns, learner_of, shim_of
from ..objective.masked_lm import MaskedLMObjective
from ..pieces.cutting import cut_texts
from ..pieces.masking import Masking, mask_heldout
from ..pieces.raw import RawWindows
from ..pieces.windows import join, windows_as_texts
from ..training.ranks import ranks
from ..types import MaskedPieces, Pieces, StateDict

HELDOUT_LOSS = "mlm_heldout_loss"

Losses = dict[str, float]


class MaskedTerm(TrainablePipe):
    """A component that is trained with a masked-LM term: its updates, its raw text and masks, and what it
    must keep, beside its weights, for an interrupted training to continue. It calls `_set_masked_term` when
    it is made.
    """

    name: str
    model: Model
    objective: MaskedLMObjective

    def _set_masked_term(
        self,
        masking: Masking,
        *,
        texts_per_update: int | None,
        pieces_per_update: int | None,
        seed: int,
    ) -> None:
        sizes = [size for size in (texts_per_update, pieces_per_update) if size is not None]
        if len(sizes) > 1 or any(size < 1 for size in sizes):
            raise ValueError(Errors.X502.format(texts=texts_per_update, pieces=pieces_per_update))
        self.masking = masking
        self.texts_per_update = texts_per_update
        self.pieces_per_update = pieces_per_update
        self.seed = seed
        self._reset_training()

    def _reset_training(self) -> None:
        self._raw: RawWindows | None = None
        self._heldout: dict[str, MaskedPieces] = {}
        # Optimiser steps taken, for lambda's schedule, and calls of `update` since the last.
        self._step = 0
        self._n_batches = 0
        # Masks draw from a generator of their own, so that without them training draws what it always does.
        self._generator = make_generator(self.seed, ranks().number)

    @property
    def updates_name(self) -> str:
        """Where `update` counts its calls, beside the losses that it adds up."""
        return f"{self.name}_updates"

    @property
    def loss_names(self) -> dict[str, str]:
        """Where `update` adds up the objective and, before lambda, its terms: column title to key."""
        raise NotImplementedError

    @property
    def _shim(self) -> Learns:
        """What holds the encoder, and learns: in training alone, for a text classifier may be exported."""
        return learner_of(self.model)

    def _split(self, texts: Sequence[str]) -> Pieces:
        return shim_of(self.model).split(texts)

    def update(
        self,
        examples: Iterable[Example],
        *,
        drop: float = 0.0,
        sgd: Optimizer | None = None,
        losses: Losses | None = None,
    ) -> Losses:
        """Learn from a batch, by the component's objective. Where lambda is 0 no masked pass runs.

        examples (Iterable[Example]): A batch of Example objects.
        drop (float): Dropout rate of a classification head; all else has dropouts of its own.
        sgd (Optimizer | None): The optimizer; without one, gradients add up until `finish_update`.
        losses (Losses | None): Updated with the objective under the component's name, and with its terms,
            see `loss_names`.
        RETURNS (Losses): The updated losses.
        RAISES (ValueError): Nothing loaded yet, lambda > 0 without raw text, a loss that is no number, or
            what a component can't learn from: categories, languages or texts that don't fit, dictionaries or
            translations that are missing.
        """
        found = self._learn(list(examples), drop)
        self._n_batches += 1
        losses = {} if losses is None else losses
        for key, value in {**ranks().totals(found), self.updates_name: 1.0}.items():
            losses[key] = losses.get(key, 0.0) + value
        if sgd not in (None, False):
            self.finish_update(sgd)
        return losses

    def _learn(self, examples: list[Example], drop: float) -> dict[str, float]:
        """The forward and the backward passes of a batch.

        RETURNS (dict[str, float]): What they found, by key of the losses.
        """
        raise NotImplementedError

    def finish_update(self, sgd: Optimizer) -> None:
        """Step the parameters, and lambda's schedule.

        With accumulated sub-batches the gradient is that of the mean of their objectives under
        reduction `mean`, of their sum under `sum`.

        sgd (Optimizer): The optimizer.
        """
        if self._n_batches:
            self._end_step()
        super().finish_update(sgd)

    def score(self, examples: Iterable[Example], **kwargs: object) -> dict[str, object]:
        """Score the examples; with held-out text the masked-LM loss is added, see `heldout_scores`."""
        return {**super().score(examples, **kwargs), **self.heldout_scores()}

    def attach_unlabelled(self, texts: Iterator[RawText]) -> None:
        """Give the masked-LM term its raw text. `initialize` does so with what it is given; call this for a
        component that was loaded or sourced.

        texts (Iterator[RawText]): An endless stream, as `spacy-xling.UnlabelledText.v1` gives.
        """
        self._raw = RawWindows(texts, partial(cut_texts, split=self._split))

    def _read_unlabelled(self, reader: Callable | None, nlp: Language | None) -> None:
        """Attach what a reader of raw text gives, in an order of this process's own if there are several.
        Where lambda is always 0 nothing is read.
        """
        if reader is not None and self.objective.has_mlm:
            number = ranks().number
            self.attach_unlabelled(reader(nlp, rank=number) if number else reader(nlp))

    def attach_heldout(self, reader: Any, *, limit: int, languages: Sequence[str] | None = None) -> None:
        """Measure the masked-LM loss on held-out text at each evaluation from now on. `initialize` does so
        with what it is given; call this for a component that was loaded or sourced.

        reader (Any): A `RawTextReader` that keeps texts from training, by its `heldout_share`.
        limit (int): The most texts of a language; 0 measures nothing.
        languages (Sequence[str] | None): The languages, e.g. the targets; None for all that it reads.
        RAISES (ValueError): A reader that keeps nothing, or has no such language.
        """
        self._heldout = {}
        if not limit:
            return
        if limit < 0 or not getattr(reader, "heldout_share", 0):
            raise ValueError(Errors.X535.format(name=self.name, limit=limit))
        texts = reader.read_heldout(limit)
        wanted = list(texts) if languages is None else list(languages)
        if not set(wanted) <= set(texts):
            raise ValueError(Errors.X536.format(name=self.name, wanted=wanted, found=list(texts)))
        self._heldout = mask_heldout(
            {language: texts[language] for language in wanted},
            split=self._split,
            masking=self.masking,
            vocabulary=self._shim.masking_vocabulary,
            seed=self.seed,
        )
        missing = [name for name in (language or UNKNOWN for language in wanted) if name not in self._heldout]
        if missing:
            warnings.warn(Warnings.W701.format(languages=missing), stacklevel=2)

    def heldout_scores(self) -> dict[str, float]:
        """What the encoder and its LM head make of held-out text: scores for an evaluation.

            mlm_heldout_loss_LANG  mean over the masked pieces of LANG of -log P(piece | window without it)
            mlm_heldout_loss       mean of that over the languages
            mlm_heldout_score      exp(-mlm_heldout_loss), from 0 to 1

        Losses are in nats. The last, which rises as the loss falls, can be weighted beside an accuracy under
        `[training.score_weights]`. Masks are the same at each evaluation, and drawn from no generator of the
        training.

        RETURNS (dict[str, float]): The scores; none without held-out text.
        """
        if not self._heldout:
            return {}
        from ..models.masked_lm import mean_losses

        module, padding = self._shim.masked_lm_pass()
        losses = mean_losses(module, self._heldout, padding)
        mean = sum(losses.values()) / len(losses)
        by_language = {f"{HELDOUT_LOSS}_{language}": loss for language, loss in losses.items()}
        return {"mlm_heldout_score": math.exp(-mean), HELDOUT_LOSS: mean, **by_language}

    def _take_masked(self, own: Pieces, n_pieces: int) -> MaskedPieces | None:
        """The windows of an update's masked pass, or None where there is nothing to mask.

        own (Pieces): Windows of the batch's own texts that take part.
        n_pieces (int): How many pieces of raw text go with them where no setting says so.
        """
        windows = [windows_as_texts(own)]
        if self._raw is not None:
            windows.append(
                self._raw.take(n_pieces=self.pieces_per_update or n_pieces)
                if self.texts_per_update is None
                else self._raw.take(n_windows=self.texts_per_update)
            )
        masked = self.masking(join(windows), self._shim.masking_vocabulary, self._generator)
        return masked if len(masked.targets) else None

    def _mlm_term(self, mlm_sum: float, masked: MaskedPieces | None) -> tuple[float, float]:
        """The gradient on the summed masked-LM loss, and the masked-LM loss, before lambda: of all processes'
        targets where there are several, of which the loss is this one's part.
        """
        return self.objective.mlm_term(mlm_sum, ranks().total(0 if masked is None else len(masked.targets)))

    def _end_step(self) -> None:
        """Bring the gradients of accumulated batches to the mean of their objectives, or under `sum` to their
        sum, add up those of all processes, and count the step.
        """
        self._shim.scale_gradients(self.objective.mean_factor(self._n_batches))
        ranks().add_gradients(self._shim.parameters())
        self._n_batches = 0
        self._step += 1

    def training_state(self) -> StateDict:
        """Save where the training stands: steps taken, masks, raw text.

        RETURNS (StateDict): The state.
        RAISES (ValueError): The reader of raw text can't say where it stands.
        """
        if self._raw is not None and not hasattr(self._raw.texts, "state_dict"):
            found = type(self._raw.texts).__name__
            raise ValueError(Errors.X510.format(name=self.name, found=found))
        return {
            "step": self._step,
            "n_batches": self._n_batches,
            "generator": generator_state(self._generator),
            "raw": None if self._raw is None else self._raw.state_dict(),
        }

    def load_training_state(self, state: StateDict) -> None:
        """Continue from a saved state. Raw text must be attached already.

        state (StateDict): A value of `training_state`.
        RAISES (ValueError): The state belongs to other raw text.
        """
        self._step = state["step"]
        self._n_batches = state["n_batches"]
        set_generator_state(self._generator, state["generator"])
        if self._raw is not None:
            self._raw.load_state_dict(state["raw"])
