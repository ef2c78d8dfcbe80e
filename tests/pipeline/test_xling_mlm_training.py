"""The component `xling_mlm` in training: what it changes in a pipeline with a shared transformer."""

import warnings

import pytest
import spacy
from spacy.util import fix_random_seed

from spacy_xling.objective.masked_lm import build_masked_lm_objective_v1
from spacy_xling.optimizer.adamw import build_adamw_v1
from tests.conftest import needs_shared
from tests.pipeline.shared import (
    RAW,
    assert_same_weights,
    count_passes,
    differing,
    initialize_shared,
    make_shared,
    ready,
    shared_examples,
    train_step,
    trained,
    transformer_of,
    weights_of,
)


def test_it_learns_the_labels_and_the_language(checkpoint, tmp_path):
    fix_random_seed(0)
    nlp, examples = ready(checkpoint, mlm_weight=1.0)
    optimizer = build_adamw_v1(0.005)
    losses = [train_step(nlp, [examples], optimizer) for _ in range(60)]
    first, last = (sum(loss["xling_mlm_mlm"] for loss in part) / 10 for part in (losses[:10], losses[-10:]))
    assert last < 0.8 * first
    assert losses[-1]["textcat"] < 0.01
    nlp.to_disk(tmp_path)
    loaded = spacy.load(tmp_path)
    for example in examples:
        cats = loaded(example.text).cats
        assert cats == nlp(example.text).cats
        assert max(cats, key=cats.get) == max(example.reference.cats, key=example.reference.cats.get)


@pytest.mark.parametrize("mlm_weight", [0.0, {"@schedules": "spacy-xling.constant.v1", "value": 0.0}])
def test_with_lambda_0_training_is_number_for_number_that_without_the_component(mlm_weight, checkpoint):
    with_it = trained(checkpoint, mlm_weight=mlm_weight, listeners=("textcat", "tagger"))
    without = trained(checkpoint, mlm=False, listeners=("textcat", "tagger"))
    assert_same_weights(weights_of(with_it), weights_of(without))


def test_with_lambda_the_encoder_is_another(checkpoint):
    one, other = (weights_of(trained(checkpoint, mlm_weight=weight)) for weight in (0.0, 0.3))
    assert "embeddings.word_embeddings.weight" in differing(one, other)


def test_the_losses_are_the_term_the_masked_lm_loss_and_a_count(checkpoint):
    nlp, examples = ready(checkpoint, mlm_weight=0.5)
    one, three = (nlp.get_pipe("xling_mlm").update(part) for part in (examples[:1], examples[1:]))
    assert one["xling_mlm"] == pytest.approx(0.5 * 1 * one["xling_mlm_mlm"])
    assert three["xling_mlm"] == pytest.approx(0.5 * 3 * three["xling_mlm_mlm"])
    assert (one["xling_mlm_updates"], three["xling_mlm_updates"]) == (1, 1)
    again = nlp.get_pipe("xling_mlm").update(examples, losses=dict(one))
    assert again["xling_mlm_updates"] == 2
    assert again["xling_mlm"] > one["xling_mlm"]


def test_lambda_counts_docs_under_mean_and_nothing_under_sum():
    mean, summed = (build_masked_lm_objective_v1(0.2, reduction) for reduction in ("mean", "sum"))
    assert mean.mlm_term(12.0, 4) == (0.25, 3.0)
    assert mean.docs_factor(8) == 8.0
    assert summed.mlm_term(12.0, 4) == (1.0, 12.0)
    assert summed.docs_factor(8) == 1.0


