import math

import numpy as np
import pytest
import torch
from sklearn.utils.class_weight import compute_class_weight
from torch.nn import functional as F

from spacy_xling.objective.classification import (
    LabelCounts,
    build_binary_cross_entropy_v1,
    build_binary_focal_loss_v1,
    build_cross_entropy_v1,
    build_focal_loss_v1,
)

LABELS = ["A", "B", "C"]
WEIGHTS = [["A", 0.3], ["B", 2.0], ["C", 1.7]]
EXCLUSIVE = [build_cross_entropy_v1, build_focal_loss_v1]
BINARY = [build_binary_cross_entropy_v1, build_binary_focal_loss_v1]
BUILDERS = [*EXCLUSIVE, *BINARY]
CLOSE = {"rtol": 1e-10, "atol": 1e-12}


def build_weighted(build, weights):
    return build(**{"class_weights" if build in EXCLUSIVE else "positive_weights": weights})


def run(loss, logits, truths, known=None, *, reduction="mean", counts=None, labels=LABELS):
    known = np.ones_like(truths) if known is None else known
    return loss(logits, truths, known, labels=labels, counts=counts or LabelCounts(), reduction=reduction)


@pytest.fixture
def batch():
    """Logits of seven texts, the class of each, and the same in one-hot rows."""
    generator = np.random.default_rng(0)
    logits = generator.normal(size=(7, 3)) * 2
    classes = np.array([0, 2, 1, 1, 0, 2, 2])
    return logits, classes, np.eye(3)[classes]


@pytest.fixture
def cells():
    """Logits of six texts, a truth for each label, and which truths are known."""
    generator = np.random.default_rng(1)
    logits = generator.normal(size=(6, 3)) * 2
    truths = generator.integers(0, 2, size=(6, 3)).astype(float)
    known = generator.integers(0, 2, size=(6, 3)).astype(float)
    assert 0 < known.sum() < known.size
    return logits, truths, known


def by_torch(function, logits):
    """Value and gradient of a torch function of the logits, in float64."""
    scores = torch.tensor(logits, dtype=torch.float64, requires_grad=True)
    loss = function(scores)
    loss.backward()
    return scores.grad.numpy(), loss.item()


def assert_equal(got, expected):
    np.testing.assert_allclose(got[0], expected[0], **CLOSE)
    assert got[1] == pytest.approx(expected[1], rel=1e-10, abs=1e-12)


# Exclusive classes


def test_cross_entropy_by_hand():
    gradient, loss = run(build_cross_entropy_v1(), np.log([[0.7, 0.2, 0.1]]), np.array([[0.0, 1.0, 0.0]]))
    assert loss == pytest.approx(-math.log(0.2))
    np.testing.assert_allclose(gradient, [[0.7, -0.8, 0.1]], atol=1e-12)


@pytest.mark.parametrize("reduction", ["mean", "sum"])
@pytest.mark.parametrize("smoothing", [0.0, 0.2])
@pytest.mark.parametrize("weights", [None, WEIGHTS])
def test_cross_entropy_is_that_of_torch(batch, weights, smoothing, reduction):
    logits, classes, truths = batch
    weight = torch.tensor(list(dict(weights).values()), dtype=torch.float64) if weights else None
    reference = torch.nn.CrossEntropyLoss(weight, reduction=reduction, label_smoothing=smoothing)
    loss = build_cross_entropy_v1(weights, smoothing)
    assert_equal(
        run(loss, logits, truths, reduction=reduction),
        by_torch(lambda scores: reference(scores, torch.tensor(classes)), logits),
    )


def test_the_weighted_mean_is_divided_by_the_weights_of_the_texts(batch):
    logits, classes, truths = batch
    log_p = np.log(np.exp(logits) / np.exp(logits).sum(1, keepdims=True))
    weights = [list(dict(WEIGHTS).values())[c] for c in classes]
    expected = -sum(w * log_p[i, c] for i, (w, c) in enumerate(zip(weights, classes, strict=True)))
    assert run(build_cross_entropy_v1(WEIGHTS), logits, truths)[1] == pytest.approx(expected / sum(weights))


def test_a_label_that_is_not_named_weighs_one(batch):
    logits, _, truths = batch
    assert_equal(
        run(build_cross_entropy_v1([["B", 2.0]]), logits, truths),
        run(build_cross_entropy_v1([["A", 1.0], ["B", 2.0], ["C", 1.0]]), logits, truths),
    )


