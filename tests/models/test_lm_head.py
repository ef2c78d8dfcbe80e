"""An LM head that is taken out of its checkpoint computes what it computed within."""

import pytest
import torch
from transformers import AutoConfig, AutoModelForMaskedLM

from spacy_xling.models.checkpoint import load_lm_head
from spacy_xling.models.lm_head import LMHead


@pytest.fixture
def whole(checkpoints, family):
    return AutoModelForMaskedLM.from_pretrained(checkpoints(family)).eval()


def logits(head, embeddings, states):
    return head.project(states) @ embeddings.T + head.bias


def test_with_the_word_embeddings_it_gives_the_models_own_logits(checkpoints, family, whole):
    head = load_lm_head(str(checkpoints(family))).eval()
    ids = torch.tensor([[0, 7, 8, 9, 2]])
    attention = torch.ones_like(ids)
    with torch.no_grad():
        states = whole.base_model(input_ids=ids, attention_mask=attention)[0]
        expected = whole(input_ids=ids, attention_mask=attention).logits
        found = logits(head, whole.get_input_embeddings().weight, states)
    torch.testing.assert_close(found, expected)


def test_it_holds_neither_the_encoder_nor_the_decoders_matrix(checkpoints, family, whole):
    head = load_lm_head(str(checkpoints(family)))
    rows = whole.get_input_embeddings().num_embeddings
    with_rows = [name for name, p in head.named_parameters() if len(p) == rows]
    assert with_rows == ["bias"]
    of_encoder = {name for name, _ in whole.base_model.named_parameters()}
    assert not of_encoder & {name for name, _ in head.named_parameters()}


def test_weights_fit_a_head_that_is_made_from_the_config(checkpoints, family):
    folder = checkpoints(family)
    head = load_lm_head(str(folder)).eval()
    again = LMHead.from_config(AutoConfig.from_pretrained(folder)).eval()
    again.load_state_dict(head.state_dict())
    assert {p.device.type for p in again.parameters()} == {"cpu"}
    states = torch.randn(3, 32)
    assert torch.equal(again.project(states), head.project(states))