def test_a_frozen_transformer_stays_as_it_is_and_is_said_once(checkpoint, monkeypatch):
    nlp, examples = ready(checkpoint)
    # What spaCy asks of a frozen transformer.
    docs = list(nlp.pipe([example.text for example in examples]))
    for example, doc in zip(examples, docs, strict=True):
        example.predicted = doc
    before = weights_of(nlp)
    passes = count_passes(nlp, monkeypatch)
    optimizer = build_adamw_v1(0.01)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for _ in range(4):
            nlp.update(examples, sgd=False, exclude=["transformer"], annotates=["transformer"])
            for name, pipe in nlp.pipeline:
                if name != "transformer":
                    pipe.finish_update(optimizer)
    assert [str(w.message)[:6] for w in caught if "W520" in str(w.message)] == ["[W520]"]
    # Only the second step that the transformer doesn't take tells that it takes none.
    assert len(passes) == 2
    after = weights_of(nlp)
    assert [name for name in differing(before, after) if not name.startswith("textcat/")] == []
    assert all(parameter.grad is None for parameter in transformer_of(nlp).parameters())


def in_the_loops_way(nlp, examples, optimizer):
    for half in (examples[:2], examples[2:]):
        nlp.update(half, sgd=False)
    for _, pipe in nlp.pipeline:
        pipe.finish_update(optimizer)


def by_hand(nlp, examples, optimizer):
    nlp.update(examples[:2], sgd=False)
    nlp.update(examples[2:], sgd=optimizer)


def alternating(nlp, examples, optimizer):
    by_hand(nlp, examples, optimizer)
    in_the_loops_way(nlp, examples, optimizer)


def by_component(nlp, examples, optimizer):
    nlp._optimizer = optimizer
    for half in (examples[:2], examples[2:]):
        for _, pipe in nlp.pipeline:
            pipe.update(half, sgd=optimizer)


@pytest.mark.parametrize("way", [in_the_loops_way, by_hand, alternating, by_component])
@pytest.mark.parametrize("last", [False, True], ids=["first", "last"])
def test_a_transformer_that_takes_steps_is_never_taken_for_frozen(way, last, checkpoint, monkeypatch):
    nlp, examples = ready(checkpoint, last=last)
    passes = count_passes(nlp, monkeypatch)
    before = weights_of(nlp)
    optimizer = build_adamw_v1(0.01)
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        for _ in range(4):
            way(nlp, examples, optimizer)
    assert len(passes) == (16 if way is alternating else 8)
    assert "embeddings.word_embeddings.weight" in differing(before, weights_of(nlp))


def test_two_components_share_one_transformer(checkpoint, monkeypatch):
    nlp = make_shared(checkpoint)
    nlp.add_pipe("xling_mlm", name="xling_mlm_again", config={"seed": 1})
    examples = shared_examples(nlp)
    initialize_shared(nlp, examples)
    passes = [count_passes(nlp, monkeypatch, name) for name in ("xling_mlm", "xling_mlm_again")]
    for _ in range(4):
        train_step(nlp, [examples], build_adamw_v1(0.01))
    assert [len(found) for found in passes] == [4, 4]
    # Seeds are of the masks.
    assert passes[0][0].positions.tolist() != passes[1][0].positions.tolist()


def test_lambdas_schedule_goes_by_optimiser_steps_and_not_by_sub_batches(checkpoint):
    schedule = {"@schedules": "spacy-xling.linear.v1", "start": 0.1, "end": 0.9, "steps": 4}
    nlp, examples = ready(checkpoint, mlm_weight=schedule)
    optimizer = build_adamw_v1(0.0)
    found = []
    for _ in range(4):
        losses = train_step(nlp, [examples[:2], examples[2:]], optimizer)
        # Two docs in each sub-batch.
        found.append(losses["xling_mlm"] / losses["xling_mlm_mlm"] / 2)
    assert found == pytest.approx([0.1, 0.3, 0.5, 0.7])


