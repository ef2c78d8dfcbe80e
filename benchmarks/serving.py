"""What does an exported pipeline cost to load, and does it say what the trained one says?

    python benchmarks/serving.py [--json FILE] [--environment FOLDER]
    python benchmarks/serving.py --model MODEL --texts TEXTS [--json FILE]

The first makes a pipeline on an encoder of the shape of XLM-R base (12 layers of 768) with 40,000 pieces
and random weights, on which loading doesn't depend, exports it in int8, makes an environment without torch
(kept in FOLDER), and prints the seconds of `spacy.load` and the peak of resident memory of the whole
process. The second exports a trained pipeline in both precisions and prints, on labelled texts, how often
the top label is the original's, the greatest difference of a score, and the seconds of the processor.
"""

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import spacy
import torch
from spacy.training import Example
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
from transformers import AutoModelForMaskedLM, PreTrainedTokenizerFast, XLMRobertaConfig

from spacy_xling.data.conversion import read_docs
from spacy_xling.data.labelled import build_labelled_text_v1
from spacy_xling.exporting.exporting import PRECISIONS, export_pipeline

PIECES = 40_000
SPECIAL = ("<s>", "<pad>", "</s>", "<unk>", "<mask>")
ROLES = ("bos_token", "pad_token", "eos_token", "unk_token", "mask_token")
TEXTS = ("wakati late", "money back please", "where is it", "broken box")
BATCH = 256
# Run in the environment without torch.
LOAD = """
import json, sys, time
def peak():
    # Not ru_maxrss, which a new process has from the one that started it.
    lines = open("/proc/self/status").read().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM"))
started = time.perf_counter()
import spacy
imported = time.perf_counter()
nlp = spacy.load(sys.argv[1])
loaded = time.perf_counter()
peak_loaded = peak()
nlp("Where is my parcel?")
print(json.dumps({
    "import_seconds": imported - started,
    "load_seconds": loaded - imported,
    "peak_mb_loaded": peak_loaded,
    "peak_mb_after_a_text": peak(),
    "torch": "torch" in sys.modules,
}))
"""


def make_encoder(folder: Path, **shape: int) -> Path:
    """A checkpoint with random weights and a unigram tokenizer of made-up pieces, of the shape of XLM-R base
    but for what is given.
    """
    generator = random.Random(0)
    letters = "abcdefghijklmnopqrstuvwxyz"
    scores = dict.fromkeys(SPECIAL, 0.0) | dict.fromkeys(letters + "▁?", -12.0)
    while len(scores) < PIECES:
        word = "".join(generator.choices(letters, k=generator.randint(2, 9)))
        scores[generator.choice(("▁", "")) + word] = -generator.uniform(5, 14)
    backend = Tokenizer(models.Unigram(list(scores.items()), unk_id=SPECIAL.index("<unk>")))
    backend.normalizer = normalizers.NFKC()
    backend.pre_tokenizer = pre_tokenizers.Metaspace()
    backend.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", special_tokens=[(piece, SPECIAL.index(piece)) for piece in ("<s>", "</s>")]
    )
    roles = dict(zip(ROLES, SPECIAL, strict=True))
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=backend, model_max_length=512, **roles)
    tokenizer.save_pretrained(folder)
    config = XLMRobertaConfig(
        vocab_size=PIECES, max_position_embeddings=514, type_vocab_size=1, pad_token_id=1, **shape
    )
    torch.manual_seed(0)
    AutoModelForMaskedLM.from_config(config).save_pretrained(folder)
    return folder


def make_pipeline(encoder: Path, folder: Path) -> Path:
    """A pipeline with an untrained head on an encoder."""
    nlp = spacy.blank("xx")
    config = {"model": {"encoder": {"name": str(encoder)}}, "objective": {"mlm_weight": 0.0}}
    nlp.add_pipe("xling_textcat", config=config)
    examples = [
        Example.from_dict(nlp.make_doc(text), {"cats": {"A": float(n % 2), "B": float(1 - n % 2)}})
        for n, text in enumerate(TEXTS)
    ]
    nlp.initialize(lambda: examples)
    nlp.to_disk(folder)
    return folder


def make_environment(folder: Path, model: Path) -> Path:
    """A virtual environment that serves an exported pipeline, without torch.

    RETURNS (Path): Its interpreter.
    """
    python = folder / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
        install = [str(python), "-m", "pip", "install", "--quiet"]
        subprocess.run([*install, "-r", str(model / "requirements.txt")], check=True)
    return python


def measure_loading(python: Path, model: Path, repeats: int) -> dict[str, Any]:
    """Load a pipeline in new processes; the median of each figure."""
    runs = []
    for _ in range(repeats):
        command = [str(python), "-c", LOAD, str(model)]
        output = subprocess.run(command, check=True, capture_output=True, text=True, cwd=model).stdout
        runs.append(json.loads(output))
    return {key: float(np.median([run[key] for run in runs])) for key in runs[0]}


def loading(environment: Path, repeats: int) -> dict[str, Any]:
    """What a pipeline of XLM-R base's shape costs to load."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        model = make_pipeline(make_encoder(folder / "encoder"), folder / "model")
        export_pipeline(model, folder / "int8", precision="int8")
        size = sum(file.stat().st_size for file in (folder / "int8").rglob("*") if file.is_file())
        python = make_environment(environment, folder / "int8")
        figures = measure_loading(python, folder / "int8", repeats)
    return {"folder_mb": size / 2**20, **figures}


def agreement(model: Path, texts: Path) -> dict[str, Any]:
    """How an exported pipeline differs from the trained one, on labelled texts."""
    docs = read_docs(build_labelled_text_v1(texts))
    expected, seconds = score(model, docs)
    figures: dict[str, Any] = {"texts": len(docs), "trained": {"seconds": seconds}}
    with tempfile.TemporaryDirectory() as place:
        for precision in PRECISIONS:
            export_pipeline(model, Path(place) / precision, precision=precision)
            found, seconds = score(Path(place) / precision, docs)
            figures[precision] = {
                "same_label": float((found.argmax(axis=1) == expected.argmax(axis=1)).mean()),
                "greatest_difference": float(np.abs(found - expected).max()),
                "seconds": seconds,
            }
    return figures


def score(model: Path, docs: list[Any]) -> tuple[np.ndarray, float]:
    """Scores of texts, and the seconds of the processor that they took."""
    nlp = spacy.load(model)
    pipe = next(pipe for _, pipe in nlp.pipeline if hasattr(pipe, "raw_logits"))
    pipe.predict(docs[:BATCH])
    started = time.process_time()
    parts = [pipe.predict(docs[start : start + BATCH]) for start in range(0, len(docs), BATCH)]
    return np.concatenate(parts), time.process_time() - started


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", type=Path)
    parser.add_argument("--texts", type=Path)
    parser.add_argument("--environment", type=Path, default=Path("training/serving-environment"))
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    if arguments.model is None:
        figures = loading(arguments.environment.resolve(), arguments.repeats)
    else:
        figures = agreement(arguments.model, arguments.texts)
    threads = len(os.sched_getaffinity(0))
    print(json.dumps({**figures, "threads": threads}, indent=1))
    if arguments.json:
        arguments.json.write_text(json.dumps(figures, indent=1), encoding="utf8")


if __name__ == "__main__":
    main()
