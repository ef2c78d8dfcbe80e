"""Text for the plans in benchmarks/plans, and runs that are no plan: a shared transformer, other encoders.

    python benchmarks/transfer.py prepare DATA WORK         lay out labelled, raw, parallel and test text
    python benchmarks/transfer.py shuffle FOLDER SHUFFLED   dictionaries with the translations of other words
    python benchmarks/transfer.py cut FOLDER SHORTER PAIRS  parallel text with fewer pairs
    python benchmarks/transfer.py rescore OUTPUT TEXT LANG  score a comparison, as it is and centred
    python benchmarks/transfer.py means OUTPUT LANG ...     mean over languages of what was scored so
    python benchmarks/transfer.py run WORK NAME ENCODER     train and score what isn't done yet
    python benchmarks/transfer.py table WORK NAME ...       print the results as Markdown

NAME is what the results of ENCODER, a hub name or folder, are kept under; `--tasks` and `--modes` take some.
DATA is a folder with `xsid` (github.com/mainlp/xsid), `sib200` (github.com/dadelani/sib-200) and
`brighter_emotion` (github.com/emotion-analysis-project/SemEval2025-Task11), one file per language,
`unlabelled` with raw text as LANG.txt.gz, `parallel` with parallel text as en-LANG.tsv.gz, and `dictionaries`
with words of Wiktionary and their translations, named alike. What `run` does stands in TASKS and SETTINGS:
splits, budgets and seeds are fixed there, a run keeps the checkpoint that is best on English dev, and no
target-language label is used before the test.
"""

import argparse
import gzip
import itertools
import json
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import sib200
from sklearn.metrics import accuracy_score
from spacy.cli._util import import_code

from spacy_xling.comparison.seed_statistics import paired_difference
from spacy_xling.configs.render import Choices, render_config
from spacy_xling.data.conversion import read_docs
from spacy_xling.data.labelled import build_labelled_text_v1
from spacy_xling.data.unlabelled import build_unlabelled_text_v1
from spacy_xling.evaluation.bootstrap import Resampling
from spacy_xling.evaluation.by_language import evaluate_by_language, labelled_texts, load_pipeline
from spacy_xling.evaluation.calibration import centre, find_component
from spacy_xling.evaluation.predictions import kind_of

CONFIGS = Path(__file__).parent.parent / "configs"
SPLIT_SEED = 0
CHECKPOINTS = "checkpoints.json"
# Languages of xSID without raw text of its domain; theirs is any. As many lines as there are of Danish.
OTHER_RAW, RAW_LINES = ("de", "id", "it", "nl", "tr"), 16000


class Mode(NamedTuple):
    """A recipe.

    config (str): A config of this repository, or "" for the one that `init-config --mode shared` writes.
    component (str): The component with the masked-LM term.
    mlm_weight (float): Its lambda.
    """

    config: str
    component: str
    mlm_weight: float


class Task(NamedTuple):
    """What is trained, and for how long.

    modes (dict[str, Mode]): The recipes, by name.
    seeds (tuple[int, ...]): One run each.
    languages (tuple[str, ...]): The targets that a small encoder may be made for; the others stay unseen.
    steps (int): Optimiser steps.
    batch_pieces (int): Pieces of a labelled batch, padding included; as much raw text goes with it.
    """

    modes: dict[str, Mode]
    seeds: tuple[int, ...]
    languages: tuple[str, ...]
    steps: int
    batch_pieces: int


MLM_WEIGHT = 0.1
BOTH = {
    "baseline": Mode("baseline.cfg", "xling_textcat", 0.0),
    "joint": Mode("joint.cfg", "xling_textcat", MLM_WEIGHT),
}
# spaCy's own classifier on a shared transformer, without the masked-LM term and with it.
SHARED = {"shared-baseline": Mode("", "xling_mlm", 0.0), "shared": Mode("", "xling_mlm", MLM_WEIGHT)}
TASKS = {
    # 4,000 English labels; raw Danish text of 16,000 other rows.
    "xsid": Task(BOTH | SHARED, (0, 1, 2), ("da", "de", "id", "it", "nl", "tr"), 500, 512),
    # English labels of one half of the ids; raw text of the other half in 11 languages.
    "sib200": Task(BOTH, (0, 1, 2), sib200.TARGETS, 250, 1280),
}
# Languages of SIB-200 that a small encoder may be made for, as parallel text and dictionaries name them.
SIB200_CODES = dict(
    zip(("da", "de", "fr", "id", "it", "nl", "pt", "ru", "es", "sw", "tr"), sib200.TARGETS, strict=True)
)
BRIGHTER_LANGUAGES = ("de", "es", "ru", "sw")
SETTINGS = {"training.optimizer.learn_rate.value": 3e-4, "training.eval_frequency": 50}


