"""The component `xling_mlm`: what it changes in a pipeline with a shared transformer, and what it leaves."""

import copy
import gc
import io
import sys
import warnings
import weakref

import pytest
import spacy
import torch
from spacy.cli.package import package
from spacy.training.initialize import init_nlp
from spacy.training.loop import train
from spacy.util import fix_random_seed
from transformers import AutoConfig, AutoModel, AutoModelForMaskedLM

from spacy_xling.models.architectures import lm_head_shim
from spacy_xling.objective.masked_lm import build_masked_lm_objective_v1
from spacy_xling.optimizer.adamw import build_adamw_v1
from spacy_xling.training.callbacks import build_attach_unlabelled_v1, build_without_components_v1
from tests.conftest import make_checkpoint, make_tokenizer, needs_shared
from tests.pipeline.shared import (
    RAW,
    RawTexts,
    count_passes,
    initialize_shared,
    make_shared,
    shared_examples,
    train_step,
    transformer_of,
)
from tests.resuming.runs import SHARED, Work

STEPS = 4


def weights_of(nlp):
    """Copies of all weights of encoder and listeners."""
    weights = {name: p.detach().clone() for name, p in transformer_of(nlp).state_dict().items()}
    for name in nlp.pipe_names:
        if name not in ("transformer", "xling_mlm"):
            for number, node in enumerate(nlp.get_pipe(name).model.walk()):
                for parameter in node.param_names:
                    copied = torch.from_numpy(node.get_param(parameter).copy())
                    weights[f"{name}/{number}/{parameter}"] = copied
    return weights


def assert_same_weights(one, other):
    assert one.keys() == other.keys()
    assert [name for name in one if not torch.equal(one[name], other[name])] == []


def differing(one, other):
    return {name for name in one if not torch.equal(one[name], other[name])}


def ready(checkpoint, **settings):
    nlp = make_shared(checkpoint, **settings)
    examples = shared_examples(nlp)
    return initialize_shared(nlp, examples), examples


def trained(checkpoint, steps=STEPS, **settings):
    fix_random_seed(7)
    nlp, examples = ready(checkpoint, **settings)
    optimizer = build_adamw_v1(0.01)
    for _ in range(steps):
        train_step(nlp, [examples], optimizer)
    return nlp


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


# Saving, loading, sourcing


def no_dropout(folder):
    names = ("hidden_dropout_prob", "attention_probs_dropout_prob")
    return make_checkpoint("xlm-roberta", folder, **dict.fromkeys(names, 0.0))


def test_training_goes_on_from_a_saved_pipeline_as_if_it_had_not_been_saved(tmp_path):
    checkpoint = no_dropout(tmp_path / "checkpoint")
    nlp = trained(checkpoint)
    nlp.to_disk(tmp_path / "saved")
    loaded = spacy.load(tmp_path / "saved")
    raw = RawTexts()
    pipe = loaded.get_pipe("xling_mlm")
    pipe.attach_unlabelled(raw)
    pipe.load_training_state(nlp.get_pipe("xling_mlm").training_state())
    for one in (nlp, loaded):
        optimizer = build_adamw_v1(0.01)
        for _ in range(STEPS):
            train_step(one, [shared_examples(one)], optimizer)
    assert_same_weights(weights_of(loaded), weights_of(nlp))
    heads = [dict(lm_head_shim(n.get_pipe("xling_mlm").model)._model.state_dict()) for n in (nlp, loaded)]
    assert_same_weights(*heads)


def test_bytes_hold_what_the_folder_holds(checkpoint):
    nlp = trained(checkpoint)
    other = make_shared(checkpoint)
    other.from_bytes(nlp.to_bytes())
    heads = [dict(lm_head_shim(n.get_pipe("xling_mlm").model)._model.state_dict()) for n in (nlp, other)]
    assert_same_weights(*heads)