@needs_shared
def test_the_transformer_may_go_by_another_name(checkpoint, monkeypatch):
    nlp = spacy.blank("xx")
    for name in ("transformer", "other"):
        nlp.add_pipe("transformer", name=name, config={"model": {"name": str(checkpoint)}})
    nlp.add_pipe("xling_mlm", config={"upstream": "other"})
    examples = shared_examples(nlp)
    initialize_shared(nlp, examples)
    before = {name: dict(nlp.get_pipe(name).model.transformer.state_dict()) for name in nlp.pipe_names[:2]}
    before = {name: {k: v.clone() for k, v in state.items()} for name, state in before.items()}
    train_step(nlp, [examples], build_adamw_v1(0.01))
    after = {name: dict(nlp.get_pipe(name).model.transformer.state_dict()) for name in nlp.pipe_names[:2]}
    assert [bool(differing(before[name], after[name])) for name in nlp.pipe_names[:2]] == [False, True]


def test_raw_text_is_as_many_pieces_as_the_batch_has_or_what_the_settings_say(checkpoint, monkeypatch):
    for settings, expected in (({}, None), ({"texts_per_update": 3}, 3), ({"pieces_per_update": 1}, 1)):
        nlp, examples = ready(checkpoint, **settings)
        passes = count_passes(nlp, monkeypatch)
        train_step(nlp, [examples], build_adamw_v1(0.0))
        (masked,) = passes
        if expected is None:
            own = sum(len(nlp.get_pipe("xling_mlm")._split([example.text]).ids) for example in examples)
            longest = masked.pieces.lengths.max()
            assert own <= len(masked.pieces.ids) < own + longest
        else:
            assert masked.pieces.n_texts == expected


def test_the_texts_of_the_batch_take_part_if_asked_and_raw_text_is_not_needed_then(checkpoint, monkeypatch):
    nlp = make_shared(checkpoint, mlm_on_batch=True)
    examples = shared_examples(nlp)
    initialize_shared(nlp, examples, raw=None)
    passes = count_passes(nlp, monkeypatch)
    train_step(nlp, [examples], build_adamw_v1(0.0))
    whole = nlp.get_pipe("xling_mlm")._split([example.text for example in examples])
    unmasked = passes[0].pieces.ids.copy()
    unmasked[passes[0].positions] = passes[0].targets
    assert unmasked.tolist() == whole.ids.tolist()


def test_long_raw_texts_come_in_windows(checkpoint, monkeypatch):
    read = []
    for overlap in (0, 10):
        nlp = make_shared(checkpoint, model={"window": 16, "overlap": overlap}, texts_per_update=6)
        initialize_shared(nlp, shared_examples(nlp))
        passes = count_passes(nlp, monkeypatch)
        train_step(nlp, [shared_examples(nlp)], build_adamw_v1(0.0))
        assert passes[0].pieces.lengths.max() == 16
        read.append(len(nlp.get_pipe("xling_mlm")._split([RAW[0]]).lengths))
    # The more they overlap, the more there are.
    assert 1 < read[0] < read[1]
    # spaCy's own component still reads its texts whole.
    assert len(nlp(RAW[1])._.trf_data.wordpieces.strings[0]) > 16


def test_a_trained_pipeline_runs_no_pass_for_it_and_sets_nothing(checkpoint, monkeypatch):
    nlp, _ = ready(checkpoint)
    plain = nlp("The parcel arrived late.").to_bytes()
    calls = []
    forward = type(transformer_of(nlp)).forward
    monkeypatch.setattr(
        type(transformer_of(nlp)),
        "forward",
        lambda *args, **kwargs: calls.append(1) or forward(*args, **kwargs),
    )
    assert nlp("The parcel arrived late.", disable=["xling_mlm"]).to_bytes() == plain
    assert len(calls) == 1
    assert len(list(nlp.pipe(["The parcel arrived late."] * 3))) == 3
    assert len(calls) == 2


def test_bf16_is_near_fp32(checkpoint):
    found = {}
    for precision in ("fp32", "bf16"):
        fix_random_seed(0)
        nlp, examples = ready(checkpoint, model={"precision": precision})
        found[precision] = train_step(nlp, [examples], build_adamw_v1(0.0))["xling_mlm_mlm"]
    assert found["bf16"] != found["fp32"]
    assert found["bf16"] == pytest.approx(found["fp32"], rel=0.02)