def prepare(data: Path, work: Path) -> None:
    """Lay out each task as WORK/TASK/{train,dev}.jsonl, raw/LANG.jsonl, test/LANG.jsonl, and, where DATA
    has them, parallel/SOURCE-LANG.tsv.gz and wiktionary/SOURCE-LANG.tsv.gz; for xSID also raw-six/LANG.jsonl,
    with raw text of five more languages, translated/da.jsonl, the labelled texts in machine-made Danish,
    and a config for translations and dictionaries; for BRIGHTER a config too.
    """
    prepare_xsid(data / "xsid", data / "unlabelled", work / "xsid")
    sib200.lay_out(data / "sib200" / "data" / "annotated", work / "sib200")
    # Dictionaries are to come from general text, not from that of the domain.
    shutil.rmtree(work / "sib200" / "parallel")
    prepare_brighter(data / "brighter_emotion", work / "brighter")
    for folder, name in (("parallel", "parallel"), ("dictionaries", "wiktionary")):
        for path in sorted((data / folder).glob("en-*.tsv.gz")):
            language = path.name.removeprefix("en-").split(".")[0]
            if language in TASKS["xsid"].languages:
                copy(path, work / "xsid" / name / path.name)
            if language in BRIGHTER_LANGUAGES:
                copy(path, work / "brighter" / name / path.name)
            if language in SIB200_CODES:
                copy(path, work / "sib200" / name / f"{sib200.SOURCE}-{SIB200_CODES[language]}.tsv.gz")


