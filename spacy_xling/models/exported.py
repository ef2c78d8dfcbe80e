"""The registered builder of an exported text classifier. It imports no torch."""

from collections.abc import Callable, Sequence
from typing import Literal, cast

from spacy.tokens import Doc
from thinc.api import Model

from ..errors import Errors
from ..types import Floats2d, Pieces
from .docs_to_logits import forward_docs
from .onnx_shim import OnnxShim
from .settings import require_setting


def build_exported_textcat_v1(
    runtime: Literal["onnx"] = "onnx", threads: int | None = None, pass_pieces: int = 2048
) -> Model:
    """A text classifier that `spacy xling export` wrote. It only predicts, and needs no torch.

    The model's `predict` takes Docs, or from the component `Pieces`, and gives logits (texts, labels).

    runtime (Literal["onnx"]): ONNX Runtime, on the CPU.
    threads (int | None): Threads of a pass; None for as many as the process may use. A forked process, as
        those of `nlp.pipe(n_process=2)` on Linux, has one.
    pass_pieces (int): The most pieces, padding included, that pass the encoder at a time, windows of like
        lengths together.
    RETURNS (Model): The thinc model.
    RAISES (ValueError): A setting out of range.
    """
    require_setting(threads is None or threads >= 1, "threads", threads, "null, or 1 or more")
    require_setting(pass_pieces >= 1, "pass_pieces", pass_pieces, "1 or more")
    return Model("exported_textcat", forward, dims={"nO": None}, shims=[OnnxShim(threads, pass_pieces)])


def forward(
    model: Model, X: Sequence[Doc] | Pieces, is_train: bool
) -> tuple[Floats2d, Callable[[Floats2d], None]]:
    """Prediction alone."""
    if is_train:
        raise ValueError(Errors.X537.format(name=model.name))
    if not isinstance(X, Pieces):
        return forward_docs(model, X, is_train)
    logits = cast(OnnxShim, model.shims[0]).predict(X)
    return model.ops.asarray2f(logits), lambda gradient: None
