"""One pass of a pipeline over labelled texts, as arrays: what is true, and what the pipeline says."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from spacy.language import Language
from spacy.pipeline import MultiLabel_TextCategorizer, TextCategorizer
from spacy.tokens import Doc

from ..data.conversion import given_labels
from ..data.languages import get_language, rows_by_language, set_language
from ..errors import Errors
from ..types import Bools1d, Ints1d

Bools2d = NDArray[np.bool_]
Doubles2d = NDArray[np.float64]

# Where neither an option nor a component says another.
THRESHOLD = 0.5


@dataclass(frozen=True, eq=False)
class Predictions:
    """Texts with their labels, and a pipeline's scores for them.

    labels (Sequence[str]): The labels that the pipeline gives scores to, in its order: the columns.
    texts (Sequence[str]): The texts: the rows.
    rows (Mapping[str, Ints1d]): Numbers of the texts of each language, "-" for those whose language is not
        known. *Shape:* (texts of the language,)
    scores (Doubles2d): The pipeline's scores. *Shape:* (texts, labels)
    gold (Bools2d): True where the text has the label. *Shape:* (texts, labels)
    known (Bools2d): True where the text was annotated for the label. *Shape:* (texts, labels)
    unseen (Sequence[Sequence[str]]): The labels of each text that the pipeline doesn't have.
    exclusive (bool): Each text has one label, and the pipeline gives it one: that with the highest score.
    threshold (float): Where it isn't exclusive, the score from which a label counts as given.
    inexact (int): Number of texts with no label or several, if for them alone it isn't exclusive: the
        pipeline's classifier gives exactly one.
    """

    labels: Sequence[str]
    texts: Sequence[str]
    rows: Mapping[str, Ints1d]
    scores: Doubles2d
    gold: Bools2d
    known: Bools2d
    unseen: Sequence[Sequence[str]]
    exclusive: bool
    threshold: float
    inexact: int = 0

    @property
    def predicted(self) -> Bools2d:
        """True where the pipeline gives the label; of equal scores, the first. *Shape:* (texts, labels)"""
        if not self.exclusive:
            return self.scores >= self.threshold
        given = np.zeros_like(self.gold)
        given[np.arange(len(given)), self.scores.argmax(axis=1)] = True
        return given

    @property
    def is_right(self) -> Bools1d:
        """True where all labels that the text was annotated for are right. *Shape:* (texts,)"""
        right: Bools1d = ((self.predicted == self.gold) | ~self.known).all(axis=1)
        return right & ~self.has_unseen

    @property
    def has_unseen(self) -> Bools1d:
        """True where the text has a label that the pipeline doesn't have. *Shape:* (texts,)"""
        return np.array([bool(labels) for labels in self.unseen], dtype=bool)

    def of(self, rows: Ints1d) -> "Predictions":
        """Those of some texts, by their numbers, as if they were of one language. *Shape:* (to take,)"""
        return replace(
            self,
            texts=[self.texts[row] for row in rows],
            rows={"": np.arange(len(rows))},
            scores=self.scores[rows],
            gold=self.gold[rows],
            known=self.known[rows],
            unseen=[self.unseen[row] for row in rows],
        )


class Kind(NamedTuple):
    """How a pipeline's scores become labels.

    multi_label (bool): It has a classifier that gives any number of labels.
    threshold (float): The score from which such a label counts as given.
    single_label (bool): It has a classifier that gives exactly one label, and none that gives any number.
    """

    multi_label: bool
    threshold: float
    single_label: bool = False


