"""What is set of an encoder: its dropout, its window, its frozen layers, its precision."""

import pytest
import torch
from torch import nn

from spacy_xling.models.checkpoint import (
    find_window,
    freeze,
    load_encoder,
    load_masked_lm,
    read_window,
    resolve_precision,
)
from tests.conftest import make_tokenizer
from tests.models.checkpoint_folders import change_config, copy_of

# Settings of each family's config that are rates of dropout of the encoder, by its documentation.
DROPOUTS = {
    "bert": ["hidden_dropout_prob", "attention_probs_dropout_prob"],
    "distilbert": ["dropout", "attention_dropout"],
    "roberta": ["hidden_dropout_prob", "attention_probs_dropout_prob"],
    "xlm-roberta": ["hidden_dropout_prob", "attention_probs_dropout_prob"],
    "albert": ["hidden_dropout_prob", "attention_probs_dropout_prob"],
    "modernbert": ["embedding_dropout", "mlp_dropout", "attention_dropout"],
}
# Where each family keeps the word embeddings and the layers.
WORDS = {
    "bert": "bert.embeddings.word_embeddings.weight",
    "distilbert": "distilbert.embeddings.word_embeddings.weight",
    "roberta": "roberta.embeddings.word_embeddings.weight",
    "xlm-roberta": "roberta.embeddings.word_embeddings.weight",
    "albert": "albert.embeddings.word_embeddings.weight",
    "modernbert": "model.embeddings.tok_embeddings.weight",
}
LAYERS = {
    "bert": "bert.encoder.layer.",
    "distilbert": "distilbert.transformer.layer.",
    "roberta": "roberta.encoder.layer.",
    "xlm-roberta": "roberta.encoder.layer.",
    "modernbert": "model.layers.",
}
LONGEST = 1e30


def frozen(masked_lm):
    return {name for name, p in masked_lm.model.named_parameters() if not p.requires_grad}


# Dropout


def rates_in_use(model):
    """Every rate that the encoder's modules hold, by where."""
    rates = {}
    for path, module in model.base_model.named_modules():
        if isinstance(module, nn.Dropout):
            rates[path] = module.p
        for name in ("dropout_prob", "attention_dropout"):
            if isinstance(getattr(module, name, None), float):
                rates[f"{path}.{name}"] = getattr(module, name)
    return rates


def test_dropout_reaches_every_dropout_of_the_family(checkpoints, family):
    masked_lm = load_masked_lm(str(checkpoints(family)), dropout=0.37)
    config = masked_lm.model.config
    assert {name: getattr(config, name) for name in DROPOUTS[family]} == dict.fromkeys(DROPOUTS[family], 0.37)
    rates = {path: rate for path, rate in rates_in_use(masked_lm.model).items() if "classifier" not in path}
    assert len(rates) > 2
    # ALBERT holds the rate of a classifier's dropout in its layers too, where nothing uses it.
    assert set(rates.values()) == {0.37}


def test_dropout_zero_makes_training_mode_deterministic_and_another_does_not(checkpoints, family):
    ids = torch.arange(5, 25).unsqueeze(0)
    attention = torch.ones_like(ids, dtype=torch.bool)
    for dropout, same in ((0.0, True), (0.5, False)):
        masked_lm = load_masked_lm(str(checkpoints(family)), dropout=dropout).train()
        with torch.no_grad():
            one, other = (masked_lm.encoder.encode(masked_lm.encoder.embed(ids), attention) for _ in range(2))
        assert torch.equal(one, other) == same


def test_dropout_none_keeps_the_checkpoints_own(checkpoints, family, tmp_path):
    folder = copy_of(checkpoints(family), tmp_path)
    own = {name: 0.05 * (i + 1) for i, name in enumerate(DROPOUTS[family])}
    change_config(folder, **own)
    config = load_masked_lm(str(folder)).model.config
    assert {name: getattr(config, name) for name in own} == own


# Windows


@pytest.mark.parametrize(
    ("family", "longest"),
    # RoBERTa's kin have 66 positions, and count them from the padding piece, 1, on.
    [
        ("bert", 64),
        ("distilbert", 64),
        ("roberta", 64),
        ("xlm-roberta", 64),
        ("albert", 64),
        ("modernbert", 64),
    ],
)
def test_the_longest_window_of_each_family_is_what_it_can_run(checkpoints, family, longest):
    masked_lm = load_masked_lm(str(checkpoints(family))).eval()
    tokenizer = make_tokenizer("bpe")
    # What transformers gives a tokenizer without a limit.
    tokenizer.model_max_length = int(LONGEST)
    assert find_window(masked_lm.encoder, tokenizer, None) == longest
    ids = torch.full((1, longest), 7)
    masked_lm.encoder.encode(masked_lm.encoder.embed(ids), torch.ones_like(ids, dtype=torch.bool))
    if family != "modernbert":
        # Rotary positions have no table to run out of.
        with pytest.raises((IndexError, RuntimeError)):
            masked_lm.encoder.encode(
                masked_lm.encoder.embed(ids.new_full((1, longest + 1), 7)),
                torch.ones(1, longest + 1, dtype=torch.bool),
            )


