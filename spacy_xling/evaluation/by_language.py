"""How well a pipeline classifies the texts of each language."""

from pathlib import Path
from typing import Dict, List, Mapping, NamedTuple, Sequence

import spacy
from sklearn.metrics import f1_score
from spacy.language import Language
from spacy.tokens import Doc

from ..data.conversion import given_labels, read_docs
from ..data.labelled import LabelledText
from ..data.languages import rows_by_language
from ..data.survey import survey
from ..errors import Errors


class Score(NamedTuple):
    """The score on the texts of a language.

    texts (int): Number of labelled texts.
    accuracy (float): Share of the texts all of whose labels are right, and no others given, from 0 to 1.
    macro_f1 (float): Mean of the F1 of each label that any text of the corpus has, from 0 to 1; a label that
        is neither given nor predicted in this language is left out.
    """

    texts: int
    accuracy: float
    macro_f1: float


def read_test_text(corpus: LabelledText) -> List[Doc]:
    """Read the texts to score pipelines on.

    corpus (LabelledText): The corpus. Its unlabelled texts are passed over.
    RETURNS (List[Doc]): The labelled texts.
    RAISES (ValueError): It has none, or is not what the reader expects.
    """
    docs = [doc for doc in read_docs(corpus) if doc.cats]
    if not docs:
        raise ValueError(Errors.X750.format(path=corpus.path))
    return docs


def evaluate_by_language(nlp: Language, docs: Sequence[Doc], *, threshold: float = 0.5) -> Dict[str, Score]:
    """Score a pipeline on each language of some texts.

    nlp (Language): The pipeline; whichever component sets `doc.cats` counts.
    docs (Sequence[Doc]): Labelled texts.
    threshold (float): Score from which a label counts as given where texts have any number of labels. Where
        each has exactly one, the label with the highest score counts.
    RETURNS (Dict[str, Score]): Scores by language, in the order of their first text.
    RAISES (ValueError): The pipeline sets no categories.
    """
    exclusive = survey(docs).exclusive
    predicted = [_predicted(doc, exclusive, threshold) for doc in nlp.pipe(doc.text for doc in docs)]
    labels = sorted({label for doc in docs for label in given_labels(doc)})
    return {
        language: _score([given_labels(docs[n]) for n in numbers], [predicted[n] for n in numbers], labels)
        for language, numbers in rows_by_language(docs).items()
    }


def load_pipeline(path: Path) -> Language:
    """Load a trained pipeline.

    path (Path): Its folder, or the name of an installed package.
    RETURNS (Language): The pipeline.
    RAISES (ValueError): There is none.
    """
    try:
        return spacy.load(path)
    except OSError as error:
        raise ValueError(Errors.X751.format(path=path, error=str(error).splitlines()[0])) from error


def column_names(paths: Sequence[Path]) -> List[str]:
    """Short names for pipelines: their paths without the folders that all have in common, at either end.

    paths (Sequence[Path]): The paths.
    RETURNS (List[str]): A name for each.
    """
    parts = [path.parts for path in paths]
    if len(set(parts)) < 2:
        return [path.name for path in paths]
    shortest = min(map(len, parts))
    start = next(n for n in range(shortest + 1) if len({part[: n + 1] for part in parts}) > 1)
    end = next(n for n in range(shortest + 1) if len({part[len(part) - n - 1 :] for part in parts}) > 1)
    return ["/".join(part[start : len(part) - end]) or part[-1] for part in parts]


def mean_of_targets(scores: Mapping[str, Score], source: str) -> float:
    """The mean accuracy of all languages but the source, each counting alike.

    scores (Mapping[str, Score]): Scores by language.
    source (str): The source language.
    RETURNS (float): The mean, from 0 to 1; of no language, NaN.
    """
    targets = [score.accuracy for language, score in scores.items() if language != source]
    return sum(targets) / len(targets) if targets else float("nan")


def _predicted(doc: Doc, exclusive: bool, threshold: float) -> List[str]:
    if not doc.cats:
        raise ValueError(Errors.X752.format(text=doc.text[:60]))
    if exclusive:
        return [max(doc.cats, key=lambda label: doc.cats[label])]
    return [label for label, value in doc.cats.items() if value >= threshold]


def _score(given: Sequence[List[str]], predicted: Sequence[List[str]], labels: Sequence[str]) -> Score:
    seen = {label for found in (*given, *predicted) for label in found}
    scored = [label for label in labels if label in seen]
    truth = [[label in found for label in scored] for found in given]
    guess = [[label in found for label in scored] for found in predicted]
    right = sum(set(a) == set(b) for a, b in zip(given, predicted, strict=True))
    macro_f1 = f1_score(truth, guess, average="macro", zero_division=0)
    return Score(len(given), right / len(given), float(macro_f1))
