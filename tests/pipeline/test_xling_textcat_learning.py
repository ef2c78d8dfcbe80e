"""What classifiers learn from a batch and predict, their losses and scores, and that they need gradients."""

import warnings
from contextlib import nullcontext

import numpy as np
import pytest
import spacy
import torch
from spacy.tokens import Doc
from spacy.training import Example
from thinc.api import SGD, Adam
from torch.nn import functional as F

from spacy_xling.models.architectures import joint_shim
from tests.conftest import MULTI, SINGLE, TEXTS, make_examples, textcat_config
from tests.pipeline.textcats import (
    EXCLUSIVE,
    INDEPENDENT,
    TEXT,
    each_kind,
    make_nlp,
    parameters,
    plain_config,
    same,
    scores_of,
    train,
    trained,
    with_raw_text,
)

pytestmark = pytest.mark.usefixtures("one_thread")


# Learning and predicting


def probabilities_of(name, logits):
    logits = torch.tensor(logits)
    return (logits.softmax(dim=1) if name == EXCLUSIVE else logits.sigmoid()).numpy()


@each_kind
def test_the_model_takes_docs(checkpoint, name, data):
    nlp = trained(checkpoint, name, data)
    component = nlp.get_pipe(name)
    docs = [nlp.make_doc(text) for text in [*TEXTS, "", " \n", TEXT]]
    logits = component.model.predict(docs)
    assert logits.shape == (len(docs), len(data[0][1]))
    assert not logits[-3:-1].any()
    texts = [number for number, doc in enumerate(docs) if doc.text.strip()]
    np.testing.assert_allclose(
        probabilities_of(name, logits)[texts], component.predict(docs)[texts], rtol=1e-6
    )
    np.testing.assert_array_equal(component.model(docs, is_train=False)[0], logits)
    assert component.model.predict(docs[-3:-1]).tolist() == [[0.0] * logits.shape[1]] * 2
    assert component.model.predict([]).shape == (0, logits.shape[1])


@each_kind
def test_the_model_learns_from_docs_what_the_component_learns(checkpoint, name, data):
    data = [*data, (" ", data[0][1])]
    nlp, other = make_nlp(checkpoint, name), make_nlp(checkpoint, name)
    train(nlp, data, 0)
    train(other, data, 0)
    nlp.update(make_examples(nlp, data), sgd=SGD(0.1, L2=0.0))
    component, examples = other.get_pipe(name), make_examples(other, data)
    logits, backprop = component.model.begin_update([eg.predicted for eg in examples])
    _, gradient = component.get_loss(examples[:-1], probabilities_of(name, logits[:-1]))
    backprop(np.concatenate([gradient, np.ones_like(gradient[:1])]))
    component.finish_update(SGD(0.1, L2=0.0))
    learnt = parameters(component)
    for key, value in parameters(nlp.get_pipe(name)).items():
        torch.testing.assert_close(learnt[key], value, rtol=1e-4, atol=1e-6)
    before = parameters(component)
    logits, backprop = component.model.begin_update([examples[-1].predicted])
    backprop(np.ones_like(logits))
    component.finish_update(SGD(0.1, L2=0.0))
    assert same(parameters(component), before)


@each_kind
def test_predicting_draws_no_dropout(checkpoint, name, data):
    nlp = spacy.blank("xx")
    encoder = {"name": str(checkpoint), "dropout": 0.5}
    nlp.add_pipe(name, config=textcat_config(checkpoint, model={"encoder": encoder}))
    optimizer, _ = train(nlp, data, 1)
    # The update leaves the module in its training mode.
    nlp.update(make_examples(nlp, data), sgd=optimizer, drop=0.5)
    assert np.array_equal(scores_of(nlp, name, TEXTS), scores_of(nlp, name, TEXTS))


