"""Labelled text from any file that the reader takes to a file of another kind, languages kept."""

import csv
import io
import sys
import warnings
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

import spacy
import srsly
from spacy.tokens import Doc, DocBin

from ..errors import Errors
from ..writing import write_file
from .files import Kinds, listed_kinds, require_new_files
from .heldout import check_heldout_share, text_hash
from .labelled import LabelledText
from .languages import UNKNOWN, get_language
from .names import alike_warnings, clean_name
from .records import DIALECTS

PARTS = ("train", "dev", "test")


def convert(
    corpus: LabelledText,
    output: Path,
    *,
    dev_share: float = 0.0,
    test_share: float = 0.0,
    kind: str = "spacy",
    separator: str = ",",
    overwrite: bool = False,
) -> dict[Path, int]:
    """Write a corpus to one file, or with a share for dev or test to a folder, see `split`.

    corpus (LabelledText): The corpus.
    output (Path): The file, whose ending says the kind: .spacy, .jsonl, .csv or .tsv; or the folder.
    dev_share (float): Share of the texts for dev, from 0 to below 1.
    test_share (float): Share of the texts for test, likewise.
    kind (str): Kind of the files of a folder, one of `Kinds.CONVERTED`.
    separator (str): What stands between the labels of a text in CSV and TSV.
    overwrite (bool): Replace files that exist.
    RETURNS (dict[Path, int]): Number of texts in each file; a part without texts has none.
    RAISES (ValueError): The ending is another, a share is not in its range or both leave nothing for train, a
        file exists, or the corpus is not what the reader expects. (OSError): A file can't be written.
    """
    in_parts = dev_share or test_share
    paths = {part: output / f"{part}.{kind}" for part in PARTS} if in_parts else {"train": output}
    for path in paths.values():
        if path.suffix.removeprefix(".") not in Kinds.CONVERTED:
            raise ValueError(Errors.X141.format(path=path, expected=listed_kinds(Kinds.CONVERTED)))
    require_new_files(list(paths.values()), overwrite=overwrite, inputs=[corpus.path])
    parts = split(read_docs(corpus), dev_share=dev_share, test_share=test_share)
    return _write({paths[part]: docs for part, docs in parts.items() if docs}, separator)


def read_docs(corpus: LabelledText) -> list[Doc]:
    """The texts of a corpus, with their categories and languages."""
    nlp = spacy.blank("xx")
    # To split a text at blanks takes little memory, however long it is.
    nlp.max_length = sys.maxsize
    return [example.reference for example in corpus(nlp)]


def split(docs: Sequence[Doc], *, dev_share: float, test_share: float) -> dict[str, list[Doc]]:
    """Split texts in parts that have each combination of labels in the same shares. A hash of the text says
    where it goes, whatever the order; texts of one wording stay together.

    docs (Sequence[Doc]): The texts.
    dev_share (float): Share of dev.
    test_share (float): Share of test.
    RETURNS (dict[str, list[Doc]]): The texts of "train", "dev" and "test".
    RAISES (ValueError): A share lies outside [0, 1), or train gets nothing.
    """
    for share in (dev_share, test_share):
        check_heldout_share(share)
    if dev_share + test_share >= 1:
        raise ValueError(Errors.X140.format(dev=dev_share, test=test_share))
    wordings: dict[str, list[Doc]] = defaultdict(list)
    for doc in docs:
        wordings[doc.text.strip()].append(doc)
    alike: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for text, same in wordings.items():
        alike[tuple(sorted(given_labels(same[0])))].append(text)
    part_of: dict[str, str] = {}
    for texts in alike.values():
        texts.sort(key=text_hash)
        n_test, n_dev = round(len(texts) * test_share), round(len(texts) * dev_share)
        parts = ["test"] * n_test + ["dev"] * n_dev + ["train"] * (len(texts) - n_test - n_dev)
        part_of.update(zip(texts, parts, strict=True))
    found: dict[str, list[Doc]] = {part: [] for part in PARTS}
    for doc in docs:
        found[part_of[doc.text.strip()]].append(doc)
    return found


def given_labels(doc: Doc) -> list[str]:
    """The labels that a text has: those with a value of 0.5 or more."""
    return [label for label, value in doc.cats.items() if value >= 0.5]


def _write(docs_of: Mapping[Path, Sequence[Doc]], separator: str) -> dict[Path, int]:
    """Write texts to files that the reader gives back as they were: all, or none if one can't hold them."""
    contents = {path: _content(docs, path, separator) for path, docs in docs_of.items()}
    for path, content in contents.items():
        write_file(path, content)
    docs = [doc for docs in docs_of.values() for doc in docs]
    languages = [get_language(doc) or UNKNOWN for doc in docs]
    for warning in alike_warnings([label for doc in docs for label in doc.cats], languages):
        warnings.warn(warning, stacklevel=3)
    return {path: len(docs) for path, docs in docs_of.items()}


def _content(docs: Sequence[Doc], path: Path, separator: str) -> str | bytes:
    """What a file of texts holds; its ending says the kind."""
    kind = path.suffix.removeprefix(".")
    if kind == "spacy":
        return DocBin(docs=docs, store_user_data=True).to_bytes()
    for doc in docs:
        check_values(doc, path)
    if kind == "jsonl":
        return "".join(f"{srsly.json_dumps(json_record(doc))}\n" for doc in docs)
    return _table(docs, path, separator)


def check_values(doc: Doc, path: Path) -> None:
    """Refuse categories that can't be written as text.

    doc (Doc): The text.
    path (Path): The file to be written.
    RAISES (ValueError): A value is neither 0 nor 1, or a label would be read without the blanks around it.
    """
    for label, value in doc.cats.items():
        if label != clean_name(label):
            raise ValueError(Errors.X169.format(path=path, label=label))
        if value not in (0, 1):
            raise ValueError(Errors.X143.format(path=path, text=doc.text[:60], label=label, value=value))


def _is_one_label(doc: Doc) -> bool:
    return list(doc.cats.values()) in ([], [1.0])


def json_record(doc: Doc) -> dict[str, object]:
    """A text as a record of JSONL, with the fields that the reader of labelled text takes."""
    record: dict[str, object] = {"text": doc.text}
    if _is_one_label(doc):
        record["label"] = next(iter(doc.cats), None)
    else:
        record["cats"] = {label: int(value) for label, value in doc.cats.items()}
    if (language := get_language(doc)) is not None:
        record["lang"] = language
    return record


def _table(docs: Sequence[Doc], path: Path, separator: str) -> str:
    """A column `label` if no text has more to say, else `labels` and `label_set`."""
    simple = all(_is_one_label(doc) for doc in docs)
    columns = ["text", "label", "lang"] if simple else ["text", "labels", "label_set", "lang"]
    unfit = sorted({label for doc in docs for label in doc.cats if separator in label})
    if unfit and not simple:
        raise ValueError(Errors.X144.format(path=path, label=unfit[0], separator=separator))
    text = io.StringIO(newline="")
    rows = csv.writer(text, dialect=DIALECTS[path.suffix.removeprefix(".")])
    rows.writerow(columns)
    for doc in docs:
        lists = [next(iter(doc.cats), "")] if simple else map(separator.join, (given_labels(doc), doc.cats))
        rows.writerow([doc.text, *lists, get_language(doc) or ""])
    return text.getvalue()
