"""What the components promise beyond what `test_as_textcat` has of spaCy's own text classifiers."""

import itertools
import json
import pickle
import shutil
import socket
import sys
import warnings
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import pytest
import spacy
import torch
from spacy.tokens import Doc, DocBin
from spacy.training import Example
from spacy.training.initialize import init_nlp
from thinc.api import SGD, Adam
from torch.nn import functional as F

from spacy_xling.data.sources import RawText
from spacy_xling.models.architectures import joint_shim
from tests.conftest import (
    MULTI,
    SINGLE,
    TEXTS,
    make_checkpoint,
    make_examples,
    run_python,
    sourced_config,
    textcat_config,
)
from tests.pipeline.textcats import (
    EXCLUSIVE,
    INDEPENDENT,
    TEXT,
    each_kind,
    each_name,
    make_nlp,
    parameters,
    plain_config,
    same,
    scores_of,
    train,
    trained,
)

pytestmark = pytest.mark.usefixtures("one_thread")


def with_raw_text(nlp, path, name=EXCLUSIVE):
    """Have `initialize` give a component the raw text of a file."""
    path.write_text("\n".join(TEXTS), encoding="utf8")
    reader = {"@readers": "spacy-xling.UnlabelledText.v1", "path": str(path), "language": "xx"}
    nlp.config["initialize"]["components"][name] = {"unlabelled": reader}
    return nlp


# Labels


@each_kind
def test_labels_may_be_given_to_initialize(checkpoint, name, data):
    nlp = make_nlp(checkpoint, name)
    given = ["NONE", *reversed(data[0][1])]
    nlp.config["initialize"]["components"][name] = {"labels": given}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        nlp.initialize(lambda: make_examples(nlp, data))
    assert nlp.get_pipe(name).labels == tuple(given)


@each_kind
def test_labels_beyond_the_given_ones_are_a_warning_then_an_error(checkpoint, name, data):
    nlp = make_nlp(checkpoint, name)
    nlp.config["initialize"]["components"][name] = {"labels": ["LATE", "OTHER"]}
    examples = make_examples(nlp, data)
    with pytest.warns(UserWarning, match=r"W501.*REFUND"):
        optimizer = nlp.initialize(lambda: examples)
    before = parameters(nlp.get_pipe(name))
    with pytest.raises(ValueError, match=r"X506.*REFUND"):
        nlp.update(examples, sgd=optimizer)
    assert same(parameters(nlp.get_pipe(name)), before)


@each_kind
def test_a_resized_pipeline_is_saved_whole(checkpoint, name, data, tmp_path):
    nlp = trained(checkpoint, name, data, n_updates=2)
    nlp.get_pipe(name).add_label("PRAISE")
    nlp.to_disk(tmp_path)
    loaded = spacy.load(tmp_path)
    assert loaded.get_pipe(name).labels == (*data[0][1], "PRAISE")
    assert loaded(TEXT).cats == nlp(TEXT).cats


# Initializing


def test_initialize_reads_a_generator_once(checkpoint):
    nlp = make_nlp(checkpoint)
    component = nlp.get_pipe(EXCLUSIVE)
    component.initialize(lambda: (eg for eg in make_examples(nlp, SINGLE)))
    assert component.cfg["label_counts"] == {
        "given": {"LATE": 2, "REFUND": 2},
        "denied": {"REFUND": 2, "LATE": 2},
    }


@each_kind
def test_the_loss_must_fit_the_kind_of_classes(checkpoint, name, data):
    other = "BinaryCrossEntropy" if name == EXCLUSIVE else "CrossEntropy"
    objective = {"classification": {"@losses": f"spacy-xling.{other}.v1"}}
    with pytest.raises(ValueError, match=rf"X501.* is {other}"):
        make_nlp(checkpoint, name, objective=objective)


@pytest.mark.parametrize(
    "sizes",
    [{"texts_per_update": 1, "pieces_per_update": 9}, {"texts_per_update": 0}, {"pieces_per_update": 0}],
)
def test_raw_text_is_measured_in_one_way(checkpoint, sizes):
    with pytest.raises(ValueError, match="X502"):
        make_nlp(checkpoint, **sizes)