def copy(path: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(path, target)


def shuffle(folder: Path, shuffled: Path) -> None:
    """Write dictionaries with as many entries, whose translations belong to other words: a control."""
    shuffled.mkdir(parents=True, exist_ok=True)
    for path in sorted(folder.glob("*.tsv")):
        rows = [line.split("\t", 1) for line in path.read_text(encoding="utf-8").splitlines()]
        translations = [translation for _, translation in rows]
        random.Random(SPLIT_SEED).shuffle(translations)
        lines = (f"{word}\t{found}\n" for (word, _), found in zip(rows, translations, strict=True))
        (shuffled / path.name).write_text("".join(lines), encoding="utf-8")


def prepare_xsid(data: Path, unlabelled: Path, work: Path) -> None:
    english = list(read_jsonl(data / "train" / "en.jsonl.gz"))
    danish = list(read_jsonl(data / "train_mt" / "da.jsonl.gz"))
    rows = list(range(len(english)))
    random.Random(SPLIT_SEED).shuffle(rows)
    sib200.write_jsonl(work / "train.jsonl", (english[row] for row in rows[:4000]))
    # Many rows are the same text; a raw text must not be the translation of a labelled one.
    labelled = {english[row]["text"] for row in rows[:4000]}
    raw = [row for row in rows[4000:] if english[row]["text"] not in labelled][:RAW_LINES]
    for folder in ("raw", "raw-six"):
        sib200.write_jsonl(work / folder / "da.jsonl", ({"text": danish[row]["text"]} for row in raw))
    for language in OTHER_RAW:
        with gzip.open(unlabelled / f"{language}.txt.gz", "rt", encoding="utf-8") as lines:
            first = itertools.islice(lines, RAW_LINES)
            rows_of_raw = ({"text": line.strip()} for line in first)
            sib200.write_jsonl(work / "raw-six" / f"{language}.jsonl", rows_of_raw)
    # As `spacy xling translate` writes it: the labelled texts in the machine's Danish.
    translated = (
        {**danish[row], "source_text": english[row]["text"], "source_lang": "en"} for row in rows[:4000]
    )
    sib200.write_jsonl(work / "translated" / "da.jsonl", translated)
    choices = Choices(mode="translate_train", translated_texts=True, code_switching=True)
    (work / "both.cfg").write_text(render_config(choices, "both.cfg"), encoding="utf-8")
    sib200.write_jsonl(work / "dev.jsonl", read_jsonl(data / "dev" / "en.jsonl.gz"))
    for path in sorted((data / "test").glob("*.jsonl.gz")):
        sib200.write_jsonl(work / "test" / path.name.removesuffix(".gz"), read_jsonl(path))


def prepare_brighter(data: Path, work: Path) -> None:
    def listed(path: Path) -> Iterator[dict[str, Any]]:
        return ({**row, "label_set": row["label_set"].split(",")} for row in read_jsonl(path))

    sib200.write_jsonl(work / "train.jsonl", listed(data / "train" / "en.jsonl.gz"))
    sib200.write_jsonl(work / "dev.jsonl", listed(data / "dev" / "en.jsonl.gz"))
    for path in sorted((data / "test").glob("*.jsonl.gz")):
        name = path.name.removesuffix(".gz")
        sib200.write_jsonl(work / "test" / name, listed(path))
        if name != "en.jsonl":
            raw = ({"text": row["text"]} for row in read_jsonl(data / "train" / path.name))
            sib200.write_jsonl(work / "raw" / name, raw)
    choices = Choices(mode="code_switching", multilabel=True, code_switching=True)
    config = work / "code_switching.cfg"
    config.write_text(render_config(choices, config.name), encoding="utf-8")


def cut(folder: Path, shorter: Path, pairs: int) -> None:
    """Write parallel text with the first pairs of each file."""
    shorter.mkdir(parents=True, exist_ok=True)
    for path in sorted(folder.glob("*.tsv.gz")):
        with (
            gzip.open(path, "rt", encoding="utf-8") as lines,
            gzip.open(shorter / path.name, "wt", encoding="utf-8") as out,
        ):
            out.writelines(itertools.islice(lines, pairs))


def rescore(output: Path, text: Path, source: str, code: Path | None) -> None:
    """Score the best and the last checkpoint of each run of a comparison, as they are and centred."""
    import_code(code)
    labelled = read_docs(build_labelled_text_v1(text / "train.jsonl"))
    raw = text / ("raw-six" if (text / "raw-six").exists() else "raw")
    docs = labelled_texts(build_labelled_text_v1(text / "test")).docs
    for run in sorted(path.parent for path in (output / "runs").glob("*/*/scores.json")):
        if (run / CHECKPOINTS).exists():
            continue
        found = {}
        for checkpoint in ("best", "last"):
            nlp = load_pipeline(run / "model" / f"model-{checkpoint}")
            found[checkpoint] = languages_of(nlp, docs)
            centre(find_component(nlp), labelled, build_unlabelled_text_v1(raw), source=source)
            found[f"{checkpoint}, centred"] = languages_of(nlp, docs)
        (run / CHECKPOINTS).write_text(json.dumps(found), encoding="utf-8")


def languages_of(nlp: Any, docs: list[Any]) -> dict[str, float]:
    """Accuracy by language in percent, or macro F1 where texts have any number of labels."""
    name = "macro_f1" if kind_of(nlp).multi_label else "accuracy"
    scores = evaluate_by_language(nlp, docs, resampling=Resampling(resamples=0), mistakes=0)
    return {language: 100 * float(getattr(score, name)) for language, score in scores.items()}


def means(output: Path, languages: list[str], checkpoint: str, above: str, by_language: bool) -> None:
    """Print the mean over some languages of each recipe of a comparison, without centring and with it, and
    how far it is above one of them without; or each language.
    """
    kinds = (checkpoint, f"{checkpoint}, centred")
    runs = {
        (recipe.name, kind): {
            int(run.name): json.loads((run / CHECKPOINTS).read_text(encoding="utf-8"))[kind]
            for run in sorted(recipe.iterdir())
        }
        for recipe in sorted((output / "runs").iterdir())
        for kind in kinds
    }
    groups = {language: [language] for language in languages} if by_language else {"mean": languages}
    print("| | recipe | without centring | above | centred | above |\n|---|---|---:|---:|---:|---:|")
    for title, group in groups.items():
        values = {
            key: {seed: float(np.mean([scores[code] for code in group])) for seed, scores in found.items()}
            for key, found in runs.items()
        }
        for recipe in dict.fromkeys(recipe for recipe, _ in values):
            cells = []
            for kind in kinds:
                more = ""
                if (recipe, kind) != (above, checkpoint):
                    difference = paired_difference(values[above, checkpoint], values[recipe, kind])
                    more = f"{difference.mean:+.1f} ({difference.low:.1f} to {difference.high:.1f})"
                cells += [spread(list(values[recipe, kind].values())), more]
            print(f"| {title} | {recipe} | " + " | ".join(cells) + " |")


def run(work: Path, name: str, encoder: str, tasks: list[str], modes: list[str]) -> None:
    """Train and score each mode and seed that has no result yet, one after the other."""
    for task in tasks:
        for seed in TASKS[task].seeds:
            for mode, recipe in TASKS[task].modes.items():
                result = work / "results" / name / f"{task}-{mode}-{seed}.json"
                if result.exists() or mode not in modes:
                    continue
                model = work / "models" / name / f"{task}-{mode}-{seed}"
                seconds = train(TASKS[task], recipe, work / task, model, encoder, seed)
                scores = score(model / "model-best", work / task / "test")
                record = {"task": task, "mode": mode, "seed": seed, "seconds": seconds, "scores": scores}
                result.parent.mkdir(parents=True, exist_ok=True)
                result.write_text(json.dumps(record, indent=1), encoding="utf-8")
                print(name, task, mode, seed, f"{seconds:.0f} s", scores, flush=True)


def train(task: Task, mode: Mode, text: Path, model: Path, encoder: str, seed: int) -> float:
    """One run of `spacy train`; gives its seconds."""
    paths = {"train": text / "train.jsonl", "dev": text / "dev.jsonl", "unlabelled": text / "raw"}
    config = CONFIGS / mode.config
    model.mkdir(parents=True, exist_ok=True)
    if not mode.config:
        config = model / "shared.cfg"
        options = {"labelled": paths["train"], "dev": paths["dev"], "unlabelled": paths["unlabelled"]}
        given = [word for name, path in options.items() for word in (f"--{name}", path)]
        more = ("--encoder", encoder, "--mode", "shared", "--overwrite")
        spacy_command("xling", "init-config", config, *given, *more)
    settings = {
        **SETTINGS,
        **{f"paths.{name}": path for name, path in paths.items()},
        "paths.encoder": encoder,
        "system.seed": seed,
        "training.max_steps": task.steps,
        "training.optimizer.learn_rate.total_steps": task.steps,
        "training.batcher.size": task.batch_pieces,
        f"components.{mode.component}.objective.mlm_weight": mode.mlm_weight,
    }
    overrides = [word for name, value in settings.items() for word in (f"--{name}", value)]
    start = time.perf_counter()
    with (model / "log.txt").open("w") as log:
        spacy_command("train", config, "--output", model, *overrides, stdout=log)
    return time.perf_counter() - start


def spacy_command(*words: Any, stdout: Any = subprocess.DEVNULL) -> None:
    """Run a command of spaCy's, in a process of its own."""
    subprocess.run([sys.executable, "-m", "spacy", *map(str, words)], check=True, stdout=stdout)


def score(model: Path, tests: Path) -> dict[str, float]:
    """The accuracy on each language."""
    import spacy

    nlp = spacy.load(model)
    scores = {}
    for path in sorted(tests.glob("*.jsonl")):
        rows = list(read_jsonl(path))
        cats = [doc.cats for doc in nlp.pipe(row["text"] for row in rows)]
        predicted = [max(found, key=found.get) for found in cats]
        scores[path.stem] = accuracy_score([row["label"] for row in rows], predicted)
    return scores


def table(work: Path, names: list[str], tasks: list[str], modes: list[str]) -> None:
    """Print mean and standard deviation over seeds, in percent, by language."""
    for task in tasks:
        columns = {}
        for name in names:
            for mode in (mode for mode in TASKS[task].modes if mode in modes):
                files = sorted((work / "results" / name).glob(f"{task}-{mode}-[0-9]*.json"))
                if files:
                    title = mode if len(names) == 1 else name if len(modes) == 1 else f"{name}, {mode}"
                    columns[title] = [json.loads(file.read_text()) for file in files]
        if columns:
            raw = {path.stem for path in (work / task / "raw").glob("*.jsonl")}
            print_table(task, columns, raw)


def print_table(task: str, columns: dict[str, list[dict[str, Any]]], raw: set[str]) -> None:
    languages = list(next(iter(columns.values()))[0]["scores"])
    targets = [code for code in languages if not code.startswith("en")]
    groups = {
        "mean of targets with raw text": [code for code in targets if code in raw],
        "mean of targets without": [code for code in targets if code not in raw],
        "mean of the encoder's targets": TASKS[task].languages,
    }
    print(f"\n| {task} | raw text | " + " | ".join(columns) + " |\n|---|---|" + "---|" * len(columns))
    for code in languages:
        cells = [spread([100 * r["scores"][code] for r in runs]) for runs in columns.values()]
        print(f"| {code} | {'yes' if code in raw else ''} | " + " | ".join(cells) + " |")
    for title, group in ((title, group) for title, group in groups.items() if group):
        cells = [
            spread([100 * np.mean([r["scores"][c] for c in group]) for r in runs])
            for runs in columns.values()
        ]
        print(f"| {title} | | " + " | ".join(cells) + " |")
    cells = [spread([r["seconds"] for r in runs], 0) for runs in columns.values()]
    print("| seconds | | " + " | ".join(cells) + " |")


def spread(values: list[float], digits: int = 1) -> str:
    """Mean ± standard deviation of a sample."""
    deviation = f" ± {np.std(values, ddof=1):.{digits}f}" if len(values) > 1 else ""
    return f"{np.mean(values):.{digits}f}{deviation}"


def read_jsonl(path: Path) -> Iterator[dict[str, Any]]:
    with (gzip.open if path.suffix == ".gz" else open)(path, "rt", encoding="utf-8") as lines:
        yield from map(json.loads, lines)


COMMANDS = (prepare, shuffle, cut, rescore, means, run, table)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    parsers = {command.__name__: commands.add_parser(command.__name__) for command in COMMANDS}
    parsers["prepare"].add_argument("data", type=Path)
    for name in ("prepare", "run", "table"):
        parsers[name].add_argument("work", type=Path)
    for name in ("rescore", "means"):
        parsers[name].add_argument("output", type=Path)
    parsers["rescore"].add_argument("text", type=Path)
    parsers["rescore"].add_argument("source")
    parsers["rescore"].add_argument("--code", type=Path)
    parsers["means"].add_argument("languages", metavar="LANG", nargs="+")
    parsers["means"].add_argument("--checkpoint", choices=("best", "last"), default="best")
    parsers["means"].add_argument("--above", metavar="RECIPE", default="baseline")
    parsers["means"].add_argument("--by-language", action="store_true")
    for name, result in (("shuffle", "shuffled"), ("cut", "shorter")):
        parsers[name].add_argument("folder", type=Path)
        parsers[name].add_argument(result, type=Path)
    parsers["cut"].add_argument("pairs", type=int)
    parsers["run"].add_argument("name")
    parsers["run"].add_argument("encoder")
    parsers["table"].add_argument("names", metavar="NAME", nargs="+")
    for sub in (parsers["run"], parsers["table"]):
        sub.add_argument("--tasks", nargs="+", choices=list(TASKS), default=list(TASKS))
        sub.add_argument("--modes", nargs="+", choices=[*BOTH, *SHARED], default=list(BOTH))
    arguments = vars(parser.parse_args())
    commands_by_name = {function.__name__: function for function in COMMANDS}
    commands_by_name[arguments.pop("command")](**arguments)


if __name__ == "__main__":
    main()
