"""A reference for the joint objective: `AutoModelForMaskedLM`, full logits on one padded batch, autograd."""

import torch
from torch.nn import functional as F
from transformers import AutoModelForMaskedLM, AutoTokenizer

from spacy_xling.models.architectures import joint_shim
from tests.conftest import SINGLE, make_examples, textcat_config
from tests.pipeline.shared import NO_DROPOUT, RawTexts


def make_component(nlp, checkpoint, data=SINGLE, name="xling_textcat", dtype=torch.float64, **config):
    objective = {"mlm_weight": config.pop("mlm_weight", 0.3), "reduction": config.pop("reduction", "mean")}
    settings = textcat_config(checkpoint, objective=objective, **config)
    settings["model"]["encoder"]["dropout"] = 0.0
    textcat = nlp.add_pipe(name, config=settings)
    examples = make_examples(nlp, data)
    textcat.initialize(lambda: examples, unlabelled=lambda nlp: RawTexts())
    joint_shim(textcat.model).module.to(dtype)
    return textcat, examples


class Reference:
    """The same weights in a plain model; mean pooling and a linear head written out."""

    def __init__(self, textcat, checkpoint, dtype=torch.float64):
        module = joint_shim(textcat.model).module
        self.tokenizer = AutoTokenizer.from_pretrained(checkpoint)
        self.model = AutoModelForMaskedLM.from_pretrained(checkpoint).to(dtype).train()
        for dropout in (m for m in self.model.modules() if isinstance(m, torch.nn.Dropout)):
            dropout.p = 0.0
        for setting, rate in NO_DROPOUT.items():
            if hasattr(self.model.config, setting):
                setattr(self.model.config, setting, rate)
        for layer in self.model.modules():
            for setting in ("attention_dropout", "dropout_prob"):
                if isinstance(getattr(layer, setting, None), float):
                    setattr(layer, setting, 0.0)
        self.model.load_state_dict(module.masked_lm.model.state_dict())
        self.head = torch.nn.Linear(
            module.masked_lm.encoder.width, module.head.output.out_features, dtype=dtype
        )
        self.head.load_state_dict(module.head.output.state_dict())

    def logits(self, texts):
        batch = self.tokenizer(texts, padding=True, return_tensors="pt")
        hidden = self.model.base_model(
            input_ids=batch["input_ids"], attention_mask=batch["attention_mask"]
        ).last_hidden_state
        mask = batch["attention_mask"].unsqueeze(-1).to(hidden.dtype)
        return self.head((hidden * mask).sum(1) / mask.sum(1))

    def mlm_loss(self, masked, reduction):
        ids, labels = [], []
        start = 0
        for length in masked.pieces.lengths:
            ids.append(torch.from_numpy(masked.pieces.ids[start : start + length]))
            target = torch.full((length,), -100)
            here = (masked.positions >= start) & (masked.positions < start + length)
            target[masked.positions[here] - start] = torch.from_numpy(masked.targets[here])
            labels.append(target)
            start += length
        pad = torch.nn.utils.rnn.pad_sequence
        ids = pad(ids, batch_first=True, padding_value=self.tokenizer.pad_token_id)
        labels = pad(labels, batch_first=True, padding_value=-100)
        attention = ids != self.tokenizer.pad_token_id
        full = self.model(input_ids=ids, attention_mask=attention).logits
        return F.cross_entropy(full.flatten(0, 1), labels.flatten(), ignore_index=-100, reduction=reduction)

    def gradients(self):
        grads = {f"masked_lm.model.{k}": p.grad for k, p in self.model.named_parameters()}
        grads |= {f"head.output.{k}": p.grad for k, p in self.head.named_parameters()}
        return {k: grad for k, grad in grads.items() if grad is not None}


def component_gradients(textcat):
    named = joint_shim(textcat.model).module.named_parameters()
    return {k: p.grad for k, p in named if p.grad is not None}


def assert_same_gradients(ours, reference):
    assert ours.keys() == reference.keys()
    largest = max(grad.abs().max().item() for grad in reference.values())
    assert largest > 1e-3
    for name, grad in reference.items():
        assert (ours[name] - grad).abs().max().item() <= 1e-8 * largest, name


def class_targets(examples, labels):
    return torch.tensor([labels.index(max(eg.reference.cats, key=eg.reference.cats.get)) for eg in examples])
