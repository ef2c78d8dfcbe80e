"""Centring by language: what moves the logits of a target language's texts to where the source's lie."""

import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from spacy.tokens import Doc
from spacy.training import Example
from thinc.types import FloatsXd

from ..data.languages import UNKNOWN
from ..data.sampling import reservoir_sample
from ..errors import Errors, Warnings
from ..models.contracts import shim_of
from ..types import Floats2d
from .calibrated import CalibratedScores, Calibration
from .text_field import read_text

# Texts of each language whose mean is taken, and the fewest that are worth it.
MOST_TEXTS, FEWEST_TEXTS = 200, 20


class CentringTexts(NamedTuple):
    """Texts whose mean logits are compared, each with a piece.

    source (Sequence[str]): Texts of the source language, or of several.
    raw (Mapping[str, Sequence[str]]): Raw texts of each language to centre.
    """

    source: Sequence[str]
    raw: Mapping[str, Sequence[str]]


class CentredScores(CalibratedScores):
    """Scores that are centred by language. With raw text attached, offsets are those of the weights that are
    in place: they are found again before texts of a language with raw text are scored, and before the
    component is saved, where weights have changed since. A component calls `_set_centring` when it is made,
    and `_note_change` when its weights have changed.
    """

    centring: bool

    def _set_centring(self, centring: bool) -> None:
        self.centring = centring
        self._centring_texts: CentringTexts | None = None
        self._has_moved = False
        self._is_warned = False

    def attach_centring(self, unlabelled: object, docs: Iterable[Doc], *, seed: int = 0) -> None:
        """Let offsets keep up with the weights from now on. `initialize` does so with what it is given; call
        this for a component that was loaded or sourced.

        unlabelled (object): A reader of raw text, see `data.sources.RawTextReader`.
        docs (Iterable[Doc]): Labelled texts of the source language, or of several.
        seed (int): Seed of the sample of these.
        RAISES (ValueError): As `choose_texts`.
        """
        self._centring_texts = choose_texts(self, docs, unlabelled, seed=seed)
        self._has_moved = True

    def keep_centred(self) -> None:
        """Find the offsets of the weights that are in place, where raw text is attached and weights have
        changed. Those of weights that have become no numbers are not taken.
        """
        if not self._has_moved or self._centring_texts is None:
            return
        offsets = find_offsets(self, self._centring_texts)
        if np.isfinite(list(offsets.values())).all():
            self.offsets = offsets
        self._has_moved = False

    def predict(self, docs: Iterable[Doc]) -> Floats2d:
        """Score texts, without changing them; see `CalibratedScores.predict`."""
        docs = list(docs)
        texts = self._centring_texts
        if texts and any(read.language in texts.raw for read in self.read(docs)):
            self.keep_centred()
        return super().predict(docs)

    def use_params(self, params: Mapping[tuple[int, str], FloatsXd]) -> Iterator[None]:
        """Replace the component's weights by others, such as their averages; see spaCy's
        `TrainablePipe.use_params`. As there, a generator and no context manager: `nlp.use_params` iterates.
        """
        with self.model.use_params(params):
            self._has_moved = True
            yield
        self._has_moved = True

    def _note_change(self, examples: Iterable[Example] = ()) -> None:
        """Weights have changed, by examples whose languages are sources, whatever was seen before."""
        self._has_moved = True
        if self._centring_texts is not None:
            labelled = (eg for eg in examples if eg.reference.cats)
            sources = {read.language for read in self.read_examples(labelled)}
            left = {name: raw for name, raw in self._centring_texts.raw.items() if name not in sources}
            self._centring_texts = self._centring_texts._replace(raw=left)
        elif not self._is_warned and self.offsets:
            self._is_warned = True
            warnings.warn(Warnings.W545.format(name=self.name), stacklevel=4)

    def _store_calibration(self, calibration: Calibration | None) -> None:
        super()._store_calibration(calibration)
        # What is set is not replaced before weights change again.
        self._has_moved = False


def choose_texts(
    pipe: CalibratedScores,
    docs: Iterable[Doc],
    unlabelled: object,
    *,
    source: str | None = None,
    seed: int = 0,
) -> CentringTexts:
    """Choose texts to compare: labelled ones, and raw ones of languages that no labelled text is in.

    pipe (CalibratedScores): The component.
    docs (Iterable[Doc]): Texts, of which the labelled ones are taken.
    unlabelled (object): A reader of raw text, see `data.sources.RawTextReader`.
    source (str | None): Take labelled texts of this language alone; None takes all.
    seed (int): Seed of the sample of labelled texts.
    RETURNS (CentringTexts): The texts, as many as `MOST_TEXTS` of each language, and of the source.
    RAISES (ValueError): X543 for what can't sample texts, X544 for labelled texts whose language isn't known,
        X545 where no language with `FEWEST_TEXTS` is left.
    """
    sources: dict[str, None] = {}

    def labelled() -> Iterator[str]:
        for doc in docs:
            text, language = read_text(doc, pipe.text_field)
            if doc.cats and source in (None, language):
                sources[language or UNKNOWN] = None
                yield text

    chosen = _with_pieces(pipe, reservoir_sample(labelled(), MOST_TEXTS, seed=seed))
    if not chosen or UNKNOWN in sources:
        raise ValueError(Errors.X544.format(name=pipe.name, found=", ".join(sources) or "none was found"))
    targets = {
        language: _with_pieces(pipe, texts)
        for language, texts in _sample(pipe, unlabelled).items()
        if language and language not in sources
    }
    few = [f"{language}: {len(texts)}" for language, texts in targets.items() if len(texts) < FEWEST_TEXTS]
    if few:
        text = Warnings.W544.format(name=pipe.name, found=", ".join(few), least=FEWEST_TEXTS)
        warnings.warn(text, stacklevel=4)
    raw = {language: texts for language, texts in targets.items() if len(texts) >= FEWEST_TEXTS}
    if not raw:
        text = Errors.X545.format(name=pipe.name, sources=", ".join(sources), least=FEWEST_TEXTS)
        raise ValueError(text)
    return CentringTexts(chosen, raw)


def find_offsets(pipe: CalibratedScores, texts: CentringTexts) -> dict[str, list[float]]:
    """The offsets of languages: mean logits of the source's texts - mean logits of the language's raw texts.

    With a linear layer from pooled vectors to logits this is the same as centring the pooled vectors
    (Libovicky+ 2020, "On the Language Neutrality of Pre-trained Multilingual Representations", 2004.05160).

    RETURNS (dict[str, list[float]]): By language, a number for each label.
    """

    def mean_logits(texts: Sequence[str]) -> NDArray[np.float64]:
        return pipe.model.ops.to_numpy(pipe.raw_logits(texts)[0]).mean(axis=0, dtype=np.float64)

    source = mean_logits(texts.source)
    return {language: (source - mean_logits(raw)).tolist() for language, raw in texts.raw.items()}


def _sample(pipe: CalibratedScores, unlabelled: object) -> Mapping[str | None, Sequence[str]]:
    raw = unlabelled.sample(MOST_TEXTS) if hasattr(unlabelled, "sample") else None
    if raw is None or not all(isinstance(text, str) for texts in raw.values() for text in texts):
        found = "nothing" if unlabelled is None else f"a {type(unlabelled).__name__}"
        raise ValueError(Errors.X543.format(name=pipe.name, found=found))
    return raw


def _with_pieces(pipe: CalibratedScores, texts: Sequence[str]) -> list[str]:
    has_words = shim_of(pipe.model).split(texts).has_words if texts else ()
    return [text for text, has in zip(texts, has_words, strict=True) if has]
