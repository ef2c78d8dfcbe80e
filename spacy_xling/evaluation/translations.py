"""Scores of translations: chrF++ and BLEU by sacrebleu (extra `translate`)."""

from collections.abc import Callable, Iterable
from types import ModuleType
from typing import Any, NamedTuple

from spacy.training import Example

from ..data.doc_translations import get_translation, get_translation_language
from ..data.languages import UNKNOWN, get_language
from ..errors import Errors, requiring

Scores = dict[str, Any]
CHRF, BLEU = "translation_chrf", "translation_bleu"
# sacrebleu's scores are percentages, spaCy's shares.
PERCENT = 100


class Scored(NamedTuple):
    """Translations of one pair of languages, and those that were expected."""

    translations: list[str]
    references: list[str]


def build_translation_scorer_v1() -> Callable[..., Scores]:
    """Build the scorer of translators, registered as `spacy-xling.translation_scorer.v1`; see
    `score_translations`.
    """
    return score_translations


def score_translations(examples: Iterable[Example], **settings: Any) -> Scores:
    """Compare `doc._.translation` of predicted Docs with that of the references, by pair of languages.

        translation_chrf           mean over the pairs of languages of chrF++, from 0 to 1
        translation_bleu           mean over the pairs of languages of BLEU, from 0 to 1
        translation_chrf_per_pair  chrF++ by pair, e.g. "en-da" (Popovic 2017)
        translation_bleu_per_pair  BLEU by pair (Papineni et al. 2002)

    Both are scores of the whole corpus of a pair, with the tokenization 13a, but for Chinese (zh), and for
    Japanese, Korean and Thai (characters).

    examples (Iterable[Example]): The examples, with predictions. One whose reference has no translation isn't
        scored.
    settings: Not used.
    RETURNS (Scores): The scores; None where nothing is to be scored.
    RAISES (ImportError): X826: sacrebleu is missing.
    """
    chrf, bleu = {}, {}
    for (source, target), found in by_languages(examples).items():
        chrf[f"{source}-{target}"] = corpus_score(chrf_metric(), found)
        bleu[f"{source}-{target}"] = corpus_score(bleu_metric(target), found)
    return {
        CHRF: _mean(chrf),
        BLEU: _mean(bleu),
        f"{CHRF}_per_pair": chrf,
        f"{BLEU}_per_pair": bleu,
    }


def by_languages(examples: Iterable[Example]) -> dict[tuple[str, str], Scored]:
    """The translations, of examples whose reference has one, by source and target language; "-" stands for
    one that isn't known.
    """
    by_pair: dict[tuple[str, str], Scored] = {}
    for example in examples:
        expected = get_translation(example.reference)
        if expected is not None:
            source = get_language(example.reference) or UNKNOWN
            target = get_translation_language(example.reference) or UNKNOWN
            found = by_pair.setdefault((source, target), Scored([], []))
            found.translations.append(get_translation(example.predicted) or "")
            found.references.append(expected)
    return by_pair


def chrf_metric() -> Any:
    """sacrebleu's chrF++: character n-grams up to 6, and words up to bigrams.

    RAISES (ImportError): X826.
    """
    return _sacrebleu().CHRF(word_order=2)


def bleu_metric(target: str) -> Any:
    """sacrebleu's BLEU, with the tokenization that is usual for a language, given by its code.

    RAISES (ImportError): X826.
    """
    from ..data.codes import parse_code

    # Those of Japanese and Korean need libraries of their own; characters do for both.
    own = {"zh": "zh", "ja": "char", "ko": "char", "th": "char"}
    return _sacrebleu().BLEU(tokenize=own.get(parse_code(target).language, "13a"))


def corpus_score(metric: Any, found: Scored) -> float:
    """A score of a corpus, from 0 to 1."""
    return float(metric.corpus_score(found.translations, [found.references]).score) / PERCENT


def _sacrebleu() -> ModuleType:
    with requiring(Errors.X826):
        from sacrebleu import metrics
    return metrics


def _mean(scores: dict[str, float]) -> float | None:
    return sum(scores.values()) / len(scores) if scores else None