def test_balanced_class_weights_are_those_of_scikit_learn(batch):
    logits, _, truths = batch
    classes = ["A"] * 50 + ["B"] * 7 + ["C"] * 3
    counts = LabelCounts()
    for own in classes:
        counts.add({label: float(label == own) for label in LABELS})
    expected = compute_class_weight("balanced", classes=np.array(LABELS), y=classes)
    for build in (build_cross_entropy_v1, build_focal_loss_v1):
        loss = build(class_weights="balanced")
        np.testing.assert_allclose(loss.label_weights(LABELS, counts), expected, **CLOSE)
        named = build(class_weights=list(zip(LABELS, expected.tolist(), strict=True)))
        assert_equal(run(loss, logits, truths, counts=counts), run(named, logits, truths))


def test_balanced_weight_of_a_label_never_seen_is_one():
    counts = LabelCounts({"A": 3, "B": 1}, {"A": 1, "B": 3, "C": 4})
    assert build_cross_entropy_v1("balanced").label_weights(LABELS, counts) == [4 / 9, 4 / 3, 1.0]
    assert build_binary_cross_entropy_v1("balanced").label_weights(LABELS, counts) == [1 / 3, 3.0, 1.0]


@pytest.mark.parametrize("reduction", ["mean", "sum"])
@pytest.mark.parametrize("weights", [None, WEIGHTS])
def test_focal_loss_of_gamma_zero_is_cross_entropy(batch, weights, reduction):
    logits, _, truths = batch
    assert_equal(
        run(build_focal_loss_v1(0.0, weights), logits, truths, reduction=reduction),
        run(build_cross_entropy_v1(weights), logits, truths, reduction=reduction),
    )


def test_focal_loss_by_hand():
    logits = np.log([[0.7, 0.2, 0.1], [0.9, 0.05, 0.05]])
    truths = np.array([[0.0, 1.0, 0.0], [1.0, 0.0, 0.0]])
    _, loss = run(build_focal_loss_v1(2.0, WEIGHTS), logits, truths, reduction="sum")
    # -w (1 - p)^2 log p of each text.
    assert loss == pytest.approx(2.0 * 0.64 * 1.6094379124341003 + 0.3 * 0.01 * 0.10536051565782628)


@pytest.mark.parametrize("gamma", [0.5, 1.0, 2.0, 5.0])
def test_focal_loss_is_its_formula_in_torch(batch, gamma):
    logits, classes, truths = batch
    weight = torch.tensor(list(dict(WEIGHTS).values()), dtype=torch.float64)[torch.tensor(classes)]

    def formula(scores):
        p = scores.softmax(1)[torch.arange(7), torch.tensor(classes)]
        return -(weight * (1 - p) ** gamma * p.log()).sum() / weight.sum()

    assert_equal(run(build_focal_loss_v1(gamma, WEIGHTS), logits, truths), by_torch(formula, logits))


def test_texts_without_a_known_true_class_take_no_part(batch):
    logits, _, truths = batch
    known = np.ones_like(truths)
    known[1] = 0
    truths[4] = 0
    # The truth of the sixth text is not known, though the falsehoods are.
    known[5] = 1 - truths[5]
    rest = [0, 2, 3, 6]
    for loss in (build_cross_entropy_v1(WEIGHTS, 0.1), build_focal_loss_v1(2.0, WEIGHTS)):
        for reduction in ("mean", "sum"):
            gradient, value = run(loss, logits, truths, known, reduction=reduction)
            expected = run(loss, logits[rest], truths[rest], reduction=reduction)
            assert_equal((gradient[rest], value), expected)
            assert gradient[[1, 4, 5]].tolist() == np.zeros((3, 3)).tolist()


# Independent labels


def test_binary_cross_entropy_by_hand():
    logits = np.array([[math.log(0.8 / 0.2), math.log(0.3 / 0.7)]])
    gradient, loss = run(
        build_binary_cross_entropy_v1([["A", 3.0]]), logits, np.array([[1.0, 0.0]]), labels=["A", "B"]
    )
    assert loss == pytest.approx((-3 * math.log(0.8) - math.log(0.7)) / 2)
    np.testing.assert_allclose(gradient, [[3 * -0.2 / 2, 0.3 / 2]], atol=1e-12)