@each_kind
def test_a_batch_without_words_updates_nothing(checkpoint, name, data):
    nlp = make_nlp(checkpoint, name)
    optimizer, _ = train(nlp, data, 1)
    before = parameters(nlp.get_pipe(name))
    losses = {}
    empty = [("", data[0][1]), (" \n", data[1][1])]
    nlp.update(make_examples(nlp, empty), sgd=optimizer, losses=losses)
    nlp.update([], sgd=optimizer, losses=losses)
    assert losses[name] == 0.0
    assert same(parameters(nlp.get_pipe(name)), before)


@each_kind
def test_a_text_without_words_takes_no_part_in_a_batch(checkpoint, name, data):
    nlp, other = make_nlp(checkpoint, name), make_nlp(checkpoint, name)
    _, losses = train(nlp, data, 2)
    _, other_losses = train(other, [*data, ("", data[0][1])], 2)
    assert other_losses == losses
    assert same(parameters(other.get_pipe(name)), parameters(nlp.get_pipe(name)))


@each_kind
def test_the_same_seed_gives_the_same_model(checkpoint, name, data, tmp_path):
    runs = []
    for _ in range(2):
        # With dropout, which draws random numbers too.
        nlp = spacy.blank("xx")
        nlp.add_pipe(name, config=textcat_config(checkpoint, mlm_weight=0.5))
        train(with_raw_text(nlp, tmp_path / "raw.txt", name), data, 3)
        runs.append(parameters(nlp.get_pipe(name)))
    assert same(*runs)


def test_another_seed_masks_other_pieces(checkpoint, tmp_path):
    losses = []
    for seed in (0, 1):
        nlp = with_raw_text(make_nlp(checkpoint, mlm_weight=0.5, seed=seed), tmp_path / "raw.txt")
        losses.append(train(nlp, SINGLE, 1)[1])
    assert losses[0]["xling_textcat_class"] == losses[1]["xling_textcat_class"]
    assert losses[0]["xling_textcat_mlm"] != losses[1]["xling_textcat_mlm"]


@each_kind
def test_the_training_loops_way_equals_an_update_with_an_optimizer(checkpoint, name, data):
    by_hand, by_loop = make_nlp(checkpoint, name), make_nlp(checkpoint, name)
    train(by_hand, data, 3)
    optimizer, _ = train(by_loop, data, 0)
    for _ in range(3):
        by_loop.update(make_examples(by_loop, data), sgd=False)
        by_loop.get_pipe(name).finish_update(optimizer)
    assert same(parameters(by_loop.get_pipe(name)), parameters(by_hand.get_pipe(name)))


@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_sub_batches_add_up_to_their_batch(checkpoint, reduction):
    # Halves of one size: the mean of their means is the mean of the whole.
    pipelines = []
    for halves in ([SINGLE], [SINGLE[:2], SINGLE[2:]]):
        nlp = make_nlp(checkpoint, objective={"reduction": reduction})
        train(nlp, SINGLE, 0)
        for half in halves:
            nlp.update(make_examples(nlp, half), sgd=False)
        nlp.get_pipe(EXCLUSIVE).finish_update(SGD(0.1, L2=0.0, grad_clip=0.0))
        pipelines.append(parameters(nlp.get_pipe(EXCLUSIVE)))
    for key, value in pipelines[0].items():
        torch.testing.assert_close(pipelines[1][key], value, rtol=1e-4, atol=1e-6)


# Losses


@each_kind
def test_get_loss_equals_torch(checkpoint, name, data):
    nlp = trained(checkpoint, name, data, n_updates=3)
    component = nlp.get_pipe(name)
    examples = make_examples(nlp, data)
    scores = component.predict([eg.predicted for eg in examples])
    loss, gradient = component.get_loss(examples, scores)

    truth = torch.tensor([list(cats.values()) for _, cats in data])
    probabilities = torch.tensor(scores)
    if name == EXCLUSIVE:
        expected = F.nll_loss(probabilities.log(), truth.argmax(dim=1))
        n_items = len(data)
    else:
        expected = F.binary_cross_entropy(probabilities, truth)
        n_items = truth.numel()
    assert loss == pytest.approx(expected.item(), rel=1e-5)
    # Of softmax and sigmoid alike, on the logits.
    np.testing.assert_allclose(gradient, (probabilities - truth).numpy() / n_items, atol=1e-6)