def test_the_folder_has_no_copy_of_the_embeddings(checkpoint, tmp_path):
    nlp = trained(checkpoint)
    nlp.to_disk(tmp_path)
    files = sorted(path.name for path in (tmp_path / "xling_mlm" / "model").iterdir())
    assert files == ["config.json", "lm_head.safetensors"]
    sizes = {tuple(p.shape) for p in lm_head_shim(nlp.get_pipe("xling_mlm").model)._model.parameters()}
    assert sizes == {(32, 32), (32,), (len(make_tokenizer("unigram")),)}


def test_sourced_components_train_on(checkpoint, tmp_path):
    trained(checkpoint).to_disk(tmp_path)
    source = spacy.load(tmp_path)
    nlp = spacy.blank("xx")
    for name in source.pipe_names:
        nlp.add_pipe(name, source=source)
    nlp.get_pipe("xling_mlm").attach_unlabelled(RawTexts())
    before = weights_of(nlp)
    losses = train_step(nlp, [shared_examples(nlp)], build_adamw_v1(0.01))
    assert losses["xling_mlm"] > 0
    assert "embeddings.word_embeddings.weight" in differing(before, weights_of(nlp))


def test_a_sourced_component_shares_the_transformer_of_its_new_pipeline(checkpoint, tmp_path, monkeypatch):
    trained(checkpoint).to_disk(tmp_path)
    source = spacy.load(tmp_path)
    nlp = make_shared(checkpoint, mlm=False, listeners=())
    nlp.add_pipe("xling_mlm", source=source)
    nlp.get_pipe("transformer").initialize(lambda: shared_examples(nlp))
    build_attach_unlabelled_v1("xling_mlm", lambda given: RawTexts())(nlp)
    before = weights_of(nlp), weights_of(source)
    train_step(nlp, [shared_examples(nlp)], build_adamw_v1(0.01))
    assert "embeddings.word_embeddings.weight" in differing(before[0], weights_of(nlp))
    assert not differing(before[1], weights_of(source))


def test_a_pipeline_that_is_read_anew_does_not_keep_the_encoder_it_had(checkpoint, tmp_path):
    nlp = trained(checkpoint)
    nlp.to_disk(tmp_path)
    old = weakref.ref(transformer_of(nlp))
    nlp.from_disk(tmp_path)
    gc.collect()
    assert old() is None


def test_a_copy_of_the_transformers_model_waits_for_nobodys_steps(checkpoint):
    nlp, examples = ready(checkpoint)
    nlp.update(examples, sgd=build_adamw_v1(0.01))
    shims = [copy.deepcopy(shim) for node in nlp.get_pipe("transformer").model.walk() for shim in node.shims]
    before = weights_of(nlp)
    for parameter in shims[0]._model.parameters():
        parameter.grad = torch.ones_like(parameter)
    shims[0].finish_update(build_adamw_v1(0.01))
    assert not differing(before, weights_of(nlp))
    assert differing(transformer_of(nlp).state_dict(), shims[0]._model.state_dict())


def test_the_term_still_steps_an_encoder_whose_listeners_were_replaced(checkpoint, tmp_path):
    nlp, examples = ready(checkpoint)
    nlp.replace_listeners("transformer", "textcat", ["model.tok2vec"])
    before = weights_of(nlp)["embeddings.word_embeddings.weight"]
    train_step(nlp, [examples], build_adamw_v1(0.01))
    assert not torch.equal(before, transformer_of(nlp).state_dict()["embeddings.word_embeddings.weight"])
    nlp.to_disk(tmp_path)
    assert spacy.load(tmp_path)("The parcel arrived late.").cats == nlp("The parcel arrived late.").cats


@pytest.mark.parametrize("mlm_weight", [0.0, 0.3])
def test_a_trained_pipeline_saves_packages_and_loads_with_its_head_or_without(
    mlm_weight, checkpoint, tmp_path
):
    trained(checkpoint, steps=1, mlm_weight=mlm_weight).to_disk(tmp_path / "saved")
    (tmp_path / "packages").mkdir()
    package(tmp_path / "saved", tmp_path / "packages", name="shared", create_wheel=False, create_sdist=False)
    (folder,) = (tmp_path / "packages").glob("*/*/*/config.cfg")
    nlp = spacy.load(folder.parent)
    assert lm_head_shim(nlp.get_pipe("xling_mlm").model).is_initialized == bool(mlm_weight)
    assert nlp("The parcel arrived late.").cats


