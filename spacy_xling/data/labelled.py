"""The reader of labelled text: JSONL, CSV, TSV or DocBin files to Examples."""

import reprlib
from collections.abc import Callable, Iterator, Sequence
from itertools import chain, islice
from pathlib import Path
from typing import NamedTuple

from spacy.language import Language
from spacy.tokens import Doc, DocBin
from spacy.training import Example

from ..errors import Errors
from .files import Kinds, TextFile, find_files, open_binary, reading_errors
from .languages import get_language, set_language
from .names import clean_name
from .records import DIALECTS, DoubledFields, Record, read_records, require_unicode, text_of

# Makes several examples of each.
Augmenter = Callable[[Language, Example], Iterator[Example]]


class Fields(NamedTuple):
    """Names of the fields of a record.

    text (str): The text.
    label (str): The one class of the text.
    labels (str): The classes that hold for the text, any number.
    cats (str): 0 or 1 for each class.
    lang (str): The language of the text.
    label_set (str): With `labels`, the classes that the text was annotated for.
    """

    text: str
    label: str
    labels: str
    cats: str
    lang: str
    label_set: str


class Truth(NamedTuple):
    """What a record says about its classes.

    cats (dict[str, float]): 1.0 for a class that holds, 0.0 for one that does not.
    complete (bool): True if a class that is not in `cats` does not hold, False if that is unknown.
    """

    cats: dict[str, float]
    complete: bool = False


def build_labelled_text_v1(
    path: Path | None,
    *,
    text: str = "text",
    label: str = "label",
    labels: str = "labels",
    cats: str = "cats",
    lang: str = "lang",
    label_set: str = "label_set",
    separator: str = ",",
    quoted: bool = True,
    language: str | None = None,
    limit: int = 0,
    max_length: int = 0,
    augmenter: Augmenter | None = None,
) -> "LabelledText":
    """Build a corpus of labelled text, registered as `spacy-xling.LabelledText.v1`.

    path (Path | None): A file, or a folder of files by language: .jsonl, .csv, .tsv or .spacy, the
        name followed by .gz if gzipped. None is an error once the corpus is read.
    text (str): Field of the text. A record with an empty text is passed over.
    label (str): Field of the one class of a text.
    labels (str): Field of the list of classes that hold for a text.
    cats (str): Field of an object with 0 or 1 for each class, in JSONL only.
    lang (str): Field of a text's language.
    label_set (str): Field of the list of classes a text was annotated for, used with `labels`: these
        get 0.0 or 1.0, and all others are unknown. Without it, each class that any record of the corpus
        names and `labels` leaves out is 0.0.
    separator (str): What stands between the classes of a list in CSV and TSV.
    quoted (bool): Whether a field of CSV and TSV may stand in double quotes; if not, quotes are text.
    language (str | None): Language of the texts whose record does not name it. None takes the file's
        name in a folder of files by language.
    limit (int): Greatest number of texts, 0 for all.
    max_length (int): Greatest number of characters of a text, to which `nlp.max_length` is raised; 0 for
        that of the pipeline, a million. This package's classifiers read a text of any length.
    augmenter (Callable | None): Makes several examples of each, as for spaCy's own corpus, e.g.
        `spacy-xling.code_switching_augmenter.v1`.
    RETURNS (LabelledText): The corpus.
    RAISES (ValueError): If `separator` is empty.
    """
    if not separator:
        raise ValueError(Errors.X129)
    fields = Fields(text=text, label=label, labels=labels, cats=cats, lang=lang, label_set=label_set)
    return LabelledText(path, fields, separator, quoted, language, limit, max_length, augmenter)


