"""What `spacy xling evaluate` costs beside the pipeline's own pass over the same texts, in CPU seconds.

    python benchmarks/evaluating.py TEXTS MODEL...      labelled text by language; trained pipelines

Both load the pipelines and read the texts; start-up is left out of both.
"""

import argparse
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

from spacy_xling.data.labelled import build_labelled_text_v1
from spacy_xling.evaluation.by_language import evaluate_models, labelled_texts, load_pipeline


def seconds_of(work: Callable[[], object]) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("texts", type=Path)
    parser.add_argument("models", type=Path, nargs="+")
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    corpus = build_labelled_text_v1(given.texts)
    models = {str(path): path for path in given.models}

    def pipe() -> None:
        texts = [doc.text for doc in labelled_texts(corpus).docs]
        for path in given.models:
            for _ in load_pipeline(path).pipe(texts):
                pass

    def evaluate() -> None:
        evaluate_models(models, corpus, source="en")

    # The first of each warms up.
    rounds = [(seconds_of(pipe), seconds_of(evaluate)) for _ in range(given.rounds + 1)][1:]
    ratio = median(evaluated / piped for piped, evaluated in rounds)
    piped, evaluated = (median(column) for column in zip(*rounds, strict=True))
    print(f"nlp.pipe {piped:.1f} s, evaluate {evaluated:.1f} s, ratio {ratio:.2f}")


if __name__ == "__main__":
    main()