@each_kind
def test_a_certain_score_has_a_finite_loss(checkpoint, name, data):
    nlp = trained(checkpoint, name, data, n_updates=0)
    scores = np.array([[float(value) for value in cats.values()] for _, cats in data], dtype="float32")
    examples = make_examples(nlp, data)
    right, _ = nlp.get_pipe(name).get_loss(examples, scores)
    wrong, gradient = nlp.get_pipe(name).get_loss(examples, 1 - scores)
    assert right == pytest.approx(0.0, abs=1e-6)
    assert np.isfinite(wrong)
    assert wrong > 10
    assert np.isfinite(gradient).all()


@each_kind
def test_losses_are_kept_under_the_name_and_its_terms(checkpoint, name, data, tmp_path):
    nlp = spacy.blank("xx")
    nlp.add_pipe(name, name="mine", config=plain_config(checkpoint, mlm_weight=0.25))
    with_raw_text(nlp, tmp_path / "raw.txt", "mine")
    optimizer, losses = train(nlp, data, 1)
    assert set(losses) == {"mine", "mine_class", "mine_mlm", "mine_updates"}
    assert losses["mine_class"] > 0
    # A tiny model guesses among some 200 pieces.
    assert 3 < losses["mine_mlm"] < 8
    assert losses["mine"] == pytest.approx(losses["mine_class"] + 0.25 * losses["mine_mlm"])
    before = dict(losses)
    nlp.update(make_examples(nlp, data), sgd=optimizer, losses=losses)
    assert all(losses[key] > before[key] for key in before)


@each_kind
def test_a_text_without_categories_takes_no_part_in_the_classification_loss(checkpoint, name, data):
    nlp, other = make_nlp(checkpoint, name), make_nlp(checkpoint, name)
    _, losses = train(nlp, data, 2)
    _, other_losses = train(other, [*data, (TEXT, {})], 2)
    assert other_losses == losses
    assert same(parameters(other.get_pipe(name)), parameters(nlp.get_pipe(name)))


@each_kind
def test_a_text_without_categories_takes_part_in_the_masked_lm_loss(checkpoint, name, data):
    nlp = make_nlp(checkpoint, name, mlm_weight=1.0)
    _, losses = train(nlp, [*data, (TEXT, {})], 1)
    assert losses[f"{name}_mlm"] > 1.0


# Without gradients

each_mode = pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode])


@each_mode
@each_kind
def test_learning_without_gradients_is_X322(checkpoint, name, data, mode):
    nlp = trained(checkpoint, name, data, n_updates=1)
    optimizer = nlp.resume_training()
    before = parameters(nlp.get_pipe(name))
    for learn in (nlp.update, nlp.rehearse):
        with mode(), pytest.raises(ValueError, match=r"^\[X322\]"):
            learn(make_examples(nlp, data), sgd=optimizer)
    assert same(parameters(nlp.get_pipe(name)), before)
    assert nlp.get_pipe(name).training_state()["step"] == 1


@each_mode
@each_kind
def test_get_loss_needs_no_gradients_of_the_model(checkpoint, name, data, mode):
    nlp = trained(checkpoint, name, data, n_updates=1)
    component, examples = nlp.get_pipe(name), make_examples(nlp, data)
    scores = component.predict([eg.predicted for eg in examples])
    loss, gradient = component.get_loss(examples, scores)
    with mode():
        loss_within, gradient_within = component.get_loss(examples, scores)
    assert loss_within == loss > 0
    np.testing.assert_array_equal(gradient_within, gradient)


@each_mode
def test_what_was_made_without_gradients_learns_all_the_same(checkpoint, mode, tmp_path):
    learnt = []
    for making in (nullcontext, mode):
        with making():
            nlp = trained(checkpoint, n_updates=0)
            nlp.get_pipe(EXCLUSIVE).add_label("PRAISE")
            nlp.to_disk(tmp_path / "model")
            loaded = spacy.load(tmp_path / "model")
        for pipeline in (nlp, loaded):
            train(pipeline, SINGLE, 2, Adam(0.01, L2=0.0, use_averages=False))
            learnt.append(parameters(pipeline.get_pipe(EXCLUSIVE)))
    for other in learnt[1:]:
        assert same(other, learnt[0])


