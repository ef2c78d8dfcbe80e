"""The component `xling_mlm` saved, loaded, sourced, packaged, and left out of what is saved."""

import copy
import gc
import io
import weakref

import pytest
import spacy
import torch
from spacy.cli.package import package
from spacy.training.initialize import init_nlp
from spacy.training.loop import train

from spacy_xling.models.architectures import lm_head_shim
from spacy_xling.optimizer.adamw import build_adamw_v1
from spacy_xling.training.callbacks import build_attach_unlabelled_v1, build_without_components_v1
from tests.conftest import make_checkpoint, make_tokenizer
from tests.pipeline.shared import (
    STEPS,
    RawTexts,
    assert_same_weights,
    differing,
    make_shared,
    ready,
    shared_examples,
    train_step,
    trained,
    transformer_of,
    weights_of,
)
from tests.resuming.configs import SHARED
from tests.resuming.runs import Work


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


def test_the_saved_config_has_the_transformers_block_as_it_was(checkpoint, tmp_path):
    before = make_shared(checkpoint, mlm=False).config["components"]["transformer"]
    trained(checkpoint, steps=1).to_disk(tmp_path)
    assert spacy.load(tmp_path).config["components"]["transformer"] == before