@pytest.mark.parametrize("reduction", ["mean", "sum"])
@pytest.mark.parametrize("weights", [None, WEIGHTS])
def test_binary_cross_entropy_is_that_of_torch_on_the_known_cells(cells, weights, reduction):
    logits, truths, known = cells
    mask = torch.tensor(known, dtype=torch.bool)
    weight = torch.tensor(
        [1.0, 1.0, 1.0] if weights is None else list(dict(weights).values()), dtype=torch.float64
    )

    def on_known(scores):
        return F.binary_cross_entropy_with_logits(
            scores[mask],
            torch.tensor(truths)[mask],
            pos_weight=weight.expand(6, 3)[mask],
            reduction=reduction,
        )

    got = run(build_binary_cross_entropy_v1(weights), logits, truths, known, reduction=reduction)
    assert_equal(got, by_torch(on_known, logits))


@pytest.mark.parametrize("build", BINARY)
def test_an_unknown_cell_has_no_gradient_and_no_say(cells, build):
    logits, truths, known = cells
    gradient, loss = run(build(positive_weights=WEIGHTS), logits, truths, known)
    assert (gradient[known == 0] == 0).all()
    assert (gradient[known == 1] != 0).all()
    changed = np.where(known == 0, 77.0, logits), np.where(known == 0, 1 - truths, truths)
    assert_equal(run(build(positive_weights=WEIGHTS), *changed, known), (gradient, loss))


@pytest.mark.parametrize("reduction", ["mean", "sum"])
@pytest.mark.parametrize("weights", [None, WEIGHTS])
def test_binary_focal_loss_of_gamma_zero_is_binary_cross_entropy(cells, weights, reduction):
    assert_equal(
        run(build_binary_focal_loss_v1(0.0, weights), *cells, reduction=reduction),
        run(build_binary_cross_entropy_v1(weights), *cells, reduction=reduction),
    )


@pytest.mark.parametrize("gamma", [0.5, 2.0])
def test_binary_focal_loss_is_its_formula_in_torch(cells, gamma):
    logits, truths, known = cells
    truth, mask = torch.tensor(truths), torch.tensor(known)
    positive = torch.tensor(list(dict(WEIGHTS).values()), dtype=torch.float64)

    def formula(scores):
        p = scores.sigmoid()
        p_t = truth * p + (1 - truth) * (1 - p)
        weight = truth * positive + (1 - truth)
        return -(mask * weight * (1 - p_t) ** gamma * p_t.log()).sum() / mask.sum()

    assert_equal(run(build_binary_focal_loss_v1(gamma, WEIGHTS), *cells), by_torch(formula, logits))


def test_binary_focal_loss_by_hand():
    logits = np.array([[math.log(0.8 / 0.2), math.log(0.3 / 0.7)]])
    _, loss = run(build_binary_focal_loss_v1(2.0), logits, np.array([[1.0, 0.0]]), labels=["A", "B"])
    assert loss == pytest.approx((0.04 * -math.log(0.8) + 0.09 * -math.log(0.7)) / 2)


def test_balanced_positive_weights_are_denied_over_given(cells):
    counts = LabelCounts()
    for number in range(20):
        counts.add({"A": float(number < 5), "B": float(number < 16)} | ({"C": 1.0} if number < 2 else {}))
    loss = build_binary_cross_entropy_v1("balanced")
    # C is never denied.
    assert loss.label_weights(LABELS, counts) == [3.0, 0.25, 1.0]
    named = build_binary_cross_entropy_v1([["A", 3.0], ["B", 0.25]])
    assert_equal(run(loss, *cells, counts=counts), run(named, *cells))


# All losses


@pytest.mark.parametrize(
    "loss",
    [build_cross_entropy_v1(), build_cross_entropy_v1(label_smoothing=0.1), build_binary_cross_entropy_v1()]
    + [
        build(gamma)
        for build in (build_focal_loss_v1, build_binary_focal_loss_v1)
        for gamma in (0.0, 0.5, 1.0, 2.0)
    ],
)
@pytest.mark.parametrize("size", [0.0, 50.0, 1e4])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_extreme_logits_give_finite_losses_and_gradients(loss, size, dtype):
    logits = np.array([[size, -size, 0], [size, -size, 0], [-size, -size, size]], dtype=dtype)
    truths = np.array([[1, 0, 0], [0, 1, 0], [0, 0, 1]], dtype=dtype)
    gradient, value = run(loss, logits, truths)
    assert np.isfinite(gradient).all()
    assert math.isfinite(value)
    assert value >= 0