def test_a_masked_lm_term_without_raw_text_is_an_error(checkpoint, tmp_path):
    nlp = make_nlp(checkpoint, mlm_weight=0.1)
    examples = make_examples(nlp, SINGLE)
    with pytest.raises(ValueError, match=r"X503.*xling_textcat"):
        nlp.initialize(lambda: examples)
    with_raw_text(nlp, tmp_path / "raw.txt").initialize(lambda: examples)
    nlp.to_disk(tmp_path / "model")
    loaded = spacy.load(tmp_path / "model")
    with pytest.raises(ValueError, match="X503"):
        loaded.update(make_examples(loaded, SINGLE), sgd=loaded.resume_training())


def make_bare(checkpoint, name):
    """What is typed first: an encoder, and nothing else."""
    nlp = spacy.blank("xx")
    nlp.add_pipe(name, config={"model": {"encoder": {"name": str(checkpoint), "dropout": 0.0}}})
    return nlp


@each_kind
def test_an_encoder_and_labelled_text_are_enough_and_the_missing_term_is_said_once(checkpoint, name, data):
    bare, plain = make_bare(checkpoint, name), make_nlp(checkpoint, name, mlm_weight=0.0)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        _, losses = train(bare, data, 3)
    ((said, where),) = [(str(w.message), w.filename) for w in caught if str(w.message).startswith("[")]
    assert said.startswith(f"[W551] '{name}'")
    # At the line that calls spaCy.
    assert Path(where).name == "textcats.py"
    assert f"[initialize.components.{name}.unlabelled]" in said
    assert train(plain, data, 3)[1] == losses
    assert same(parameters(bare.get_pipe(name)), parameters(plain.get_pipe(name)))


@each_kind
def test_without_mlm_weight_raw_text_has_a_weight_of_a_tenth(checkpoint, name, data, tmp_path):
    pipelines = make_bare(checkpoint, name), make_nlp(checkpoint, name, mlm_weight=0.1)
    losses = []
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for nlp in pipelines:
            losses.append(train(with_raw_text(nlp, tmp_path / "raw.txt", name), data, 2)[1])
    assert losses[0] == losses[1]
    assert losses[0][f"{name}_mlm"] > 1.0
    # A pipeline that is loaded has no raw text until it is given some.
    pipelines[0].to_disk(tmp_path / "model")
    loaded = spacy.load(tmp_path / "model")
    optimizer = loaded.resume_training()
    with pytest.warns(UserWarning, match=r"^\[W551\]"):
        assert loaded.update(make_examples(loaded, data), sgd=optimizer)[f"{name}_mlm"] == 0.0
    loaded.get_pipe(name).attach_unlabelled(itertools.cycle([RawText(TEXTS[2], "de")]))
    assert loaded.update(make_examples(loaded, data), sgd=optimizer)[f"{name}_mlm"] > 1.0


@each_name
def test_without_an_encoder_the_default_one_is_named(name):
    nlp = spacy.blank("xx")
    nlp.add_pipe(name)
    with pytest.raises(ValueError, match=r"^\[X309\] The encoder 'xlm-roberta-base'"):
        nlp(TEXT)


class HeldoutReader:
    """A reader of raw text with held-out texts."""

    heldout_share = 0.1

    def read_heldout(self, limit):
        return {"de": TEXTS[2:3]}


BEFORE_INITIALIZING = {
    "call": lambda nlp, pipe, examples: nlp(TEXT),
    "pipe": lambda nlp, pipe, examples: list(nlp.pipe([TEXT])),
    "predict": lambda nlp, pipe, examples: pipe.predict([]),
    "model": lambda nlp, pipe, examples: pipe.model.predict([eg.predicted for eg in examples]),
    "evaluate": lambda nlp, pipe, examples: nlp.evaluate(examples),
    "update": lambda nlp, pipe, examples: nlp.update(examples),
    "rehearse": lambda nlp, pipe, examples: pipe.rehearse(examples),
    "get_loss": lambda nlp, pipe, examples: pipe.get_loss(examples, np.full((4, 2), 0.5, dtype="float32")),
    "attach_heldout": lambda nlp, pipe, examples: pipe.attach_heldout(HeldoutReader(), limit=1),
}