@pytest.mark.parametrize(
    ("frozen", "term"),
    [(lambda module: module, "classification"), (lambda module: module.masked_lm, "masked-LM")],
)
def test_a_loss_of_frozen_parameters_alone_is_X323(checkpoint, frozen, term):
    nlp = make_nlp(checkpoint, mlm_weight=0.5, mlm_on_labelled=True)
    optimizer, _ = train(nlp, SINGLE, 1)
    frozen(joint_shim(nlp.get_pipe(EXCLUSIVE).model).module).requires_grad_(False)
    with pytest.raises(ValueError, match=rf"^\[X323\].*{term} loss"):
        nlp.update(make_examples(nlp, SINGLE), sgd=optimizer)


@each_kind
def test_a_training_without_any_label_is_said_once(checkpoint, name, data):
    nlp = make_nlp(checkpoint, name)
    for label in data[0][1]:
        nlp.get_pipe(name).add_label(label)
    unlabelled = make_examples(nlp, [(TEXT, {}), (TEXTS[0], {})])
    optimizer = nlp.initialize(lambda: unlabelled)
    before = parameters(nlp.get_pipe(name))
    with pytest.warns(UserWarning, match=rf"^\[W550\] '{name}'") as caught:
        nlp.update(unlabelled, sgd=optimizer)
    assert [warning.filename for warning in caught] == [__file__]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        nlp.update(unlabelled, sgd=optimizer)
        assert same(parameters(nlp.get_pipe(name)), before)
        nlp.update(make_examples(nlp, data), sgd=optimizer)
    assert not same(parameters(nlp.get_pipe(name)), before)


@each_kind
def test_a_step_without_labels_is_nothing_to_speak_of_where_others_have_some(checkpoint, name, data):
    nlp = make_nlp(checkpoint, name)
    examples = make_examples(nlp, [*data, (TEXT, {}), ("", data[0][1])])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        optimizer = nlp.initialize(lambda: examples)
        before = parameters(nlp.get_pipe(name))
        for without in (examples[-2:-1], examples[-1:]):
            assert nlp.update(without, sgd=optimizer)[name] == 0.0
            assert same(parameters(nlp.get_pipe(name)), before)


# Scoring


@each_kind
def test_a_text_without_categories_is_not_scored(checkpoint, name, data):
    nlp = trained(checkpoint, name, data, n_updates=5)
    labelled = nlp.evaluate(make_examples(nlp, data))
    mixed = nlp.evaluate(make_examples(nlp, [*data, (TEXT, {}), (TEXTS[2], {})]))
    for scores in (labelled, mixed):
        scores.pop("speed")
    assert mixed == labelled


@pytest.mark.parametrize(("threshold", "recall"), [(0.0, 1.0), (1.0, 0.0)])
def test_the_components_threshold_reaches_the_scorer(checkpoint, threshold, recall):
    nlp = trained(checkpoint, INDEPENDENT, MULTI, n_updates=0, threshold=threshold)
    assert nlp.evaluate(make_examples(nlp, MULTI))["cats_micro_r"] == recall


# Docs and examples


def test_the_component_reads_text_not_tokens(checkpoint):
    nlp = trained(checkpoint)
    words = Doc(nlp.vocab, words=list(TEXT), spaces=[False] * len(TEXT))
    assert words.text == TEXT
    assert nlp.get_pipe(EXCLUSIVE)(words).cats == nlp(TEXT).cats


@each_kind
def test_update_takes_examples_only(checkpoint, name, data):
    nlp = trained(checkpoint, name, data, n_updates=0)
    for method in (nlp.get_pipe(name).update, nlp.get_pipe(name).rehearse):
        with pytest.raises(TypeError, match="E978"):
            method([nlp.make_doc(TEXT)])
    assert isinstance(make_examples(nlp, data)[0], Example)
