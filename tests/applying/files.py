"""Records in files of each kind, their rows, and new columns that need no pipeline."""

import csv
import gzip
import io
import json
from concurrent.futures import Future

import pytest

from spacy_xling.applying.formats import Reading
from tests.applying.conftest import BREAKS
from tests.conftest import TEXTS

SMALL = Reading(batch_size=4)
RECORDS = [{"id": n, "text": text, "lang": "de" if n % 2 else None} for n, text in enumerate(TEXTS)]


def write_table(path, records, delimiter=","):
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, list(records[0]), delimiter=delimiter)
    writer.writeheader()
    writer.writerows(records)
    content = text.getvalue().encode()
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
    return path


def write_parquet(path, records):
    pa = pytest.importorskip("pyarrow")
    import pyarrow.parquet

    pyarrow.parquet.write_table(pa.Table.from_pylist(records), path, row_group_size=7)
    return path


def write_kind(folder, name):
    """RECORDS as a file of a kind."""
    path = folder / name
    if name.startswith("t.jsonl"):
        lines = "".join(f"{json.dumps(record)}\n" for record in RECORDS).encode()
        path.write_bytes(gzip.compress(lines) if name.endswith(".gz") else lines)
        return path
    if name == "t.parquet":
        return write_parquet(path, RECORDS)
    return write_table(path, RECORDS, "\t" if ".tsv" in name else ",")


def rows_of(path):
    """The records of a file of any kind, as text."""
    if path.suffix == ".parquet":
        import pyarrow.parquet

        return pyarrow.parquet.read_table(path).to_pylist()
    content = (gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()).decode()
    if ".jsonl" in path.name:
        return [json.loads(line) for line in content.splitlines()]
    delimiter = "\t" if ".tsv" in path.name else ","
    return list(csv.DictReader(io.StringIO(content, newline=""), delimiter=delimiter))


def scripted(columns):
    """New columns that need no pipeline."""
    texts = columns["text"]
    errors = ["breaks" if text == BREAKS else None for text in texts]
    languages = columns.get("lang") or [None] * len(texts)
    new = {"label": [text[:4] for text in texts], "score": [len(text) / 7 for text in texts]}
    return {**new, "language": languages, "abstained": [None] * len(texts), "error": errors}


def now(value):
    done = Future()
    done.set_result(value)
    return done
