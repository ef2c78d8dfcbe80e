"""The process of one run: `python -m spacy_xling.comparison.process FOLDER`.

It reads what to do from `run.json` in the folder, resumes what is there, and ends when the process that
started it does.
"""

import argparse
import json
import os
import sys
import threading
import traceback
from pathlib import Path

from spacy.cli._util import import_code, setup_gpu
from spacy.training.initialize import init_nlp
from spacy.training.loop import DIR_MODEL_BEST
from spacy.util import load_config

from ..errors import one_line
from ..training.log_files import log_settings
from ..types import JsonDict
from ..writing import write_file
from .jobs import LOGS, MODEL, RESULT_FILE, RUN_FILE, SCORES_FILE, read_json
from .plan import ENCODER

# Characters of an error in the last line of the log.
LONGEST_ERROR = 400


def main(arguments: list[str] | None = None) -> int:
    """Do the run of a folder.

    arguments (list[str] | None): The command line; None for that of the process.
    RETURNS (int): Its exit status: 1 for an error, whose last line is the last that it prints.
    """
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--gpu-id", type=int, default=-1)
    parser.add_argument("--code", type=Path)
    given = parser.parse_args(arguments)
    _end_with_parent()
    try:
        import_code(given.code)
        run(given.folder, use_gpu=given.gpu_id)
    except Exception as error:
        traceback.print_exc()
        print(f"{type(error).__name__}: {one_line(error, LONGEST_ERROR)}", file=sys.stderr, flush=True)
        return 1
    return 0


def run(folder: Path, *, use_gpu: int = -1) -> None:
    """Do the run of a folder, or the rest of it, on a GPU (-1 for none), and write its result."""
    order = json.loads((folder / RUN_FILE).read_text(encoding="utf8"))
    overrides: JsonDict = dict(order["overrides"])
    overrides |= own_logs(Path(order["config"]), overrides, folder / LOGS)
    if order["kind"] == "encoder":
        result, name = make_encoder(Path(order["config"]), folder / MODEL, overrides), RESULT_FILE
    else:
        if order["encoder"] is not None:
            made = Path(order["encoder"])
            encoder = (read_json(made / RESULT_FILE) or {})["encoder"]
            overrides[ENCODER] = str(made / MODEL / encoder)
        result, name = train(Path(order["config"]), folder / MODEL, overrides, use_gpu), RESULT_FILE
        if order["kind"] == "training":
            plan = order["plan"]
            scored = score(folder / MODEL / DIR_MODEL_BEST, Path(plan["test"]["path"]), plan["threshold"])
            result, name = {**result, **scored}, SCORES_FILE
    write_file(folder / name, json.dumps(result, indent=1))


def own_logs(config: Path, overrides: JsonDict, folder: Path) -> dict[str, str]:
    """Give a run its own logs in a folder: those that its config names would be the same for all runs.

    RETURNS (dict[str, str]): A path by the dot name of each setting that names a log.
    """
    training = load_config(config, overrides=overrides, interpolate=True).get("training", {})
    logs = {f"training.logger.{name}": path for name, path in log_settings(training.get("logger", {}))}
    if training.get("tensorboard") is not None:
        logs["training.tensorboard"] = Path(training["tensorboard"])
    # The settings' names are part of the path, because chained loggers may write files of one name.
    return {name: str(folder.joinpath(*name.split(".")[2:-1], path.name)) for name, path in logs.items()}


def make_encoder(config: Path, output: Path, overrides: JsonDict) -> JsonDict:
    """Train an encoder on raw text, as `spacy xling pretrain` does, and save it in the folder `output`.

    RETURNS (JsonDict): Name of the encoder's folder in `output`, steps, pieces and seconds.
    """
    from ..pretraining.runs import LOG, pretrain

    loaded = load_config(config, overrides=overrides, interpolate=False)
    best = pretrain(loaded, output, resume=True, quiet=False)
    rows = [json.loads(line) for line in (output / LOG).read_text(encoding="utf8").splitlines()]
    # A process that resumes counts its seconds from 0.
    begun_again = [row["seconds"] for row in rows[1:]] + [-1.0]
    last = [row for row, following in zip(rows, begun_again, strict=True) if following < row["seconds"]]
    return {
        "encoder": best.name,
        "steps": rows[-1]["step"],
        "encoder_pieces": rows[-1]["pieces"],
        "seconds": sum(row["seconds"] for row in last),
        "processor_seconds": sum(row["processor_seconds"] for row in last),
    }


def train(config: Path, output: Path, overrides: JsonDict, use_gpu: int) -> JsonDict:
    """Train a pipeline, as `spacy xling train --resume` does, and save it in the folder `output`.

    RETURNS (JsonDict): Steps, pieces, seconds, and the best score on dev.
    """
    from ..resuming.run_file import is_finished, read_outcome
    from ..resuming.training_loop import train_resumable

    setup_gpu(use_gpu)
    if not is_finished(output, resume=True):
        nlp = init_nlp(load_config(config, overrides=overrides, interpolate=False), use_gpu=use_gpu)
        train_resumable(nlp, output, resume=True, use_gpu=use_gpu, stdout=sys.stdout, stderr=sys.stderr)
    return read_outcome(output)._asdict()


def score(model: Path, test: Path, threshold: float | None) -> JsonDict:
    """Score a pipeline by language, as `evaluate_by_language`. Nothing else in a comparison does.

    RETURNS (JsonDict): `languages`, with texts, accuracy and macro_f1 of each, and `exclusive`, whether
        the classes of the pipeline exclude each other.
    """
    from ..data.labelled import build_labelled_text_v1
    from ..evaluation.bootstrap import Resampling
    from ..evaluation.by_language import evaluate_by_language, labelled_texts, load_pipeline
    from ..evaluation.predictions import kind_of

    nlp = load_pipeline(model)
    docs = labelled_texts(build_labelled_text_v1(test)).docs
    scores = evaluate_by_language(
        nlp, docs, threshold=threshold, resampling=Resampling(resamples=0), mistakes=0
    )
    return {
        "exclusive": not kind_of(nlp).multi_label,
        "languages": {
            language: {"texts": s.texts, "accuracy": s.accuracy, "macro_f1": s.macro_f1}
            for language, s in scores.items()
        },
    }


def _end_with_parent() -> None:
    """End this process when the one that started it does: two must not write into one folder."""

    def wait() -> None:
        # Not through `sys.stdin`, whose lock a thread would still hold when Python exits.
        while os.read(0, 1024):
            pass
        os._exit(1)

    threading.Thread(target=wait, daemon=True).start()


if __name__ == "__main__":
    sys.exit(main())