class LabelledText:
    """A corpus of labelled text, read again from its files each time it is called (but for the list of all
    its classes, where that is needed, which is made once). See `build_labelled_text_v1`.
    """

    def __init__(
        self,
        path: Path | None,
        fields: Fields,
        separator: str,
        quoted: bool,
        language: str | None,
        limit: int,
        max_length: int,
        augmenter: Augmenter | None,
    ) -> None:
        self.path = path
        self.fields = fields
        self.separator = separator
        self.quoted = quoted
        self.language = language
        self.limit = limit
        self.max_length = max_length
        self.augmenter = augmenter
        self._classes: list[str] | None = None

    def __call__(self, nlp: Language) -> Iterator[Example]:
        """Read the corpus.

        nlp (Language): The pipeline whose tokenizer makes the Docs.
        YIELDS (Example): An example per text, or what the augmenter makes of it; one without cats is
            unlabelled.
        RAISES (ValueError): If `path` is None, or the files are not what the reader expects.
        """
        if self.path is None:
            raise ValueError(Errors.X104)
        # spaCy makes Docs of the texts again when it evaluates.
        nlp.max_length = max(nlp.max_length, self.max_length)
        return self._read(nlp, find_files(Path(self.path), Kinds.LABELLED))

    def _read(self, nlp: Language, files: Sequence[TextFile]) -> Iterator[Example]:
        examples = chain.from_iterable(self._read_file(nlp, file, files) for file in files)
        found = False
        for example in islice(examples, self.limit if self.limit > 0 else None):
            found = True
            yield from (example,) if self.augmenter is None else self.augmenter(nlp, example)
        if not found:
            raise ValueError(Errors.X128.format(path=self.path, files=len(files)))

    def _read_file(self, nlp: Language, file: TextFile, files: Sequence[TextFile]) -> Iterator[Example]:
        fallback = file.language if self.language is None else self.language
        if file.kind == "spacy":
            for number, reference in enumerate(read_docbin(file).get_docs(nlp.vocab), start=1):
                _check_categories(reference, file, number)
                if not reference.has_unknown_spaces:
                    self._check_length(reference.text, nlp, file, f"text {number}")
                if len(reference):
                    yield docbin_example(nlp, reference, fallback)
            return
        for record in read_records(file, quoted=self.quoted):
            text = text_of(record, self.fields.text)
            self._check_length(text, nlp, file, f"line {record.line}")
            cats = self._cats(record, files)
            language = read_language(record, self.fields.lang) or fallback
            if text:
                yield text_example(nlp, text, cats, language)

    def _check_length(self, text: str, nlp: Language, file: TextFile, place: str) -> None:
        limit = self.max_length or nlp.max_length
        if len(text) > limit:
            raise ValueError(Errors.X164.format(path=file.path, place=place, found=len(text), limit=limit))

    def _cats(self, record: Record, files: Sequence[TextFile]) -> dict[str, float]:
        truth = _read_truth(record, self.fields, self.separator)
        if not truth.complete:
            return truth.cats
        # Kept, for each epoch calls the corpus again.
        if self._classes is None:
            self._classes = self._find_classes(files)
        return {**dict.fromkeys(self._classes, 0.0), **truth.cats}

    def _find_classes(self, files: Sequence[TextFile]) -> list[str]:
        """List each class that any text of the corpus names, in the order of first appearance."""
        named = (name for file in files for cats in self._cats_of_file(file) for name in cats)
        return list(dict.fromkeys(named))

    def _cats_of_file(self, file: TextFile) -> Iterator[dict[str, float]]:
        if file.kind == "spacy":
            return iter(read_docbin(file).cats)
        records = read_records(file, quoted=self.quoted)
        return (_read_truth(record, self.fields, self.separator).cats for record in records)


def text_example(nlp: Language, text: str, cats: dict[str, float], language: str | None) -> Example:
    """Make the example of a text.

    nlp (Language): The pipeline whose tokenizer makes the Docs.
    text (str): The text.
    cats (dict[str, float]): What is known of its classes.
    language (str | None): Its language.
    RETURNS (Example): The example, with the language on both of its Docs.
    """
    predicted, reference = nlp.make_doc(text), nlp.make_doc(text)
    reference.cats = cats
    set_language(predicted, language)
    set_language(reference, language)
    return Example(predicted, reference)


def docbin_example(nlp: Language, reference: Doc, fallback: str | None) -> Example:
    """Make the example of a stored Doc as spaCy's own corpus does, with its language on both Docs, or if it
    was stored without one, `fallback`.
    """
    if reference.has_unknown_spaces:
        words = [token.text for token in reference]
        predicted = Doc(nlp.vocab, words=words, spaces=[bool(token.whitespace_) for token in reference])
    else:
        predicted = nlp.make_doc(reference.text)
    language = get_language(reference) or fallback
    set_language(predicted, language)
    set_language(reference, language)
    return Example(predicted, reference)


