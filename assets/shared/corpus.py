"""The shared text as spaCy's own files, with the categories, entities and language of each text.

    python assets/shared/corpus.py assets/shared corpus/shared

Writes train.spacy, dev.spacy and test/LANG.spacy. Tokens are those of spacy.blank("xx").
"""

import argparse
from pathlib import Path
from typing import Any

import spacy
import srsly
from spacy.language import Language
from spacy.tokens import Doc, DocBin

from spacy_xling.data.languages import set_language

LABELS = ("account", "delivery", "product", "refund")


def write_corpus(source: Path, target: Path) -> None:
    """Write a .spacy file for each .jsonl file, under the same name.

    source (Path): A folder of train.jsonl, dev.jsonl and test/LANG.jsonl.
    target (Path): The folder to write.
    RAISES (ValueError): If an entity does not begin and end where a token does.
    """
    nlp = spacy.blank("xx")
    for path in (source / "train.jsonl", source / "dev.jsonl", *sorted((source / "test").glob("*.jsonl"))):
        records = enumerate(srsly.read_jsonl(path), start=1)
        docs = [make_doc(nlp, record, f"{path}, line {line}") for line, record in records]
        written = (target / path.relative_to(source)).with_suffix(".spacy")
        written.parent.mkdir(parents=True, exist_ok=True)
        DocBin(docs=docs, store_user_data=True).to_disk(written)


def make_doc(nlp: Language, record: dict[str, Any], place: str) -> Doc:
    doc = nlp.make_doc(record["text"])
    spans = [doc.char_span(*entity) for entity in record["entities"]]
    if None in spans:
        start, end, label = record["entities"][spans.index(None)]
        raise ValueError(f"{place}: {label} {start}:{end} is {doc.text[start:end]!r}; expected whole tokens")
    doc.ents = spans
    doc.cats = {label: float(label == record["label"]) for label in LABELS}
    set_language(doc, record["lang"])
    return doc


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("source", type=Path)
    parser.add_argument("target", type=Path)
    arguments = parser.parse_args()
    write_corpus(arguments.source, arguments.target)


if __name__ == "__main__":
    main()