@each_name
@pytest.mark.parametrize("labels", [[], ["LATE", "REFUND"]])
@pytest.mark.parametrize("call", BEFORE_INITIALIZING.values(), ids=BEFORE_INITIALIZING)
def test_what_needs_the_encoder_before_initializing_is_X309(checkpoint, name, labels, call):
    # Nothing else is missed first: labels, raw text, dictionaries.
    switching = {"@misc": "spacy-xling.code_switching.v1"}
    nlp = make_nlp(checkpoint, name, mlm_weight=0.1, code_switching=switching)
    pipe = nlp.get_pipe(name)
    for label in labels:
        pipe.add_label(label)
    with pytest.raises(ValueError, match=r"^\[X309\]"):
        call(nlp, pipe, make_examples(nlp, SINGLE))


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


# Rehearsing, freezing, sourcing


@each_kind
def test_rehearsing_right_after_the_copy_changes_nothing(checkpoint, name, data):
    nlp = trained(checkpoint, name, data, n_updates=5)
    nlp.resume_training()
    before = parameters(nlp.get_pipe(name))
    losses = nlp.rehearse(make_examples(nlp, data), sgd=SGD(0.1, L2=0.0), losses={})
    assert losses[name] == pytest.approx(0.0, abs=1e-9)
    for key, value in parameters(nlp.get_pipe(name)).items():
        torch.testing.assert_close(value, before[key], rtol=0, atol=1e-5)


@each_kind
def test_rehearsing_brings_scores_back(checkpoint, name, data):
    nlp = trained(checkpoint, name, data, n_updates=20)
    texts = [text for text, _ in data]
    old = scores_of(nlp, name, texts)
    nlp.resume_training()
    head = joint_shim(nlp.get_pipe(name).model).module.head.output
    head.weight.data.neg_()
    head.bias.data.neg_()
    drifted = np.abs(scores_of(nlp, name, texts) - old).mean()
    assert drifted > 0.3
    # At a higher rate rounding errors decide whether it gets there.
    optimizer = Adam(0.001, L2=0.0, use_averages=False)
    losses = [nlp.rehearse(make_examples(nlp, data), sgd=optimizer, losses={})[name] for _ in range(150)]
    assert losses[0] > 1.0
    assert 0 < losses[-1] < losses[0] / 4
    assert np.abs(scores_of(nlp, name, texts) - old).mean() < drifted / 2


@each_kind
def test_rehearsing_without_a_copy_does_nothing(checkpoint, name, data):
    nlp = trained(checkpoint, name, data, n_updates=1)
    before = parameters(nlp.get_pipe(name))
    assert nlp.get_pipe(name).rehearse(make_examples(nlp, data), sgd=SGD(0.1)) == {name: 0.0}
    assert same(parameters(nlp.get_pipe(name)), before)


def two_components(checkpoint):
    nlp = make_nlp(checkpoint)
    nlp.add_pipe(EXCLUSIVE, name="second", config=plain_config(checkpoint))
    return nlp


def test_a_frozen_component_is_unchanged(checkpoint):
    nlp = two_components(checkpoint)
    optimizer, _ = train(nlp, SINGLE, 0)
    frozen, second = (parameters(nlp.get_pipe(name)) for name in (EXCLUSIVE, "second"))
    for _ in range(5):
        nlp.update(make_examples(nlp, SINGLE), sgd=optimizer, exclude=[EXCLUSIVE])
    assert same(parameters(nlp.get_pipe(EXCLUSIVE)), frozen)
    changed = parameters(nlp.get_pipe("second"))
    assert not torch.equal(changed["head.output.weight"], second["head.output.weight"])


