"""The text classifier with exclusive classes under the joint objective."""

import warnings
from collections.abc import Callable, Iterable, Sequence
from itertools import compress
from typing import TYPE_CHECKING

import numpy as np
from spacy.language import Language
from spacy.training import Example, validate_examples, validate_get_examples
from spacy.vocab import Vocab
from thinc.api import Model, Optimizer, set_dropout_rate

from ..errors import Errors, Warnings
from ..models.contracts import classifier_of
from ..objective.classification import LabelCounts
from ..objective.joint import JointObjective
from ..pieces.masking import Masking
from ..pieces.windows import select_texts
from ..training.ranks import ranks
from ..types import Bools1d, Floats2d, Gradients, JointBatch, MaskedPieces, Pieces, StateDict
from .calibrated import KEY, register_abstention_extension
from .learnt_texts import LearntTexts
from .masked_term import Losses, MaskedTerm
from .saved import SavedClassifier
from .text_field import Blocks, TextField

if TYPE_CHECKING:
    from ..switching.code_switching import CodeSwitching
    from ..translate_train.translated_texts import TranslatedTexts


class XlingTextCategorizer(MaskedTerm, LearntTexts, SavedClassifier):
    """Text classification with exclusive classes, trained on labelled text, which may stand in translation or
    with words of the target languages, and, through the masked-LM term, on raw text of these.

    It owns its encoder, and reads `doc.text`, or with `text_field = "translation"` what `xling_translator`
    made of it: spaCy's tokens don't matter to it. A text without any piece (empty, or white space) gets a
    score of 0.0 for every label and takes no part in training. A Doc without categories is unlabelled: it
    takes part in the masked-LM term only.
    """

    objective: JointObjective
    exclusive_classes = True

    def __init__(
        self,
        vocab: Vocab,
        model: Model,
        name: str = "xling_textcat",
        *,
        objective: JointObjective,
        masking: Masking,
        threshold: float,
        scorer: Callable | None,
        text_field: TextField = "text",
        code_switching: "CodeSwitching | None" = None,
        translated_texts: "TranslatedTexts | None" = None,
        mlm_on_labelled: bool = False,
        centring: bool = False,
        texts_per_update: int | None = None,
        pieces_per_update: int | None = None,
        seed: int = 0,
        blocks: Blocks | None = None,
    ) -> None:
        """Make the component; nothing is loaded yet.

        vocab (Vocab): The shared vocabulary.
        model (Model): From `spacy-xling.JointTextCat.v1`.
        name (str): Name of the instance. Losses are kept under it.
        objective (JointObjective): From `spacy-xling.JointObjective.v1`.
        masking (Masking): How pieces are masked, e.g. `spacy-xling.whole_word_masking.v1`.
        threshold (float): Score from which a label counts as given; no matter for exclusive classes.
        scorer (Callable | None): The scoring method.
        text_field (TextField): Which text of a Doc is read: "text" for its own; "translation" for
            `doc._.translation`, see `ReadTexts.read_examples` for training.
        code_switching (CodeSwitching | None): How words of labelled texts are replaced in training, e.g.
            `spacy-xling.code_switching.v1`; None for not at all.
        translated_texts (TranslatedTexts | None): How translations replace labelled texts in
            training, e.g. `spacy-xling.translated_texts.v1`; None for not at all.
        mlm_on_labelled (bool): Whether labelled texts take part in the masked-LM term too, as they were
            translated or switched.
        centring (bool): Whether the scores of target languages are centred by their raw text, see
            `centred.find_offsets`.
        texts_per_update (int | None): How many windows of raw text go with each call of `update`; a
            text that fits the encoder is one window.
        pieces_per_update (int | None): Instead of that, how many pieces of raw text. With neither, as
            many as the batch has.
        seed (int): Seed of the masks.
        blocks (Blocks | None): Those of the pipeline's config, of which that of this component follows its
            `text_field`.
        RAISES (ValueError): A loss of the other kind of classes, or settings out of range.
        """
        if not isinstance(objective, JointObjective):
            raise ValueError(Errors.X509.format(name=name, found=type(objective).__name__))
        if objective.classification.exclusive_classes != self.exclusive_classes:
            found = type(objective.classification).__name__
            raise ValueError(Errors.X501.format(name=name, found=found))
        register_abstention_extension()
        self.vocab = vocab
        self.model = model
        self.name = name
        self._check_threshold(threshold)
        self.scorer = scorer
        self.objective = objective
        self.mlm_on_labelled = mlm_on_labelled
        self.cfg = {
            "labels": [],
            "threshold": threshold,
            "label_counts": {"given": {}, "denied": {}},
            KEY: None,
        }
        if self.exclusive_classes:
            self.cfg["positive_label"] = None
        self._set_text_field(text_field, blocks)
        self._rehearsal_model: Model | None = None
        self._has_unlabelled = False
        self._is_off_said = False
        self._set_learnt_texts(code_switching=code_switching, translated_texts=translated_texts)
        self._set_centring(centring)
        self._set_masked_term(
            masking, texts_per_update=texts_per_update, pieces_per_update=pieces_per_update, seed=seed
        )

    @property
    def loss_names(self) -> dict[str, str]:
        """Where `update` adds up the objective and, before lambda, its terms, and the share of labelled texts
        that were translated, and of words of the others that were switched: column title to key.
        """
        names = {"loss": self.name, "class": f"{self.name}_class", "mlm": f"{self.name}_mlm"}
        return {**names, **{title: f"{self.name}_{title}" for title in self._learnt_names()}}

    def score(self, examples: Iterable[Example], **kwargs: object) -> dict[str, object]:
        """Score the examples that have categories to compare with; see `MaskedTerm.score`."""
        return super().score([eg for eg in examples if eg.reference.cats], **kwargs)

    # Training

    def _learn(self, examples: list[Example], drop: float) -> dict[str, float]:
        """L = classification loss + lambda * masked-LM loss.

        The classification loss sees the labelled texts, the masked-LM loss windows of raw text, the
        unlabelled texts, and with `mlm_on_labelled` the labelled ones. Both see labelled texts as
        `translated_texts` and `code_switching` have changed them.
        """
        self._require_ready()
        validate_examples(examples, "XlingTextCategorizer.update")
        self._validate_categories(examples)
        self._require_known_labels(examples)
        weight = self.objective.mlm_weight_at(self._step)
        texts, shares = self._learnt_texts(examples)
        pieces = self._split(texts)
        labelled = np.array([bool(eg.reference.cats) for eg in examples], dtype=bool)
        classified = labelled & pieces.has_words
        masked = self._masked(pieces, labelled) if weight > 0 else None

        set_dropout_rate(self.model, drop)
        batch = JointBatch(select_texts(pieces, classified) if classified.any() else None, masked)
        (logits, mlm_sum), backprop = self.model.begin_update(batch)
        d_logits, class_loss = self._classification_term(list(compress(examples, classified)), logits)
        d_mlm, mlm_loss = self._mlm_term(mlm_sum, masked)
        if not np.isfinite(class_loss + mlm_loss):
            raise ValueError(Errors.X508.format(step=self._step, class_loss=class_loss, mlm_loss=mlm_loss))
        backprop(Gradients(d_logits, weight * d_mlm))

        terms = {"loss": class_loss + weight * mlm_loss, "class": class_loss, "mlm": mlm_loss}
        # Of several processes each has its part of a loss, and a share of its own texts.
        terms |= {title: share / ranks().count for title, share in shares.items()}
        self._note_change(examples)
        return {key: terms[title] for title, key in self.loss_names.items()}

    def finish_update(self, sgd: Optimizer) -> None:
        """Step the parameters, and lambda's schedule; see `MaskedTerm.finish_update`."""
        super().finish_update(sgd)
        self._note_change()

    def _end_step(self) -> None:
        seen = self._label_counts.given or self._label_counts.denied
        # There seem to be no labels at all: said once, for some texts may well have none.
        if self._step == 0 and not seen and not self.objective.has_mlm and not self._shim.has_gradients:
            warnings.warn(Warnings.W550.format(name=self.name), stacklevel=5)
        super()._end_step()

    def get_loss(self, examples: Iterable[Example], scores: Floats2d) -> tuple[float, Floats2d]:
        """The classification loss of scores, and its gradient on the logits behind them.

        examples (Iterable[Example]): The batch of examples.
        scores (Floats2d): What `predict` gave. *Shape:* (examples, labels)
        RETURNS (tuple[float, Floats2d]): The loss and the gradient.
        RAISES (ValueError): Nothing loaded yet, or categories that don't fit.
        """
        classifier_of(self.model).require_loaded()
        examples = list(examples)
        validate_examples(examples, "XlingTextCategorizer.get_loss")
        self._validate_categories(examples)
        logits = self._logits_of(scores, [eg.predicted for eg in examples])
        gradient, loss = self._classification_term(examples, logits)
        return loss, gradient

    def rehearse(
        self,
        examples: Iterable[Example],
        *,
        drop: float = 0.0,
        sgd: Optimizer | None = None,
        losses: Losses | None = None,
    ) -> Losses:
        """Teach the model to continue scoring as it did when `nlp.resume_training` was called.

        examples (Iterable[Example]): A batch of Example objects; their categories don't matter.
        drop (float): Dropout rate of the classification head.
        sgd (Optimizer | None): The optimizer.
        losses (Losses | None): Updated with the squared differences of the scores.
        RETURNS (Losses): The updated losses.
        RAISES (ValueError): Nothing loaded yet.
        """
        self._require_ready()
        losses = {} if losses is None else losses
        losses.setdefault(self.name, 0.0)
        examples = list(examples)
        validate_examples(examples, "XlingTextCategorizer.rehearse")
        if self._rehearsal_model is None:
            return losses
        pieces = self._split([read.text for read in self.read_examples(examples)])
        if not pieces.has_words.any():
            return losses
        pieces = select_texts(pieces, pieces.has_words)
        set_dropout_rate(self.model, drop)
        (logits, _), backprop = self.model.begin_update(JointBatch(pieces, None))
        wanted = self._probabilities(self._rehearsal_model.predict(pieces))
        # A label that was added since is wanted as it then was: not at all.
        difference = self._probabilities(logits)
        difference[:, : wanted.shape[1]] -= wanted
        # The gradient, on the logits, of the cross entropy with the old scores as the truth.
        backprop(Gradients(difference * self.objective.mean_factor(pieces.n_texts), 0.0))
        losses[self.name] += float((difference**2).sum())
        if sgd not in (None, False):
            self.finish_update(sgd)
        return losses

    def _classification_term(
        self, examples: Sequence[Example], logits: Floats2d | None
    ) -> tuple[Floats2d | None, float]:
        if logits is None:
            # The others wait for this one's number.
            ranks().total(0)
            return None, 0.0
        truths, known = self._examples_to_truth(examples)
        return self.objective.classification(
            logits,
            truths,
            known,
            labels=self.labels,
            counts=self._label_counts,
            reduction=self.objective.reduction,
            over=ranks().total,
        )

    @property
    def _label_counts(self) -> LabelCounts:
        return LabelCounts(**self.cfg["label_counts"])

    def _masked(self, pieces: Pieces, labelled: Bools1d) -> MaskedPieces | None:
        """The windows of this update's masked pass, or None where there is nothing to mask."""
        own = np.ones_like(labelled) if self.mlm_on_labelled else ~labelled
        self._has_unlabelled = self._has_unlabelled or not labelled.all()
        if not self._has_masked_text(stacklevel=6):
            return None
        return self._take_masked(select_texts(pieces, own), len(pieces.ids))

    def _has_masked_text(self, *, stacklevel: int) -> bool:
        """Whether the masked-LM term has text. Without, a lambda that was set is an error, else a warning."""
        if self._raw is not None or self.mlm_on_labelled or self._has_unlabelled:
            return True
        if self.objective.needs_raw_text:
            raise ValueError(Errors.X503.format(name=self.name))
        if not self._is_off_said:
            self._is_off_said = True
            warnings.warn(Warnings.W551.format(name=self.name), stacklevel=stacklevel)
        return False

    def training_state(self) -> StateDict:
        return {
            **super().training_state(),
            "has_unlabelled": self._has_unlabelled,
            "switching": self._dictionaries.state(),
            "translating": self._translations.state(),
        }

    def load_training_state(self, state: StateDict) -> None:
        super().load_training_state(state)
        self._has_unlabelled = state["has_unlabelled"]
        self._note_change()
        self._dictionaries.load_state(state["switching"])
        self._translations.load_state(state["translating"])

    # Labels

    def initialize(  # type: ignore[override]
        self,
        get_examples: Callable[[], Iterable[Example]],
        *,
        nlp: Language | None = None,
        labels: Iterable[str] | None = None,
        positive_label: str | None = None,
        unlabelled: Callable | None = None,
        dictionaries: Callable | None = None,
        translations: Callable | None = None,
        heldout_texts: int = 0,
        heldout_languages: list[str] | None = None,
    ) -> None:
        """Read the checkpoint, and get ready to train.

        get_examples (Callable[[], Iterable[Example]]): Gives a representative sample of the training data.
        nlp (Language | None): The pipeline.
        labels (Iterable[str] | None): The labels, as `spacy init labels` writes them; without them,
            those of the examples.
        positive_label (str | None): The label whose F-score is reported, of two exclusive classes.
        unlabelled (Callable | None): A reader of raw text, e.g. `spacy-xling.UnlabelledText.v1`. With
            mlm_weight 0 it is not called. Without it, an mlm_weight that isn't set is 0, and a warning says
            so. With `centring` it is asked for a sample, too.
        dictionaries (Callable | None): A reader of dictionaries, e.g. `spacy-xling.Dictionaries.v1`, for
            `code_switching`. With a share of 0 it is not called.
        translations (Callable | None): A reader of translations, e.g. `spacy-xling.Translations.v1`, for
            `translated_texts`. With a share of 0 it is not called.
        heldout_texts (int): How many texts of each language that the reader keeps from training (by its
            `heldout_share`) to measure the masked-LM loss on at each evaluation; see `heldout_scores`.
        heldout_languages (list[str] | None): Those languages, e.g. the targets; None for all.
        RAISES (ValueError): No labels, or one; a positive label that isn't one of two; no raw text for a
            lambda > 0 that was set, none for `heldout_texts`, or none of another language for `centring`; no
            dictionaries for `code_switching`, or translations for `translated_texts`; a checkpoint that
            doesn't load.
        """
        self._require_trainable()
        validate_get_examples(get_examples, f"{type(self).__name__}.initialize")
        self._read_examples(get_examples(), labels)
        self._require_labels()
        is_one_of_two = self.exclusive_classes and len(self.labels) == 2 and positive_label in self.labels
        if positive_label is not None and not is_one_of_two:
            raise ValueError(Errors.X505.format(found=positive_label, labels=list(self.labels)))
        if self.exclusive_classes:
            self.cfg["positive_label"] = positive_label
        self.calibration = None
        self._reset_training()
        self._read_unlabelled(unlabelled, nlp)
        # What is missing is missed now, and not at the first update.
        has_mlm = self.objective.has_mlm and self._has_masked_text(stacklevel=4)
        self._initialize_learnt_texts(
            nlp, get_examples(), dictionaries=dictionaries, translations=translations
        )
        self.objective.classification.label_weights(self.labels, self._label_counts)
        self.model.initialize(Y=self.model.ops.alloc2f(1, len(self.labels)))
        if has_mlm:
            _ = self._shim.masking_vocabulary
        self.attach_heldout(unlabelled, limit=heldout_texts, languages=heldout_languages)
        self._centring_texts = None
        if self.centring:
            self.attach_centring(unlabelled, (eg.reference for eg in get_examples()), seed=self.seed)

    def _read_examples(self, examples: Iterable[Example], labels: Iterable[str] | None) -> None:
        # In the order of their first appearance.
        seen: dict[str, None] = {}
        counts = LabelCounts()
        n_unlabelled = 0
        for example in examples:
            self._validate_categories([example])
            cats = example.reference.cats
            seen.update(dict.fromkeys(cats))
            counts.add(cats)
            n_unlabelled += not cats
        for label in seen if labels is None else labels:
            self.add_label(label)
        unknown = [label for label in seen if label not in self.labels]
        if unknown:
            text = Warnings.W501.format(unknown=unknown, name=self.name, known=list(self.labels))
            warnings.warn(text, stacklevel=3)
        self.cfg["label_counts"] = {"given": dict(counts.given), "denied": dict(counts.denied)}
        # Without a labelled text the examples tell nothing: spaCy makes up a Doc where it is given none.
        self._has_unlabelled = bool(seen and n_unlabelled)

    def _require_known_labels(self, examples: Iterable[Example]) -> None:
        known = set(self.labels)
        for example in examples:
            unknown = sorted(example.reference.cats.keys() - known)
            if unknown:
                raise ValueError(Errors.X506.format(name=self.name, unknown=unknown, known=list(self.labels)))

    def _require_ready(self) -> None:
        self._require_trainable()
        self._shim.require_gradients()

    def _require_labels(self) -> None:
        if len(self.labels) < 2:
            raise ValueError(Errors.X504.format(name=self.name, found=list(self.labels)))
