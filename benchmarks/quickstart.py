"""The quickstart with several seeds: accuracy by language, and what each recipe adds to classification only.

    python benchmarks/quickstart.py RESULTS [--seeds 0 1 2]

Runs the workflow once for each seed that RESULTS has no scores of, and prints means and standard deviations
over seeds as Markdown. A gain is that over classification only with the same seed.
"""

import argparse
import json
import shutil
import subprocess
import sys
from pathlib import Path

from transfer import spread

PROJECT = Path(__file__).parent.parent
RECIPES = ("baseline", "centred", "joint", "code-switching", "code-switching-joint")


def run(results: Path, seed: int) -> dict[str, dict[str, float]]:
    """Accuracy in percent by recipe and language, from the workflow or from an earlier run of it."""
    path = results / f"{seed}.json"
    if not path.exists():
        command = [sys.executable, "-m", "spacy", "project", "run", "quickstart", str(PROJECT), "--force"]
        subprocess.run([*command, "--vars.seed", str(seed)], check=True)
        results.mkdir(parents=True, exist_ok=True)
        shutil.copy(PROJECT / "training" / "quickstart" / "scores.json", path)
    scores = json.loads(path.read_text(encoding="utf-8"))
    return {
        recipe: {language: 100 * score["accuracy"] for language, score in scores[recipe].items()}
        for recipe in RECIPES
    }


def table(runs: list[dict[str, dict[str, float]]]) -> None:
    """Print a row for each language, the source first, one for the mean of the targets, and its gains."""
    languages = sorted(runs[0]["baseline"], key=lambda language: (language != "en", language))
    groups = {language: [language] for language in languages} | {"mean of the targets": languages[1:]}
    print("| accuracy, % | " + " | ".join(RECIPES) + " |")
    print("|---|" + "---:|" * len(RECIPES))
    for name, group in groups.items():
        means = {
            recipe: [sum(run[recipe][code] for code in group) / len(group) for run in runs]
            for recipe in RECIPES
        }
        print(f"| {name} | " + " | ".join(spread(values) for values in means.values()) + " |")
    gains = {
        recipe: [mean - base for mean, base in zip(found, means["baseline"], strict=True)]
        for recipe, found in means.items()
    }
    print("| above the baseline | | " + " | ".join(spread(gains[recipe]) for recipe in RECIPES[1:]) + " |")
    each = (", ".join(f"{gain:+.1f}" for gain in gains[recipe]) for recipe in RECIPES[1:])
    print("| the same, by seed | | " + " | ".join(each) + " |")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("results", type=Path)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    arguments = parser.parse_args()
    table([run(arguments.results, seed) for seed in arguments.seeds])


if __name__ == "__main__":
    main()