def test_a_disabled_component_neither_learns_nor_predicts(checkpoint):
    nlp = two_components(checkpoint)
    optimizer, _ = train(nlp, SINGLE, 0)
    before = parameters(nlp.get_pipe(EXCLUSIVE))
    with nlp.select_pipes(enable="second"):
        losses = {}
        nlp.update(make_examples(nlp, SINGLE), sgd=optimizer, losses=losses)
        assert set(losses) == {"second", "second_class", "second_mlm", "second_updates"}
    with nlp.select_pipes(disable=[EXCLUSIVE, "second"]):
        assert nlp(TEXT).cats == {}
    assert same(parameters(nlp.get_pipe(EXCLUSIVE)), before)
    assert nlp.pipe_names == [EXCLUSIVE, "second"]


@each_kind
def test_a_component_from_another_pipeline_scores_the_same(checkpoint, name, data):
    nlp = trained(checkpoint, name, data)
    other = spacy.blank("xx")
    other.add_pipe(name, source=nlp)
    assert other(TEXT).cats == nlp(TEXT).cats


def test_a_sourced_component_trains_on_with_raw_text(checkpoint, tmp_path):
    raw = tmp_path / "raw.txt"
    nlp = with_raw_text(make_nlp(checkpoint, mlm_weight=0.5), raw)
    train(nlp, SINGLE, 5)
    nlp.to_disk(tmp_path / "source")
    DocBin(docs=[eg.reference for eg in make_examples(nlp, SINGLE)]).to_disk(tmp_path / "train.spacy")
    sourced = init_nlp(sourced_config(tmp_path / "source", tmp_path / "train.spacy", raw, language="xx"))
    assert sourced(TEXT).cats == nlp(TEXT).cats
    losses = {}
    sourced.update(make_examples(sourced, SINGLE), sgd=sourced.resume_training(), losses=losses)
    assert losses["xling_textcat_mlm"] > 1.0
    assert sourced(TEXT).cats != nlp(TEXT).cats


# Saving and loading


@each_kind
def test_bytes_hold_the_component(checkpoint, name, data):
    nlp = trained(checkpoint, name, data, n_updates=3)
    loaded = spacy.blank("xx").from_config(nlp.config).from_bytes(nlp.to_bytes())
    assert loaded.get_pipe(name).labels == nlp.get_pipe(name).labels
    assert loaded(TEXT).cats == nlp(TEXT).cats


@each_kind
def test_a_pickled_pipeline_scores_the_same(checkpoint, name, data):
    nlp = trained(checkpoint, name, data, n_updates=3)
    assert pickle.loads(pickle.dumps(nlp))(TEXT).cats == nlp(TEXT).cats


@each_kind
def test_a_pipeline_never_initialized_is_saved_and_loaded(checkpoint, name, data, tmp_path):
    nlp = make_nlp(checkpoint, name)
    nlp.get_pipe(name).add_label("LATE")
    nlp.to_disk(tmp_path)
    by_bytes = spacy.blank("xx").from_config(nlp.config).from_bytes(nlp.to_bytes())
    for loaded in (spacy.load(tmp_path), by_bytes):
        assert loaded.get_pipe(name).labels == ("LATE",)
        with pytest.raises(ValueError, match="X309"):
            loaded(TEXT)
        loaded.initialize(lambda loaded=loaded: make_examples(loaded, data))
        assert list(loaded(TEXT).cats) == list(data[0][1])


def test_a_loaded_pipeline_needs_neither_checkpoint_nor_network(tmp_path, monkeypatch):
    checkpoint = make_checkpoint("xlm-roberta", tmp_path / "checkpoint")
    nlp = trained(checkpoint, n_updates=3)
    expected = nlp(TEXT).cats
    nlp.to_disk(tmp_path / "model")
    data = nlp.to_bytes()
    shutil.rmtree(checkpoint)

    def refuse(*args):
        raise AssertionError("no network is needed")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    assert spacy.load(tmp_path / "model")(TEXT).cats == expected
    assert spacy.blank("xx").from_config(nlp.config).from_bytes(data)(TEXT).cats == expected


