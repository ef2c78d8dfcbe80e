"""A trained module as two ONNX graphs: windows to the evidence of each, and the evidence of all windows to
the logits of texts. The windows of a long text may thus lie in different batches, as in training.
"""

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..errors import Errors, one_line
from ..models.joint import ClassificationHead, JointModule
from ..models.onnx_shim import TEXTS, WINDOWS
from ..models.pooling import Evidence, Pooling

# The first version in which a maximum over the windows of a text can be said.
OPSET = 18
# Names of the parts of the evidence, in either graph; a pooling has some of them.
PARTS = ("part_0", "part_1", "part_2")
# The greatest number of a weight in eight bits.
GREATEST = 127
# Numbers of a word embedding that share a scale: a few large ones would cost all others precision.
BLOCK = 64


class Int8Embedding(nn.Module):
    """Word embeddings in eight bits, with a scale for each block of up to 64 numbers of a piece.

    weight (Tensor): The word embeddings. *Shape:* (vocabulary, embedding width)
    """

    def __init__(self, weight: Tensor) -> None:
        super().__init__()
        width = weight.shape[1]
        self.block = max(n for n in range(1, BLOCK + 1) if width % n == 0)
        blocks = weight.reshape(len(weight), -1, self.block)
        scale = blocks.abs().amax(dim=2, keepdim=True).clamp(min=torch.finfo(weight.dtype).tiny) / GREATEST
        self.rounded: Tensor
        self.scale: Tensor
        self.register_buffer("rounded", torch.round(blocks / scale).to(torch.int8).flatten(1))
        self.register_buffer("scale", scale.squeeze(2))

    def forward(self, ids: Tensor) -> Tensor:
        """Piece ids (...) to embeddings (..., embedding width)."""
        scale = F.embedding(ids, self.scale).unsqueeze(-1)
        rounded = F.embedding(ids, self.rounded).to(scale.dtype)
        return (rounded.view(*ids.shape, -1, self.block) * scale).flatten(-2)


class EncoderGraph(nn.Module):
    """Windows to evidence.

    module (JointModule): What was trained.
    embeddings (nn.Module | None): Instead of its word embeddings.
    """

    def __init__(self, module: JointModule, embeddings: nn.Module | None = None) -> None:
        super().__init__()
        self.base = module.masked_lm.encoder.base
        self.encoder = module.masked_lm.encoder
        self.embeddings = embeddings
        self.pooling = module.pooling

    def forward(self, ids: Tensor, attention: Tensor, pooled: Tensor) -> Evidence:
        """See `models.batches.Windows` for the three, and `models.pooling` for the evidence."""
        embedded = self.encoder.embed(ids) if self.embeddings is None else self.embeddings(ids)
        return self.pooling.evidence(self.encoder.encode(embedded, attention), pooled)


class HeadGraph(nn.Module):
    """The evidence of all windows of some texts to logits.

    pooling (Pooling): Brings the windows of a text together.
    head (ClassificationHead): The classification head.
    """

    def __init__(self, pooling: Pooling, head: ClassificationHead) -> None:
        super().__init__()
        self.pooling = pooling
        self.head = head

    def forward(self, texts: Tensor, *evidence: Tensor) -> Tensor:
        """The text of each window (windows,), and the evidence, to logits (texts, labels)."""
        # A tensor, so that the number of texts stays free in the graph.
        return self.head(self.pooling.combine(evidence, texts, cast(int, texts.max() + 1)), 0.0)


@torch.no_grad()
def write_graphs(module: JointModule, encoder: Path, head: Path, *, int8: bool, name: str) -> None:
    """Write both graphs, in fp32 but for the word embeddings.

    module (JointModule): What was trained, on the CPU; it is left in evaluation mode.
    encoder (Path): The file of the graph from windows to evidence.
    head (Path): The file of the graph from evidence to logits.
    int8 (bool): Whether the word embeddings become eight bits.
    name (str): The component, for errors.
    RAISES (ValueError): The family can't be written as a graph. (OSError): A file can't be written.
    """
    module.eval()
    attention = torch.ones(3, 5, dtype=torch.bool)
    attention[1, 3:] = False
    ids = torch.zeros(3, 5, dtype=torch.long)
    embeddings = Int8Embedding(module.masked_lm.encoder.embeddings.weight) if int8 else None
    graph = EncoderGraph(module, embeddings)
    evidence = graph(ids, attention, attention)
    parts = PARTS[: len(evidence)]
    family = str(module.masked_lm.model.config.model_type)
    try:
        _write(graph, (ids, attention, attention), encoder, WINDOWS, parts, ("windows", "length"))
        inputs = (torch.tensor([0, 1, 1]), *evidence)
        head_graph = HeadGraph(module.pooling, module.head)
        _write(head_graph, inputs, head, (TEXTS, *parts), ("logits",), ("windows",))
    except OSError:
        raise
    # The exporter raises what its passes raise, in C++ or in Python.
    except Exception as error:
        raise ValueError(Errors.X792.format(name=name, family=family, error=one_line(error))) from error


def _write(
    graph: nn.Module,
    inputs: tuple[Tensor, ...],
    path: Path,
    input_names: Sequence[str],
    output_names: Sequence[str],
    axes: Sequence[str],
) -> None:
    free = {name: dict(enumerate(axes)) for name in input_names}
    free.update({name: {0: "rows"} for name in output_names})
    with warnings.catch_warnings(), _sums_of_rows():
        # It warns of each branch on a shape and of constants; the tests compare what comes out.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            graph.eval(),
            inputs,
            str(path),
            input_names=list(input_names),
            output_names=list(output_names),
            dynamic_axes=free,
            opset_version=OPSET,
            # The newer exporter needs one more library, and makes no better a graph of an encoder.
            dynamo=False,
        )


@contextmanager
def _sums_of_rows() -> Iterator[None]:
    """Write `index_add`, which adds up the windows of a text, as a sum. The exporter's own way keeps one of
    the rows that go to the same place, and drops the others.
    """

    def add_rows(g: Any, values: Any, dim: Any, places: Any, rows: Any, alpha: Any = None) -> Any:
        columns = g.op("Unsqueeze", places, g.op("Constant", value_t=torch.tensor([1])))
        each = g.op("Expand", columns, g.op("Shape", rows))
        return g.op("ScatterElements", values, each, rows, axis_i=0, reduction_s="add")

    torch.onnx.register_custom_op_symbolic("aten::index_add", add_rows, OPSET)  # type: ignore[attr-defined]
    try:
        yield
    finally:
        torch.onnx.unregister_custom_op_symbolic("aten::index_add", OPSET)  # type: ignore[attr-defined]
