"""Graphs to eight bits, and to what ONNX Runtime runs: once, when exporting, so that loading does less."""

import logging
from pathlib import Path

from ..errors import Errors, one_line, requiring
from ..models.onnx_shim import import_runtime

# Weights below this many bytes stay in the graph's own file.
INLINE_BYTES = 1024
# Nodes that stay as they are: the scores of attention pooling decide what counts, and cost nothing.
KEPT_PREFIX = "/score/"


def require_libraries() -> None:
    """Look for the libraries that an export needs, before any work (X321, X791)."""
    import_runtime()
    with requiring(Errors.X791):
        import onnx  # noqa: F401  (whether it is there)


def quantise(graph: Path, target: Path) -> None:
    """Dynamic quantisation: the weights of matrix products become eight bits, with a scale for each column,
    and what they are multiplied with is rounded to eight bits as it comes.
    """
    import onnx
    from onnxruntime.quantization import QuantType, quantize_dynamic

    nodes = onnx.load(graph, load_external_data=False).graph.node
    disabled = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        quantize_dynamic(
            graph,
            target,
            op_types_to_quantize=["MatMul"],
            per_channel=True,
            # Seven bits of weight: a processor without VNNI adds two products in sixteen bits, and may
            # not overflow.
            reduce_range=True,
            weight_type=QuantType.QInt8,
            nodes_to_exclude=[node.name for node in nodes if node.name.startswith(KEPT_PREFIX)],
            use_external_data_format=True,
        )
    finally:
        logging.disable(disabled)


def optimise(graph: Path, target: Path, *, weights: str = "") -> None:
    """Fuse nodes and fold constants, in ways that hold on any processor.

    graph (Path): The graph.
    target (Path): The file to write.
    weights (str): Name of a file beside it for the weights, which can then be mapped; none keeps them inside.
    RAISES (OSError): The file can't be written.
    """
    runtime = import_runtime()
    faults = runtime.capi.onnxruntime_pybind11_state
    options = runtime.SessionOptions()
    options.log_severity_level = 3
    # The level above lays weights out for the processor at hand.
    options.graph_optimization_level = runtime.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
    options.optimized_model_filepath = str(target)
    if weights:
        prefix = "session.optimized_model_external_initializers"
        options.add_session_config_entry(f"{prefix}_file_name", weights)
        options.add_session_config_entry(f"{prefix}_min_size_in_bytes", str(INLINE_BYTES))
    try:
        runtime.InferenceSession(str(graph), options, providers=["CPUExecutionProvider"])
    except (faults.InvalidGraph, faults.NotImplemented):
        # The graph of a module with an operator that the runtime lacks, and no matter of the disk.
        raise
    # Others have no class in common.
    except Exception as error:
        raise OSError(one_line(error)) from error
