"""SIB-200 as labelled, raw and test text: labels in English, raw text in other languages, an honest split.

    python benchmarks/sib200.py assets/sib200 corpus/sib200

The sentences of all languages are translations of each other. So the English labels are those of one half of
the ids, and the raw text of the other languages is that of the other half: no raw text is the translation of
a labelled one. With the English sentences of that half, whose labels aren't used, it is parallel text too;
more of it is added with --parallel, from files such as eng_Latn-dan_Latn.tsv. Writes train.jsonl, dev.jsonl,
raw/LANG.jsonl, parallel/eng_Latn-LANG.tsv, test/LANG.jsonl. Files that project.yml names are compared with
their checksums first.
"""

import argparse
import csv
import gzip
import hashlib
import random
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import srsly

PROJECT = Path(__file__).parent.parent / "project.yml"
SPLIT_SEED = 0
SOURCE = "eng_Latn"
TARGETS = (
    *("dan_Latn", "deu_Latn", "fra_Latn", "ind_Latn", "ita_Latn", "nld_Latn", "por_Latn", "rus_Cyrl"),
    *("spa_Latn", "swh_Latn", "tur_Latn"),
)


def lay_out(source: Path, target: Path, parallel: Path | None = None) -> None:
    """Write the text of all languages that are there; raw and parallel text is written for those of TARGETS.

    source (Path): A folder of each language with train.tsv, dev.tsv and test.tsv.
    target (Path): The folder to write.
    parallel (Path | None): A folder of more parallel text.
    """
    english = list(read_sentences(source / SOURCE / "train.tsv"))
    ids = sorted(row["id"] for row in english)
    random.Random(SPLIT_SEED).shuffle(ids)
    labelled = set(ids[: len(ids) // 2])
    texts = {row["id"]: row["text"] for row in english}
    write_jsonl(target / "train.jsonl", (row for row in english if row["id"] in labelled))
    write_jsonl(target / "dev.jsonl", read_sentences(source / SOURCE / "dev.tsv"))
    for folder in sorted(path for path in source.iterdir() if path.is_dir()):
        if folder.name in TARGETS:
            other = [row for row in read_sentences(folder / "train.tsv") if row["id"] not in labelled]
            write_jsonl(target / "raw" / f"{folder.name}.jsonl", ({"text": row["text"]} for row in other))
            pairs = [(texts[row["id"]], row["text"]) for row in other if row["id"] in texts]
            write_pairs(target / "parallel" / f"{SOURCE}-{folder.name}.tsv", pairs, parallel)
        write_jsonl(target / "test" / f"{folder.name}.jsonl", read_sentences(folder / "test.tsv"))


def read_sentences(path: Path) -> Iterator[dict[str, Any]]:
    with path.open(encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines, dialect="excel-tab"):
            language = path.parent.name
            yield {
                "id": int(row["index_id"]),
                "label": row["category"],
                "text": row["text"],
                "lang": language,
            }


def write_pairs(path: Path, pairs: Iterable[tuple[str, str]], more: Path | None) -> None:
    """Write pairs of texts, and those of a file of the same name in another folder, gzipped or not."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [f"{first}\t{second}\n" for first, second in pairs]
    for found in sorted(more.glob(f"{path.name}*")) if more is not None else []:
        opened = gzip.open if found.suffix == ".gz" else open
        with opened(found, "rt", encoding="utf-8") as handle:
            lines.extend(line for line in handle if line.strip())
    path.write_text("".join(lines), encoding="utf-8")


def write_jsonl(path: Path, rows: Iterable[dict[str, Any]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    srsly.write_jsonl(path, rows)


def check_assets(folder: Path) -> list[str]:
    """What is wrong with the files of project.yml that belong under a folder: a line for each."""
    problems = []
    for asset in srsly.read_yaml(PROJECT)["assets"]:
        path = PROJECT.parent / asset["dest"]
        if not path.resolve().is_relative_to(folder.resolve()):
            continue
        if not path.is_file():
            problems.append(
                f"{asset['dest']} is missing: run `spacy project assets`, or lay {asset['url']} there"
            )
        elif (found := hashlib.md5(path.read_bytes()).hexdigest()) != asset["checksum"]:
            problems.append(
                f"{asset['dest']} has the MD5 checksum {found}; expected {asset['checksum']}: "
                f"remove it and run `spacy project assets`, or lay {asset['url']} there"
            )
    return problems


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("source", type=Path)
    parser.add_argument("target", type=Path)
    parser.add_argument("--parallel", default="")
    arguments = parser.parse_args()
    problems = check_assets(arguments.source)
    if not problems and not (arguments.source / SOURCE).is_dir():
        problems = [
            f"{arguments.source} has no folder {SOURCE}; expected one of each language, with "
            "train.tsv, dev.tsv and test.tsv: correct the path"
        ]
    if problems:
        sys.exit("\n".join(problems))
    lay_out(arguments.source, arguments.target, Path(arguments.parallel) if arguments.parallel else None)


if __name__ == "__main__":
    main()
