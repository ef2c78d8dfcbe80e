"""What can be wrong with the component `xling_mlm`: transformer, LM head, raw text and gradients."""

import sys
import warnings

import pytest
import spacy
import torch
from transformers import AutoConfig, AutoModel, AutoModelForMaskedLM

from spacy_xling.models.architectures import lm_head_shim
from spacy_xling.optimizer.adamw import build_adamw_v1
from tests.conftest import make_tokenizer, needs_shared
from tests.pipeline.shared import (
    RawTexts,
    initialize_shared,
    make_shared,
    ready,
    shared_examples,
    train_step,
    trained,
    transformer_of,
)


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


@pytest.mark.parametrize("averages", [{"average_last": 2}, {"use_averages": True}], ids=str)
def test_averages_that_miss_the_encoder_are_a_warning(averages, checkpoint):
    nlp, examples = ready(checkpoint)
    optimizer = build_adamw_v1(0.01, **averages)
    with pytest.warns(UserWarning, match=r"W521.*'transformer'"):
        train_step(nlp, [examples], optimizer)
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        train_step(nlp, [examples], optimizer)
