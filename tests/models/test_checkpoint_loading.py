"""Checkpoints and tokenizers are loaded as they are, saved as they were, and refused if they aren't whole."""

import json
import shutil
import socket
import warnings

import pytest
import torch
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer
from tokenizers.processors import TemplateProcessing
from transformers import AutoModel, AutoModelForMaskedLM, AutoTokenizer, ByT5Tokenizer, DebertaV2Config
from transformers.utils import logging

from spacy_xling.models.checkpoint import (
    freeze,
    load_masked_lm,
    load_tokenizer,
    read_config,
    read_window,
    save_checkpoint,
)
from spacy_xling.models.encoder_shim import EncoderSettings
from spacy_xling.models.joint_shim import HeadSettings, JointShim
from tests.conftest import make_checkpoint, make_tokenizer
from tests.models.checkpoint_folders import change_config, copy_of


@pytest.fixture
def no_network(monkeypatch):
    """Any attempt to connect fails the test, whatever becomes of the error."""
    tried = []
    monkeypatch.setattr(socket.socket, "connect", lambda self, address: tried.append(address))
    monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **kwargs: tried.append(args))
    yield
    assert not tried


# Loading


def test_loads_the_weights_of_the_checkpoint_without_warning(checkpoints, family):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        masked_lm = load_masked_lm(str(checkpoints(family)))
    assert not [warning for warning in caught if "W301" in str(warning.message)]
    saved = load_file(checkpoints(family) / "model.safetensors")
    loaded = masked_lm.model.state_dict()
    assert len(saved) > 10
    for name, weight in saved.items():
        assert torch.equal(loaded[name], weight), name


def test_loads_in_fp32_whatever_the_checkpoint_is_in(checkpoint, tmp_path):
    AutoModelForMaskedLM.from_pretrained(checkpoint).bfloat16().save_pretrained(tmp_path)
    assert {weight.dtype for weight in load_file(tmp_path / "model.safetensors").values()} == {torch.bfloat16}
    masked_lm = load_masked_lm(str(tmp_path))
    assert {parameter.dtype for parameter in masked_lm.parameters()} == {torch.float32}


@pytest.mark.usefixtures("no_network")
@pytest.mark.parametrize("load", [load_masked_lm, load_tokenizer])
@pytest.mark.parametrize("name", ["/no/such/folder", "./missing", "../missing", "~/missing", "a/b/c"])
def test_a_missing_folder_is_X301_at_once(load, name, monkeypatch):
    # As where hubs may be asked.
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    with pytest.raises(ValueError, match=f"X301.*'{name}'.*no such folder"):
        load(name)


@pytest.mark.parametrize("load", [load_masked_lm, load_tokenizer])
@pytest.mark.parametrize("name", ["no-such-model", "nobody/no-such-model", "not a valid name!"])
def test_a_hub_name_that_cant_be_had_is_X301(load, name):
    with pytest.raises(ValueError, match="X301") as caught:
        load(name)
    assert "\n" not in str(caught.value)
    assert name in str(caught.value)


def test_a_folder_without_config_is_X301(tmp_path):
    with pytest.raises(ValueError, match="X301"):
        load_masked_lm(str(tmp_path))


@pytest.mark.parametrize("content", [None, "{broken", json.dumps({"model_type": "unheard-of"})])
def test_a_config_that_cannot_be_read_is_X310(tmp_path, content):
    path = tmp_path / "config.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(ValueError, match="X310"):
        read_config(str(path))


def test_a_folder_without_weights_is_X301(checkpoint, tmp_path):
    folder = copy_of(checkpoint, tmp_path)
    (folder / "model.safetensors").unlink()
    with pytest.raises(ValueError, match="X301"):
        load_masked_lm(str(folder))


@pytest.mark.parametrize("content", [b"version https://git-lfs.github.com/spec/v1\n", b""])
def test_weights_that_are_no_weights_are_X301(checkpoint, tmp_path, content):
    folder = copy_of(checkpoint, tmp_path)
    (folder / "model.safetensors").write_bytes(content)
    with pytest.raises(ValueError, match="X301"):
        load_masked_lm(str(folder))


@pytest.mark.parametrize(
    "changes",
    [
        {"vocab_size": -1},
        {"hidden_size": "wide"},
        {"num_attention_heads": 0},
        {"hidden_act": "nonsense"},
        {"pad_token_id": 9999},
        {"hidden_size": 10**12},
    ],
)
def test_a_config_that_fits_no_model_is_X301(changes, checkpoint, tmp_path):
    folder = shutil.copytree(checkpoint, tmp_path / "copy")
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, **changes}))
    with pytest.raises(ValueError, match="X301"):
        load_masked_lm(str(folder))
    with pytest.raises(ValueError, match=r"X301|X310"):
        read_window(str(folder))


