"""The masked-LM term for a transformer that other components share."""

import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from spacy import util
from spacy.language import Language
from spacy.tokens import Doc
from spacy.training import Example, validate_examples, validate_get_examples
from thinc.api import Model, Optimizer

from ..errors import Errors, Warnings, one_line
from ..models.architectures import lm_head_shim
from ..models.held_gradients import HeldGradients
from ..models.lm_head_shim import SharedPass
from ..objective.joint import JointObjective
from ..objective.masked_lm import MaskedLMObjective
from ..pieces.masking import Masking
from ..pieces.windows import select_texts
from ..types import MaskedPieces, StateDict
from .masked_term import MaskedTerm
from .upstream import StepHook, Upstream, find_upstream, transformer_class

# Steps of ours without one of the transformer's, after which it is taken for frozen.
UNSTEPPED = 2


class XlingMaskedLM(MaskedTerm):
    """Regularises the encoder that other components share: at each update a masked pass goes through the
    encoder of the transformer component, and lambda times its gradient is added to that of the components
    that listen. The transformer's own optimiser step takes both.

    It owns the LM head, but for the decoder's matrix, which is the encoder's word embeddings. It sets no
    annotations: a trained pipeline doesn't run it.
    """

    def __init__(
        self,
        nlp: Language,
        model: Model,
        name: str = "xling_mlm",
        *,
        objective: MaskedLMObjective,
        masking: Masking,
        upstream: str = "transformer",
        mlm_on_batch: bool = False,
        texts_per_update: int | None = None,
        pieces_per_update: int | None = None,
        seed: int = 0,
    ) -> None:
        """Make the component; nothing is loaded yet.

        nlp (Language): The pipeline, in which the transformer is looked up at each update.
        model (Model): From `spacy-xling.SharedMaskedLM.v1`.
        name (str): Name of the instance. Losses are kept under it.
        objective (MaskedLMObjective): From `spacy-xling.MaskedLMObjective.v1`.
        masking (Masking): How pieces are masked, e.g. `spacy-xling.whole_word_masking.v1`.
        upstream (str): Name of the transformer component.
        mlm_on_batch (bool): Whether the texts of the batch take part too, beside raw text.
        texts_per_update (int | None): How many windows of raw text go with each call of `update`; a
            text that fits the encoder is one window.
        pieces_per_update (int | None): Instead of that, how many pieces of raw text. With neither, as
            many as the batch has.
        seed (int): Seed of the masks.
        RAISES (ValueError): An objective of another kind, or settings out of range. (ImportError): X527.
        """
        transformer_class(name)
        if not isinstance(objective, MaskedLMObjective) or isinstance(objective, JointObjective):
            raise ValueError(Errors.X524.format(name=name, found=type(objective).__name__))
        self.nlp = nlp
        self.vocab = nlp.vocab
        self.model = model
        self.name = name
        self.objective = objective
        self.upstream = upstream
        self.mlm_on_batch = mlm_on_batch
        self._held = HeldGradients()
        self._set_masked_term(
            masking, texts_per_update=texts_per_update, pieces_per_update=pieces_per_update, seed=seed
        )

    def _reset_training(self) -> None:
        super()._reset_training()
        self._held.drop()
        # Waits for the transformer's next step; and how many steps of ours have ended since its last.
        self._hook: StepHook | None = None
        self._steps_alone = 0

    @property
    def loss_names(self) -> dict[str, str]:
        """Where `update` adds up the masked-LM loss before lambda: column title to key."""
        return {"mlm": f"{self.name}_mlm"}

    # A trained pipeline

    def __call__(self, doc: Doc) -> Doc:
        """Leave the document as it is."""
        return doc

    def pipe(self, stream: Iterable[Doc], *, batch_size: int = 128) -> Iterator[Doc]:
        """Leave the documents as they are."""
        yield from stream

    def score(self, examples: Iterable[Example], **kwargs: object) -> dict[str, object]:
        """Measure the masked-LM loss on held-out text, if there is some; see `heldout_scores`."""
        if self._heldout:
            self._bind_upstream()
        return super().score(examples, **kwargs)

    def attach_heldout(self, reader: Any, *, limit: int, languages: Sequence[str] | None = None) -> None:
        """Measure the masked-LM loss on held-out text at each evaluation; see `MaskedTerm.attach_heldout`."""
        if limit:
            self._bind_upstream()
        super().attach_heldout(reader, limit=limit, languages=languages)

    # Training

    def _learn(self, examples: list[Example], drop: float) -> dict[str, float]:
        """Add the gradient of lambda times the masked-LM loss to that of the shared encoder.

        With N docs in the batch, whose losses the other components sum up, it is that of

            lambda * N * mean over masked pieces of -log P(piece | window without it)

        under reduction `mean`, and of lambda * the sum over masked pieces under `sum`. The losses have the
        term under the component's name, and the masked-LM loss before lambda, in nats.
        """
        validate_examples(examples, "XlingMaskedLM.update")
        weight = self.objective.mlm_weight_at(self._step)
        term, mlm_loss = self._masked_pass(examples, weight) if weight > 0 else (0.0, 0.0)
        return {self.name: term, self.loss_names["mlm"]: mlm_loss}

    def _masked_pass(self, examples: list[Example], weight: float) -> tuple[float, float]:
        """The term of the objective, and the masked-LM loss before lambda."""
        upstream = self._bind_upstream()
        self._shim.require_gradients()
        if self._raw is None and not self.mlm_on_batch:
            raise ValueError(Errors.X526.format(name=self.name))
        if self._hook is None or self._hook.shim is not upstream.shim:
            self._hook = StepHook(upstream.shim, self._before_upstream_step)
        # The transformer is frozen, which spaCy tells nobody, if it took no step while this component took
        # several. After a single one the transformer's may still be to come, for spaCy steps components in
        # the pipeline's order.
        if self._steps_alone >= UNSTEPPED:
            if self._steps_alone == UNSTEPPED and self._n_batches == 0:
                self._held.drop()
                upstream.transformer.zero_grad(set_to_none=True)
                text = Warnings.W520.format(name=self.name, upstream=self.upstream)
                warnings.warn(text, stacklevel=2)
            return 0.0, 0.0
        masked = self._windows([eg.predicted.text for eg in examples])
        if masked is None:
            return 0.0, 0.0
        # A gradient scaler changes what stands in the parameters' gradients.
        held = self._held if upstream.shim._grad_scaler._enabled else None
        mlm_sum, backprop = self.model.begin_update(SharedPass(masked, held))
        d_mlm, mlm_loss = self._mlm_term(mlm_sum, masked)
        if not np.isfinite(mlm_loss):
            raise ValueError(Errors.X525.format(step=self._step, mlm_loss=mlm_loss))
        factor = weight * self.objective.docs_factor(len(examples))
        backprop(factor * d_mlm)
        return factor * mlm_loss, mlm_loss

    def _windows(self, texts: list[str]) -> MaskedPieces | None:
        """The windows of a masked pass that goes with a batch of texts."""
        has_size = self.texts_per_update is not None or self.pieces_per_update is not None
        # The texts of the batch are cut into pieces only where these matter, if only for their number.
        pieces = self._split([] if has_size and not self.mlm_on_batch else texts)
        own = pieces if self.mlm_on_batch else select_texts(pieces, np.zeros(pieces.n_texts, dtype=bool))
        return self._take_masked(own, len(pieces.ids))

    def _bind_upstream(self) -> Upstream:
        upstream = find_upstream(self.nlp, self.upstream, self.name)
        lm_head_shim(self.model).bind(upstream.transformer, upstream.tokenizer, self.upstream)
        return upstream

    def _before_upstream_step(self) -> None:
        self._hook = None
        self._steps_alone = 0
        self._held.release()

    def finish_update(self, sgd: Optimizer) -> None:
        """Step the LM head, and lambda's schedule. The encoder is stepped by the transformer component, with
        the sum of the gradients of all sub-batches.

        sgd (Optimizer): The optimizer. A warning says where its averages miss the encoder.
        """
        if self._step == 0 and self._n_batches and getattr(sgd, "averages", None) is not None:
            # thinc's shim looks for averages under keys that thinc's optimizers don't write.
            warnings.warn(Warnings.W521.format(upstream=self.upstream), stacklevel=2)
        super().finish_update(sgd)

    def _end_step(self) -> None:
        """Count the step: the gradients are the transformer's, `_before_upstream_step` has scaled them."""
        self._n_batches = 0
        self._step += 1
        self._steps_alone += 1

    def training_state(self) -> StateDict:
        return {**super().training_state(), "steps_alone": self._steps_alone}

    def load_training_state(self, state: StateDict) -> None:
        super().load_training_state(state)
        self._steps_alone = state["steps_alone"]

    def initialize(
        self,
        get_examples: Callable[[], Iterable[Example]],
        *,
        nlp: Language | None = None,
        unlabelled: Callable | None = None,
        heldout_texts: int = 0,
        heldout_languages: list[str] | None = None,
    ) -> None:
        """Read the LM head of the transformer's checkpoint, and get ready to train.

        get_examples (Callable[[], Iterable[Example]]): Gives a sample of the training data; not looked at.
        nlp (Language | None): The pipeline.
        unlabelled (Callable | None): A reader of raw text, e.g. `spacy-xling.UnlabelledText.v1`. With
            mlm_weight 0 and no `heldout_texts` neither it nor the head is read.
        heldout_texts (int): How many texts of each language that the reader keeps from training (by its
            `heldout_share`) to measure the masked-LM loss on at each evaluation; see `heldout_scores`.
        heldout_languages (list[str] | None): Those languages, e.g. the targets; None for all.
        RAISES (ValueError): No transformer before the component; lambda > 0 without raw text; a checkpoint
            without a trained LM head that is tied to the word embeddings; `heldout_texts` without such texts.
        """
        validate_get_examples(get_examples, "XlingMaskedLM.initialize")
        self.nlp = self.nlp if nlp is None else nlp
        self._reset_training()
        if not (self.objective.has_mlm or heldout_texts):
            return
        upstream = self._bind_upstream()
        self._read_unlabelled(unlabelled, self.nlp)
        if self.objective.has_mlm and self._raw is None and not self.mlm_on_batch:
            raise ValueError(Errors.X526.format(name=self.name))
        _ = self._shim.masking_vocabulary
        self._load_head(upstream)
        self.attach_heldout(unlabelled, limit=heldout_texts, languages=heldout_languages)

    def _load_head(self, upstream: Upstream) -> None:
        shim = lm_head_shim(self.model)
        source = shim.settings.head_from or upstream.checkpoint
        try:
            shim.initialize(source)
        except ValueError as error:
            text = Errors.X523.format(
                upstream=self.upstream, name=self.name, source=source, error=one_line(error)
            )
            raise ValueError(text) from error

    # Saving and loading

    def to_disk(self, path: str | Path, *, exclude: Iterable[str] = ()) -> None:
        """Save the LM head, in a folder `model`, if there is one.

        path (str | Path): Path to a directory.
        exclude (Iterable[str]): Names of fields to leave out.
        """
        shim = lm_head_shim(self.model)
        util.to_disk(path, {"model": shim.to_folder} if shim.is_initialized else {}, exclude)

    def from_disk(self, path: str | Path, *, exclude: Iterable[str] = ()) -> "XlingMaskedLM":
        """Load the LM head, if one was saved. No hub is asked.

        path (str | Path): Path to a directory.
        exclude (Iterable[str]): Names of fields to leave out.
        RETURNS (XlingMaskedLM): The component.
        RAISES (ValueError): A folder that isn't whole.
        """
        # The transformer is read again, too, and what it held before is not to be kept.
        lm_head_shim(self.model).unbind()
        if (Path(path) / "model").exists():
            util.from_disk(path, {"model": lm_head_shim(self.model).from_folder}, exclude)
        return self

    def from_bytes(self, bytes_data: bytes, *, exclude: Iterable[str] = ()) -> "XlingMaskedLM":
        """Load the component from what `to_bytes` gave.

        bytes_data (bytes): The bytes.
        exclude (Iterable[str]): Names of fields to leave out.
        RETURNS (XlingMaskedLM): The component.
        """
        lm_head_shim(self.model).unbind()
        return super().from_bytes(bytes_data, exclude=exclude)
