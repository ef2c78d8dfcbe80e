"""Why a pipeline got texts wrong: its surest mistakes, with a score for each word."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from spacy.language import Language

from ..data.languages import UNKNOWN
from ..errors import one_line
from ..explaining import Explanation, explain
from .mistakes import Mistake
from .predictions import unread_doc


@dataclass(frozen=True)
class ExplainedMistake:
    """A text that is wrong, and what its words did for that.

    text (str): The text.
    language (str): The language, "-" for one that isn't known.
    gold (Sequence[str]): Its labels.
    predicted (Sequence[str]): The labels that the pipeline gives it.
    explanation (Explanation | None): Of the label that the pipeline is most surely wrong about; None for a
        text that can't be explained.
    error (str | None): Why it can't.
    """

    text: str
    language: str
    gold: Sequence[str]
    predicted: Sequence[str]
    explanation: Explanation | None = None
    error: str | None = None


def explain_mistakes(
    nlp: Language, mistakes: Mapping[str, Sequence[Mistake]], limit: int
) -> list[ExplainedMistake]:
    """Explain by occlusion the mistakes, given by language, that a pipeline is surest of: the surest first,
    up to a limit for all languages together. Blank texts are left out.
    """
    found = [(language, one) for language, several in mistakes.items() for one in several if one.text.strip()]
    found.sort(key=lambda pair: -pair[1].score)
    return [_explain(nlp, language, mistake) for language, mistake in found[:limit]]


def _explain(nlp: Language, language: str, mistake: Mistake) -> ExplainedMistake:
    doc = unread_doc(nlp, mistake.text, None if language == UNKNOWN else language)
    explanation = error = None
    try:
        explanation = explain(nlp, doc, _surest_wrong(nlp(doc).cats, mistake))
    # Any component may fail on a text without its neighbours, or without one of its words; the rest continue.
    except Exception as failure:
        error = one_line(failure)
    return ExplainedMistake(mistake.text, language, mistake.gold, mistake.predicted, explanation, error)


def _surest_wrong(cats: Mapping[str, float], mistake: Mistake) -> str | None:
    """The label that is most surely wrong: given wrongly, or where none is, missed; None for a text that is
    wrong by a label alone that the pipeline doesn't have.
    """
    given = [label for label in mistake.predicted if label not in mistake.gold]
    missed = [label for label in mistake.gold if label in cats and label not in mistake.predicted]
    sureness = {label: cats[label] for label in given} or {label: 1 - cats[label] for label in missed}
    return max(sureness, key=sureness.__getitem__, default=None)
