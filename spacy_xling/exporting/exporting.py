"""A trained pipeline to one whose text classifiers run without torch."""

import json
import tempfile
from importlib import import_module
from pathlib import Path

from spacy.language import Language
from thinc.api import Config

from ..data.files import PIPELINE_FILE, require_new_folder
from ..errors import Errors, one_line
from ..evaluation.by_language import load_pipeline
from ..models.architectures import joint_shim
from ..models.contracts import classifier_of
from ..models.joint_shim import JointShim
from ..models.onnx_shim import (
    ENCODER_FILE,
    HEAD_FILE,
    SETTINGS_FILE,
    TOKENIZER_FILE,
    WEIGHTS_FILE,
    ExportSettings,
)
from ..models.settings import require_setting
from ..pipeline.xling_textcat import XlingTextCategorizer
from ..writing import write_folder
from .compressing import optimise, quantise, require_libraries
from .graphs import write_graphs
from .serving_wheel import SERVING, write_serving_wheel

PRECISIONS = ("fp32", "int8")
REQUIREMENTS_FILE = "requirements.txt"
# pip looks beside the file, wherever it is called.
REQUIREMENTS_HEAD = "# pip install -r this file: all that serves the pipeline, without torch.\n--find-links ."


def export_pipeline(
    model: Path,
    output: Path,
    *,
    precision: str = "int8",
    threads: int | None = None,
    overwrite: bool = False,
) -> list[str]:
    """Write a copy of a pipeline whose text classifiers of this package run under ONNX Runtime, not torch.
    Labels, scores, calibration, long and empty texts: all as in the original. `pip install -r` of its
    requirements.txt installs what serves it, this package from a wheel beside it.

    model (Path): The trained pipeline: its folder, or the name of an installed package.
    output (Path): The folder to write, new or empty.
    precision (str): "fp32" for the scores of the original to four decimals; "int8" for weights in eight bits.
    threads (int | None): Threads of a pass; None for as many as a process may use.
    overwrite (bool): Replace a pipeline that is there.
    RETURNS (list[str]): Names of the components that were exported.
    RAISES (ValueError): X173, X311, X751, X765, X790, X792, X793, X794. (ImportError): X321, X791.
        (OSError): X795.
    """
    if precision not in PRECISIONS:
        raise ValueError(Errors.X793.format(found=precision, known=", ".join(PRECISIONS)))
    require_setting(threads is None or threads >= 1, "threads", threads, "null, or 1 or more")
    require_new_folder(output, overwrite=overwrite, replaces=PIPELINE_FILE, inputs=[model])
    require_libraries()
    nlp = load_pipeline(model)
    found = {name: pipe for name, pipe in nlp.pipeline if isinstance(pipe, XlingTextCategorizer)}
    if not found:
        raise ValueError(Errors.X790.format(path=model, found=", ".join(nlp.pipe_names) or "no component"))
    for name, pipe in found.items():
        if not classifier_of(pipe.model).is_trainable:
            raise ValueError(Errors.X794.format(path=model, name=name))
    try:
        write_folder(output, lambda folder: _fill(folder, nlp, found, precision, threads))
    except OSError as error:
        raise OSError(Errors.X795.format(path=output, error=one_line(error))) from error
    return list(found)


def _fill(
    folder: Path,
    nlp: Language,
    pipes: dict[str, XlingTextCategorizer],
    precision: str,
    threads: int | None,
) -> None:
    nlp.to_disk(folder, exclude=list(pipes))
    config = Config().from_disk(folder / "config.cfg", interpolate=False)
    for name, pipe in pipes.items():
        if f"${{components.{name}.model" in config.to_str():
            config = config.interpolate()
        pass_pieces = joint_shim(pipe.model).head.pass_pieces
        config["components"][name]["model"] = {
            "@architectures": "spacy-xling.ExportedTextCat.v1",
            "runtime": "onnx",
            "threads": threads,
            "pass_pieces": pass_pieces,
        }
        # It can't be trained, and what makes other texts isn't there to be loaded.
        config["components"][name] |= {"code_switching": None, "translated_texts": None}
        pipe.to_disk(folder / name, exclude=["vocab", "model"])
        _export_shim(joint_shim(pipe.model), folder / name / "model", precision=precision, name=name)
    config.to_disk(folder / "config.cfg")
    pinned = [f"{name}=={import_module(name).__version__}" for name in SERVING]
    lines = [REQUIREMENTS_HEAD, write_serving_wheel(folder), *pinned, ""]
    (folder / REQUIREMENTS_FILE).write_text("\n".join(lines), encoding="utf8")


def _export_shim(shim: JointShim, folder: Path, *, precision: str, name: str) -> None:
    """Write the model of the component of a name as an `OnnxShim` reads it."""
    folder.mkdir(parents=True)
    int8 = precision == "int8"
    with tempfile.TemporaryDirectory(dir=folder.parent) as place:
        graph, rounded, head = (Path(place) / name for name in ("graph.onnx", "rounded.onnx", "head.onnx"))
        write_graphs(shim.module.cpu(), graph, head, int8=int8, name=name)
        if int8:
            quantise(graph, rounded)
        optimise(rounded if int8 else graph, folder / ENCODER_FILE, weights=WEIGHTS_FILE)
        optimise(head, folder / HEAD_FILE)
    backend = shim.tokenizer.backend_tokenizer
    backend.save(str(folder / TOKENIZER_FILE), pretty=False)
    settings = ExportSettings(
        precision=precision,
        labels=shim.n_labels,
        window=backend.truncation["max_length"],
        overlap=backend.truncation["stride"],
        pad_id=shim.tokenizer.pad_token_id,
        pool_specials=shim.head.pool_specials,
    )
    files = {file.name: file.stat().st_size for file in sorted(folder.iterdir())}
    described = {"settings": settings._asdict(), "files": files}
    (folder / SETTINGS_FILE).write_text(json.dumps(described, indent=2), encoding="utf8")
