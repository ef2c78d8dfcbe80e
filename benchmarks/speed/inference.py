"""Texts to scores: spaCy's own, `transformers`' pipeline, ONNX Runtime, and this package."""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import spacy
import torch
from spacy.tokens import Doc

from .material import make, make_classifier, make_own_pipeline, make_spacy_pipeline, make_text
from .moments import moment
from .skipping import Skipped

BATCH, WARM_UP = 32, 32
INT8 = "model.int8.onnx"
Figures = dict[str, float]


def spacy_pipe(work: str, shape: str, texts: int) -> Figures:
    """`nlp.pipe` of spaCy's `transformer` and `textcat`.

    work (str): Folder with text and pipelines.
    shape (str): Name of the encoder's shape.
    texts (int): Number of texts.
    RETURNS (Figures): Texts per second.
    """
    nlp = spacy.load(make_spacy_pipeline(work, shape))
    return _time(nlp.pipe, work, texts)


def own_pipe(
    work: str,
    shape: str,
    texts: int,
    precision: str = "fp32",
    batch_size: int | None = None,
    n_process: int = 1,
) -> Figures:
    """`nlp.pipe` of `xling_textcat`; see `spacy_pipe`.

    precision (str): The encoder's.
    batch_size (int | None): Docs that go through the pipeline together; None for the config's, 256.
    n_process (int): Processes. With several their start is timed too, and memory is the parent's alone.
    RETURNS (Figures): Texts per second, and the share of the time without a forward pass of the encoder.
    """
    from spacy_xling.models.architectures import joint_shim

    override = {"components.xling_textcat.model.encoder.precision": precision}
    nlp = spacy.load(make_own_pipeline(work, shape), config=override)
    base = joint_shim(nlp.get_pipe("xling_textcat").model).module.masked_lm.encoder.base
    inside: list[tuple[float, float]] = []
    base.forward = _watched(base.forward, inside)

    def pipe(docs: list[str]) -> Iterable[Any]:
        inside.clear()
        return nlp.pipe(docs, batch_size=batch_size, n_process=n_process)

    figures = _time(pipe, work, texts)
    if n_process == 1:
        figures["outside_encoder"] = 1 - _covered(inside) * figures["texts_per_second"] / texts
    return figures


def hand_over(work: str, shape: str, texts: int) -> Figures:
    """What spaCy does to each Doc between two processes, in one: to bytes and back; see `spacy_pipe`."""
    nlp = spacy.load(make_own_pipeline(work, shape))
    docs = {text: nlp(text) for text in read_mixed(work, texts)}
    return _time(
        lambda given: (Doc(nlp.vocab).from_bytes(docs[text].to_bytes()) for text in given), work, texts
    )


def exported_pipe(work: str, shape: str, texts: int, precision: str = "int8") -> Figures:
    """`nlp.pipe` of what `spacy xling export` makes of the pipeline; see `spacy_pipe`.

    precision (str): The export's.
    """
    nlp = spacy.load(make_exported(work, shape, precision))
    return _time(nlp.pipe, work, texts)


def transformers_pipe(work: str, shape: str, texts: int) -> Figures:
    """`transformers`' text-classification pipeline; see `spacy_pipe`."""
    from transformers import pipeline

    classify = pipeline("text-classification", str(make_classifier(work, shape)), device="cpu")
    return _time(lambda docs: classify(docs, batch_size=BATCH, truncation=True), work, texts)


def onnx_pipe(work: str, shape: str, texts: int) -> Figures:
    """ONNX Runtime on int8 weights, batches of texts of like lengths; see `spacy_pipe`."""
    import numpy as np
    from transformers import AutoTokenizer

    folder = make_onnx(work, shape)
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    session = onnxruntime.InferenceSession(str(folder / INT8), options, providers=["CPUExecutionProvider"])
    tokenizer = AutoTokenizer.from_pretrained(folder)

    def classify(docs: list[str]) -> list[Any]:
        ids = tokenizer(docs, truncation=True)["input_ids"]
        order = sorted(range(len(ids)), key=lambda number: len(ids[number]))
        found: list[Any] = [None] * len(ids)
        for start in range(0, len(order), BATCH):
            group = order[start : start + BATCH]
            batch = tokenizer.pad({"input_ids": [ids[number] for number in group]}, return_tensors="np")
            given = {name: batch[name].astype(np.int64) for name in ("input_ids", "attention_mask")}
            (logits,) = session.run(None, given)
            for number, row in zip(group, logits, strict=True):
                found[number] = row
        return found

    return _time(classify, work, texts)


