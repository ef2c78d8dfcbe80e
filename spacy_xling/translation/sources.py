"""Records of any file that the readers take, labelled or not, as they are to be written again."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import KW_ONLY, dataclass
from pathlib import Path
from typing import Any, NamedTuple

from spacy.vocab import Vocab

from ..data.conversion import check_values, json_record
from ..data.files import LineReader, TextFile, count_lines, find_files
from ..data.labelled import read_class_names, read_docbin, read_language
from ..data.languages import get_language
from ..data.records import DIALECTS, read_records, text_of

# Fields that hold lists, which are texts in a table.
LISTS = ("labels", "label_set")


class Source(NamedTuple):
    """A record to translate.

    values (Mapping[str, Any]): Its fields, as JSON holds them.
    text (str): Its text.
    language (str | None): The language of the text, if it is known.
    """

    values: Mapping[str, Any]
    text: str
    language: str | None


@dataclass
class Sources:
    """The records of a file, or of a folder of files by language, read again each time they are asked for.

    path (Path): .jsonl, .csv, .tsv or .txt (a text a line), each also with .gz, or .spacy.
    text (str): Field of the text.
    lang (str): Field of a text's language.
    language (str | None): Language of texts that don't name theirs; None for the file's name in a folder.
    separator (str): What stands between the labels of a list in CSV and TSV.
    quoted (bool): Whether a field of CSV and TSV may stand in double quotes.
    RAISES (ValueError): There is no such file (X106), or none of these kinds.
    """

    path: Path
    _: KW_ONLY
    text: str = "text"
    lang: str = "lang"
    language: str | None = None
    separator: str = ","
    quoted: bool = True

    def __post_init__(self) -> None:
        self.files: Sequence[TextFile] = find_files(self.path)

    def __iter__(self) -> Iterator[Source]:
        """Read the records in the order of the files, those of blank texts, too."""
        for file in self.files:
            fallback = file.language if self.language is None else self.language
            for values, text, language in self._read(file):
                yield Source(values, text, language or fallback)

    def count(self) -> int:
        """The number of records, for a progress bar: lines are counted."""
        return sum(
            len(read_docbin(file)) if file.kind == "spacy" else count_lines(file) - (file.kind in DIALECTS)
            for file in self.files
        )

    def identity(self) -> dict[str, int]:
        """What says whether the files are the same: their names and sizes in bytes."""
        return {file.path.name: file.path.stat().st_size for file in self.files}

    def _read(self, file: TextFile) -> Iterator[Source]:
        if file.kind == "txt":
            with closing(LineReader(file)) as lines:
                for line in lines:
                    text = line.rstrip("\r\n")
                    yield Source({self.text: text}, text, None)
        elif file.kind == "spacy":
            for doc in read_docbin(file).get_docs(Vocab()):
                check_values(doc, file.path)
                values = json_record(doc)
                values.pop("lang", None)
                yield Source({self.text: values.pop("text"), **values}, doc.text, get_language(doc))
        else:
            for record in read_records(file, quoted=self.quoted):
                values = dict(record.values)
                if file.kind in DIALECTS:
                    for field in LISTS:
                        names = read_class_names(record, field, self.separator)
                        values.update({} if names is None else {field: names})
                yield Source(values, text_of(record, self.text), read_language(record, self.lang))