def test_a_saved_component_is_a_hugging_face_folder(checkpoints, family, tmp_path):
    from transformers import AutoModelForMaskedLM, AutoTokenizer

    nlp = trained(checkpoints(family), n_updates=2)
    nlp.to_disk(tmp_path)
    folder = tmp_path / EXCLUSIVE / "model"
    component = nlp.get_pipe(EXCLUSIVE)
    ours = joint_shim(component.model).module.masked_lm.model.state_dict()
    model, info = AutoModelForMaskedLM.from_pretrained(folder, output_loading_info=True)
    assert not info["missing_keys"]
    assert all(torch.equal(value, ours[key]) for key, value in model.state_dict().items())
    tokenizer = AutoTokenizer.from_pretrained(folder)
    assert tokenizer(TEXTS)["input_ids"] == joint_shim(component.model).tokenizer(TEXTS)["input_ids"]


def test_a_saved_component_holds_no_pickle(checkpoint, tmp_path):
    trained(checkpoint, n_updates=1).to_disk(tmp_path)
    files = [path for path in (tmp_path / EXCLUSIVE).rglob("*") if path.is_file()]
    kinds = {path.suffix for path in files if path.name != "cfg"}
    assert {".json", ".safetensors"} <= kinds <= {".json", ".safetensors", ".txt", ".model"}
    for path in files:
        # A pickle starts with its protocol, a torch file is a zip.
        assert not path.read_bytes().startswith((b"\x80", b"PK")), path.name


def damage_missing(file):
    file.unlink()


