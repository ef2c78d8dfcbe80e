"""Temperatures and offsets for a text classifier, and how well scores say how often it is right."""

import warnings
from collections.abc import Sequence
from itertools import chain
from typing import NamedTuple

import numpy as np
from scipy.optimize import brentq
from scipy.special import expit, softmax
from spacy.language import Language
from spacy.tokens import Doc
from spacy.util import minibatch

from ..data.conversion import given_labels
from ..data.doc_translations import TRANSLATION
from ..data.languages import UNKNOWN, rows_by_language
from ..data.sources import RawTextReader
from ..errors import Errors, Warnings
from ..pipeline.calibrated import CalibratedScores, Calibration
from ..pipeline.centred import CentredScores, CentringTexts, choose_texts, find_offsets
from .reliability import expected_calibration_error, reliability_bins

# A language with fewer dev texts has no temperature of its own. Simulated, for logits of seven classes that
# are twice too sharp: 50 texts give a temperature of 1.5 to 2.6 in nine of ten cases, 20 one of 1.1 to 3.0.
MIN_TEXTS = 50
BATCH_SIZE = 256
TEMPERATURES = (0.05, 100.0)
ALL = "all"


class Truths(NamedTuple):
    """What is known of dev texts.

    values (ndarray): 1 where a label is true, else 0. *Shape:* (texts, labels)
    known (ndarray): True where that is known. *Shape:* (texts, labels)
    exclusive (bool): Whether exactly one label is true of each text.
    """

    values: np.ndarray
    known: np.ndarray
    exclusive: bool

    def rows(self, numbers: Sequence[int]) -> "Truths":
        """Those of some texts."""
        return Truths(self.values[numbers], self.known[numbers], self.exclusive)


class Row(NamedTuple):
    """What calibration did to the texts of a language.

    language (str): The language, or "all".
    texts (int): Number of texts.
    temperature (float): The temperature of its texts; for "all", that of the languages without one.
    own (bool): Whether it was fitted on these texts alone.
    ece_before (float): Expected calibration error without temperatures, from 0 to 1.
    ece_after (float): The same with them.
    accuracy (float | None): Share of texts whose top label is right; None where labels are independent.
    answered (float | None): Share of the texts that are not abstained from; None without a threshold.
    answered_accuracy (float | None): Accuracy on those; None without a threshold or a text.
    """

    language: str
    texts: int
    temperature: float
    own: bool
    ece_before: float
    ece_after: float
    accuracy: float | None
    answered: float | None
    answered_accuracy: float | None


def find_component(nlp: Language, name: str | None = None) -> CentredScores:
    """Find the component to calibrate by its name; None for the only one there is.

    RAISES (ValueError): There is none, or there are several.
    """
    found = {pipe_name: pipe for pipe_name, pipe in nlp.pipeline if isinstance(pipe, CentredScores)}
    chosen = list(found) if name is None else [pipe_name for pipe_name in found if pipe_name == name]
    if len(chosen) != 1:
        raise ValueError(Errors.X760.format(found=list(found) or "none"))
    return found[chosen[0]]


def with_translations(nlp: Language, pipe: CentredScores, docs: Sequence[Doc]) -> list[Doc]:
    """Let a pipeline translate texts, with their languages, for its classifier, if that is what it reads: by
    the components before it that assign `doc._.translation`.

    RAISES (ValueError): X557: there is no such component.
    """
    if pipe.text_field != "translation":
        return list(docs)
    before = nlp.pipe_names[: nlp.pipe_names.index(pipe.name)]
    wanted = [name for name in before if f"doc._.{TRANSLATION}" in nlp.get_pipe_meta(name).assigns]
    translated = list(nlp.pipe(docs, disable=[name for name in nlp.pipe_names if name not in wanted]))
    pipe.require_translations(translated)
    return translated


def centre(
    pipe: CentredScores, docs: Sequence[Doc], unlabelled: RawTextReader, *, source: str
) -> CentringTexts:
    """Give a component the offsets of the languages that there is raw text of; see `find_offsets`. What it
    was calibrated by before belongs to other scores, and goes.

    pipe (CentredScores): The component; its `calibration` is replaced.
    docs (Sequence[Doc]): Labelled texts of the source language, and others, which are passed over.
    unlabelled (RawTextReader): The raw text.
    source (str): The source language, which is not moved.
    RETURNS (CentringTexts): The texts that were compared.
    RAISES (ValueError): X545, X768.
    """
    languages = rows_by_language([doc for doc in docs if doc.cats])
    if source not in languages:
        raise ValueError(Errors.X768.format(source=source, found=", ".join(languages) or "none"))
    texts = choose_texts(pipe, docs, unlabelled, source=source)
    missing = sorted(languages.keys() - texts.raw.keys() - {source, UNKNOWN})
    if missing:
        text = Warnings.W761.format(languages=", ".join(missing), name=pipe.name, found=", ".join(texts.raw))
        warnings.warn(text, stacklevel=2)
    if pipe.calibration is not None:
        warnings.warn(Warnings.W760.format(name=pipe.name), stacklevel=2)
    pipe.calibration = Calibration(offsets=find_offsets(pipe, texts))
    return texts


