"""What raw text is worth to an encoder that has seen nothing else: English labels, scored on Danish.

    python benchmarks/danish.py prepare DATA WORK     lay out labelled, raw and test text
    python benchmarks/danish.py run WORK              make the encoder, train and score what isn't done yet
    python benchmarks/danish.py table WORK            print the results as Markdown

DATA is a folder with `xsid` (github.com/mainlp/xsid), one file per language. Labels are 4,000 English
utterances. Raw text are 16,000 Danish utterances, which translate none of the labelled ones, and all English
utterances that none of these translates: no sentence stands in both languages. An encoder of the preset
`tiny` with 2,000 pieces is made from the raw text, without parallel text. Three recipes, with the same steps
and rate, the checkpoint that is best on English dev, and 3 seeds:

    baseline      classification only, on the encoder's random weights
    sequential    masked-LM training on the raw text of both languages, then classification only
    joint         the same masked-LM training, then both losses
"""

import argparse
import json
import random
import subprocess
import sys
from pathlib import Path

import sib200
import transfer

CONFIGS = Path(__file__).parent.parent / "configs"
SEEDS = (0, 1, 2)
# The name of a recipe to its mode and its encoder.
RECIPES = {
    "baseline": (transfer.BOTH["baseline"], "start"),
    "sequential": (transfer.BOTH["baseline"], "encoder/model-best"),
    "joint": (transfer.BOTH["joint"], "encoder/model-best"),
}
PRETRAINING = {
    "training.max_steps": 4000,
    "training.batch_pieces": 1024,
    "training.eval_frequency": 500,
    "training.optimizer.learn_rate.value": 2e-3,
    "encoder.dropout": 0.0,
    "corpora.unlabelled.alpha": 0.5,
}


def prepare(data: Path, work: Path) -> None:
    """Lay out WORK/{train,dev}.jsonl, raw/LANG.jsonl and test/LANG.jsonl."""
    xsid = data / "xsid"
    english = list(transfer.read_jsonl(xsid / "train" / "en.jsonl.gz"))
    danish = list(transfer.read_jsonl(xsid / "train_mt" / "da.jsonl.gz"))
    rows = list(range(len(english)))
    random.Random(transfer.SPLIT_SEED).shuffle(rows)
    labelled = {english[row]["text"] for row in rows[:4000]}
    of_danish = [row for row in rows[4000:] if english[row]["text"] not in labelled][:16000]
    translated = {english[row]["text"] for row in of_danish}
    of_english = [row for row in rows if english[row]["text"] not in translated]
    sib200.write_jsonl(work / "train.jsonl", (english[row] for row in rows[:4000]))
    sib200.write_jsonl(work / "raw" / "da.jsonl", ({"text": danish[row]["text"]} for row in of_danish))
    sib200.write_jsonl(work / "raw" / "en.jsonl", ({"text": english[row]["text"]} for row in of_english))
    sib200.write_jsonl(work / "dev.jsonl", transfer.read_jsonl(xsid / "dev" / "en.jsonl.gz"))
    for language in ("en", "da"):
        rows_of_test = transfer.read_jsonl(xsid / "test" / f"{language}.jsonl.gz")
        sib200.write_jsonl(work / "test" / f"{language}.jsonl", rows_of_test)


def run(work: Path) -> None:
    """Make the encoder, then train and score each recipe and seed that has no result yet."""
    if not (work / "start").exists():
        xling("init-encoder", work / "raw", "--output", work / "start", "--preset", "tiny", "--pieces", 2000)
    settings = {"paths.encoder": work / "start", "paths.unlabelled": work / "raw", **PRETRAINING}
    options = [part for key, value in settings.items() for part in (f"--{key}", value)]
    xling("pretrain", CONFIGS / "pretrain.cfg", "--output", work / "encoder", "--resume", *options)
    for seed in SEEDS:
        for recipe, (mode, encoder) in RECIPES.items():
            result = work / "results" / f"{recipe}-{seed}.json"
            if result.exists():
                continue
            model = work / "models" / f"{recipe}-{seed}"
            task = transfer.TASKS["xsid"]
            seconds = transfer.train(task, mode, work, model, str(work / encoder), seed)
            scores = transfer.score(model / "model-best", work / "test")
            result.parent.mkdir(parents=True, exist_ok=True)
            result.write_text(json.dumps({"seconds": seconds, "scores": scores}, indent=1), encoding="utf-8")
            print(recipe, seed, f"{seconds:.0f} s", scores, flush=True)


def xling(*arguments: object) -> None:
    """Run a command of `spacy xling`."""
    subprocess.run([sys.executable, "-m", "spacy", "xling", *map(str, arguments)], check=True)


def table(work: Path) -> None:
    """Print mean and standard deviation over seeds, in percent."""
    columns = {
        recipe: [json.loads(path.read_text()) for path in sorted((work / "results").glob(f"{recipe}-*.json"))]
        for recipe in RECIPES
    }
    print("| | " + " | ".join(columns) + " |\n|---|" + "---|" * len(columns))
    for language, name in (("en", "English"), ("da", "Danish")):
        cells = [
            transfer.spread([100 * run["scores"][language] for run in runs]) for runs in columns.values()
        ]
        print(f"| {name} | " + " | ".join(cells) + " |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    parsers = {command.__name__: commands.add_parser(command.__name__) for command in (prepare, run, table)}
    parsers["prepare"].add_argument("data", type=Path)
    for sub in parsers.values():
        sub.add_argument("work", type=Path)
    arguments = vars(parser.parse_args())
    {"prepare": prepare, "run": run, "table": table}[arguments.pop("command")](**arguments)


if __name__ == "__main__":
    main()
