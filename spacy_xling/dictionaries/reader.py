"""The reader of bilingual dictionaries."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from spacy.language import Language

from ..data.codes import HYPHEN, split_languages
from ..data.files import Kinds, LineReader, TextFile, find_files, name_of
from ..errors import Errors
from .dictionary import Dictionaries, Dictionary
from .words import find_words, lower, phrase_key

# The greatest weight; sums of greater ones would be no number.
MOST_WEIGHT = 1e100
# What may stand around an entry without belonging to it.
AROUND = " \t.,;:!?…()[]{}\"'«»“”„‘’¡¿、。！？"
# What stands in the first line of a file that has a header.
HEADINGS = frozenset(("source", "target", "word", "translation", "src", "trg", "tgt", "term"))

# Of the words, and of their translations.
Languages = tuple[str, str]
# Weights of translations by the key of an entry; see `phrase_key`.
Entries = dict[str, dict[str, float]]


def build_dictionaries_v1(
    path: Path | list[Path] | None,
    *,
    source: str | None = None,
    targets: list[str] | None = None,
    max_translations: int = 3,
) -> "DictionaryReader":
    """Build a reader of bilingual dictionaries, registered as `spacy-xling.Dictionaries.v1`.

    path (Path | list[Path] | None): A file, or a folder of files, named by source and target language,
        such as `en-da.tsv`, the name followed by .gz if gzipped. A line of .tsv is a word or phrase, a tab,
        its translation, and perhaps a tab and a weight; one of .txt is a word, a blank or a tab, and its
        translation, as in MUSE. A word with several translations has several lines. Of a list of files and
        folders, the first that has a word says how it is translated: put your own terms first. None is an
        error once it is read.
    source (str | None): Read only dictionaries of this language's words; None for all. See
        `languages_of_name` for names with several hyphens.
    targets (list[str] | None): Read only translations to these languages; None or no name for all.
    max_translations (int): The most translations of a word: those of the greatest weight, and of the same
        weight those that come first.
    RETURNS (DictionaryReader): The reader.
    RAISES (ValueError): `max_translations` is below 1.
    """
    if max_translations < 1:
        raise ValueError(Errors.X154.format(found=max_translations))
    return DictionaryReader(path, source, targets, max_translations)


class DictionaryReader:
    """Reads dictionaries; see `build_dictionaries_v1`."""

    def __init__(
        self,
        path: Path | list[Path] | None,
        source: str | None,
        targets: list[str] | None,
        max_translations: int,
    ) -> None:
        self.path = path
        self.source = source
        self.targets = targets
        self.max_translations = max_translations

    def __call__(self, nlp: Language | None = None) -> Dictionaries:
        """Read the dictionaries.

        nlp (Language | None): Not needed; spaCy calls every reader with it.
        RETURNS (Dictionaries): The dictionaries.
        RAISES (ValueError): There is no path or no such language, a file isn't named by two languages or
            holds no entry, or a line is none. (FileNotFoundError): There is no such file or folder.
        """
        merged: dict[Languages, Entries] = {}
        for path in self._paths():
            found: dict[Languages, Entries] = {}
            for file in find_files(path, Kinds.DICTIONARIES):
                languages = languages_of_name(file, self.source)
                if self._is_wanted(*languages):
                    _read_entries(file, languages, found.setdefault(languages, {}))
            for languages, entries in found.items():
                kept = merged.setdefault(languages, {})
                kept.update({key: weights for key, weights in entries.items() if key not in kept})
        self._require_languages(list(merged))
        return Dictionaries(
            [
                Dictionary(*languages, {key: self._heaviest(found) for key, found in entries.items()})
                for languages, entries in merged.items()
            ]
        )

    def _paths(self) -> list[Path]:
        paths = self.path if isinstance(self.path, list) else [self.path]
        given = [Path(path) for path in paths if path is not None]
        if not given:
            raise ValueError(Errors.X146)
        return given

    def _is_wanted(self, source: str, target: str) -> bool:
        return self.source in (None, source) and (not self.targets or target in self.targets)

    def _require_languages(self, found: list[Languages]) -> None:
        missing = [name for name in self.targets or [] if name not in {target for _, target in found}]
        if missing or not found:
            wanted = f"{self.source or 'SOURCE'}-{(missing or ['TARGET'])[0]}.tsv"
            files = (file for path in self._paths() for file in find_files(path, Kinds.DICTIONARIES))
            names = ", ".join(sorted(file.path.name for file in files))
            raise ValueError(Errors.X151.format(wanted=wanted, found=names))

    def _heaviest(self, weights: dict[str, float]) -> dict[str, float]:
        best = sorted(weights, key=lambda translation: -weights[translation])[: self.max_translations]
        return {translation: weights[translation] for translation in best}


def languages_of_name(file: TextFile, source: str | None = None) -> Languages:
    """Read the languages of a file off its name. Of more than one hyphen, those before a script or a region
    belong to the language: `en-GB-de`, `en-zh-Hans`.

    file (TextFile): The file, such as `en-da.tsv.gz`.
    source (str | None): The source language, if its own name has another kind of hyphen.
    RETURNS (Languages): Of the words, and of their translations.
    RAISES (ValueError): The name isn't that of two languages.
    """
    name = name_of(file.path)
    if source is not None and name.startswith(f"{source}{HYPHEN}"):
        first, second = source, name[len(source) + 1 :]
    else:
        first, _, second = split_languages(name)
    if not first or not second:
        raise ValueError(Errors.X147.format(path=file.path, name=name))
    return first, second


def _read_entries(file: TextFile, languages: Languages, entries: Entries) -> None:
    """Add the entries of a file; a translation that stands twice has the sum of the weights."""
    is_empty = True
    for word, translation, weight in _read_lines(file, languages):
        key = entry_key(word)
        if key and find_words(translation):
            is_empty = False
            weights = entries.setdefault(key, {})
            weights[translation] = weights.get(translation, 0.0) + weight
    if is_empty:
        raise ValueError(Errors.X152.format(path=file.path))


def entry_key(phrase: str) -> str:
    """What a word or phrase is looked up by, see `phrase_key`; nothing for one without a word, or with signs
    around its words that belong to it, as "c++" or "100%".
    """
    phrase = phrase.strip(AROUND)
    words = find_words(phrase)
    if not words or words[0].start or words[-1].end < len(phrase):
        return ""
    return phrase_key(phrase, words, [lower(word.text) for word in words])


def _read_lines(file: TextFile, languages: Languages) -> Iterator[tuple[str, str, float]]:
    with closing(LineReader(file)) as lines:
        for content in lines:
            if not content.strip():
                continue
            columns = _columns(file, content)
            if not 2 <= len(columns) <= 3 or not all(columns[:2]):
                filled = sum(map(bool, columns[:2]))
                raise ValueError(
                    Errors.X148.format(path=file.path, line=lines.line, columns=len(columns), filled=filled)
                )
            if lines.line == 1 and _is_header(columns[:2], languages):
                raise ValueError(Errors.X150.format(path=file.path, found=", ".join(columns)))
            yield columns[0], columns[1], _weight(file, lines.line, columns[2:])


def _is_header(cells: list[str], languages: Languages) -> bool:
    """Tell whether a first line has names of columns: two different ones, for an entry may be one of them."""
    names = {cell.lower() for cell in cells}
    return len(names) == 2 and names <= HEADINGS | {name.lower() for name in languages}


def _columns(file: TextFile, content: str) -> list[str]:
    by_tab = file.kind == "tsv" or "\t" in content
    return [column.strip() for column in (content.rstrip("\r\n").split("\t") if by_tab else content.split())]


def _weight(file: TextFile, line: int, column: list[str]) -> float:
    if not column:
        return 1.0
    try:
        weight = float(column[0])
    except ValueError:
        weight = 0.0
    if not 0 < weight <= MOST_WEIGHT:
        raise ValueError(Errors.X149.format(path=file.path, line=line, found=column[0]))
    return weight
