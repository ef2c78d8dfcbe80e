"""A look at labelled and raw text before training: what there is, and what may go wrong."""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from spacy.tokens import Doc

from .conversion import given_labels
from .files import count_lines
from .languages import UNKNOWN, get_language
from .unlabelled import files_by_language


class Survey(NamedTuple):
    """What some labelled text holds.

    texts (int): Number of texts, unlabelled ones too.
    unlabelled (int): Texts without categories.
    unannotated (int): Texts with neither categories nor entities.
    labels (Mapping[str, Mapping[str, int]]): Texts of each label by language.
    languages (Mapping[str, int]): Texts of each language; "-" is a language that isn't known.
    entities (Mapping[str, int]): Entities of each type, the most frequent first.
    exclusive (bool): Each labelled text has one label.
    duplicates (int): Texts whose wording stands before them.
    conflicts (Sequence[str]): Wordings that stand with different labels.
    """

    texts: int
    unlabelled: int
    unannotated: int
    labels: Mapping[str, Mapping[str, int]]
    languages: Mapping[str, int]
    entities: Mapping[str, int]
    exclusive: bool
    duplicates: int
    conflicts: Sequence[str]

    @property
    def label_counts(self) -> dict[str, int]:
        """Texts of each label, the most frequent first."""
        counts = {label: sum(by_language.values()) for label, by_language in self.labels.items()}
        return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def survey(docs: Sequence[Doc]) -> Survey:
    """Look at labelled texts, with categories and languages."""
    labels: dict[str, Counter] = {}
    languages: Counter = Counter()
    wordings: dict[str, set] = {}
    exclusive = True
    entities = Counter(entity.label_ for doc in docs for entity in doc.ents)
    for doc in docs:
        language, given = get_language(doc) or UNKNOWN, given_labels(doc)
        languages[language] += 1
        for label in doc.cats:
            labels.setdefault(label, Counter())
        for label in given:
            labels[label][language] += 1
        exclusive = exclusive and (len(given) == 1 or not doc.cats)
        wordings.setdefault(wording(doc.text), set()).add(tuple(sorted(given)))
    return Survey(
        texts=len(docs),
        unlabelled=sum(not doc.cats for doc in docs),
        unannotated=sum(not (doc.cats or doc.has_annotation("ENT_IOB")) for doc in docs),
        labels=labels,
        languages=dict(languages.most_common()),
        entities=dict(entities.most_common()),
        exclusive=exclusive,
        duplicates=len(docs) - len(wordings),
        conflicts=[text for text, found in wordings.items() if len(found) > 1],
    )


def wording(text: str) -> str:
    """What a text says, whatever its case and white space: its words in lower case, with a space between."""
    return " ".join(text.casefold().split())


def shared_texts(first: Sequence[Doc], second: Sequence[Doc]) -> list[str]:
    """The texts whose wording is in both collections, as they stand in the first one, each wording once."""
    wordings = {wording(doc.text) for doc in second}
    return list({wording(doc.text): doc.text for doc in first if wording(doc.text) in wordings}.values())


def raw_lines(path: Path, *, languages: Sequence[str] = ()) -> dict[str, int]:
    """Count the lines of raw text by language.

    path (Path): A folder of files by language, or a file, as the UnlabelledText reader takes.
    languages (Sequence[str]): The languages to count, none for all.
    RETURNS (dict[str, int]): Lines by language.
    RAISES (ValueError): As the reader. (FileNotFoundError): There is no such folder.
    """
    return {
        language or UNKNOWN: sum(count_lines(file) for file in files)
        for language, files in files_by_language(path, languages=languages).items()
    }
