from copy import deepcopy
from functools import lru_cache

import pytest
import torch
from transformers import (
    AutoModelForMaskedLM,
    BartConfig,
    ConvBertConfig,
    DebertaV2Config,
    ElectraConfig,
    FNetConfig,
    MobileBertConfig,
    RemBertConfig,
    XLMConfig,
)

from spacy_xling.models.masked_lm import MaskedLM
from tests.conftest import takes_places

SHAPE = {
    "vocab_size": 40,
    "hidden_size": 32,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "intermediate_size": 32,
}
UNKNOWN = {
    "electra": lambda: ElectraConfig(embedding_size=16, **SHAPE),
    "convbert": lambda: ConvBertConfig(embedding_size=32, **SHAPE),
    "xlm": lambda: XLMConfig(n_words=40, emb_dim=32, n_layers=1, n_heads=2),
    # Their heads stand under a known name, and compute something else or can't be run so.
    "mobilebert": lambda: MobileBertConfig(
        embedding_size=16, true_hidden_size=32, intra_bottleneck_size=32, **SHAPE
    ),
    "rembert": lambda: RemBertConfig(input_embedding_size=16, output_embedding_size=40, **SHAPE),
    "bart": lambda: BartConfig(
        vocab_size=40,
        d_model=32,
        encoder_layers=1,
        decoder_layers=1,
        encoder_attention_heads=2,
        decoder_attention_heads=2,
        encoder_ffn_dim=32,
        decoder_ffn_dim=32,
    ),
    "fnet": lambda: FNetConfig(vocab_size=40, hidden_size=32, num_hidden_layers=1, intermediate_size=32),
}


def batch():
    """Two windows of random pieces, the second padded."""
    generator = torch.Generator().manual_seed(0)
    ids = torch.randint(5, 40, (2, 9), generator=generator)
    attention = torch.ones(2, 9, dtype=torch.bool)
    ids[1, 6:], attention[1, 6:] = 1, False
    return ids, attention


@lru_cache
def load_once(folder):
    return AutoModelForMaskedLM.from_pretrained(folder).eval()


def load(folder):
    return deepcopy(load_once(folder))


def test_encode_project_and_decode_give_the_models_own_logits(checkpoints, family):
    masked_lm, whole = MaskedLM(load(checkpoints(family))).eval(), load(checkpoints(family))
    ids, attention = batch()
    with torch.no_grad():
        hidden = masked_lm.encoder.encode(masked_lm.encoder.embed(ids), attention)
        logits = masked_lm.decoder(masked_lm.project(hidden))
        expected = whole(input_ids=ids, attention_mask=attention.long()).logits
    assert hidden.shape == (2, 9, masked_lm.encoder.width) == (2, 9, 32)
    assert expected.std() > 0.1
    torch.testing.assert_close(logits[attention], expected[attention], rtol=1e-5, atol=1e-5)


def test_picked_positions_alone_give_the_same_logits(checkpoints, family):
    masked_lm = MaskedLM(load(checkpoints(family))).eval()
    ids, attention = batch()
    with torch.no_grad():
        expected = masked_lm.model(input_ids=ids, attention_mask=attention).logits.flatten(0, 1)
        positions = torch.tensor([1, 4, 5, 9, 14])
        states = masked_lm.encoder.encode(masked_lm.encoder.embed(ids), attention).flatten(0, 1)[positions]
        logits = masked_lm.decoder(masked_lm.project(states))
    torch.testing.assert_close(logits, expected[positions], rtol=1e-5, atol=1e-5)


def test_padding_changes_no_hidden_state(checkpoints, family):
    masked_lm = MaskedLM(load(checkpoints(family))).eval()
    ids, attention = batch()
    with torch.no_grad():
        padded = masked_lm.encoder.encode(masked_lm.encoder.embed(ids), attention)[1, :6]
        alone = masked_lm.encoder.encode(masked_lm.encoder.embed(ids[1:, :6]), attention[1:, :6])[0]
    torch.testing.assert_close(padded, alone, rtol=1e-5, atol=1e-5)


def test_places_that_run_on_are_those_of_the_model(checkpoints, family):
    masked_lm = MaskedLM(load(checkpoints(family))).eval()
    ids, attention = batch()
    with torch.no_grad():
        expected = masked_lm.encoder.encode(masked_lm.encoder.embed(ids), attention)
        found = masked_lm.encoder.encode(
            masked_lm.encoder.embed(ids), attention, torch.arange(9).expand(2, 9)
        )
    torch.testing.assert_close(found[attention], expected[attention], rtol=1e-5, atol=1e-5)


def test_pieces_of_like_places_can_change_places(checkpoints, family):
    """Attention knows an order by positions only: two pieces with one place each can be swapped."""
    masked_lm = MaskedLM(load(checkpoints(family))).eval()
    ids, attention = batch()
    swapped = ids.clone()
    swapped[0, [2, 6]] = ids[0, [6, 2]]
    places = torch.tensor([[0, 1, 2, 3, 0, 1, 2, 3, 4], [0, 1, 2, 3, 4, 5, 0, 0, 0]])
    with torch.no_grad():
        one = masked_lm.encoder.encode(masked_lm.encoder.embed(ids), attention, places)
        other = masked_lm.encoder.encode(masked_lm.encoder.embed(swapped), attention, places)
        running = masked_lm.encoder.encode(masked_lm.encoder.embed(ids), attention)
    same = torch.allclose(other[0, [6, 2]], one[0, [2, 6]], rtol=1e-5, atol=1e-5)
    assert same == takes_places(family)
    assert torch.equal(one, running) != takes_places(family)


def test_the_decoder_is_that_of_the_model(checkpoints, family):
    model = load(checkpoints(family))
    masked_lm = MaskedLM(model)
    assert masked_lm.decoder is model.get_output_embeddings()
    assert masked_lm.decoder.weight.shape[0] == model.config.vocab_size
    assert masked_lm.decoder.bias is not None


@pytest.mark.parametrize("training", [True, False])
def test_making_it_leaves_the_model_in_its_mode(checkpoint, training):
    model = load(checkpoint).train(training)
    MaskedLM(model)
    assert {module.training for module in model.modules()} == {training}


@pytest.mark.parametrize("family", sorted(UNKNOWN))
def test_an_unknown_head_is_X307(family):
    model = AutoModelForMaskedLM.from_config(UNKNOWN[family]())
    with pytest.raises(ValueError, match=f"X307.*{type(model).__name__}"):
        MaskedLM(model)


@pytest.mark.filterwarnings("ignore:.*torch.jit.*")
def test_a_head_that_computes_something_else_is_X307():
    # DeBERTa's own head has the name of BERT's, and multiplies by the embeddings instead.
    model = AutoModelForMaskedLM.from_config(DebertaV2Config(legacy=False, **SHAPE))
    with pytest.raises(ValueError, match="X307"):
        MaskedLM(model)


def test_a_head_of_known_form_that_does_more_is_X307(checkpoint, monkeypatch):
    model = load(checkpoint)
    original = model.lm_head.forward
    monkeypatch.setattr(model.lm_head, "forward", lambda *args, **kwargs: original(*args, **kwargs) + 0.01)
    with pytest.raises(ValueError, match="X307"):
        MaskedLM(model)
