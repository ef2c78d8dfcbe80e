"""Which measurements there are, by section."""

import subprocess
import sys
from argparse import Namespace
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any, NamedTuple

from .shapes import MLM_WEIGHT

TRIMMED = 40_000
VOCABULARIES = (8_000, 32_000, 64_000, 128_000, 250_002)
BATCH_SIZES = (64, 256, 1_024)
# Steps that are timed, and texts of inference, where the options don't say.
STEPS = {"base": 4, "minilm": 6, "mini": 20}
TEXTS = {"base": 192, "minilm": 384, "mini": 2_048}
WARM_UP = 2


class Job(NamedTuple):
    """A measurement.

    section (str): Its table.
    shape (str): Name of the shape; measurements of one section and shape take turns.
    peer (str): Its row.
    target (str): Module and function that measure.
    arguments (dict[str, Any]): What the function takes, but the folder.
    prepare (tuple): Functions that make what it needs, and their arguments.
    repeats (int): How often it is made.
    python (str): The interpreter of the environment that it is made in.
    """

    section: str
    shape: str
    peer: str
    target: str
    arguments: dict[str, Any]
    prepare: tuple[tuple[str, dict[str, Any]], ...]
    repeats: int
    python: str = sys.executable


def beside(job: Job, python: str) -> Job:
    """The same measurement in another environment, which its row names.

    job (Job): The measurement.
    python (str): The interpreter of the environment.
    RETURNS (Job): The other measurement.
    """
    return job._replace(peer=f"{job.peer} (transformers {_release(python)})", python=python)


