import math

import numpy as np
import pytest
import spacy
import torch
from numpy.testing import assert_allclose, assert_array_equal
from spacy.training import Example
from thinc.api import Optimizer, fix_random_seed
from thinc.schedules import warmup_linear

from spacy_xling.optimizer.adamw import AdamW, build_adamw_v1
from spacy_xling.optimizer.schedules import build_linear_v1, build_warmup_linear_v1
from spacy_xling.resuming.snapshots import parameters
from tests.conftest import SINGLE, make_examples, textcat_config

SHAPES = {"dense.weight": (5, 3), "dense.bias": (5,), "norm.weight": (4,), "kernel": (2, 3, 4), "scale": ()}


def make_arrays(seed, dtype, scale=1.0):
    rng = np.random.default_rng(seed)
    return {name: np.asarray(scale * rng.normal(size=shape), dtype) for name, shape in SHAPES.items()}


def make_reference(weights, rate, weight_decay):
    """Torch's own optimiser, with the two groups that AdamW makes by itself."""
    params = {name: torch.nn.Parameter(torch.tensor(array)) for name, array in weights.items()}
    groups = [
        {"params": [p for p in params.values() if p.ndim > 1], "weight_decay": weight_decay},
        {"params": [p for p in params.values() if p.ndim <= 1], "weight_decay": 0.0},
    ]
    return params, torch.optim.AdamW(groups, lr=rate, betas=(0.8, 0.95), eps=1e-6, fused=True)


def step_once(optimizer, weights, seed=1, name="weight"):
    gradient = np.random.default_rng(seed).normal(size=weights.shape).astype(weights.dtype)
    optimizer((1, name), weights, gradient)