def test_training_can_leave_it_out_of_what_it_saves(checkpoint, tmp_path):
    folder = tmp_path / "work"
    folder.mkdir()
    callback = {"@callbacks": "spacy-xling.without_components.v1", "components": ["xling_mlm"]}
    changes = {"training__before_to_disk": callback, "training__optimizer__use_averages": False}
    work = Work(SHARED, folder, checkpoint, training__max_steps=4, **changes)
    work.output.mkdir()
    nlp = work.start()
    train(nlp, work.output, stdout=io.StringIO(), stderr=io.StringIO())
    assert nlp.pipe_names == ["transformer", "xling_mlm", "textcat"]
    shipped = spacy.load(work.output / "model-last")
    assert shipped.pipe_names == ["transformer", "textcat"]
    assert "xling_mlm" not in shipped.config["components"] | shipped.config["initialize"]["components"]
    assert shipped.config["training"]["before_to_disk"] is None
    assert shipped("The parcel arrived late.").cats == nlp("The parcel arrived late.").cats


def test_leaving_out_a_component_leaves_the_pipeline_as_it_is(checkpoint):
    nlp, examples = ready(checkpoint, listeners=("textcat", "tagger"))
    names = ["transformer", "xling_mlm", "textcat", "tagger"]
    config, meta = nlp.config.to_str(), dict(nlp.meta)
    shipped = build_without_components_v1(["textcat", "xling_mlm"])(nlp)
    assert (shipped.pipe_names, nlp.pipe_names) == (["transformer", "tagger"], names)
    assert shipped.get_pipe("transformer") is nlp.get_pipe("transformer")
    assert (nlp.config.to_str(), dict(nlp.meta)) == (config, meta)
    losses = train_step(nlp, [examples], build_adamw_v1(0.01))
    assert all(losses[name] > 0 for name in names[1:])


def test_a_config_is_initialized_and_trained_by_spacy(checkpoint, tmp_path):
    folder = tmp_path / "work"
    folder.mkdir()
    work = Work(SHARED, folder, checkpoint, training__max_steps=4)
    nlp = init_nlp(work.start().config)
    work.output.mkdir()
    printed = io.StringIO()
    train(nlp, work.output, stdout=printed, stderr=io.StringIO())
    assert "MLM" in printed.getvalue()
    assert all(row["losses"]["xling_mlm_mlm"] > 0 for row in work.rows())


# Bad input


def initialize_alone(nlp, **given):
    nlp.get_pipe("xling_mlm").initialize(lambda: shared_examples(nlp), nlp=nlp, **given)


RAW_TEXT = {"unlabelled": lambda nlp: RawTexts()}


def test_without_spacy_transformers_it_is_X527_and_names_the_extra(nlp, monkeypatch):
    monkeypatch.setitem(sys.modules, "spacy_transformers", None)
    with pytest.raises(ImportError, match=r"^\[X527\].*'xling_mlm'.*spacy-xling\[shared\]"):
        nlp.add_pipe("xling_mlm")


@needs_shared
def test_no_transformer_is_X520_with_the_components_there_are(nlp):
    nlp.add_pipe("sentencizer")
    nlp.add_pipe("xling_mlm")
    with pytest.raises(ValueError, match=r"^\[X520\].*'transformer'.*\['sentencizer', 'xling_mlm'\]"):
        initialize_alone(nlp, **RAW_TEXT)


def test_a_wrong_name_is_X520(checkpoint):
    nlp = make_shared(checkpoint, upstream="transfomer")
    with pytest.raises(ValueError, match=r"^\[X520\].*'transfomer'.*'transformer'"):
        initialize_alone(nlp, **RAW_TEXT)


