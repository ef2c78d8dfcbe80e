"""What is likely to go wrong with labelled text, raw text, dictionaries and translations."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from spacy.tokens import Doc

from ..data.conversion import read_docs
from ..data.labelled import build_labelled_text_v1
from ..data.languages import UNKNOWN, get_language
from ..data.names import alike_warnings
from ..data.survey import Survey, raw_lines, shared_texts, survey
from ..dictionaries.coverage import Coverage, measure_coverage
from ..dictionaries.dictionary import Dictionaries
from ..dictionaries.reader import DictionaryReader
from ..translate_train.translations import Translations
from ..translate_train.translations_reader import TranslationReader

# A label with fewer texts is hard to learn.
FEW = 10
SHOWN = 60
# A dictionary with a smaller share of the words of the labelled text switches little, and translations of a
# smaller share of its texts change little.
LITTLE = 0.5


class DictionaryReport(NamedTuple):
    """What a dictionary has.

    source (str): The language of its words.
    target (str): The language of the translations.
    entries (int): Number of words and phrases.
    coverage (Coverage): How many of the words of the source language's labelled texts.
    """

    source: str
    target: str
    entries: int
    coverage: Coverage

    @property
    def name(self) -> str:
        """Its languages, as "en-da"."""
        return f"{self.source}-{self.target}"


class TranslationReport(NamedTuple):
    """The number of texts with a translation into a language, and their share, from 0 to 1, of the labelled
    texts of other languages.
    """

    language: str
    texts: int
    share: float


class DataReport(NamedTuple):
    """What was found.

    parts (Mapping[str, Survey]): What "train", "dev" and "test" hold, those that were given.
    raw (Mapping[str, int]): Lines of raw text by language.
    dictionaries (Sequence[DictionaryReport]): What each dictionary has.
    translations (Sequence[TranslationReport]): What translations there are into each language.
    findings (Sequence[str]): What is likely to go wrong.
    """

    parts: Mapping[str, Survey]
    raw: Mapping[str, int]
    dictionaries: Sequence[DictionaryReport]
    translations: Sequence[TranslationReport]
    findings: Sequence[str]


def debug_data(
    labelled: Path,
    *,
    dev: Path | None = None,
    test: Path | None = None,
    unlabelled: Path | None = None,
    dictionaries: DictionaryReader | None = None,
    translations: TranslationReader | None = None,
    encoder: str | None = None,
) -> DataReport:
    """Look at the data of a training run.

    labelled (Path): Labelled text to train on: a file, or a folder of files by language.
    dev (Path | None): Labelled text to choose the checkpoint by.
    test (Path | None): Labelled text to test on.
    unlabelled (Path | None): Raw text by language.
    dictionaries (DictionaryReader | None): Dictionaries for code-switching.
    translations (TranslationReader | None): Translations of the labelled text.
    encoder (str | None): Checkpoint; its window is compared with the texts.
    RETURNS (DataReport): What was found.
    RAISES (ValueError): Something can't be read. (FileNotFoundError): It isn't there.
    """
    paths = {"train": labelled, "dev": dev, "test": test}
    docs = {part: read_docs(build_labelled_text_v1(path)) for part, path in paths.items() if path is not None}
    parts = {part: survey(found) for part, found in docs.items()}
    raw = raw_lines(unlabelled) if unlabelled is not None else {}
    known = [] if dictionaries is None else report_dictionaries(dictionaries(), docs["train"])
    translated = [] if translations is None else report_translations(translations(), docs["train"])
    findings = [
        *(finding for part, found in parts.items() for finding in _of_part(part, found)),
        *_of_labels(parts),
        *_of_names(parts, raw, known, translated),
        *_of_sharing(docs),
        *_of_raw(parts, raw),
        *_of_dictionaries(parts, raw, known),
        *_of_translations(parts, translated),
        *(_of_lengths(docs, encoder) if encoder is not None else ()),
    ]
    return DataReport(parts, raw, known, translated, findings)


def report_dictionaries(dictionaries: Dictionaries, docs: Sequence[Doc]) -> list[DictionaryReport]:
    """What each dictionary has, and of the words of labelled texts."""
    return [
        DictionaryReport(
            source=dictionary.source,
            target=dictionary.target,
            entries=len(dictionary),
            coverage=measure_coverage(
                dictionary, (doc.text for doc in docs if get_language(doc) == dictionary.source)
            ),
        )
        for dictionary in dictionaries
    ]


def report_translations(translations: Translations, docs: Sequence[Doc]) -> list[TranslationReport]:
    """What translations there are into each language, and of which share of the labelled texts."""
    labelled = [(get_language(doc), translations.of(doc.text, get_language(doc))) for doc in docs if doc.cats]
    reports = []
    for language, n_texts in translations.counts.items():
        found = [
            any(translation.language == language for translation in translated)
            for source, translated in labelled
            if source != language
        ]
        reports.append(TranslationReport(language, n_texts, sum(found) / max(len(found), 1)))
    return reports


def _of_part(part: str, found: Survey) -> Iterator[str]:
    if UNKNOWN in found.languages:
        n = found.languages[UNKNOWN]
        yield f"{part}: {n:,} texts don't say their language. Name it with `spacy xling convert --language`."
    if found.duplicates:
        yield f"{part}: {found.duplicates:,} texts repeat the wording of an earlier one."
    if found.conflicts:
        first = found.conflicts[0][:SHOWN]
        yield f"{part}: {len(found.conflicts):,} wordings stand with different labels, e.g. {first!r}."


def _of_labels(parts: Mapping[str, Survey]) -> Iterator[str]:
    train = parts["train"]
    if len(train.labels) < 2:
        yield f"train: {len(train.labels)} label; two or more are needed."
    rare = [label for label, count in train.label_counts.items() if count < FEW]
    if rare:
        yield f"train: fewer than {FEW} texts of the labels {', '.join(rare)}."
    for part, found in parts.items():
        unknown = [label for label in found.labels if label not in train.labels]
        if unknown:
            yield f"{part}: labels that train doesn't have: {', '.join(unknown)}."
        if found.exclusive != train.exclusive:
            yield f"{part}: exactly one label per text, or any number, unlike train."


def _of_names(
    parts: Mapping[str, Survey],
    raw: Mapping[str, int],
    known: Sequence[DictionaryReport],
    translated: Sequence[TranslationReport],
) -> list[str]:
    labels = [label for found in parts.values() for label in found.labels]
    languages = [language for found in parts.values() for language in found.languages]
    named = [language for found in known for language in (found.source, found.target)]
    return alike_warnings(labels, [*languages, *raw, *named, *(found.language for found in translated)])


def _of_sharing(docs: Mapping[str, Sequence[Doc]]) -> Iterator[str]:
    names = list(docs)
    for number, first in enumerate(names):
        for second in names[:number]:
            shared = shared_texts(docs[first], docs[second])
            if shared:
                first_text = shared[0][:SHOWN]
                yield f"{first}: {len(shared):,} texts are in {second} too, e.g. {first_text!r}."


def _of_raw(parts: Mapping[str, Survey], raw: Mapping[str, int]) -> Iterator[str]:
    if not raw:
        return
    tested = [language for part in parts.values() for language in part.languages if language != UNKNOWN]
    without = [language for language in dict.fromkeys(tested) if language not in raw]
    if without:
        yield f"No raw text of {', '.join(without)}: raw text of others makes the encoder forget them."
    few = [language for language, lines in raw.items() if lines * 100 < max(raw.values())]
    if few:
        yield f"Raw text of {', '.join(few)}: less than a hundredth of the largest language's lines."


def _of_dictionaries(
    parts: Mapping[str, Survey], raw: Mapping[str, int], known: Sequence[DictionaryReport]
) -> Iterator[str]:
    if not known:
        return
    sources, targets = {found.source for found in known}, {found.target for found in known}
    languages = [language for part in parts.values() for language in part.languages if language != UNKNOWN]
    named = {*languages, *raw}
    foreign = sorted(sources - parts["train"].languages.keys())
    if foreign:
        yield f"Dictionaries of words of {', '.join(foreign)}, and no labelled text: they switch nothing."
    without = [language for language in dict.fromkeys(languages) if language not in sources | targets]
    if without:
        yield f"No dictionary for {', '.join(without)}: code-switching hardly helps these."
    unnamed = sorted(targets - named) if named - sources else []
    if unnamed:
        yield f"Dictionaries for {', '.join(unnamed)}, which no text is in: correct or remove them."
    for found in known:
        if found.coverage.words and found.coverage.share < LITTLE:
            share = 100 * found.coverage.share
            yield f"The dictionary {found.name} has {share:.1f} % of the words of train: give it more."


def _of_translations(parts: Mapping[str, Survey], translated: Sequence[TranslationReport]) -> Iterator[str]:
    if not translated:
        return
    known = {*parts["train"].languages, *(found.language for found in translated), UNKNOWN}
    languages = [language for part in parts.values() for language in part.languages]
    without = [language for language in dict.fromkeys(languages) if language not in known]
    if without:
        yield f"No translations into {', '.join(without)}: translate train into each language to serve."
    for found in translated:
        if found.share < LITTLE:
            share = 100 * found.share
            yield (
                f"The translations into {found.language} are of {share:.1f} % of the texts of train: "
                "translate it again, for a text must be the same as then."
            )


def _of_lengths(docs: Mapping[str, Sequence[Doc]], encoder: str) -> Iterator[str]:
    from ..models.checkpoint import read_window
    from ..training.batching import count_pieces

    window = read_window(encoder)
    for part, found in docs.items():
        lengths: list[int] = count_pieces(encoder, [doc.text for doc in found])
        longer = sum(length > window for length in lengths)
        if longer:
            share = 100 * longer / len(lengths)
            yield (
                f"{part}: {longer:,} texts ({share:.1f} %) are longer than the encoder's window of {window} "
                "pieces. They are read in several windows, which takes longer; nothing is cut."
            )