def damage_truncated(file):
    content = file.read_bytes()
    file.write_bytes(content[: len(content) // 2])


@pytest.mark.parametrize("damage", [damage_missing, damage_truncated])
@pytest.mark.parametrize("file", ["head.safetensors", "model.safetensors", "config.json", "tokenizer.json"])
def test_a_damaged_folder_is_a_coded_error(checkpoint, tmp_path, file, damage):
    trained(checkpoint, n_updates=0).to_disk(tmp_path)
    damage(tmp_path / EXCLUSIVE / "model" / file)
    with pytest.raises(ValueError, match=r"^\[X3(13|01)\]") as caught:
        spacy.load(tmp_path)
    assert "\n" not in str(caught.value)
    assert str(tmp_path) in str(caught.value)


def test_weights_of_another_shape_are_a_coded_error(checkpoint, tmp_path):
    trained(checkpoint, n_updates=0).to_disk(tmp_path)
    changed = {"components.xling_textcat.model.hidden_width": 8}
    with pytest.raises(ValueError, match=r"^\[X313\].*size mismatch"):
        spacy.load(tmp_path, config=changed)


PROCESSES = """
import sys
import numpy as np, spacy, torch

if __name__ == "__main__":
    torch.set_num_threads(2)
    # Small passes, several of them at a time before the fork.
    nlp = spacy.load(sys.argv[1], config={"components.xling_textcat.model.pass_pieces": 16})
    texts = sys.stdin.read().splitlines() * 3
    one = [list(doc.cats.values()) for doc in nlp.pipe(texts, batch_size=4)]
    two = [list(doc.cats.values()) for doc in nlp.pipe(texts, batch_size=4, n_process=2)]
    assert len(two) == len(texts)
    np.testing.assert_allclose(two, one, rtol=0, atol=1e-5)
    print("same", len(two))
"""


def test_two_processes_score_as_one(checkpoint, tmp_path):
    trained(checkpoint, n_updates=5).to_disk(tmp_path / "model")
    script = tmp_path / "script.py"
    script.write_text(PROCESSES)
    printed = run_python(script, tmp_path / "model")
    assert printed.split() == ["same", str(3 * len(TEXTS))]


AFTER_THE_MAIN_THREAD = """
import atexit, sys, threading, time
import numpy as np, spacy, torch
from spacy_xling.models.joint import JointModule

torch.set_num_threads(2)
# Several passes of the 256 texts, two at a time.
nlp = spacy.load(sys.argv[1], config={"components.xling_textcat.model.pass_pieces": 2048})
texts = (sys.stdin.read().splitlines() * 256)[:256]
one_pass, ran = JointModule._pass, []


def counted(module, batches):
    ran.append(threading.get_ident())
    return one_pass(module, batches)


def predict():
    return [list(doc.cats.values()) for doc in nlp.pipe(texts, batch_size=256)]


def predict_again():
    ran.clear()
    again = predict()
    assert len(ran) > 2, ran
    np.testing.assert_array_equal(again, expected)
    print("same", len(again), len(set(ran)))


def wait_and_predict():
    threading.main_thread().join()
    time.sleep(0.2)
    predict_again()


JointModule._pass = counted
expected = predict()
if sys.argv[2] == "thread":
    threading.Thread(target=wait_and_predict).start()
else:
    atexit.register(predict_again)
"""


@pytest.mark.parametrize("when", ["thread", "atexit"])
def test_predicting_works_once_the_main_thread_has_ended(checkpoint, tmp_path, when):
    trained(checkpoint, n_updates=2).to_disk(tmp_path / "model")
    printed = run_python("-c", AFTER_THE_MAIN_THREAD, tmp_path / "model", when)
    # From Python 3.12 on no thread starts at exit: the passes run one after the other.
    at_once = 1 if when == "atexit" and sys.version_info >= (3, 12) else 2
    assert printed.split() == ["same", "256", str(at_once)]


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


def test_an_objective_of_another_kind_is_X509(checkpoint):
    config = textcat_config(checkpoint)
    config["objective"] = {"@losses": "spacy-xling.CrossEntropy.v1"}
    with pytest.raises(ValueError, match="X509"):
        spacy.blank("xx").add_pipe(EXCLUSIVE, config=config)


def test_raw_text_is_missed_where_spacy_makes_up_an_example(checkpoint):
    nlp = spacy.blank("xx")
    textcat = nlp.add_pipe(EXCLUSIVE, config=textcat_config(checkpoint, mlm_weight=0.1))
    for label in ("LATE", "REFUND"):
        textcat.add_label(label)
    with pytest.raises(ValueError, match="X503"):
        nlp.initialize()


@pytest.fixture
def without_mask_piece(tmp_path):
    folder = make_checkpoint("bert", tmp_path / "checkpoint")
    # Not all releases of transformers write the second.
    for name in ("tokenizer_config.json", "special_tokens_map.json"):
        for file in folder.glob(name):
            settings = json.loads(file.read_text())
            del settings["mask_token"]
            file.write_text(json.dumps(settings))
    return folder


def test_initialize_misses_the_mask_piece_of_the_tokenizer(without_mask_piece, nlp):
    nlp.add_pipe(EXCLUSIVE, config=textcat_config(without_mask_piece, mlm_weight=0.1, mlm_on_labelled=True))
    with pytest.raises(ValueError, match="X202"):
        nlp.initialize(lambda: make_examples(nlp, SINGLE))


@pytest.mark.parametrize("mlm_weight", [0.0, None])
@pytest.mark.filterwarnings("ignore:.*W551")
def test_without_masked_lm_term_no_mask_piece_is_needed(without_mask_piece, nlp, mlm_weight):
    nlp.add_pipe(EXCLUSIVE, config=textcat_config(without_mask_piece, mlm_weight=mlm_weight))
    optimizer = nlp.initialize(lambda: make_examples(nlp, SINGLE))
    assert nlp.update(make_examples(nlp, SINGLE), sgd=optimizer)[EXCLUSIVE] > 0


def test_two_threads_can_share_a_pipeline(checkpoint):
    nlp = spacy.blank("xx")
    nlp.add_pipe(EXCLUSIVE, config=textcat_config(checkpoint))
    nlp.initialize(lambda: make_examples(nlp, SINGLE))
    expected = [nlp(text).cats for text, _ in SINGLE]
    with ThreadPoolExecutor(2) as pool:
        found = list(pool.map(lambda text: nlp(text).cats, [text for text, _ in SINGLE] * 25))
    assert found == expected * 25