def read_docbin(file: TextFile) -> DocBin:
    """Read a file of the kind "spacy".

    RAISES (ValueError): If it is not a DocBin.
    """
    with reading_errors(file.path), open_binary(file) as handle:
        content = handle.read()
    try:
        return DocBin().from_bytes(content)
    # zlib, msgpack and numpy each have their own errors for a broken file.
    except Exception as error:
        raise ValueError(Errors.X127.format(path=file.path, error=error)) from error


def read_language(record: Record, field: str) -> str | None:
    """Read the language of a record.

    record (Record): The record.
    field (str): The field that holds it.
    RETURNS (str | None): The language, or None if the field is missing or empty.
    RAISES (ValueError): If the language is not a string.
    """
    language = record.values.get(field)
    if _is_blank(language):
        return None
    if not isinstance(language, str):
        raise ValueError(Errors.X126.format(**record.place(field)))
    require_unicode(record, field, language)
    return language


def _read_truth(record: Record, fields: Fields, separator: str) -> Truth:
    """What a record says about its classes; none and not complete for an unlabelled one."""
    present = [name for name in (fields.label, fields.labels, fields.cats) if name in record.values]
    if not present:
        raise ValueError(
            Errors.X120.format(labels=fields.labels, cats=fields.cats, **record.place(fields.label))
        )
    filled = [name for name in present if not _is_blank(record.values[name])]
    if len(filled) > 1:
        raise ValueError(Errors.X121.format(filled=" and ".join(filled), **record.place(filled[0])))
    if fields.label in filled:
        return Truth({_class_name(record, fields.label, record.values[fields.label]): 1.0})
    if fields.cats in filled:
        return Truth(_cats_of_object(record, fields.cats))
    return _truth_of_lists(record, fields, separator)


def _truth_of_lists(record: Record, fields: Fields, separator: str) -> Truth:
    positive = read_class_names(record, fields.labels, separator)
    annotated = read_class_names(record, fields.label_set, separator)
    if positive is None:
        # An empty field is how a table writes that none of the annotated classes holds.
        if annotated is None or record.values.get(fields.labels) is None:
            return Truth({})
        positive = []
    if annotated is None:
        return Truth(dict.fromkeys(positive, 1.0), complete=True)
    beyond = [name for name in positive if name not in annotated]
    if beyond:
        place = record.place(fields.labels)
        raise ValueError(Errors.X124.format(beyond=beyond, label_set=fields.label_set, **place))
    return Truth({name: float(name in positive) for name in annotated})


def read_class_names(record: Record, field: str, separator: str) -> list[str] | None:
    """Read a list of classes.

    record (Record): The record.
    field (str): The field that holds it.
    separator (str): What stands between the classes in CSV and TSV.
    RETURNS (list[str] | None): The classes; None if the field is missing or blank.
    RAISES (ValueError): It holds no classes.
    """
    value = record.values.get(field)
    if _is_blank(value):
        return None
    if isinstance(value, str) and record.file.kind in DIALECTS:
        return [_class_name(record, field, name) for name in value.split(separator) if not _is_blank(name)]
    if not isinstance(value, list):
        raise ValueError(Errors.X123.format(**record.place(field)))
    return [_class_name(record, field, name) for name in value]


def _class_name(record: Record, field: str, value: object) -> str:
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if not isinstance(value, str) or _is_blank(value):
        raise ValueError(Errors.X122.format(**record.place(field)))
    require_unicode(record, field, value)
    return clean_name(value)


def _cats_of_object(record: Record, field: str) -> dict[str, float]:
    cats = record.values[field]
    if not isinstance(cats, dict) or not all(value in (0, 1) for value in cats.values()):
        raise ValueError(Errors.X125.format(**record.place(field)))
    found = {_class_name(record, field, name): float(value) for name, value in cats.items()}
    if len(found) < len(cats) or isinstance(cats, DoubledFields):
        raise ValueError(Errors.X125.format(**record.place(field)))
    return found


def _check_categories(doc: Doc, file: TextFile, number: int) -> None:
    """Refuse what is no name. Blanks around one stay: a file of Docs says what the user's own code says."""
    if not all(isinstance(name, str) and clean_name(name) for name in doc.cats):
        raise ValueError(Errors.X165.format(path=file.path, number=number, found=reprlib.repr(doc.cats)))


def _is_blank(value: object) -> bool:
    return value is None or (isinstance(value, str) and not clean_name(value))
