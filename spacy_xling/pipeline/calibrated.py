"""What a text classifier learns of its own scores: offsets of languages, temperatures, when to abstain."""

import copy
import math
from collections.abc import Iterable, Sequence
from itertools import compress
from typing import NamedTuple

from spacy.pipeline import TextCategorizer
from spacy.tokens import Doc
from thinc.api import Model

from ..data.languages import get_language
from ..errors import Errors
from ..models.contracts import classifier_of, shim_of
from ..pieces.windows import select_texts
from ..types import Bools1d, Floats2d
from .text_field import ReadTexts

EXTENSION = "abstained"
# Key of a component's settings.
KEY = "calibration"


class Calibration(NamedTuple):
    """How scores are made of logits.

    temperature (float): What logits are divided by, above 0; 1 changes nothing.
    by_language (dict[str, float]): Instead of that, for texts whose `doc._.language` is one of these.
    abstain_below (float | None): A text whose best score is below it has `doc._.abstained` set to True,
        any other text to False; None sets nothing.
    offsets (dict[str, list[float]]): What is added to the logits of texts of a language before that, a number
        for each label; see `centred.find_offsets`. Nothing is where a translation is read.
    """

    temperature: float = 1.0
    by_language: dict[str, float] = {}  # noqa: RUF012  (never changed)
    abstain_below: float | None = None
    offsets: dict[str, list[float]] = {}  # noqa: RUF012  (never changed)


