"""Does raw text of the target languages help? Baseline and joint training, side by side, on real text.

    python benchmarks/transfer.py prepare DATA WORK     lay out labelled, raw and test text
    python benchmarks/transfer.py run WORK ENCODER      train and score what isn't done yet
    python benchmarks/transfer.py table WORK            print the results as Markdown

DATA is a folder with `xsid` (github.com/mainlp/xsid), `sib200` (github.com/dadelani/sib-200) and
`brighter_emotion` (github.com/emotion-analysis-project/SemEval2025-Task11), one file per language. The
protocol is what stands in TASKS and SETTINGS: splits, budgets and seeds are fixed there, a run keeps the
checkpoint that is best on English dev, and no target-language label is used before the test.
"""

import argparse
import csv
import gzip
import json
import random
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Iterator, NamedTuple

import numpy as np
from sklearn.metrics import accuracy_score, f1_score

CONFIGS = Path(__file__).parent.parent / "configs"
SPLIT_SEED = 0


class Task(NamedTuple):
    """What is trained, and for how long.

    modes (dict[str, str]): Name of a mode to its config.
    seeds (tuple[int, ...]): One run each.
    steps (int): Optimiser steps.
    batch_pieces (int): Pieces of a labelled batch, padding included; as much raw text goes with it.
    """

    modes: dict[str, str]
    seeds: tuple[int, ...]
    steps: int
    batch_pieces: int


BOTH = {"baseline": "baseline.cfg", "joint": "joint.cfg"}
TASKS = {
    # 4,000 English labels; raw Danish text of 16,000 other rows.
    "xsid": Task(BOTH, (0, 1, 2), 500, 512),
    # English labels of one half of the ids; raw text of the other half in 11 languages.
    "sib200": Task(BOTH, (0, 1, 2), 250, 1280),
    # English labels; raw text of German, Spanish, Russian and Swahili train rows.
    "brighter": Task({"joint": "multilabel.cfg"}, (0,), 300, 1280),
}
SETTINGS = {"training.optimizer.learn_rate.value": 3e-4, "training.eval_frequency": 50}
MLM_WEIGHT = 0.1
SIB_RAW = ("deu", "fra", "spa", "ita", "por", "nld", "dan", "rus", "tur", "ind", "swh")


def prepare(data: Path, work: Path) -> None:
    """Lay out each task as WORK/TASK/{train,dev}.jsonl, raw/LANG.jsonl and test/LANG.jsonl."""
    prepare_xsid(data / "xsid", work / "xsid")
    prepare_sib200(data / "sib200" / "data" / "annotated", work / "sib200")
    prepare_brighter(data / "brighter_emotion", work / "brighter")


def prepare_xsid(data: Path, work: Path) -> None:
    english = list(read_jsonl(data / "train" / "en.jsonl.gz"))
    danish = list(read_jsonl(data / "train_mt" / "da.jsonl.gz"))
    rows = list(range(len(english)))
    random.Random(SPLIT_SEED).shuffle(rows)
    write_jsonl(work / "train.jsonl", (english[row] for row in rows[:4000]))
    # Many rows are the same text; a raw text must not be the translation of a labelled one.
    labelled = {english[row]["text"] for row in rows[:4000]}
    raw = [row for row in rows[4000:] if english[row]["text"] not in labelled][:16000]
    write_jsonl(work / "raw" / "da.jsonl", ({"text": danish[row]["text"]} for row in raw))
    write_jsonl(work / "dev.jsonl", read_jsonl(data / "dev" / "en.jsonl.gz"))
    for path in sorted((data / "test").glob("*.jsonl.gz")):
        write_jsonl(work / "test" / path.name.removesuffix(".gz"), read_jsonl(path))