@needs_shared
def test_another_kind_of_component_is_X521(nlp):
    nlp.add_pipe("tok2vec")
    nlp.add_pipe("xling_mlm", config={"upstream": "tok2vec"})
    with pytest.raises(ValueError, match=r"^\[X521\].*Tok2Vec"):
        initialize_alone(nlp, **RAW_TEXT)


def test_a_transformer_that_is_not_loaded_yet_is_X522(checkpoint):
    with pytest.raises(ValueError, match=r"^\[X522\]"):
        initialize_alone(make_shared(checkpoint), **RAW_TEXT)


def headless(checkpoint, folder):
    """The checkpoint without its LM head."""
    AutoModel.from_pretrained(checkpoint).save_pretrained(folder)
    make_tokenizer("unigram").save_pretrained(folder)
    return folder


def test_a_checkpoint_without_its_head_is_X523_and_head_from_helps(checkpoint, tmp_path):
    bare = headless(checkpoint, tmp_path / "bare")
    nlp = make_shared(bare)
    nlp.get_pipe("transformer").initialize(lambda: shared_examples(nlp))
    with pytest.raises(ValueError, match=rf"^\[X523\].*'{bare}'.*\[X314\].*head_from") as caught:
        initialize_alone(nlp, **RAW_TEXT)
    assert "\n" not in str(caught.value)
    nlp = make_shared(bare, model={"head_from": str(checkpoint)})
    initialize_shared(nlp, shared_examples(nlp))
    assert train_step(nlp, [shared_examples(nlp)], build_adamw_v1(0.01))["xling_mlm"] > 0


def test_a_head_from_that_is_not_there_is_X523(checkpoint):
    nlp = make_shared(checkpoint, model={"head_from": "./no/such/folder"})
    nlp.get_pipe("transformer").initialize(lambda: shared_examples(nlp))
    with pytest.raises(ValueError, match=r"^\[X523\].*'./no/such/folder'.*\[X301\]"):
        initialize_alone(nlp, **RAW_TEXT)


def test_the_head_of_another_encoder_is_X317(checkpoint, checkpoints):
    nlp = make_shared(checkpoint, model={"head_from": str(checkpoints("bert"))})
    nlp.get_pipe("transformer").initialize(lambda: shared_examples(nlp))
    with pytest.raises(ValueError, match=r"^\[X523\].*\[X317\].*'bert'.*'xlm-roberta'"):
        initialize_alone(nlp, **RAW_TEXT)


def test_an_untied_head_is_X315(checkpoint, tmp_path):
    config = AutoConfig.from_pretrained(checkpoint, tie_word_embeddings=False)
    AutoModelForMaskedLM.from_config(config).save_pretrained(tmp_path)
    make_tokenizer("unigram").save_pretrained(tmp_path)
    nlp = make_shared(tmp_path)
    nlp.get_pipe("transformer").initialize(lambda: shared_examples(nlp))
    with pytest.raises(ValueError, match=r"^\[X523\].*\[X315\]"):
        initialize_alone(nlp, **RAW_TEXT)


def test_lambda_without_raw_text_is_X526_with_the_settings_there_are(checkpoint):
    nlp = make_shared(checkpoint)
    nlp.get_pipe("transformer").initialize(lambda: shared_examples(nlp))
    with pytest.raises(ValueError, match=r"^\[X526\].*mlm_on_batch = true"):
        initialize_alone(nlp)


@needs_shared
def test_the_joint_objective_is_X524(nlp, checkpoint):
    objective = {"@losses": "spacy-xling.JointObjective.v1", "mlm_weight": 0.1}
    objective["classification"] = {"@losses": "spacy-xling.CrossEntropy.v1"}
    with pytest.raises(ValueError, match=r"^\[X524\].*JointObjective"):
        nlp.add_pipe("xling_mlm", config={"objective": objective})