class CalibratedScores(ReadTexts, TextCategorizer):
    """Logits to scores: P(label | (logits + o) / T), with offset o and temperature T of the text's language
    (Guo+ 2017, arXiv 1706.04599; Libovicky+ 2020, arXiv 2004.05160).

    Training and its loss are those of logits as they are. Without a calibration, scores are too.
    """

    model: Model
    exclusive_classes: bool

    @property
    def calibration(self) -> Calibration | None:
        """What `spacy xling calibrate` has found, saved with the component; None for plain scores."""
        saved = self.cfg[KEY]
        return None if saved is None else Calibration(**saved)

    @calibration.setter
    def calibration(self, calibration: Calibration | None) -> None:
        if calibration is not None:
            self._check_calibration(calibration)
        self._store_calibration(calibration)

    @property
    def offsets(self) -> dict[str, list[float]]:
        """Those of `calibration`, none without one. To set them leaves the rest of it as it is."""
        return (self.calibration or Calibration()).offsets

    @offsets.setter
    def offsets(self, offsets: dict[str, list[float]]) -> None:
        self.calibration = (self.calibration or Calibration())._replace(offsets=offsets)

    def _store_calibration(self, calibration: Calibration | None) -> None:
        # A copy, for dictionaries can be changed.
        self.cfg[KEY] = None if calibration is None else copy.deepcopy(calibration._asdict())

    def _check_calibration(self, calibration: Calibration) -> None:
        for value in (calibration.temperature, *calibration.by_language.values()):
            if not (math.isfinite(value) and value > 0):
                raise ValueError(Errors.X530.format(name=self.name, found=value))
        n_labels = len(self.cfg["labels"])
        for language, offset in calibration.offsets.items():
            if len(offset) != n_labels or not all(map(math.isfinite, offset)):
                text = Errors.X533.format(name=self.name, language=language, found=offset, labels=n_labels)
                raise ValueError(text)
        threshold = calibration.abstain_below
        if threshold is None:
            return
        if not self.exclusive_classes:
            raise ValueError(Errors.X532.format(name=self.name))
        if not 0 <= threshold <= 1:
            raise ValueError(Errors.X531.format(name=self.name, found=threshold))

    def add_label(self, label: str) -> int:
        """Add a label; see spaCy's `TextCategorizer.add_label`.

        label (str): The label.
        RETURNS (int): 1 for a new one, 0 for one that is there.
        RAISES (ValueError): The component was exported.
        """
        self._require_trainable()
        added = super().add_label(label)
        if added and self.offsets:
            self.offsets = {language: [*offset, 0.0] for language, offset in self.offsets.items()}
        return added

    def _require_trainable(self) -> None:
        if not classifier_of(self.model).is_trainable:
            raise ValueError(Errors.X537.format(name=self.name))

    def raw_logits(self, texts: Sequence[str]) -> tuple[Floats2d, Bools1d]:
        """What the model says of texts, before any offset or temperature.

        texts (Sequence[str]): The texts.
        RETURNS (tuple[Floats2d, Bools1d]): The logits of the texts that have a piece, and True for each that
            has. *Shapes:* (texts with pieces, labels) and (texts,)
        """
        pieces = shim_of(self.model).split(texts)
        if not pieces.has_words.any():
            return self.model.ops.alloc2f(0, len(self.cfg["labels"])), pieces.has_words
        return self.model.predict(select_texts(pieces, pieces.has_words)), pieces.has_words

    def scores_of(self, logits: Floats2d, docs: Sequence[Doc]) -> Floats2d:
        """Scores of texts, from their logits and languages. The label with the highest score is the one whose
        logit with the offset is the highest: temperatures change none.

        logits (Floats2d): The logits. *Shape:* (docs, labels)
        docs (Sequence[Doc]): The documents.
        RETURNS (Floats2d): Probabilities. *Shape:* (docs, labels)
        """
        if self.calibration is None:
            return self._probabilities(logits)
        logits = logits + self.offsets_of(docs)
        plain = self._probabilities(logits)
        return self._keep_decisions(self._probabilities(logits / self.temperatures_of(docs)), plain)

    def predict(self, docs: Iterable[Doc]) -> Floats2d:
        """Score texts, without changing them.

        docs (Iterable[Doc]): The documents.
        RETURNS (Floats2d): Probabilities, zeros for a text without pieces. *Shape:* (docs, labels)
        """
        docs = list(docs)
        self.require_translations(docs)
        logits, has_words = self.raw_logits([read.text for read in self.read(docs)])
        scores = self.model.ops.alloc2f(len(docs), len(self.cfg["labels"]))
        if has_words.any():
            found = self.scores_of(logits, list(compress(docs, has_words)))
            scores[self.model.ops.xp.asarray(has_words)] = found
        return scores

    def _logits_of(self, scores: Floats2d, docs: Sequence[Doc]) -> Floats2d:
        """Logits, up to a number for each text under a softmax, that `scores_of` makes these scores of."""
        logits = self._logits(scores)
        if self.calibration is None:
            return logits
        return logits * self.temperatures_of(docs) - self.offsets_of(docs)

    def temperatures_of(self, docs: Sequence[Doc]) -> Floats2d:
        """The temperature of each text, by its language; 1 without a calibration. *Shape:* (docs, 1)"""
        calibration = self.calibration or Calibration()
        found = [
            calibration.by_language.get(get_language(doc) or "", calibration.temperature) for doc in docs
        ]
        return self.model.ops.asarray2f([[value] for value in found])

    def offsets_of(self, docs: Sequence[Doc]) -> Floats2d:
        """What is added to the logits of texts, by their language. A translation has none, for it is in the
        source's.

        docs (Sequence[Doc]): The documents.
        RETURNS (Floats2d): The offsets. *Shape:* (docs, labels), or (docs, 1) of zeros where there are none
        """
        offsets = self.offsets
        if not offsets:
            return self.model.ops.alloc2f(len(docs), 1)
        none = [0.0] * len(self.cfg["labels"])
        return self.model.ops.asarray2f([offsets.get(read.language or "", none) for read in self.read(docs)])

    def set_annotations(self, docs: Iterable[Doc], scores: Floats2d) -> None:
        """Write scores to `doc.cats`, and, with a threshold for it, whether to abstain to `doc._.abstained`.

        docs (Iterable[Doc]): The documents.
        scores (Floats2d): What `predict` gave. *Shape:* (docs, labels)
        """
        docs = list(docs)
        super().set_annotations(docs, scores)
        threshold = None if self.calibration is None else self.calibration.abstain_below
        if threshold is not None:
            for doc, best in zip(docs, scores.max(axis=1).tolist(), strict=True):
                doc._.set(EXTENSION, best < threshold)

    def _keep_decisions(self, scores: Floats2d, plain: Floats2d) -> Floats2d:
        """Let rounding turn nothing round: of two classes that are all but equal, the first may win without
        temperatures, and the other with.
        """
        xp = self.model.ops.xp
        top = plain.argmax(axis=1)
        turned = xp.flatnonzero(scores.argmax(axis=1) != top)
        best = scores[turned].max(axis=1)
        scores[turned, top[turned]] = xp.nextafter(best, xp.ones_like(best))
        return scores

    def _probabilities(self, logits: Floats2d) -> Floats2d:
        return self.model.ops.softmax(logits)

    def _logits(self, probabilities: Floats2d) -> Floats2d:
        xp = self.model.ops.xp
        return xp.log(xp.maximum(probabilities, xp.finfo(probabilities.dtype).tiny))


def register_abstention_extension() -> None:
    """Make `doc._.abstained` known to spaCy, unless another package already did."""
    if not Doc.has_extension(EXTENSION):
        Doc.set_extension(EXTENSION, default=None)
