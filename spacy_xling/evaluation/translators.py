"""Translators side by side on held-out parallel text: chrF++ and BLEU, with paired bootstrap."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, cast

import spacy

from ..data.doc_translations import get_translation, get_translation_language
from ..data.languages import get_language
from ..data.sources import RawText
from ..data.translation_pairs import TranslationPairs
from ..translation.seq2seq import Engine
from ..translation.translator import DEFAULTS, Settings, Translator
from .translations import bleu_metric, chrf_metric


@dataclass(frozen=True)
class SystemScore:
    """A score of a translator.

    score (float): In percent.
    half_width (float): Of the 95 % interval of bootstrap samples (Koehn 2004), in percent.
    p (float | None): How probable a difference from the first translator as large as this one is by chance
        alone; None for the first.
    """

    score: float
    half_width: float
    p: float | None


@dataclass(frozen=True)
class DirectionScores:
    """The scores of one direction, by translator and metric, on a number of texts; `signatures` say how each
    metric was computed.
    """

    texts: int
    signatures: dict[str, str]
    systems: dict[str, dict[str, SystemScore]]


class Parallel(NamedTuple):
    """Texts in the source language of a direction, and their translations into its target."""

    source: str
    target: str
    texts: list[str]
    references: list[str]


def evaluate_translators(
    load: Mapping[str, Callable[[str, str], Engine]],
    corpus: TranslationPairs,
    settings: Settings = DEFAULTS,
    *,
    resamples: int = 1000,
) -> dict[str, DirectionScores]:
    """Translate held-out text with several translators, and compare what they made of it.

    load (Mapping[str, Callable]): Gives each translator for a source and a target language, by its name.
    corpus (TranslationPairs): The text.
    settings (Settings): How it is translated.
    resamples (int): Number of bootstrap samples.
    RETURNS (dict[str, DirectionScores]): The scores by direction, e.g. "en-da".
    RAISES (ValueError): X829: there is no text; a translator doesn't know a language. (ImportError): X826.
    """
    chrf_metric()
    found = read_parallel(corpus)
    # Before the work of hours, and not after the first translator.
    for find_engine in load.values():
        for parallel in found.values():
            find_engine(parallel.source, parallel.target).tokenizer.pair(parallel.source, parallel.target)
    made: dict[str, dict[str, list[str]]] = {direction: {} for direction in found}
    for name, find_engine in load.items():
        for direction, parallel in found.items():
            made[direction][name] = translate_texts(find_engine, parallel, settings)
    return {
        direction: score_direction(made[direction], parallel, resamples=resamples)
        for direction, parallel in found.items()
    }


def read_parallel(corpus: TranslationPairs) -> dict[str, Parallel]:
    """Read parallel text by direction."""
    found: dict[str, Parallel] = {}
    for example in corpus(spacy.blank("xx")):
        source, target = get_language(example.reference), get_translation_language(example.reference)
        direction = found.setdefault(f"{source}-{target}", Parallel(str(source), str(target), [], []))
        direction.texts.append(example.reference.text)
        direction.references.append(str(get_translation(example.reference)))
    return found


def translate_texts(
    find_engine: Callable[[str, str], Engine], parallel: Parallel, settings: Settings
) -> list[str]:
    """Translate the texts of a direction."""
    engine = find_engine(parallel.source, parallel.target)
    translator = Translator(lambda source: engine, parallel.target, settings)
    texts = (RawText(text, parallel.source) for text in parallel.texts)
    return [translation.text for translation in translator.pipe(texts)]


def score_direction(
    translations: Mapping[str, Sequence[str]], parallel: Parallel, *, resamples: int
) -> DirectionScores:
    """Score what translators made of the texts of a direction, by sacrebleu's paired bootstrap: the first is
    the one that others are compared with.
    """
    metrics = {"chrF++": chrf_metric(), "BLEU": bleu_metric(parallel.target)}
    from sacrebleu.significance import PairedTest

    named, references = list(translations.items()), [parallel.references]
    # The same samples of texts for all (Koehn 2004).
    test = PairedTest(named, metrics, references=references, test_type="bs", n_samples=resamples)
    said, found = cast(tuple[dict, dict[str, list[Any]]], test())
    del found["System"]
    # It has names of its own for the metrics, whose order stays.
    signatures = dict(zip(metrics, map(str, said.values()), strict=True))
    systems: dict[str, dict[str, SystemScore]] = {name: {} for name in translations}
    for metric, scores in zip(metrics, found.values(), strict=True):
        for name, score in zip(translations, scores, strict=True):
            systems[name][metric] = SystemScore(float(score.score), float(score.ci), score.p_value)
    return DirectionScores(len(parallel.texts), signatures, systems)