@pytest.mark.parametrize("build", BUILDERS)
@pytest.mark.parametrize("weights", [None, WEIGHTS])
def test_the_sum_is_the_mean_times_its_normaliser(build, weights, batch, cells):
    exclusive = build in EXCLUSIVE
    logits, truths, known = (batch[0], batch[2], np.ones((7, 3))) if exclusive else cells
    loss = build_weighted(build, weights)
    mean, total = (run(loss, logits, truths, known, reduction=way) for way in ("mean", "sum"))
    if exclusive:
        normaliser = sum(dict(weights or [(label, 1.0) for label in LABELS])[LABELS[c]] for c in batch[1])
    else:
        normaliser = known.sum()
    assert_equal((mean[0] * normaliser, mean[1] * normaliser), total)


@pytest.mark.parametrize("build", BUILDERS)
@pytest.mark.parametrize("reduction", ["mean", "sum"])
@pytest.mark.parametrize("n_texts", [0, 4])
def test_nothing_known_is_zero_and_not_nan(build, reduction, n_texts):
    logits, truths = np.ones((n_texts, 3)), np.ones((n_texts, 3))
    gradient, loss = run(build(), logits, truths, np.zeros((n_texts, 3)), reduction=reduction)
    assert loss == 0.0
    assert gradient.tolist() == np.zeros((n_texts, 3)).tolist()


def test_texts_of_weight_zero_alone_are_zero_and_not_nan():
    for build in EXCLUSIVE:
        gradient, loss = run(
            build(class_weights=[["A", 0.0]]), np.array([[1.0, 2.0, 3.0]]), np.array([[1.0, 0.0, 0.0]])
        )
        assert loss == 0.0
        assert gradient.tolist() == [[0.0, 0.0, 0.0]]


@pytest.mark.parametrize("build", BUILDERS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_gradient_has_the_kind_of_the_logits_and_the_logits_stay(build, dtype):
    logits = np.random.default_rng(0).normal(size=(4, 3)).astype(dtype)
    before = logits.copy()
    truths = np.eye(3, dtype="float32")[[0, 1, 2, 0]]
    gradient, loss = run(build(), logits, truths)
    assert gradient.dtype == np.dtype(dtype)
    assert isinstance(loss, float)
    np.testing.assert_array_equal(logits, before)


def test_float64_is_not_rounded_on_the_way():
    # 0.1 in float32 is off by 1.5e-9 of a part.
    logits, truths = np.array([[0.5, -1.0, 0.25]]), np.array([[1.0, 0.0, 0.0]])
    log_p = logits[0, 0] - math.log(sum(math.exp(x) for x in logits[0]))
    _, loss = run(build_cross_entropy_v1([["A", 0.1]]), logits, truths, reduction="sum")
    assert loss == pytest.approx(-0.1 * log_p, rel=1e-14)


@pytest.mark.parametrize("weight", [-0.1, math.nan, math.inf])
def test_a_weight_out_of_range_is_X402(weight):
    for build in BUILDERS:
        with pytest.raises(ValueError, match=r"X402.*'B'"):
            build_weighted(build, [["A", 1.0], ["B", weight]])


def test_a_weight_for_no_label_of_the_component_is_X403(batch):
    for build in BUILDERS:
        loss = build_weighted(build, [["A", 1.0], ["TYPO", 2.0]])
        with pytest.raises(ValueError, match=r"X403.*TYPO"):
            run(loss, batch[0], batch[2])


@pytest.mark.parametrize("smoothing", [-0.1, 1.0, math.nan])
def test_label_smoothing_out_of_range_is_X404(smoothing):
    with pytest.raises(ValueError, match="X404"):
        build_cross_entropy_v1(label_smoothing=smoothing)


@pytest.mark.parametrize("gamma", [-1.0, math.nan, math.inf])
@pytest.mark.parametrize("build", [build_focal_loss_v1, build_binary_focal_loss_v1])
def test_gamma_out_of_range_is_X405(build, gamma):
    with pytest.raises(ValueError, match="X405"):
        build(gamma)


def test_exclusive_classes_says_which_kind_it_is():
    assert all(build().exclusive_classes for build in EXCLUSIVE)
    assert not any(build().exclusive_classes for build in BINARY)
