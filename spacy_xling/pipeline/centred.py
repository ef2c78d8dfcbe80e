"""Centring by language: what moves the logits of a target language's texts to where the source's lie."""

import warnings
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple, Optional

import numpy as np
from spacy.tokens import Doc
from spacy.util import minibatch

from ..data.languages import UNKNOWN, get_language
from ..data.sampling import reservoir_sample
from ..errors import Errors, Warnings
from ..types import Floats2d
from .calibrated import CalibratedScores, Calibration

# Texts of each language whose mean is taken, and the fewest that are worth it.
MOST_TEXTS, FEWEST_TEXTS = 200, 20
BATCH_SIZE = 256


class CentringTexts(NamedTuple):
    """Texts whose mean logits are compared.

    source (Sequence[str]): Texts of the source language, or of several.
    raw (Mapping[str, Sequence[str]]): Raw texts of each language to centre.
    """

    source: Sequence[str]
    raw: Mapping[str, Sequence[str]]


class CentredScores(CalibratedScores):
    """Scores that are centred by language, with offsets that keep up with the training of the component. It
    calls `_set_centring` when it is made.
    """

    centring: bool

    def _set_centring(self, centring: bool) -> None:
        self.centring = centring
        self._centring_texts: Optional[CentringTexts] = None
        self._has_moved = False

    def attach_centring(self, unlabelled: Any, docs: Iterable[Doc], *, seed: int = 0) -> None:
        """Find offsets anew whenever weights have changed from now on. `initialize` does so with what it is
        given; call this for a component that was loaded or sourced.

        unlabelled (UnlabelledText): A reader of raw text that has a method `sample`.
        docs (Iterable[Doc]): Labelled texts of the source language, or of several.
        seed (int): Seed of the samples.
        RAISES (ValueError): No reader, or one that can't sample; texts whose language isn't known; no
            raw text of another language.
        """
        if not hasattr(unlabelled, "sample"):
            found = "nothing" if unlabelled is None else f"a {type(unlabelled).__name__}"
            raise ValueError(Errors.X543.format(name=self.name, found=found))
        sources: set[str] = set()

        def source_texts() -> Iterable[str]:
            for doc in docs:
                if doc.cats:
                    sources.add(get_language(doc) or UNKNOWN)
                    yield doc.text

        source = reservoir_sample(source_texts(), MOST_TEXTS, seed=seed)
        raw = unlabelled.sample(MOST_TEXTS)
        self._centring_texts = choose_texts(self.name, source, sources, raw)
        self._has_moved = True

    def _note_change(self) -> None:
        """Weights have changed, and offsets are those of before."""
        self._has_moved = True

    def _keep_centred(self) -> None:
        if self._has_moved and self._centring_texts is not None:
            self._has_moved = False
            offsets = find_offsets(self, self._centring_texts)
            self.calibration = (self.calibration or Calibration())._replace(offsets=offsets)

    def predict(self, docs: Iterable[Doc]) -> Floats2d:
        """Score texts, without changing them; see `CalibratedScores.predict`."""
        docs = list(docs)
        if self._centring_texts and any(get_language(doc) in self._centring_texts.raw for doc in docs):
            self._keep_centred()
        return super().predict(docs)


def choose_texts(
    name: str,
    source: Sequence[str],
    sources: Iterable[str],
    raw: Mapping[Optional[str], Sequence[str]],
) -> CentringTexts:
    """Choose the languages to centre: those with raw text that no source text is in.

    name (str): The component, for messages.
    source (Sequence[str]): Texts of the source languages.
    sources (Iterable[str]): Their languages, "-" for one that isn't known.
    raw (Mapping[Optional[str], Sequence[str]]): Raw texts by language.
    RETURNS (CentringTexts): The texts.
    RAISES (ValueError): There is no source text, or its language isn't known; no language is left.
    """
    sources = sorted(sources)
    if not source or UNKNOWN in sources:
        raise ValueError(Errors.X544.format(name=name, found=", ".join(sources) or "no text"))
    targets = {language: texts for language, texts in raw.items() if language and language not in sources}
    few = [f"{language}: {len(texts)}" for language, texts in targets.items() if len(texts) < FEWEST_TEXTS]
    if few:
        text = Warnings.W544.format(name=name, found=", ".join(few), least=FEWEST_TEXTS)
        warnings.warn(text, stacklevel=3)
    chosen = {language: texts for language, texts in targets.items() if len(texts) >= FEWEST_TEXTS}
    if not chosen:
        found = ", ".join(language or UNKNOWN for language in raw)
        text = Errors.X545.format(name=name, sources=", ".join(sources), found=found, least=FEWEST_TEXTS)
        raise ValueError(text)
    return CentringTexts(source, chosen)


def find_offsets(pipe: CalibratedScores, texts: CentringTexts) -> dict[str, list[float]]:
    """The offsets of languages: mean logits of the source's texts - mean logits of the language's raw texts.

    With a linear layer from pooled vectors to logits this is the same as centring the pooled vectors
    (Libovicky+ 2020, "On the Language Neutrality of Pre-trained Multilingual Representations", 2004.05160).

    pipe (CalibratedScores): The component.
    texts (CentringTexts): The texts.
    RETURNS (dict[str, list[float]]): By language, a number for each label.
    """
    source = mean_logits(pipe, texts.source)
    return {language: (source - mean_logits(pipe, raw)).tolist() for language, raw in texts.raw.items()}


def mean_logits(pipe: CalibratedScores, texts: Iterable[str]) -> Any:
    """The mean logits of the texts that have a piece.

    pipe (CalibratedScores): The component.
    texts (Iterable[str]): The texts.
    RETURNS (ndarray): In float64, zeros where no text has a piece. *Shape:* (labels,)
    """
    total, count = np.zeros(len(pipe.cfg["labels"])), 0
    for batch in minibatch(texts, BATCH_SIZE):
        logits, _ = pipe.raw_logits(batch)
        total += pipe.model.ops.to_numpy(logits).sum(axis=0, dtype=np.float64)
        count += len(logits)
    return total / max(count, 1)