@pytest.mark.parametrize("clipped_before", [False, True])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_equals_torch(dtype, clipped_before):
    weights = make_arrays(0, dtype)
    schedule = build_linear_v1(0.05, 0.001, 15)
    params, reference = make_reference(weights, schedule(0), 0.1)
    grad_clip = 0.5 if clipped_before else 0.0
    optimizer = build_adamw_v1(
        schedule, beta1=0.8, beta2=0.95, eps=1e-6, weight_decay=0.1, grad_clip=grad_clip
    )
    for step in range(20):
        gradients = make_arrays(100 + step, dtype)
        for name, param in params.items():
            param.grad = torch.tensor(gradients[name])
        if clipped_before:
            torch.nn.utils.clip_grad_norm_(params.values(), grad_clip)
        for group in reference.param_groups:
            group["lr"] = schedule(step)
        for name, param in params.items():
            optimizer((1, name), weights[name], param.grad.numpy().copy())
        reference.step()
        optimizer.step_schedules()
    tolerance = 1e-5 if dtype == "float32" else 1e-12
    for name, param in params.items():
        assert_allclose(weights[name], param.detach().numpy(), rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("as_view", [False, True])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_step_of_all_together_equals_torch_clipped_by_the_norm_of_all(dtype, as_view):
    params, reference = make_reference(make_arrays(0, dtype), 0.01, 0.1)
    own = {name: torch.nn.Parameter(param.detach().clone()) for name, param in params.items()}
    if as_view:
        turned = own["dense.weight"].detach().T.contiguous().T
        own["dense.weight"] = torch.nn.Parameter(turned)
        assert not own["dense.weight"].is_contiguous()
    optimizer = build_adamw_v1(0.01, beta1=0.8, beta2=0.95, eps=1e-6, weight_decay=0.1, grad_clip=6.0)
    clipped = []
    for step in range(20):
        for name, gradient in make_arrays(100 + step, dtype).items():
            params[name].grad = torch.tensor(gradient)
            own[name].grad = torch.tensor(gradient)
        clipped.append(bool(torch.nn.utils.clip_grad_norm_(params.values(), 6.0) > 6.0))
        optimizer.step_together([(1, name) for name in own], list(own.values()))
        optimizer.step_schedules()
        reference.step()
    assert {True, False} == set(clipped)
    tolerance = 1e-9 if dtype == "float64" else 1e-5
    for name, param in params.items():
        torch.testing.assert_close(own[name], param, rtol=tolerance, atol=tolerance)


def test_first_step_is_the_formula():
    optimizer = build_adamw_v1(0.1, weight_decay=0.5, eps=1e-8, grad_clip=0.0)
    weights = np.array([[2.0, -1.0]])
    optimizer((1, "W"), weights, np.array([[0.3, -4.0]]))
    # After one step both means, corrected, give the sign of the gradient.
    assert_allclose(weights, [[2.0 - 0.1 * (1 + 0.5 * 2.0), -1.0 - 0.1 * (-1 - 0.5 * 1.0)]], rtol=1e-6)


def test_updates_the_array_it_is_given_and_zeroes_the_gradient():
    optimizer = build_adamw_v1(0.1)
    weights, gradient = np.ones((2, 3), "f"), np.ones((2, 3), "f")
    address = weights.ctypes.data
    new_weights, new_gradient = optimizer((1, "W"), weights, gradient)
    assert new_weights is weights
    assert new_gradient is gradient
    assert weights.ctypes.data == address
    assert (weights < 1).all()
    assert_array_equal(gradient, np.zeros((2, 3)))


@pytest.mark.parametrize("as_view", [np.transpose, lambda array: np.repeat(array.T, 2, axis=1)[:, ::2]])
def test_memory_order_does_not_matter(as_view):
    plain, gradient = np.ones((3, 4), "f"), np.arange(12, dtype="f").reshape(3, 4) - 5
    strided = as_view(np.ones((4, 3), "f"))
    for weights in (plain, strided):
        for _ in range(3):
            build_adamw_v1(0.1)((1, "W"), weights, gradient.copy())
    assert not strided.flags.c_contiguous
    assert_allclose(strided, plain, rtol=1e-6)


def test_empty_parameter_is_left_alone():
    optimizer = build_adamw_v1(0.1, use_averages=True)
    weights, gradient = np.zeros((0, 3), "f"), np.zeros((0, 3), "f")
    assert optimizer((1, "W"), weights, gradient) == (weights, gradient)
    assert optimizer.nr_update[1, "W"] == 0


def test_only_matrices_decay():
    optimizer = build_adamw_v1(0.1, weight_decay=0.5)
    for shape, expected in {(2, 2): 0.95, (2,): 1.0, (): 1.0}.items():
        weights = np.ones(shape)
        optimizer((1, str(shape)), weights, np.zeros(shape))
        assert_allclose(weights, np.full(shape, expected))


def test_clips_each_gradient_by_its_own_norm():
    first, second = np.zeros((2, 2)), np.zeros((2, 2))
    clipping, plain = (build_adamw_v1(0.1, eps=1.0, grad_clip=clip) for clip in (1.0, 0.0))
    clipping((1, "W"), first, np.full((2, 2), 10.0))
    plain((1, "W"), second, np.full((2, 2), 0.5))
    assert_allclose(first, second, rtol=1e-12)
    small = np.full((2, 2), 0.4)
    clipping((2, "W"), first, small.copy())
    plain((2, "W"), second, small.copy())
    assert_allclose(first, second, rtol=1e-12)


def test_lr_scale_multiplies_the_rate():
    halved, plain = np.zeros((2, 2)), np.zeros((2, 2))
    build_adamw_v1(0.1)((1, "W"), halved, np.ones((2, 2)), lr_scale=0.5)
    build_adamw_v1(0.05)((1, "W"), plain, np.ones((2, 2)))
    assert_array_equal(halved, plain)


def test_averages_are_a_moving_average_from_the_first_weights():
    optimizer = build_adamw_v1(0.1, use_averages=True)
    weights = np.random.default_rng(0).normal(size=(3, 2))
    expected = weights.copy()
    for t in range(1, 21):
        step_once(optimizer, weights, seed=t)
        decay = min(0.9999, (1 + t) / (10 + t))
        expected = decay * expected + (1 - decay) * weights
        if t == 1:
            kept = optimizer.averages[1, "weight"]
    assert_allclose(optimizer.averages[1, "weight"], expected, rtol=1e-12)
    assert optimizer.averages[1, "weight"] is kept
    assert not np.shares_memory(kept, weights)


def test_averages_are_off_by_default():
    optimizer = build_adamw_v1()
    weights = np.ones((2, 3))
    step_once(optimizer, weights)
    optimizer.step_schedules()
    assert optimizer.averages is None
    assert optimizer.kept == []


def mean(arrays):
    return sum(arrays[1:], arrays[0].copy()) / len(arrays)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_last_averages_are_the_mean_of_the_last_checkpoints(dtype):
    optimizer, plain = (build_adamw_v1(0.1, average_last=n, average_every=4) for n in (3, 0))
    weights = np.random.default_rng(0).normal(size=(3, 2)).astype(dtype)
    same = weights.copy()
    checkpoints = []
    for step in range(22):
        step_once(optimizer, weights, seed=step)
        step_once(plain, same, seed=step)
        optimizer.step_schedules()
        if step in (0, 4, 8, 12, 16, 20):
            checkpoints.append(weights.copy())
        assert_array_equal(optimizer.averages[1, "weight"], mean(checkpoints[-3:]))
    assert optimizer.averages[1, "weight"].dtype == dtype
    # What is trained is what would be trained without.
    assert_array_equal(weights, same)
    assert len(optimizer.kept) == 3
    with pytest.raises(AssertionError):
        assert_array_equal(optimizer.averages[1, "weight"], weights)


def test_a_checkpoint_holds_what_took_no_part_in_its_step():
    optimizer = build_adamw_v1(0.1, average_last=3, average_every=2)
    arrays = {name: np.random.default_rng(0).normal(size=(2, 2)) for name in ("often", "seldom", "late")}
    stepped = {"often": range(9), "seldom": (0, 1, 5), "late": (5, 6)}
    checkpoints = []
    for step in range(9):
        for name, steps in stepped.items():
            if step in steps:
                step_once(optimizer, arrays[name], seed=step, name=name)
        optimizer.step_schedules()
        if step % 2 == 0:
            checkpoints.append({name: array.copy() for name, array in arrays.items()})
            for name in arrays:
                if (1, name) in optimizer.averages:
                    expected = mean([checkpoint[name] for checkpoint in checkpoints[-3:]])
                    assert_array_equal(optimizer.averages[1, name], expected)
    assert len(optimizer.averages) == 3


def test_the_last_averages_reach_torch_and_thinc_layers_alike(checkpoint):
    nlp = spacy.blank("xx")
    nlp.add_pipe("xling_textcat", config=textcat_config(checkpoint))
    nlp.add_pipe("textcat", config={"model": {**BOW, "no_output_layer": False}})
    examples = make_examples(nlp, SINGLE)
    nlp.initialize(lambda: examples)
    optimizer = build_adamw_v1(0.01, average_last=2, average_every=2)
    copies = []
    for step in range(6):
        nlp.update(examples, sgd=optimizer)
        optimizer.step_schedules()
        if step in (2, 4):
            copies.append(weights_by_name(nlp))
    at_end = weights_by_name(nlp)
    with nlp.use_params(optimizer.averages):
        averaged = weights_by_name(nlp)
    # What never has a gradient, as the LM head of a classifier, stays as it is.
    for name, value in averaged.items():
        assert_array_equal(value, mean([copy[name] for copy in copies]), err_msg=name)
    moved = [name for name in averaged if (averaged[name] != at_end[name]).any()]
    assert any(name.startswith("textcat") for name in moved)
    assert any("encoder" in name for name in moved)
    assert any("head.output" in name for name in moved)
    assert all((weights_by_name(nlp)[name] == value).all() for name, value in at_end.items())


def weights_by_name(nlp):
    return {p.name: np.array(p.weights) for p in parameters(nlp)}


def test_two_kinds_of_averages_are_X620():
    with pytest.raises(ValueError, match=r"X620.*average_last = 5"):
        build_adamw_v1(use_averages=True, average_last=5)


def test_numbers_of_averaging_out_of_range_are_refused():
    with pytest.raises(ValueError, match=r"X601.*average_last = -1"):
        build_adamw_v1(average_last=-1)
    with pytest.raises(ValueError, match=r"X603.*average_every = 0"):
        build_adamw_v1(average_last=2, average_every=0)


def test_first_matching_rate_factor_counts():
    optimizer = build_adamw_v1(0.1, rate_factors=[(r"^head\.", 10.0), (r"layer\.[01]\.", 0.0), ("", 0.5)])
    moves = {}
    for name in ("head.layer.0.weight", "encoder.layer.1.weight", "encoder.layer.2.weight"):
        weights = np.zeros((1, 1))
        optimizer((1, name), weights, np.ones((1, 1)))
        moves[name] = -weights.item()
    assert list(moves.values()) == pytest.approx([1.0, 0.0, 0.05])


def test_names_without_a_factor_keep_the_rate():
    weights, same = np.ones((2, 2)), np.ones((2, 2))
    step_once(build_adamw_v1(0.1, rate_factors=[("head", 10.0)]), weights, name="encoder")
    step_once(build_adamw_v1(0.1), same, name="encoder")
    assert_array_equal(weights, same)


def test_a_grown_parameter_starts_anew():
    optimizer, fresh = (build_adamw_v1(0.1, use_averages=True) for _ in range(2))
    for _ in range(5):
        step_once(optimizer, np.ones((2, 3)))
    grown, reference = np.ones((4, 3)), np.ones((4, 3))
    step_once(optimizer, grown)
    step_once(fresh, reference)
    assert_array_equal(grown, reference)
    assert_array_equal(optimizer.averages[1, "weight"], fresh.averages[1, "weight"])
    assert optimizer.nr_update[1, "weight"] == 1


def test_learn_rate_is_the_current_one_for_each_kind_of_schedule():
    ours, thincs, listed, number = map(
        build_adamw_v1, [build_warmup_linear_v1(1.0, 8, 0.5), warmup_linear(1.0, 4, 8), [3.0, 2.0], 0.5]
    )
    rates = []
    for _ in range(4):
        rates.append([optimizer.learn_rate for optimizer in (ours, thincs, listed, number)])
        for optimizer in (ours, thincs, listed, number):
            optimizer.step_schedules()
    assert rates == [
        [0.25, 0.0, 3.0, 0.5],
        [0.5, 0.25, 2.0, 0.5],
        [0.75, 0.5, 2.0, 0.5],
        [1.0, 0.75, 2.0, 0.5],
    ]


@pytest.mark.gpu
def test_gpu_equals_cpu():
    cupy = pytest.importorskip("cupy")
    optimizers = [build_adamw_v1(0.1, use_averages=True) for _ in range(2)]
    weights = np.random.default_rng(0).normal(size=(3, 4)).astype("f")
    on_gpu = cupy.asarray(weights)
    address = on_gpu.data.ptr
    for seed in range(5):
        gradient = np.random.default_rng(seed).normal(size=(3, 4)).astype("f")
        optimizers[0]((1, "W"), weights, gradient.copy())
        optimizers[1]((1, "W"), on_gpu, cupy.asarray(gradient))
    assert on_gpu.data.ptr == address
    assert_allclose(on_gpu.get(), weights, rtol=1e-4)
    assert_allclose(optimizers[1].averages[1, "W"].get(), optimizers[0].averages[1, "W"], rtol=1e-4)


def test_is_a_locked_thinc_optimizer():
    optimizer = build_adamw_v1()
    assert isinstance(optimizer, Optimizer)
    assert optimizer.learn_rate == 5e-5
    assert set(AdamW.__slots__).isdisjoint(Optimizer.__slots__)
    with pytest.raises(AttributeError):
        optimizer.learning_rate = 0.1


TEXTS = [("good film", {"POS": 1.0, "NEG": 0.0}), ("bad film", {"POS": 0.0, "NEG": 1.0})]
BOW = {"@architectures": "spacy.TextCatBOW.v3", "exclusive_classes": True, "length": 262, "ngram_size": 1}
TOK2VEC = {
    "@architectures": "spacy.TextCatReduce.v1",
    "exclusive_classes": True,
    "use_reduce_first": False,
    "use_reduce_last": False,
    "use_reduce_max": False,
    "use_reduce_mean": True,
    "tok2vec": {
        "@architectures": "spacy.HashEmbedCNN.v2",
        "pretrained_vectors": None,
        "width": 16,
        "depth": 1,
        "embed_size": 100,
        "window_size": 1,
        "maxout_pieces": 2,
        "subword_features": False,
    },
}


@pytest.mark.parametrize("model", [{**BOW, "no_output_layer": False}, TOK2VEC], ids=["bow", "tok2vec"])
def test_trains_spacys_own_textcat(model):
    fix_random_seed(0)
    nlp = spacy.blank("en")
    nlp.add_pipe("textcat", config={"model": model})
    examples = [Example.from_dict(nlp.make_doc(text), {"cats": cats}) for text, cats in TEXTS]
    nlp.initialize(lambda: examples)
    optimizer = build_adamw_v1(0.02, use_averages=True)
    losses = []
    for _ in range(30):
        losses.append(nlp.update(examples, sgd=optimizer)["textcat"])
        optimizer.step_schedules()
    assert losses[-1] < 0.1 * losses[0]
    with nlp.use_params(optimizer.averages):
        assert nlp("good film").cats["POS"] > 0.5 > nlp("bad film").cats["POS"]


@pytest.mark.parametrize("bad", [-1.0, math.inf, math.nan])
@pytest.mark.parametrize("name", ["learn_rate", "weight_decay", "grad_clip"])
def test_numbers_must_be_finite_and_not_negative(name, bad):
    with pytest.raises(ValueError, match=f"X601.*{name}"):
        build_adamw_v1(**{name: bad})


def test_rate_factors_must_not_be_negative():
    with pytest.raises(ValueError, match=r"X601.*rate_factors\['head'\]"):
        build_adamw_v1(rate_factors=[("head", -1.0)])


@pytest.mark.parametrize("eps", [0.0, -1e-8])
def test_eps_must_be_positive(eps):
    with pytest.raises(ValueError, match=r"X602.*eps"):
        build_adamw_v1(eps=eps)


@pytest.mark.parametrize("name", ["beta1", "beta2"])
@pytest.mark.parametrize("beta", [-0.1, 1.0, math.nan])
def test_betas_must_be_below_one(name, beta):
    with pytest.raises(ValueError, match=f"X605.*{name}"):
        build_adamw_v1(**{name: beta})


def test_rate_factors_must_be_regular_expressions():
    with pytest.raises(ValueError, match=r"X606.*'layer\['"):
        build_adamw_v1(rate_factors=[("layer[", 1.0)])