def test_a_loss_that_is_no_number_is_X525(checkpoint):
    nlp, examples = ready(checkpoint)
    with torch.no_grad():
        lm_head_shim(nlp.get_pipe("xling_mlm").model)._model.bias.fill_(float("nan"))
    with pytest.raises(ValueError, match=r"^\[X525\].*nan"):
        train_step(nlp, [examples], build_adamw_v1(0.01))


def test_a_loaded_component_without_a_head_is_X316(checkpoint, tmp_path):
    trained(checkpoint, mlm_weight=0.0).to_disk(tmp_path)
    nlp = spacy.load(tmp_path, config={"components.xling_mlm.objective.mlm_weight": 0.1})
    nlp.get_pipe("xling_mlm").attach_unlabelled(RawTexts())
    with pytest.raises(ValueError, match=r"^\[X316\]"):
        train_step(nlp, [shared_examples(nlp)], build_adamw_v1(0.01))


def test_updating_before_initializing_misses_what_is_to_be_loaded_and_no_raw_text(checkpoint):
    nlp = make_shared(checkpoint)
    pipe = nlp.get_pipe("xling_mlm")
    with pytest.raises(ValueError, match=r"^\[X522\]"):
        pipe.update(shared_examples(nlp))
    nlp.get_pipe("transformer").initialize(lambda: shared_examples(nlp), nlp=nlp)
    with pytest.raises(ValueError, match=r"^\[X316\]"):
        pipe.update(shared_examples(nlp))


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode])
def test_learning_without_gradients_is_X322(mode, checkpoint):
    nlp, examples = ready(checkpoint)
    with mode(), pytest.raises(ValueError, match=r"^\[X322\]"):
        nlp.get_pipe("xling_mlm").update(examples)


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode])
def test_a_head_that_was_loaded_without_gradients_learns_all_the_same(mode, checkpoint):
    nlp, examples = ready(checkpoint)
    pipe = nlp.get_pipe("xling_mlm")
    shim = lm_head_shim(pipe.model)
    for load in (lambda: shim.initialize(str(checkpoint)), lambda: pipe.from_bytes(pipe.to_bytes())):
        with mode():
            load()
        before = {name: p.detach().clone() for name, p in shim._model.named_parameters()}
        pipe.update(examples, sgd=build_adamw_v1(0.01))
        assert all(not torch.equal(p, before[name]) for name, p in shim._model.named_parameters())


def test_a_loss_of_frozen_parameters_alone_is_X323(checkpoint):
    nlp, examples = ready(checkpoint)
    transformer_of(nlp).requires_grad_(False)
    lm_head_shim(nlp.get_pipe("xling_mlm").model)._model.requires_grad_(False)
    with pytest.raises(ValueError, match=r"^\[X323\].*masked-LM loss"):
        nlp.get_pipe("xling_mlm").update(examples)


def test_a_slow_tokenizer_of_the_transformer_is_X302(checkpoint, monkeypatch):
    nlp = make_shared(checkpoint)
    nlp.get_pipe("transformer").initialize(lambda: shared_examples(nlp))
    monkeypatch.setattr(type(nlp.get_pipe("transformer").model.tokenizer), "is_fast", False)
    with pytest.raises(ValueError, match=r"^\[X302\].*'transformer'"):
        initialize_alone(nlp, **RAW_TEXT)


def test_the_saved_config_has_the_transformers_block_as_it_was(checkpoint, tmp_path):
    before = make_shared(checkpoint, mlm=False).config["components"]["transformer"]
    trained(checkpoint, steps=1).to_disk(tmp_path)
    assert spacy.load(tmp_path).config["components"]["transformer"] == before


@pytest.mark.parametrize("averages", [{"average_last": 2}, {"use_averages": True}], ids=str)
def test_averages_that_miss_the_encoder_are_a_warning(averages, checkpoint):
    nlp, examples = ready(checkpoint)
    optimizer = build_adamw_v1(0.01, **averages)
    with pytest.warns(UserWarning, match=r"W521.*'transformer'"):
        train_step(nlp, [examples], optimizer)
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        train_step(nlp, [examples], optimizer)