def prepare_sib200(data: Path, work: Path) -> None:
    english = list(read_sib(data / "eng_Latn" / "train.tsv"))
    ids = sorted(row["id"] for row in english)
    random.Random(SPLIT_SEED).shuffle(ids)
    labelled = set(ids[: len(ids) // 2])
    write_jsonl(work / "train.jsonl", (row for row in english if row["id"] in labelled))
    write_jsonl(work / "dev.jsonl", read_sib(data / "eng_Latn" / "dev.tsv"))
    for folder in sorted(data.iterdir()):
        if folder.name.startswith(SIB_RAW):
            other = (row for row in read_sib(folder / "train.tsv") if row["id"] not in labelled)
            write_jsonl(work / "raw" / f"{folder.name}.jsonl", ({"text": row["text"]} for row in other))
        write_jsonl(work / "test" / f"{folder.name}.jsonl", read_sib(folder / "test.tsv"))


def prepare_brighter(data: Path, work: Path) -> None:
    def listed(path: Path) -> Iterator[dict[str, Any]]:
        return ({**row, "label_set": row["label_set"].split(",")} for row in read_jsonl(path))

    write_jsonl(work / "train.jsonl", listed(data / "train" / "en.jsonl.gz"))
    write_jsonl(work / "dev.jsonl", listed(data / "dev" / "en.jsonl.gz"))
    for path in sorted((data / "test").glob("*.jsonl.gz")):
        name = path.name.removesuffix(".gz")
        write_jsonl(work / "test" / name, listed(path))
        if name != "en.jsonl":
            raw = ({"text": row["text"]} for row in read_jsonl(data / "train" / path.name))
            write_jsonl(work / "raw" / name, raw)


def run(work: Path, encoder: str, tasks: list[str]) -> None:
    """Train and score each mode and seed that has no result yet, one after the other."""
    for name in tasks:
        for seed in TASKS[name].seeds:
            for mode, config in TASKS[name].modes.items():
                result = work / "results" / f"{name}-{mode}-{seed}.json"
                if result.exists():
                    continue
                model = work / "models" / f"{name}-{mode}-{seed}"
                seconds = train(TASKS[name], CONFIGS / config, work / name, model, encoder, seed)
                scores = score(model / "model-best", work / name / "test")
                record = {"task": name, "mode": mode, "seed": seed, "seconds": seconds, "scores": scores}
                result.parent.mkdir(parents=True, exist_ok=True)
                result.write_text(json.dumps(record, indent=1), encoding="utf-8")
                print(name, mode, seed, f"{seconds:.0f} s", scores, flush=True)


def train(task: Task, config: Path, text: Path, model: Path, encoder: str, seed: int) -> float:
    """One run of `spacy train`; gives its seconds."""
    component = "xling_textcat_multilabel" if "multilabel" in config.name else "xling_textcat"
    settings = {
        **SETTINGS,
        "paths.train": text / "train.jsonl",
        "paths.dev": text / "dev.jsonl",
        "paths.unlabelled": text / "raw",
        "paths.encoder": encoder,
        "system.seed": seed,
        "training.max_steps": task.steps,
        "training.batcher.size": task.batch_pieces,
    }
    if config.name != "baseline.cfg":
        settings[f"components.{component}.objective.mlm_weight"] = MLM_WEIGHT
    command = [sys.executable, "-m", "spacy", "train", str(config), "--output", str(model)]
    for key, value in settings.items():
        command += [f"--{key}", str(value)]
    start = time.perf_counter()
    subprocess.run(command, check=True, stdout=(text / f"{model.name}.log").open("w"))
    return time.perf_counter() - start


def score(model: Path, tests: Path) -> dict[str, float]:
    """The score of each language: accuracy, or macro F1 over the labels that are known in both."""
    import spacy

    nlp = spacy.load(model)
    scores = {}
    for path in sorted(tests.glob("*.jsonl")):
        rows = list(read_jsonl(path))
        cats = [doc.cats for doc in nlp.pipe(row["text"] for row in rows)]
        if "label" in rows[0]:
            predicted = [max(found, key=found.get) for found in cats]
            scores[path.stem] = accuracy_score([row["label"] for row in rows], predicted)
        else:
            known = sorted(set(rows[0]["label_set"]) & set(cats[0]))
            truth = [[label in row["labels"] for label in known] for row in rows]
            predicted = [[found[label] >= 0.5 for label in known] for found in cats]
            scores[path.stem] = f1_score(truth, predicted, average="macro", zero_division=0)
    return scores


def table(work: Path) -> None:
    """Print mean and standard deviation over seeds, in percent, by language."""
    records = [json.loads(path.read_text()) for path in sorted((work / "results").glob("*.json"))]
    for name, task in TASKS.items():
        runs = {mode: [r for r in records if (r["task"], r["mode"]) == (name, mode)] for mode in task.modes}
        if not all(runs.values()):
            continue
        raw = {path.stem for path in (work / name / "raw").glob("*.jsonl")}
        modes = list(runs)
        print(f"\n| {name} | raw text | " + " | ".join(modes) + " |\n|---|---|" + "---|" * len(modes))
        for language in runs[modes[0]][0]["scores"]:
            cells = [spread([100 * r["scores"][language] for r in runs[mode]]) for mode in modes]
            print(f"| {language} | {'yes' if language in raw else ''} | " + " | ".join(cells) + " |")
        languages = list(runs[modes[0]][0]["scores"])
        groups = {
            "mean of targets with raw text": [code for code in languages if code in raw],
            "mean of targets without": [
                code for code in languages if code not in raw and not code.startswith("en")
            ],
        }
        for title, group in groups.items():
            if group:
                means = [[100 * np.mean([r["scores"][c] for c in group]) for r in runs[m]] for m in modes]
                print(f"| {title} | | " + " | ".join(spread(values) for values in means) + " |")
        print("| seconds | | " + " | ".join(spread([r["seconds"] for r in runs[m]], 0) for m in modes) + " |")


def spread(values: list[float], digits: int = 1) -> str:
    """Mean ± standard deviation of a sample."""
    deviation = f" ± {np.std(values, ddof=1):.{digits}f}" if len(values) > 1 else ""
    return f"{np.mean(values):.{digits}f}{deviation}"


def read_jsonl(path: Path) -> Iterator[dict[str, Any]]:
    with (gzip.open if path.suffix == ".gz" else open)(path, "rt", encoding="utf-8") as lines:
        yield from map(json.loads, lines)


def read_sib(path: Path) -> Iterator[dict[str, Any]]:
    with path.open(encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines, dialect="excel-tab"):
            yield {"id": int(row["index_id"]), "label": row["category"], "text": row["text"]}


def write_jsonl(path: Path, rows: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8") as file:
        file.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    for command, arguments in {
        "prepare": ["data", "work"],
        "run": ["work", "encoder"],
        "table": ["work"],
    }.items():
        sub = commands.add_parser(command)
        for argument in arguments:
            sub.add_argument(argument, type=str if argument == "encoder" else Path)
        if command == "run":
            sub.add_argument("--tasks", nargs="+", choices=list(TASKS), default=list(TASKS))
    arguments = vars(parser.parse_args())
    {"prepare": prepare, "run": run, "table": table}[arguments.pop("command")](**arguments)


if __name__ == "__main__":
    main()
