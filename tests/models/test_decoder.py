import math

import pytest
import torch
from torch import nn

from spacy_xling.models.decoder import Decoder, positions

WIDTH, HEADS, LANGUAGES = 12, 3, 2


def make_decoder(layers=2, embedding_width=WIDTH, rate=0.0):
    torch.manual_seed(0)
    decoder = Decoder(
        WIDTH, embedding_width, layers=layers, heads=HEADS, rate=rate, n_languages=LANGUAGES
    ).double()
    for parameter in decoder.parameters():
        # Biases start at zero, norms at one: no test should depend on it.
        parameter.data.add_(torch.randn_like(parameter), alpha=0.1)
    return decoder


def inputs(rows=3, source=5, target=4, embedding_width=WIDTH):
    torch.manual_seed(1)
    encoded = torch.randn(rows, source, WIDTH, dtype=torch.float64)
    attention = torch.arange(source) < torch.tensor([5, 3, 1]).unsqueeze(1)
    embedded = torch.randn(rows, target, embedding_width, dtype=torch.float64)
    return encoded, attention, embedded, torch.tensor([0, 1, 0])


def torch_layer(layer, width=WIDTH, heads=HEADS):
    """The same layer as torch's own."""
    own = nn.TransformerDecoderLayer(
        width, heads, 4 * width, dropout=0.0, activation="gelu", batch_first=True, norm_first=True
    ).double()
    own.self_attn.in_proj_weight.data = layer.own_input.weight.data
    own.self_attn.in_proj_bias.data = layer.own_input.bias.data
    own.self_attn.out_proj.load_state_dict(layer.own_output.state_dict())
    query, memory = layer.source_query, layer.source_memory
    own.multihead_attn.in_proj_weight.data = torch.cat([query.weight, memory.weight]).data
    own.multihead_attn.in_proj_bias.data = torch.cat([query.bias, memory.bias]).data
    own.multihead_attn.out_proj.load_state_dict(layer.source_output.state_dict())
    own.linear1.load_state_dict(layer.feed_input.state_dict())
    own.linear2.load_state_dict(layer.feed_output.state_dict())
    own.norm1.load_state_dict(layer.own_norm.state_dict())
    own.norm2.load_state_dict(layer.source_norm.state_dict())
    own.norm3.load_state_dict(layer.feed_norm.state_dict())
    return own


def test_states_equal_those_of_torchs_own_decoder_layers():
    decoder = make_decoder()
    encoded, attention, embedded, languages = inputs()
    states = decoder(embedded, languages, decoder.remember(encoded, attention))

    start = decoder.languages.weight[languages].unsqueeze(1)
    expected = torch.cat([start, decoder.norm_embedded(embedded)], dim=1) + positions(5, WIDTH)
    causal = nn.Transformer.generate_square_subsequent_mask(5, dtype=torch.float64)
    for layer in decoder.layers:
        expected = torch_layer(layer)(
            expected, encoded, tgt_mask=causal, memory_key_padding_mask=~attention, tgt_is_causal=True
        )
    torch.testing.assert_close(states, decoder.norm(expected), rtol=1e-10, atol=1e-10)


def test_positions_are_the_sines_and_cosines_of_the_paper():
    found = positions(4, 6)
    for place in range(4):
        for number in range(3):
            angle = place / 10_000 ** (number / 3)
            assert found[place, number].item() == pytest.approx(math.sin(angle))
            assert found[place, number + 3].item() == pytest.approx(math.cos(angle))


@pytest.mark.parametrize("embedding_width", [WIDTH, 5])
def test_a_position_at_a_time_equals_the_whole_at_once(embedding_width):
    decoder = make_decoder(embedding_width=embedding_width)
    encoded, attention, embedded, languages = inputs(embedding_width=embedding_width)
    memory = decoder.remember(encoded, attention)
    whole = decoder(embedded, languages, memory)
    states, past = decoder.begin(languages, memory)
    steps = [states]
    for place in range(embedded.shape[1]):
        states, past = decoder.go_on(embedded[:, place], memory, past)
        steps.append(states)
    torch.testing.assert_close(torch.stack(steps, dim=1), whole, rtol=1e-10, atol=1e-10)


def test_padding_of_source_and_target_changes_nothing():
    decoder = make_decoder()
    encoded, attention, embedded, languages = inputs()
    together = decoder(embedded, languages, decoder.remember(encoded, attention))
    alone = decoder(embedded[1:2, :2], languages[1:2], decoder.remember(encoded[1:2, :3], attention[1:2, :3]))
    torch.testing.assert_close(together[1, :3], alone[0], rtol=1e-10, atol=1e-10)


def test_another_language_gives_other_states():
    decoder = make_decoder()
    encoded, attention, embedded, languages = inputs()
    memory = decoder.remember(encoded, attention)
    assert not torch.allclose(decoder(embedded, languages, memory), decoder(embedded, 1 - languages, memory))


def test_dropout_acts_in_training_alone():
    decoder = make_decoder(rate=0.5)
    encoded, attention, embedded, languages = inputs()
    memory = decoder.remember(encoded, attention)
    decoder.train()
    assert not torch.equal(decoder(embedded, languages, memory), decoder(embedded, languages, memory))
    decoder.eval()
    assert torch.equal(decoder(embedded, languages, memory), decoder(embedded, languages, memory))