def calibrate(
    pipe: CentredScores,
    docs: Sequence[Doc],
    *,
    by_language: bool = False,
    min_texts: int = MIN_TEXTS,
    abstain_below: float | None = None,
    target_accuracy: float | None = None,
) -> list[Row]:
    """Give a component the temperatures that fit dev text best, and a threshold below which to abstain. Its
    offsets, if it is centred, stay as they are.

    Texts without labels or without a piece take no part. With `by_language`, each language that has
    `min_texts` texts or more, and a mistake among them, gets a temperature of its own; the others have that
    of all texts together.

    pipe (CentredScores): The component; its `calibration` is set.
    docs (Sequence[Doc]): Dev texts, with `doc.cats` and `doc._.language`, as `with_translations` gives them.
    by_language (bool): Fit a temperature for each language.
    min_texts (int): The least texts of a language to fit one on, and, for `target_accuracy`, to answer.
    abstain_below (float | None): The threshold, of calibrated scores.
    target_accuracy (float | None): Instead of that, the accuracy that the texts that are answered are to
        have: the threshold that leaves most of them is taken.
    RETURNS (list[Row]): A row for each language, and one for all texts at the end.
    RAISES (ValueError): X530, X531, X532, X761, X762, X763, X764, X766, X767.
    """
    given = [value for value in (abstain_below, target_accuracy) if value is not None]
    if len(given) > 1 or not all(0 <= value <= 1 for value in given):
        raise ValueError(Errors.X764.format(abstain_below=abstain_below, target_accuracy=target_accuracy))
    if given and not pipe.exclusive_classes:
        raise ValueError(Errors.X532.format(name=pipe.name))
    pipe.keep_centred()
    docs, raw, truths = _read(pipe, docs)
    logits = raw + pipe.model.ops.to_numpy(pipe.offsets_of(docs))
    temperature = fit_temperature(logits, truths)
    if temperature is None:
        raise ValueError(Errors.X762.format(count=len(docs)))
    languages = rows_by_language(docs)
    fitted = _fit_languages(logits, truths, languages, min_texts) if by_language else {}
    native = pipe.model.ops.asarray2f(raw)
    centred = Calibration(offsets=pipe.offsets)
    pipe.calibration = centred
    before = pipe.model.ops.to_numpy(pipe.scores_of(native, docs))
    pipe.calibration = centred._replace(temperature=temperature, by_language=fitted)
    after = pipe.model.ops.to_numpy(pipe.scores_of(native, docs))
    if target_accuracy is not None:
        abstain_below = choose_threshold(*top_labels(after, truths), target_accuracy, min_texts=min_texts)
    pipe.calibration = pipe.calibration._replace(abstain_below=abstain_below)
    groups = {**languages, ALL: list(range(len(docs)))}
    return [
        _row(language, pipe.calibration, before[numbers], after[numbers], truths.rows(numbers))
        for language, numbers in groups.items()
    ]


def fit_temperature(logits: np.ndarray, truths: Truths) -> float | None:
    """The temperature T that minimises the negative log likelihood of the truths under logits / T.

    In b = 1 / T the likelihood is convex: its derivative, the mean of sum_k (p_k - t_k) * l_k, is 0 at one
    place at most.

    logits (ndarray): The logits. *Shape:* (texts, labels)
    truths (Truths): The truths.
    RETURNS (float | None): T, at most 100 (for logits that know nothing); None where the least is not
        reached at 0.05, as where all is right.
    """
    logits = logits.astype(np.float64)

    def slope(inverse: float) -> float:
        scaled = logits * inverse
        scores = softmax(scaled, axis=1) if truths.exclusive else expit(scaled)
        return float(((scores - truths.values) * logits)[truths.known].sum())

    low, high = 1 / TEMPERATURES[1], 1 / TEMPERATURES[0]
    if slope(high) <= 0:
        return None
    if slope(low) >= 0:
        return TEMPERATURES[1]
    return float(1 / brentq(slope, low, high, xtol=1e-12, rtol=1e-12))


