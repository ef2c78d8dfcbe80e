"""Code-switching for spaCy's own components: entities and categories on one transformer, from English alone.

    spacy xling init-dictionaries PARALLEL --output DICTIONARIES --pairs en-de,en-es
    python benchmarks/entities.py WORK ENCODER DICTIONARIES

The text is that of assets/shared: English support messages with a category and entities each, tested in
English, German and Spanish. `textcat` and `ner` listen to one transformer, trained without the masked-LM
term, on the text as it is (`without`) and with a code-switched copy beside each text (`with`): as many steps,
on batches of as many pieces. The checkpoint is the best on English dev. Prints F-scores in percent over three
seeds as Markdown.
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path

from transfer import spread

ROOT = Path(__file__).parent.parent
SEEDS = (0, 1, 2)
RECIPES = ("without", "with")
SCORES = ("cats_macro_f", "ents_f")
SETTINGS = {
    "training.max_steps": 300,
    "training.optimizer.learn_rate.total_steps": 300,
    "training.eval_frequency": 50,
    "training.batcher.size": 1024,
    "training.optimizer.learn_rate.value": 3e-4,
    "components.xling_mlm.objective.mlm_weight": 0.0,
}


def run(work: Path, recipe: str, seed: int) -> dict[str, float]:
    """Train and score, unless that is done already; gives the scores of `spacy evaluate`."""
    folder = work / recipe / str(seed)
    scores = folder / "scores.json"
    if not scores.exists():
        config, corpus = work / f"{recipe}.cfg", work / "corpus"
        settings = {**SETTINGS, "system.seed": seed}
        overrides = [word for name, value in settings.items() for word in (f"--{name}", value)]
        spacy_command("train", config, "--output", folder, *overrides)
        spacy_command("evaluate", folder / "model-best", corpus / "test", "--output", scores)
    return json.loads(scores.read_text(encoding="utf8"))


def prepare(work: Path, encoder: str, dictionaries: Path) -> None:
    """Write the text as spaCy's own files, and a config for each recipe."""
    corpus, raw = work / "corpus", ROOT / "assets" / "shared" / "raw"
    command = [sys.executable, ROOT / "assets" / "shared" / "corpus.py", ROOT / "assets" / "shared", corpus]
    subprocess.run(list(map(str, command)), check=True)
    for recipe in RECIPES:
        switched = ("--dictionaries", dictionaries) if recipe == "with" else ()
        data = ("--labelled", corpus / "train.spacy", "--dev", corpus / "dev.spacy", "--unlabelled", raw)
        more = ("--mode", "shared", "--encoder", encoder, "--overwrite")
        spacy_command("xling", "init-config", work / f"{recipe}.cfg", *data, *switched, *more)


def spacy_command(*words: object) -> None:
    """Run a command of spaCy's, in a process of its own."""
    command = [sys.executable, "-m", "spacy", *map(str, words)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def table(results: dict[str, list[dict[str, float]]]) -> None:
    """Print a row for each score and language."""
    print("| F, % | " + " | ".join(RECIPES) + " | gain |\n|---|---:|---:|---:|")
    for score in SCORES:
        for language in ("en", "de", "es"):
            found = {
                recipe: [100 * run[f"{score}_{language}"] for run in results[recipe]] for recipe in RECIPES
            }
            gains = [a - b for a, b in zip(found["with"], found["without"], strict=True)]
            cells = " | ".join(spread(values) for values in (*found.values(), gains))
            print(f"| {score}, {language} | {cells} |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("work", type=Path)
    parser.add_argument("encoder")
    parser.add_argument("dictionaries", type=Path)
    arguments = parser.parse_args()
    prepare(arguments.work, arguments.encoder, arguments.dictionaries)
    table({recipe: [run(arguments.work, recipe, seed) for seed in SEEDS] for recipe in RECIPES})


if __name__ == "__main__":
    main()