def predict(nlp: Language, docs: Sequence[Doc], *, threshold: float | None = None) -> Predictions:
    """Send texts through a pipeline.

    They are exclusive if each has one label, and the pipeline has no classifier for any number of labels.
    In exclusive texts a label that isn't named does not hold, as for `spacy evaluate`; in others it is
    unknown. A text that wasn't annotated for any label of the pipeline, and has no other, is left out.

    nlp (Language): The pipeline; whichever component sets `doc.cats` counts.
    docs (Sequence[Doc]): Texts with categories, each of them, and languages.
    threshold (float | None): Score from which a label counts; None for the pipeline's own.
    RETURNS (Predictions): The arrays.
    RAISES (ValueError): The pipeline sets no categories, or scores that are no numbers, or none of its
        labels is one of the texts', or the threshold is no score.
    """
    if threshold is not None and not 0 <= threshold <= 1:
        raise ValueError(Errors.X746.format(found=threshold))
    found = _categories(nlp, docs)
    labels = list(dict.fromkeys(label for cats in found for label in cats))
    given = [given_labels(doc) for doc in docs]
    annotated = {label for doc in docs for label in doc.cats}
    if annotated.isdisjoint(labels):
        raise ValueError(Errors.X753.format(found=", ".join(labels), expected=", ".join(sorted(annotated))))
    kind = kind_of(nlp)
    inexact = sum(len(names) != 1 for names in given)
    exclusive = not kind.multi_label and not inexact
    columns = {label: column for column, label in enumerate(labels)}
    gold, known = _truth(docs, columns)
    if exclusive:
        known[:] = True
    unseen = [[name for name in names if name not in columns] for names in given]
    whole = Predictions(
        labels=labels,
        texts=[doc.text for doc in docs],
        rows={language: np.array(numbers) for language, numbers in rows_by_language(docs).items()},
        scores=_scores(found, labels, docs),
        gold=gold,
        known=known,
        unseen=unseen,
        exclusive=exclusive,
        threshold=kind.threshold if threshold is None else threshold,
        inexact=inexact if kind.single_label else 0,
    )
    return _without(whole, known.any(axis=1) | whole.has_unseen)


def kind_of(nlp: Language) -> Kind:
    """How a pipeline's scores become labels: by its last classifier for any number of them, if it has one."""
    pipes = [pipe for _, pipe in nlp.pipeline if isinstance(pipe, TextCategorizer)]
    multi_label = [pipe for pipe in pipes if isinstance(pipe, MultiLabel_TextCategorizer)]
    if multi_label:
        return Kind(True, float(multi_label[-1].cfg["threshold"]))
    return Kind(False, THRESHOLD, single_label=bool(pipes))


def unread_doc(nlp: Language, text: str, language: str | None) -> Doc:
    """Make a Doc for a pipeline to read: the words of a text, with its language, None for one that isn't
    known. Unlike `nlp.make_doc`, this takes a text of any length.
    """
    doc = nlp.tokenizer(text)
    set_language(doc, language)
    return doc


def _categories(nlp: Language, docs: Sequence[Doc]) -> list[dict[str, float]]:
    """The scores of each text, in a pass that knows their languages."""
    found = []
    for doc in nlp.pipe(unread_doc(nlp, doc.text, get_language(doc)) for doc in docs):
        if not doc.cats:
            raise ValueError(Errors.X752.format(text=doc.text[:60]))
        found.append(dict(doc.cats))
    return found


def _scores(found: Sequence[Mapping[str, float]], labels: Sequence[str], docs: Sequence[Doc]) -> Doubles2d:
    # A label that a text has no score for has 0 there, as for spaCy's scorer.
    scores = np.array([[cats.get(label, 0.0) for label in labels] for cats in found], dtype=np.float64)
    if not np.isfinite(scores).all():
        row, column = np.argwhere(~np.isfinite(scores))[0]
        raise ValueError(
            Errors.X754.format(score=scores[row, column], label=labels[column], text=docs[row].text[:60])
        )
    return scores


def _truth(docs: Sequence[Doc], columns: Mapping[str, int]) -> tuple[Bools2d, Bools2d]:
    gold = np.zeros((len(docs), len(columns)), dtype=bool)
    known = np.zeros_like(gold)
    for row, doc in enumerate(docs):
        known[row, [columns[label] for label in doc.cats if label in columns]] = True
        gold[row, [columns[label] for label in given_labels(doc) if label in columns]] = True
    return gold, known


def _without(predictions: Predictions, keep: Bools1d) -> Predictions:
    if keep.all():
        return predictions
    kept = predictions.of(np.flatnonzero(keep))
    number = np.cumsum(keep) - 1
    rows = {language: number[rows[keep[rows]]] for language, rows in predictions.rows.items()}
    return replace(kept, rows={language: left for language, left in rows.items() if len(left)})
