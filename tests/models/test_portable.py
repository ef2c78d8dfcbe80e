"""Checkpoints are written so that transformers 4 and 5 load the same, whichever of them runs these tests."""

import json
import shutil
from pathlib import Path

import pytest
import torch
import transformers
from safetensors.torch import load_file
from tokenizers import Tokenizer, normalizers
from transformers import AlbertTokenizerFast, AutoModelForMaskedLM, AutoTokenizer

from spacy_xling.models.checkpoint import load_encoder, load_tokenizer, read_config, save_checkpoint
from spacy_xling.models.portable import with_older_name
from tests.conftest import FAMILIES, TEXTS, make_checkpoint, make_tokenizer

# As transformers 5 has ModernBERT's settings of positions.
ROPE_PARAMETERS = {
    "full_attention": {"rope_type": "default", "rope_theta": 700.0},
    "sliding_attention": {"rope_type": "default", "rope_theta": 500.0},
}

# Classes that tokenizers of the hub have.
CLASSES = {
    "albert": "AlbertTokenizerFast",
    "bert": "BertTokenizerFast",
    "distilbert": "DistilBertTokenizerFast",
    "roberta": "RobertaTokenizerFast",
    "xlm-roberta": "XLMRobertaTokenizerFast",
}
ODD = ["Das PAKET kam zu SPÄT, Straße!", "I want   my money-back 123 ½ ﬁne", "été ＡＢＣ"]


def saved(checkpoint, folder, change=lambda encoder: None):
    encoder = load_encoder(str(checkpoint))
    change(encoder)
    folder.mkdir()
    save_checkpoint(encoder.masked_lm.model, encoder.tokenizer, folder)
    return folder


def read(file):
    return json.loads(file.read_text(encoding="utf8"))


def test_a_tokenizer_is_named_as_both_know_it(family, checkpoints, tmp_path):
    settings = read(saved(checkpoints(family), tmp_path / "saved") / "tokenizer_config.json")
    assert settings["tokenizer_class"] == "PreTrainedTokenizerFast"
    assert settings["model_input_names"] == ["input_ids", "attention_mask"]


def test_a_tokenizer_of_a_class_of_its_own_loads_as_its_file_has_it(tmp_path):
    """Transformers 5 would make an ALBERT tokenizer again, with a normalizer of its own."""
    whole = make_checkpoint("albert", tmp_path / "whole")
    encoder = load_encoder(str(whole))
    backend = make_tokenizer(FAMILIES["albert"][0]).backend_tokenizer
    backend.normalizer = normalizers.Lowercase()
    own = AlbertTokenizerFast(tokenizer_object=backend, pad_token="<pad>")
    save_checkpoint(encoder.masked_lm.model, own, tmp_path)
    loaded = AutoTokenizer.from_pretrained(tmp_path)
    assert loaded.backend_tokenizer.to_str() == own.backend_tokenizer.to_str()
    assert [loaded(text)["input_ids"] for text in TEXTS] == [own(text)["input_ids"] for text in TEXTS]
    assert loaded.model_input_names == own.model_input_names


@pytest.mark.parametrize("family", CLASSES)
def test_a_tokenizer_cuts_texts_as_its_file_says_whatever_its_class(family, tmp_path):
    folder = make_checkpoint(family, tmp_path)
    backend = Tokenizer.from_file(str(folder / "tokenizer.json"))
    backend.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Lowercase()])
    backend.save(str(folder / "tokenizer.json"))
    settings = {**read(folder / "tokenizer_config.json"), "tokenizer_class": CLASSES[family]}
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))
    tokenizer = load_tokenizer(str(folder))
    assert [tokenizer(text)["input_ids"] for text in ODD] == [backend.encode(text).ids for text in ODD]
    assert tokenizer.mask_token == "<mask>"
    assert tokenizer.model_max_length == 64


def test_a_tokenizer_that_transformers_5_wrote_loads(checkpoint, tmp_path):
    folder = Path(shutil.copytree(checkpoint, tmp_path / "copy"))
    settings = {**read(folder / "tokenizer_config.json"), "tokenizer_class": "TokenizersBackend"}
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))
    found, expected = load_tokenizer(str(folder)), load_tokenizer(str(checkpoint))
    assert found(TEXTS)["input_ids"] == expected(TEXTS)["input_ids"]
    assert found.special_tokens_map == expected.special_tokens_map


def test_further_special_pieces_are_named_as_both_know_them(checkpoint, tmp_path):
    def add(encoder):
        encoder.tokenizer.add_special_tokens({"additional_special_tokens": ["[ORDER]", "[TICKET]"]})

    folder = saved(checkpoint, tmp_path / "saved", add)
    settings = read(folder / "tokenizer_config.json")
    assert settings["additional_special_tokens"] == ["[ORDER]", "[TICKET]"]
    assert not settings.get("extra_special_tokens")
    loaded = AutoTokenizer.from_pretrained(folder)
    assert {"[ORDER]", "[TICKET]"} < set(loaded.all_special_tokens)
    assert len(loaded("[ORDER][TICKET]")["input_ids"]) == 4


