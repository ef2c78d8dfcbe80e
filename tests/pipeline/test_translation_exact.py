"""Loss and gradients of a translator equal a reference in plain PyTorch.

The reference runs `AutoModelForMaskedLM` on padded batches, torch's own decoder layers, full logits, and
autograd.
"""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from spacy_xling.models.architectures import translation_shim
from spacy_xling.models.decoder import positions
from tests.models.test_decoder import torch_layer
from tests.pipeline.plain_pytorch import Reference, assert_same_gradients
from tests.pipeline.shared import record_masks
from tests.pipeline.translators import LANGUAGES, PAIRS, make_translator


class TranslationReference(Reference):
    """The same weights in a plain model, with a decoder of torch's own layers."""

    def __init__(self, translator, checkpoint):
        self.module = translation_shim(translator.model).module
        # What the classifier's reference needs of a module.
        self.module.head = nn.Module()
        self.module.head.output = nn.Linear(self.module.masked_lm.encoder.width, 2).double()
        super().__init__(translator, checkpoint)
        del self.module.head
        self.decoder = self.module.decoder
        self.layers = [torch_layer(layer, width=32, heads=2) for layer in self.decoder.layers]

    def translation_loss(self, pairs, reduction, smoothing):
        losses, count = [], 0
        embed = self.model.get_input_embeddings()
        for text, translation, _, target in pairs:
            batch = self.tokenizer(text, return_tensors="pt")
            encoded = self.model.base_model(
                input_ids=batch["input_ids"], attention_mask=batch["attention_mask"]
            ).last_hidden_state
            pieces = self.tokenizer(translation, return_tensors="pt")["input_ids"][:, 1:]
            start = self.decoder.languages.weight[[LANGUAGES.index(target)]].unsqueeze(1)
            inputs = self.decoder.norm_embedded(self.decoder.widen(embed(pieces[:, :-1])))
            states = torch.cat([start, inputs], dim=1)
            states = states + positions(states.shape[1], states.shape[2])
            causal = nn.Transformer.generate_square_subsequent_mask(states.shape[1], dtype=torch.float64)
            for layer in self.layers:
                states = layer(states, encoded, tgt_mask=causal, tgt_is_causal=True)
            logits = self._logits(self.decoder.norm(states))
            losses.append(F.cross_entropy(logits[0], pieces[0], reduction="sum", label_smoothing=smoothing))
            count += pieces.numel()
        return sum(losses) / (count if reduction == "mean" else 1)

    def all_gradients(self):
        found = {f"masked_lm.model.{name}": p.grad for name, p in self.model.named_parameters()}
        shared = dict(self.decoder.named_parameters())
        found |= {f"decoder.{name}": p.grad for name, p in shared.items() if not name.startswith("layers.")}
        for number, (layer, own) in enumerate(zip(self.layers, self.decoder.layers, strict=True)):
            found |= {
                f"decoder.layers.{number}.{name}": grad for name, grad in layer_gradients(layer, own).items()
            }
        return {name: grad for name, grad in found.items() if grad is not None}

    def _logits(self, states):
        """The model's own LM head: all of the model but its base, whose states are replaced."""

        def replace(module, args, output):
            output["last_hidden_state"] = states
            return output

        handle = self.model.base_model.register_forward_hook(replace)
        try:
            ids = torch.zeros(states.shape[:2], dtype=torch.long)
            return self.model(input_ids=ids, attention_mask=torch.ones_like(ids)).logits
        finally:
            handle.remove()


def layer_gradients(layer, own):
    """The gradients of torch's layer, by the names that the layer has in the decoder."""
    width = own.own_norm.weight.shape[0]
    cross = layer.multihead_attn
    parts = {
        "own_input": (layer.self_attn.in_proj_weight.grad, layer.self_attn.in_proj_bias.grad),
        "own_output": (layer.self_attn.out_proj.weight.grad, layer.self_attn.out_proj.bias.grad),
        "source_query": (cross.in_proj_weight.grad[:width], cross.in_proj_bias.grad[:width]),
        "source_memory": (cross.in_proj_weight.grad[width:], cross.in_proj_bias.grad[width:]),
        "source_output": (cross.out_proj.weight.grad, cross.out_proj.bias.grad),
        "feed_input": (layer.linear1.weight.grad, layer.linear1.bias.grad),
        "feed_output": (layer.linear2.weight.grad, layer.linear2.bias.grad),
        "own_norm": (layer.norm1.weight.grad, layer.norm1.bias.grad),
        "source_norm": (layer.norm2.weight.grad, layer.norm2.bias.grad),
        "feed_norm": (layer.norm3.weight.grad, layer.norm3.bias.grad),
    }
    named = {
        f"{part}.{kind}": grad
        for part, grads in parts.items()
        for kind, grad in zip(("weight", "bias"), grads, strict=True)
    }
    assert set(named) == {name for name, _ in own.named_parameters()}
    return named


def gradients_of(module):
    return {name: p.grad for name, p in module.named_parameters() if p.grad is not None}


@pytest.mark.parametrize("reduction", ["mean", "sum"])
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_loss_and_gradients_of_each_family_equal_plain_pytorch_in_float64(
    checkpoints, family, reduction, smoothing, monkeypatch
):
    _, translator, examples = make_translator(
        checkpoints(family), reduction=reduction, label_smoothing=smoothing, texts_per_update=3
    )
    module = translation_shim(translator.model).module.double()
    masks = record_masks(translator, monkeypatch)
    losses = translator.update(examples)
    ours = {name: grad.clone() for name, grad in gradients_of(module).items()}
    module.zero_grad(set_to_none=True)

    reference = TranslationReference(translator, checkpoints(family))
    translation_loss = reference.translation_loss(PAIRS, reduction, smoothing)
    mlm_loss = reference.mlm_loss(masks[0], reduction)
    loss = translation_loss + 0.3 * mlm_loss
    loss.backward()
    assert losses[translator.name] == pytest.approx(loss.item(), rel=1e-9)
    assert losses[f"{translator.name}_translation"] == pytest.approx(translation_loss.item(), rel=1e-9)
    assert losses[f"{translator.name}_mlm"] == pytest.approx(mlm_loss.item(), rel=1e-9)
    assert_same_gradients(ours, reference.all_gradients())