@cache
def _release(python: str) -> str:
    code = "from importlib.metadata import version; print(version('transformers'))"
    done = subprocess.run([python, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def joint(options: Namespace) -> Iterator[Job]:
    """Training, joint and classification only; with a trimmed vocabulary for the largest shape."""
    for shape in options.shapes or ("base",):
        peers = [
            ("PyTorch loop", "training:plain_loop", shape, {}),
            ("ours, fp32", "training:joint_pipeline", shape, {}),
            ("ours, bf16", "training:joint_pipeline", shape, {"precision": "bf16"}),
            ("spaCy, no raw text", "training:spacy_pipeline", shape, {}),
        ]
        if shape == "base":
            small = f"{shape}-{TRIMMED}"
            peers += [
                ("ours, fp32, trimmed", "training:joint_pipeline", small, {}),
                ("ours, bf16, trimmed", "training:joint_pipeline", small, {"precision": "bf16"}),
                ("spaCy, no raw text, trimmed", "training:spacy_pipeline", small, {}),
            ]
        for peer, target, variant, more in peers:
            yield _training("joint", shape, peer, target, variant, options, **more)


def memory(options: Namespace) -> Iterator[Job]:
    """Training with the masked-LM term and without it, by vocabulary, on the layers of `mini`."""
    for n_pieces in VOCABULARIES:
        shape = f"mini-{n_pieces}"
        for way, target in (
            ("ours", "training:joint_pipeline"),
            ("PyTorch loop", "training:plain_loop"),
        ):
            for peer, weight in ((way, MLM_WEIGHT), (f"{way}, no raw text", 0.0)):
                job = _training("memory", shape, peer, target, shape, options, mlm_weight=weight)
                yield job._replace(repeats=1, arguments={**job.arguments, "steps": 2, "warm_up": 1})


def optimizer(options: Namespace) -> Iterator[Job]:
    """A step of the optimizer alone, and spaCy's own training with either optimizer."""
    for shape in options.shapes or ("base", "mini"):
        for peer, target in (
            ("torch, clipped and fused", "optimizer:torch_step"),
            ("ours", "optimizer:own_step"),
        ):
            yield _training("optimizer", shape, peer, target, shape, options)
        for peer, own in (("spaCy, its Adam", False), ("spaCy, our AdamW", True)):
            target = "training:spacy_pipeline"
            yield _training("optimizer-spacy", shape, peer, target, shape, options, own_optimizer=own)


def _training(
    section: str, shape: str, peer: str, target: str, variant: str, options: Namespace, **more: Any
) -> Job:
    steps = options.steps or STEPS.get(shape, 5)
    arguments = {"shape": variant, "steps": steps, "warm_up": WARM_UP, **more}
    prepare = (("material:make_encoder", {"shape": variant}),)
    return Job(section, shape, peer, target, arguments, prepare, options.repeats)


def inference(options: Namespace) -> Iterator[Job]:
    """Texts to scores, sizes of batches, and but for `base` two processes."""
    for shape in options.shapes or ("base", "mini"):
        arguments = {"shape": shape, "texts": options.texts or TEXTS.get(shape, 256)}
        for peer, function, maker, more in (
            ("spaCy", "spacy_pipe", "material:make_spacy_pipeline", {}),
            ("transformers", "transformers_pipe", "material:make_classifier", {}),
            ("ONNX Runtime, int8", "onnx_pipe", "inference:make_onnx", {}),
            ("ours, fp32", "own_pipe", "material:make_own_pipeline", {}),
            ("ours, bf16", "own_pipe", "material:make_own_pipeline", {"precision": "bf16"}),
            ("ours, int8", "exported_pipe", "inference:make_exported", {"precision": "int8"}),
        ):
            prepared = {"shape": shape}
            if maker == "inference:make_exported":
                prepared |= more
            given = {**arguments, **more}
            target = f"inference:{function}"
            yield Job("inference", shape, peer, target, given, ((maker, prepared),), options.repeats)
        yield from _settings(shape, options)


def _settings(shape: str, options: Namespace) -> Iterator[Job]:
    prepare = (("material:make_own_pipeline", {"shape": shape}),)
    # `base` in bf16, or it takes too long.
    more = {"precision": "bf16"} if shape == "base" else {}
    # As many texts as the largest batch, at least; more where processes start.
    texts = max(BATCH_SIZES[-1], TEXTS.get(shape, 0))
    settings: dict[str, dict[str, Any]] = {
        f"batch_size={size}": {"batch_size": size, "texts": texts} for size in BATCH_SIZES
    }
    if shape != "base":
        settings |= {f"n_process={n}": {"n_process": n, "texts": 4 * texts} for n in (1, 2)}
    for peer, setting in settings.items():
        given = {"shape": shape, **more, **setting}
        yield Job("settings", shape, peer, "inference:own_pipe", given, prepare, options.repeats)
    if shape != "base":
        peer, given = "Docs to bytes and back, alone", {"shape": shape, "texts": texts}
        yield Job("settings", shape, peer, "inference:hand_over", given, prepare, options.repeats)


def flat(options: Namespace) -> Iterator[Job]:
    """Very many texts in constant memory."""
    arguments = {"shape": "tiny", "texts": options.flat_texts}
    prepare = (("material:make_own_pipeline", {"shape": "tiny"}),)
    for peer, alone in (("ours, fp32", False), ("spaCy's tokenizer alone", True)):
        given = {**arguments, "tokenizer_alone": alone}
        yield Job("flat", "tiny", peer, "flat:memory_over_texts", given, prepare, 1)


def agreement(options: Namespace) -> Iterator[Job]:
    """What lower precision changes: on the quickstart's text, and on xSID where it is given."""
    given: dict[str, dict[str, Any]] = {"quickstart": {"data": None, "encoder": None}}
    if options.data and options.encoder:
        given["xsid"] = {"data": str(options.data), "encoder": str(options.encoder)}
    for name, arguments in given.items():
        for precision in ("bf16", "int8"):
            more = {**arguments, "precision": precision}
            prepare = (("agreement:make_trained", arguments),)
            yield Job("agreement", name, precision, "agreement:agreement", more, prepare, 1)


SECTIONS: dict[str, Callable[[Namespace], Iterator[Job]]] = {
    section.__name__: section for section in (joint, memory, optimizer, inference, flat, agreement)
}