def make_onnx(work: str, shape: str) -> Path:
    """The classifier of `transformers` for ONNX Runtime, with dynamic quantisation to int8."""
    try:
        import onnxruntime.quantization as quantization
    except ImportError as error:
        raise Skipped(f"onnxruntime and onnx are not installed: {error}") from error
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    classifier = make_classifier(work, shape)

    def fill(folder: Path) -> None:
        model = AutoModelForSequenceClassification.from_pretrained(classifier, return_dict=False).eval()
        axes = {"input_ids": {0: "text", 1: "piece"}, "attention_mask": {0: "text", 1: "piece"}}
        whole = folder / "whole.onnx"
        ids = torch.tensor([[0, 10, 11, 2], [0, 12, 2, 1]])
        torch.onnx.export(
            model,
            (ids, (ids != 1).long()),
            str(whole),
            input_names=list(axes),
            output_names=["logits"],
            dynamic_axes={**axes, "logits": {0: "text"}},
            opset_version=17,
            dynamo=False,
        )
        quantization.quantize_dynamic(whole, folder / INT8, weight_type=quantization.QuantType.QInt8)
        for path in folder.iterdir():
            if path.name != INT8:
                path.unlink()
        AutoTokenizer.from_pretrained(classifier).save_pretrained(folder)

    return make(Path(work) / "onnx" / shape, fill)


def make_exported(work: str, shape: str, precision: str) -> Path:
    """What `spacy xling export` makes of the pipeline of a shape."""
    return export(
        make_own_pipeline(work, shape), Path(work) / "pipelines" / f"{shape}-{precision}", precision
    )


def export(model: Path, output: Path, precision: str) -> Path:
    """Call `spacy xling export`, where this version has the command.

    model (Path): The pipeline.
    output (Path): Folder to make.
    precision (str): The export's.
    RETURNS (Path): The folder.
    RAISES (Skipped): There is no such command, or it failed.
    """
    command = [sys.executable, "-m", "spacy", "xling", "export"]
    if subprocess.run([*command, "--help"], capture_output=True).returncode:
        raise Skipped("this version has no `spacy xling export`")

    def fill(folder: Path) -> None:
        folder.rmdir()
        words = [*command, str(model), "--output", str(folder), "--precision", precision]
        done = subprocess.run(words, capture_output=True, text=True)
        if done.returncode:
            said = (done.stdout + done.stderr).strip().splitlines() or ["nothing said"]
            raise Skipped(f"`spacy xling export` failed: {said[-1].strip()}")

    return make(output, fill)


def read_mixed(work: str, n_texts: int) -> list[str]:
    """Texts of mixed lengths; more than there are begin again."""
    texts = json.loads((make_text(work) / "mixed.json").read_text("utf-8"))
    return [texts[number % len(texts)] for number in range(n_texts)]


def _time(pipe: Callable[[list[str]], Iterable[Any]], work: str, n_texts: int) -> Figures:
    texts = read_mixed(work, n_texts)
    for _ in pipe(texts[:WARM_UP]):
        pass
    started = moment()
    n_done = sum(1 for _ in pipe(texts))
    seconds, cpu_seconds = (end - start for start, end in zip(started, moment(), strict=True))
    if n_done != n_texts:
        raise RuntimeError(f"{n_done} results for {n_texts} texts")
    return {"texts_per_second": n_texts / seconds, "cpu_seconds": cpu_seconds}


def _watched(function: Callable[..., Any], spans: list[tuple[float, float]]) -> Callable[..., Any]:
    def watched(*arguments: Any, **options: Any) -> Any:
        started = time.perf_counter()
        result = function(*arguments, **options)
        spans.append((started, time.perf_counter()))
        return result

    return watched


def _covered(spans: list[tuple[float, float]]) -> float:
    """Seconds in which at least one of several calls ran."""
    covered = until = 0.0
    for start, end in sorted(spans):
        covered += max(0.0, end - max(start, until))
        until = max(until, end)
    return covered