def test_the_tokenizers_limit_counts_where_it_is_less(checkpoint):
    masked_lm, tokenizer = load_masked_lm(str(checkpoint)), make_tokenizer("bpe")
    for own, expected in ((40, 40), (64, 64), (500, 64), (LONGEST, 64)):
        tokenizer.model_max_length = own
        assert find_window(masked_lm.encoder, tokenizer, None) == expected


def test_the_window_is_read_without_weights(checkpoints, family, tmp_path):
    window = load_encoder(str(checkpoints(family))).window
    folder = copy_of(checkpoints(family), tmp_path)
    (folder / "model.safetensors").unlink()
    assert read_window(str(folder)) == window


def test_the_window_of_no_masked_lm_is_X301(checkpoint, tmp_path):
    folder = copy_of(checkpoint, tmp_path)
    change_config(folder, model_type="vit")
    with pytest.raises(ValueError, match="X301"):
        read_window(str(folder))


def test_a_window_that_is_wanted_is_given(checkpoint):
    masked_lm, tokenizer = load_masked_lm(str(checkpoint)), make_tokenizer("bpe")
    assert [find_window(masked_lm.encoder, tokenizer, wanted) for wanted in (1, 32, 64)] == [1, 32, 64]


@pytest.mark.parametrize("wanted", [0, -1, 65, 10**6])
def test_a_window_out_of_range_is_X305(checkpoint, wanted):
    with pytest.raises(ValueError, match=r"X305.* 1 to 64"):
        find_window(load_masked_lm(str(checkpoint)).encoder, make_tokenizer("bpe"), wanted)


# Freezing


def test_nothing_is_frozen_without_asking(checkpoints, family):
    masked_lm = load_masked_lm(str(checkpoints(family)))
    freeze(masked_lm, embeddings=False, layers=0)
    assert frozen(masked_lm) == set()


def test_freezing_embeddings_freezes_the_words_and_the_tied_decoder_alone(checkpoints, family):
    masked_lm = load_masked_lm(str(checkpoints(family)))
    assert masked_lm.decoder.weight is masked_lm.model.get_input_embeddings().weight
    freeze(masked_lm, embeddings=True, layers=0)
    # A tied matrix has two names, and releases of transformers don't agree on the first.
    (word_embeddings,) = (p for p in masked_lm.model.parameters() if not p.requires_grad)
    assert word_embeddings is masked_lm.model.get_parameter(WORDS[family])


@pytest.mark.parametrize("family", sorted(LAYERS))
@pytest.mark.parametrize("n", [1, 2])
def test_freezing_layers_freezes_exactly_the_first(checkpoints, family, n):
    masked_lm = load_masked_lm(str(checkpoints(family)))
    freeze(masked_lm, embeddings=False, layers=n)
    prefixes = tuple(f"{LAYERS[family]}{i}." for i in range(n))
    expected = {name for name, _ in masked_lm.model.named_parameters() if name.startswith(prefixes)}
    assert len(expected) >= 5 * n
    assert frozen(masked_lm) == expected


@pytest.mark.parametrize(("family", "depth"), [("bert", 2), ("modernbert", 2), ("albert", 0)])
def test_freezing_layers_that_arent_there_is_X306(checkpoints, family, depth):
    # The layers of ALBERT share their weights.
    masked_lm = load_masked_lm(str(checkpoints(family)))
    with pytest.raises(ValueError, match=f"X306.*freeze_layers = 3.* 0 to {depth}"):
        freeze(masked_lm, embeddings=False, layers=3)
    assert frozen(masked_lm) == set()


def test_albert_freezes_no_layer_by_itself(checkpoints):
    with pytest.raises(ValueError, match=r"X306.*freeze_layers = 1"):
        freeze(load_masked_lm(str(checkpoints("albert"))), embeddings=False, layers=1)


# Precision


@pytest.mark.parametrize("device", ["cpu", "cuda"])
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_a_precision_that_is_named_is_taken(device, precision):
    assert resolve_precision(precision, torch.device(device)) == precision


@pytest.mark.parametrize(
    ("capabilities", "expected"),
    [
        ({"avx512_bf16": True}, "bf16"),
        ({"amx_bf16": True, "avx512_bf16": False}, "bf16"),
        ({"avx512_bf16": False, "amx_bf16": False, "avx2": True}, "fp32"),
        ({}, "fp32"),
    ],
)
def test_auto_on_a_cpu_asks_its_capabilities(monkeypatch, capabilities, expected):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: capabilities, raising=False)
    assert resolve_precision("auto", torch.device("cpu")) == expected


def test_auto_on_a_cpu_of_which_torch_cant_tell_is_fp32(monkeypatch):
    monkeypatch.delattr(torch.cpu, "get_capabilities", raising=False)
    assert resolve_precision("auto", torch.device("cpu")) == "fp32"


@pytest.mark.parametrize(("supported", "expected"), [(True, "bf16"), (False, "fp32")])
def test_auto_on_a_gpu_asks_for_hardware_and_not_emulation(monkeypatch, supported, expected):
    def is_bf16_supported(including_emulation=True):
        return including_emulation or supported

    monkeypatch.setattr(torch.cuda, "is_bf16_supported", is_bf16_supported)
    assert resolve_precision("auto", torch.device("cuda")) == expected