def test_a_checkpoint_of_no_masked_lm_is_X301(checkpoint, tmp_path):
    folder = copy_of(checkpoint, tmp_path)
    change_config(folder, model_type="gpt2")
    with pytest.raises(ValueError, match="X301"):
        load_masked_lm(str(folder))


def test_a_checkpoint_without_lm_head_warns_and_loads_the_encoder(checkpoints, family, tmp_path):
    encoder = AutoModel.from_pretrained(checkpoints(family))
    encoder.save_pretrained(tmp_path)
    with pytest.warns(UserWarning, match="W301"):
        masked_lm = load_masked_lm(str(tmp_path))
    loaded = masked_lm.model.base_model.state_dict()
    saved = encoder.state_dict()
    # A masked-LM model has no pooler.
    assert {name for name in saved if name not in loaded} <= {n for n in saved if "pooler" in n}
    for name in loaded:
        assert torch.equal(loaded[name], saved[name]), name


@pytest.mark.filterwarnings("ignore:.*torch.jit.*")
def test_a_deberta_checkpoint_without_its_head_warns_and_loads(tmp_path):
    # Its module calls what torch deprecates.
    from transformers import DebertaV2Model

    config = DebertaV2Config(
        vocab_size=50, hidden_size=32, num_hidden_layers=1, num_attention_heads=2, intermediate_size=32
    )
    encoder = DebertaV2Model(config)
    encoder.save_pretrained(tmp_path)
    with pytest.warns(UserWarning, match="W301.*cls.predictions"):
        masked_lm = load_masked_lm(str(tmp_path))
    for name, weight in masked_lm.model.base_model.state_dict().items():
        assert torch.equal(weight, encoder.state_dict()[name]), name


@pytest.mark.parametrize("part", ["roberta.encoder.layer.1.", "roberta.embeddings.word_embeddings"])
def test_a_checkpoint_that_lacks_weights_of_the_encoder_is_X308(checkpoint, tmp_path, part):
    folder = copy_of(checkpoint, tmp_path)
    weights = load_file(folder / "model.safetensors")
    kept = {name: weight for name, weight in weights.items() if not name.startswith(part)}
    n = len(weights) - len(kept)
    assert n > 0
    save_file(kept, folder / "model.safetensors", {"format": "pt"})
    with pytest.raises(ValueError, match=f"X308.* lacks {n} weights .*{part}"):
        load_masked_lm(str(folder))


def test_a_checkpoint_with_encoder_weights_of_another_size_is_X308(checkpoint, tmp_path):
    folder = copy_of(checkpoint, tmp_path)
    change_config(folder, intermediate_size=48)
    with pytest.raises(ValueError, match=r"X308.*roberta.encoder.layer.0"):
        load_masked_lm(str(folder))


def test_a_head_of_another_size_warns(checkpoint, tmp_path):
    folder = copy_of(checkpoint, tmp_path)
    weights = load_file(folder / "model.safetensors")
    weights["lm_head.dense.weight"] = torch.zeros(3, 3)
    save_file(weights, folder / "model.safetensors", {"format": "pt"})
    with pytest.warns(UserWarning, match=r"W301.*\(lm_head.dense.weight\)"):
        load_masked_lm(str(folder))


# Tokenizers


def test_loads_the_tokenizer_of_the_checkpoint(checkpoint):
    tokenizer = load_tokenizer(str(checkpoint))
    expected = Tokenizer.from_file(str(checkpoint / "tokenizer.json"))
    text = "The parcel arrived late, 漢 🎁."
    assert tokenizer.is_fast
    assert tokenizer.mask_token == "<mask>"
    assert tokenizer(text)["input_ids"] == expected.encode(text).ids


def test_a_slow_tokenizer_is_X302(checkpoint, tmp_path):
    change = tmp_path / "slow"
    ByT5Tokenizer().save_pretrained(change)
    with pytest.raises(ValueError, match=r"X302.*ByT5Tokenizer"):
        load_tokenizer(str(change))


@pytest.mark.parametrize(
    "error",
    [
        ImportError("XLMRobertaConverter requires the SentencePiece library but it was not found."),
        ValueError(
            "Couldn't instantiate the backend tokenizer from one of: ... You need to have sentencepiece "
            "installed to convert a slow tokenizer to a fast one."
        ),
    ],
)
def test_a_missing_sentencepiece_library_is_X303_and_names_the_extra(tmp_path, monkeypatch, error):
    (tmp_path / "sentencepiece.bpe.model").touch()

    def from_pretrained(*args, **kwargs):
        raise error

    monkeypatch.setattr(AutoTokenizer, "from_pretrained", from_pretrained)
    with pytest.raises(ImportError, match=r"X303.*spacy-xling\[sentencepiece\]"):
        load_tokenizer(str(tmp_path))


