"""What an exported pipeline says is what the trained one says."""

from typing import get_args

import numpy as np
import onnx
import pytest
import torch
from torch import nn

from spacy_xling.exporting.compressing import optimise
from spacy_xling.exporting.graphs import Int8Embedding
from spacy_xling.models.pooling import PoolingName
from tests.conftest import FAMILIES
from tests.exporting.pipelines import ALL, LONG, export, make_pipeline, make_unsaturated, scores

CLOSE = 1e-4
ROUGHLY = 0.05


def assert_same_scores(expected, found):
    """Of texts whose scores differ, so that not any scores would do."""
    assert np.ptp(expected[:-3], axis=0).min() > 100 * CLOSE
    np.testing.assert_allclose(found, expected, atol=CLOSE)
    assert (found[ALL.index("")] == 0).all()


@pytest.mark.parametrize("family", FAMILIES)
def test_each_family_scores_as_before(family, checkpoints, tmp_path):
    nlp = make_pipeline(checkpoints(family))
    assert_same_scores(scores(nlp), scores(export(nlp, tmp_path, precision="fp32")))


@pytest.mark.parametrize("pool_specials", [True, False])
@pytest.mark.parametrize("pooling", get_args(PoolingName))
def test_each_pooling_scores_as_before(pooling, pool_specials, checkpoint, tmp_path):
    nlp = make_pipeline(checkpoint, pooling=pooling, pool_specials=pool_specials, hidden_width=16)
    assert_same_scores(scores(nlp), scores(export(nlp, tmp_path, precision="fp32")))


@pytest.mark.parametrize("family", ["distilbert", "modernbert"])
def test_each_kind_of_native_head_scores_as_before(family, checkpoints, tmp_path):
    nlp = make_unsaturated(checkpoints(family), head="native")
    expected = scores(nlp)
    assert np.ptp(expected[:-3], axis=0).max() > 5 * CLOSE
    np.testing.assert_allclose(scores(export(nlp, tmp_path, precision="fp32")), expected, atol=CLOSE)


@pytest.mark.parametrize("precision", ["fp32", "int8"])
def test_independent_labels_score_as_before(precision, checkpoint, tmp_path):
    nlp = make_pipeline(checkpoint, "xling_textcat_multilabel")
    exported = export(nlp, tmp_path, precision=precision)
    assert exported.get_pipe("xling_textcat_multilabel").cfg["threshold"] == 0.5
    close = CLOSE if precision == "fp32" else ROUGHLY
    np.testing.assert_allclose(scores(exported), scores(nlp), atol=close)


@pytest.mark.parametrize("family", FAMILIES)
def test_eight_bits_score_nearly_as_before(family, checkpoints, tmp_path):
    nlp = make_pipeline(checkpoints(family))
    expected, found = scores(nlp), scores(export(nlp, tmp_path, precision="int8"))
    np.testing.assert_allclose(found, expected, atol=ROUGHLY)
    assert np.abs(found - expected).max() > 1e-6


@pytest.mark.parametrize("precision", ["fp32", "int8"])
def test_a_text_scores_alone_as_in_a_batch(precision, checkpoint, tmp_path):
    nlp = export(make_pipeline(checkpoint), tmp_path, precision=precision)
    together = scores(nlp)
    alone = np.concatenate([scores(nlp, [text]) for text in ALL])
    # What is multiplied is rounded by the range of the whole batch.
    np.testing.assert_allclose(alone, together, atol=1e-5 if precision == "fp32" else 0.03)


def test_every_window_of_a_long_text_counts(checkpoint, tmp_path):
    nlp = export(make_pipeline(checkpoint), tmp_path, precision="fp32")
    whole, other = scores(nlp, [LONG[2], LONG[2] + " ???" * 40])
    assert np.abs(whole - other).max() > 1e-3


def test_matrix_products_and_embeddings_are_in_eight_bits(checkpoint, tmp_path):
    export(make_pipeline(checkpoint, pooling="attention"), tmp_path, precision="int8")
    graph = onnx.load(tmp_path / "exported" / "xling_textcat" / "model" / "model.onnx").graph
    weights = {tensor.name: tensor for tensor in graph.initializer}
    kinds = {name: tensor.data_type for name, tensor in weights.items() if len(tensor.dims) == 2}
    eight = [name for name, kind in kinds.items() if kind == onnx.TensorProto.INT8]
    # Two layers of four products (attention) and two (feed forward), and the embeddings.
    assert len(eight) == 2 * 6 + 1
    assert not any(node.op_type == "MatMul" and node.input[1] in eight for node in graph.node)


@pytest.mark.parametrize(("width", "block"), [(8, 8), (96, 48), (128, 64), (312, 52)])
def test_an_embedding_in_eight_bits_is_off_by_half_a_step_of_its_block(width, block):
    torch.manual_seed(0)
    weight = torch.randn(50, width) * torch.logspace(-3, 3, 50).unsqueeze(1)
    # A large number costs its neighbours precision, and no others.
    weight[3, 0] = 1000
    weight[7] = 0
    found = Int8Embedding(weight)(torch.arange(50))
    off, given = (part.view(50, -1, block) for part in (found - weight, weight))
    step = given.abs().amax(dim=2, keepdim=True) / 127
    assert (off.abs() <= step * 0.5001).all()
    assert (found[7] == 0).all()


def test_the_exporter_is_left_as_it_was(checkpoint, tmp_path):
    export(make_pipeline(checkpoint), tmp_path, precision="fp32")

    # The exporter's own sum of rows, which drops some, is there again for others.
    class Rows(nn.Module):
        def forward(self, values, rows):
            return values.index_add(0, torch.tensor([0, 0]), rows)

    path = str(tmp_path / "rows.onnx")
    torch.onnx.export(Rows(), (torch.zeros(2, 3), torch.ones(2, 3)), path, opset_version=18, dynamo=False)
    scatters = [node for node in onnx.load(path).graph.node if node.op_type == "ScatterElements"]
    assert [a.s for node in scatters for a in node.attribute if a.name == "reduction"] != [b"add"]


def test_an_operator_that_the_runtime_lacks_is_no_matter_of_the_disk(tmp_path):
    value = onnx.helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, [1])
    node = onnx.helper.make_node("NoSuchOperator", ["x"], ["y"])
    result = onnx.helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, [1])
    onnx.save(
        onnx.helper.make_model(onnx.helper.make_graph([node], "g", [value], [result])), tmp_path / "in.onnx"
    )
    with pytest.raises(Exception, match="NoSuchOperator") as caught:
        optimise(tmp_path / "in.onnx", tmp_path / "out.onnx")
    assert not isinstance(caught.value, OSError)