def top_labels(scores: np.ndarray, truths: Truths) -> tuple[np.ndarray, np.ndarray]:
    """The score of each text's top label, and whether it is right. *Shapes:* (texts,)"""
    rows, top = np.arange(len(scores)), scores.argmax(axis=1)
    return scores[rows, top].astype(np.float64), truths.values[rows, top] == 1


def choose_threshold(
    scores: np.ndarray, right: np.ndarray, target: float, *, min_texts: int = MIN_TEXTS
) -> float:
    """The threshold that leaves most texts, of those that leave an accuracy.

    scores (ndarray): Score of the top label. *Shape:* (texts,)
    right (ndarray): Whether it is right. *Shape:* (texts,)
    target (float): The accuracy that is wanted of the texts with scores at or above the threshold.
    min_texts (int): How many texts must be left at least, or all of fewer.
    RETURNS (float): The threshold, midway between two scores; 0 if nothing has to be left out.
    RAISES (ValueError): X766.
    """
    order = np.argsort(-scores, kind="stable")
    ordered = scores[order].astype(np.float64)
    counts = np.arange(1, len(scores) + 1)
    accuracies = np.cumsum(right[order]) / counts
    # Texts of one score stay together.
    possible = np.append(ordered[1:] < ordered[:-1], True)
    least = min(min_texts, len(scores))
    possible &= counts >= least
    reached = np.flatnonzero(possible & (accuracies >= target))
    if not len(reached):
        best = int(np.argmax(np.where(possible, accuracies, -1)))
        raise ValueError(
            Errors.X766.format(target=target, best=accuracies[best], answered=best + 1, least=least)
        )
    last = reached[-1]
    return 0.0 if last + 1 == len(scores) else float((ordered[last] + ordered[last + 1]) / 2)


def _read(pipe: CalibratedScores, docs: Sequence[Doc]) -> tuple[list[Doc], np.ndarray, Truths]:
    """The texts that take part, with their logits and truths."""
    labels: list[str] = pipe.cfg["labels"]
    labelled = [doc for doc in docs if (any(doc.cats.values()) if pipe.exclusive_classes else doc.cats)]
    unknown = sorted({label for doc in labelled for label in doc.cats} - set(labels))
    if unknown:
        raise ValueError(Errors.X763.format(name=pipe.name, unknown=unknown, known=labels))
    if pipe.exclusive_classes and (several := sum(len(given_labels(doc)) > 1 for doc in labelled)):
        raise ValueError(Errors.X767.format(name=pipe.name, count=several))
    batches = [
        pipe.raw_logits([read.text for read in pipe.read(batch)]) for batch in minibatch(labelled, BATCH_SIZE)
    ]
    has_words = chain.from_iterable(found.tolist() for _, found in batches)
    used = [doc for doc, has in zip(labelled, has_words, strict=True) if has]
    if not used:
        raise ValueError(Errors.X761.format(count=0, least=1))
    logits = np.concatenate([pipe.model.ops.to_numpy(found) for found, _ in batches])
    values = np.array([[doc.cats.get(label, 0.0) >= 0.5 for label in labels] for doc in used], dtype=float)
    # Where classes are exclusive, one that isn't named isn't true.
    known = np.array([[pipe.exclusive_classes or label in doc.cats for label in labels] for doc in used])
    return used, logits, Truths(values, known, pipe.exclusive_classes)


def _fit_languages(
    logits: np.ndarray, truths: Truths, languages: dict[str, list[int]], min_texts: int
) -> dict[str, float]:
    fitted = {
        language: fit_temperature(logits[numbers], truths.rows(numbers))
        for language, numbers in languages.items()
        if len(numbers) >= min_texts and language != UNKNOWN
    }
    return {language: value for language, value in fitted.items() if value is not None}


def _row(
    language: str, calibration: Calibration, before: np.ndarray, after: np.ndarray, truths: Truths
) -> Row:
    own = calibration.by_language.get(language)
    accuracy = answered = answered_accuracy = None
    best, right = top_labels(after, truths)
    if truths.exclusive:
        accuracy = float(right.mean())
    if calibration.abstain_below is not None:
        kept = best >= calibration.abstain_below
        answered = float(kept.mean())
        answered_accuracy = float(right[kept].mean()) if kept.any() else None
    return Row(
        language,
        len(best),
        calibration.temperature if own is None else own,
        own is not None,
        _error(before, truths),
        _error(after, truths),
        accuracy,
        answered,
        answered_accuracy,
    )


def _error(scores: np.ndarray, truths: Truths) -> float:
    """Of top labels where classes are exclusive, else of each label that is known of a text."""
    pairs = top_labels(scores, truths)
    if not truths.exclusive:
        pairs = scores[truths.known], truths.values[truths.known]
    return expected_calibration_error(reliability_bins(*pairs))