def test_a_file_that_cant_be_read_is_no_missing_library(tmp_path):
    # The message of the error has the name in it.
    folder = tmp_path / "sentencepiece"
    folder.mkdir()
    with pytest.raises(ValueError, match="X301"):
        load_tokenizer(str(folder))


@pytest.mark.parametrize("lacks", ["padding piece", "start and end"])
def test_a_tokenizer_without_padding_piece_or_specials_is_X304(tmp_path, lacks):
    tokenizer = make_tokenizer("bpe")
    if lacks == "padding piece":
        tokenizer._special_tokens_map["pad_token"] = None
    else:
        tokenizer.backend_tokenizer.post_processor = TemplateProcessing(single="$A", special_tokens=[])
    tokenizer.save_pretrained(tmp_path)
    with pytest.raises(ValueError, match="X304"):
        load_tokenizer(str(tmp_path))


def test_a_tokenizer_with_more_pieces_than_embeddings_is_X312(checkpoint, tmp_path):
    folder = copy_of(checkpoint, tmp_path)
    tokenizer = load_tokenizer(str(folder))
    rows = len(tokenizer)
    tokenizer.add_tokens(["nonesuch"])
    tokenizer.save_pretrained(folder)
    shim = JointShim(
        EncoderSettings(str(folder), None, 0, "fp32", None, False, 0), HeadSettings("mean", True, None, 4096)
    )
    with pytest.raises(ValueError, match=f"X312.* number {rows}, .* {rows} embeddings"):
        shim.initialize(2)


# Saving


def test_nothing_is_printed_of_loading_and_saving(checkpoint, tmp_path, capfd):
    save_checkpoint(load_masked_lm(str(checkpoint)).model, load_tokenizer(str(checkpoint)), tmp_path)
    assert (capfd.readouterr()) == ("", "")
    # Whoever loads by transformers itself has bars as before.
    assert logging.is_progress_bar_enabled()


def test_a_saved_checkpoint_loads_in_transformers_with_equal_and_tied_weights(checkpoints, family, tmp_path):
    masked_lm, tokenizer = load_masked_lm(str(checkpoints(family))), load_tokenizer(str(checkpoints(family)))
    with torch.no_grad():
        for parameter in masked_lm.parameters():
            parameter.add_(0.01)
    save_checkpoint(masked_lm.model, tokenizer, tmp_path)
    assert (tmp_path / "model.safetensors").is_file()
    assert not list(tmp_path.glob("*.bin"))
    model, info = AutoModelForMaskedLM.from_pretrained(tmp_path, output_loading_info=True)
    assert not info["missing_keys"]
    saved = masked_lm.model.state_dict()
    assert model.state_dict().keys() == saved.keys()
    for name, weight in model.state_dict().items():
        assert torch.equal(weight, saved[name]), name
    assert model.get_output_embeddings().weight is model.get_input_embeddings().weight
    text = "The parcel arrived late."
    assert AutoTokenizer.from_pretrained(tmp_path)(text)["input_ids"] == tokenizer(text)["input_ids"]
    again = load_masked_lm(str(tmp_path))
    assert again.decoder.weight is again.model.get_input_embeddings().weight


def test_an_untied_decoder_stays_untied(tmp_path):
    folder = make_checkpoint("bert", tmp_path / "untied", tie_word_embeddings=False)
    masked_lm = load_masked_lm(str(folder))
    save_checkpoint(masked_lm.model, load_tokenizer(str(folder)), tmp_path / "saved")
    again = load_masked_lm(str(tmp_path / "saved"))
    embeddings = again.model.get_input_embeddings().weight
    assert again.decoder.weight is not embeddings
    assert not torch.equal(again.decoder.weight, embeddings)
    assert torch.equal(again.decoder.weight, masked_lm.decoder.weight)
    freeze(again, embeddings=True, layers=0)
    assert again.decoder.weight.requires_grad


@pytest.mark.parametrize("load", [load_tokenizer, load_masked_lm])
def test_code_that_comes_with_a_checkpoint_is_never_run(tmp_path, load, monkeypatch):
    folder = make_checkpoint("bert", tmp_path / "checkpoint")
    (folder / "evil.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w').close()\n")
    remote = {"AutoConfig": "evil.Config", "AutoModelForMaskedLM": "evil.Model"}
    for name, changes in (
        ("config.json", {"auto_map": remote, "model_type": "evil"}),
        (
            "tokenizer_config.json",
            {"auto_map": {"AutoTokenizer": [None, "evil.Tokenizer"]}, "tokenizer_class": "EvilTokenizer"},
        ),
    ):
        settings = json.loads((folder / name).read_text())
        (folder / name).write_text(json.dumps(settings | changes))
    monkeypatch.setattr("builtins.input", lambda *_: pytest.fail("asked whether to run it"))
    with pytest.raises(ValueError, match="X301"):
        load(str(folder))
    assert not (tmp_path / "ran").exists()