def test_numbers_of_any_size_are_written_as_they_are(checkpoint, tmp_path):
    def remove_limit(encoder):
        encoder.tokenizer.model_max_length = 10**30

    settings = read(saved(checkpoint, tmp_path / "saved", remove_limit) / "tokenizer_config.json")
    assert settings["model_max_length"] == 10**30


@pytest.mark.parametrize(
    ("family", "head", "decoder"),
    [
        ("bert", "cls.predictions.bias", "cls.predictions.decoder.bias"),
        ("roberta", "lm_head.bias", "lm_head.decoder.bias"),
    ],
)
def test_the_bias_of_an_untied_decoder_has_both_names(family, head, decoder, tmp_path):
    whole = make_checkpoint(family, tmp_path / "whole", tie_word_embeddings=False)
    bias = load_encoder(str(whole)).masked_lm.decoder.bias
    folder = saved(whole, tmp_path / "saved")
    weights = load_file(folder / "model.safetensors")
    assert bias.any()
    assert torch.equal(weights[head], bias)
    assert torch.equal(weights[decoder], bias)
    assert torch.equal(AutoModelForMaskedLM.from_pretrained(folder).get_output_embeddings().bias, bias)


def test_tied_weights_are_written_once(family, checkpoints, tmp_path):
    folder = saved(checkpoints(family), tmp_path / "saved")
    model = AutoModelForMaskedLM.from_pretrained(folder)
    n_written = sum(tensor.numel() for tensor in load_file(folder / "model.safetensors").values())
    assert n_written == sum(parameter.numel() for parameter in model.parameters())


def test_positions_of_modernbert_are_written_as_both_read_them(tmp_path):
    make_checkpoint("modernbert", tmp_path / "whole")
    config = read(tmp_path / "whole" / "config.json")
    config = {name: value for name, value in config.items() if not name.endswith("_rope_theta")}
    config["rope_parameters"] = ROPE_PARAMETERS
    (tmp_path / "whole" / "config.json").write_text(json.dumps(config))
    written = read(saved(tmp_path / "whole", tmp_path / "saved") / "config.json")
    assert (written["global_rope_theta"], written["local_rope_theta"]) == (700.0, 500.0)
    assert written["rope_parameters"] == ROPE_PARAMETERS


def test_positions_of_modernbert_are_read_as_transformers_5_writes_them(tmp_path):
    config = {"model_type": "modernbert", "rope_parameters": ROPE_PARAMETERS}
    (tmp_path / "config.json").write_text(json.dumps(config))
    found = read_config(str(tmp_path))
    assert (found.global_rope_theta, found.local_rope_theta) == (700.0, 500.0)


@pytest.mark.parametrize("every", [1, 2, 3])
def test_layers_of_modernbert_are_written_as_both_read_them(every, tmp_path):
    make_checkpoint("modernbert", tmp_path / "whole", num_hidden_layers=4)
    config = read(tmp_path / "whole" / "config.json")
    config.pop("global_attn_every_n_layers", None)
    kinds = ["sliding_attention" if layer % every else "full_attention" for layer in range(4)]
    (tmp_path / "whole" / "config.json").write_text(json.dumps({**config, "layer_types": kinds}))
    assert read_config(str(tmp_path / "whole")).global_attn_every_n_layers == every
    written = read(saved(tmp_path / "whole", tmp_path / "saved") / "config.json")
    assert (written["global_attn_every_n_layers"], written["layer_types"]) == (every, kinds)


@pytest.mark.parametrize(
    "changes",
    [
        {"layer_types": ["full_attention", "full_attention", "sliding_attention", "sliding_attention"]},
        {"rope_parameters": {"full_attention": {"rope_type": "linear", "factor": 2.0, "rope_theta": 700.0}}},
    ],
)
def test_a_model_that_transformers_4_cant_make_is_X332_there(changes, tmp_path):
    config = {"model_type": "modernbert", "num_hidden_layers": 4, **changes}
    (tmp_path / "config.json").write_text(json.dumps(config))
    if transformers.__version__ >= "5":
        assert read_config(str(tmp_path)).num_hidden_layers == 4
    else:
        with pytest.raises(ValueError, match="X332"):
            read_config(str(tmp_path))


def test_the_tokenizer_of_a_checkpoint_is_told_by_the_older_name():
    pieces = ["__en__", "__da__"]
    newer = {"tokenizer_class": "M2M100Tokenizer", "extra_special_tokens": pieces, "x": 10**30}
    older = {"tokenizer_class": "M2M100Tokenizer", "additional_special_tokens": pieces, "x": 10**30}
    files = {"tokenizer_config.json": json.dumps(newer).encode(), "config.json": b"{}"}
    found = with_older_name(files)
    assert json.loads(found.pop("tokenizer_config.json")) == older
    assert found == {"config.json": b"{}"}
    # What both read, and what is none, stays to the byte.
    for content in (json.dumps(older), '{"extra_special_tokens":  {"a": "b"}}', "no", "[1]"):
        same = {"tokenizer_config.json": content.encode()}
        assert with_older_name(same) == same
    assert with_older_name({}) == {}
