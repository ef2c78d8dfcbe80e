"""The torch module with both losses' forward passes: one encoder, an LM head, a classification head."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import chain
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .batches import MaskedWindows, Windows, pass_cost
from .masked_lm import EncoderModule, MaskedLM
from .passes import count_threads, passes_at_once, run_passes
from .pooling import Evidence, Pooling

# Below the lowest logit by this much, a class that joins a softmax leaves it as it was, in fp32.
NEW_LABEL_MARGIN = 20.0


class ClassificationHead(nn.Module):
    """Dropout, an optional hidden layer (linear, activation, norm) with dropout, a layer to the labels.

    width (int): Width of the pooled vectors.
    n_labels (int): Number of labels.
    hidden_width (int | None): Width of the hidden layer, None for none.
    hidden_bias (bool): Whether its linear layer has a bias.
    activation (nn.Module | None): Its activation, None for tanh.
    norm (nn.Module | None): What follows the activation, None for nothing.
    """

    def __init__(
        self,
        width: int,
        n_labels: int,
        hidden_width: int | None = None,
        *,
        hidden_bias: bool = True,
        activation: nn.Module | None = None,
        norm: nn.Module | None = None,
    ) -> None:
        super().__init__()
        self.hidden = None if hidden_width is None else nn.Linear(width, hidden_width, bias=hidden_bias)
        self.activation = activation or nn.Tanh()
        self.norm = norm or nn.Identity()
        self.output = nn.Linear(hidden_width or width, n_labels)
        for layer in (self.hidden, self.output):
            if layer is not None:
                nn.init.normal_(layer.weight, std=0.02)
                if layer.bias is not None:
                    nn.init.zeros_(layer.bias)

    def forward(self, pooled: Tensor, dropout: float) -> Tensor:
        """Pooled vectors (texts, width) to logits (texts, labels)."""
        pooled = F.dropout(pooled, dropout, self.training)
        if self.hidden is not None:
            hidden = self.norm(self.activation(self.hidden(pooled)))
            pooled = F.dropout(hidden, dropout, self.training)
        return self.output(pooled)

    @torch.inference_mode(False)
    @torch.no_grad()
    def grow(self, n_labels: int) -> None:
        """Add labels at the end. What the head says of the old ones stays as it is: a new label starts
        with no weights and a logit so low that its probability is zero to float precision.
        """
        old = self.output
        n_old = old.out_features
        grown = nn.Linear(old.in_features, n_labels).to(old.weight)
        grown.weight.zero_()
        grown.weight[:n_old] = old.weight
        grown.bias.fill_(old.bias.min() - NEW_LABEL_MARGIN if n_old else 0.0)
        grown.bias[:n_old] = old.bias
        self.output = grown


class JointModule(EncoderModule[MaskedLM]):
    """Both forward passes of the joint objective.

    masked_lm (MaskedLM): Encoder and LM head.
    pooling (Pooling): Hidden states to one vector per text.
    head (ClassificationHead): Vectors to logits.
    precision (Literal["fp32", "bf16"]): Of encoder and LM head; pooling and classification head are in fp32.
    """

    def __init__(
        self,
        masked_lm: MaskedLM,
        pooling: Pooling,
        head: ClassificationHead,
        precision: Literal["fp32", "bf16"] = "fp32",
    ) -> None:
        super().__init__(masked_lm, precision)
        self.pooling = pooling
        self.head = head

    def forward(
        self, labelled: Sequence[Windows], masked: Sequence[MaskedWindows], dropout: float = 0.0
    ) -> tuple[Tensor | None, Tensor | None]:
        """Run the passes that there is something for.

        labelled (Sequence[Windows]): Windows of texts to classify, in one batch or several, which together
            hold all windows of the texts.
        masked (Sequence[MaskedWindows]): Windows with masked pieces, in one batch or several.
        dropout (float): Rate of the classification head's dropout, when training.
        RETURNS (tuple): Logits (texts, labels), and the sum over targets of -log P(target | window without
            it), in nats; None for what there is no batch of.
        """
        with self._autocast():
            tied = self.masked_lm.tied_gradient() if masked else None
            hidden = self.masked_lm.encoder.encode_all([*labelled, *masked], tied)
            evidence = self._evidence(hidden[: len(labelled)], labelled)
            mlm_sum = self.masked_lm.loss(hidden[len(labelled) :], masked, tied) if masked else None
        return self._classify(evidence, labelled, dropout) if labelled else None, mlm_sum

    def classify_embedded(self, embedded: Tensor, windows: Windows) -> Tensor:
        """Logits of texts whose pieces were embedded, for gradients on the embeddings: in fp32, whatever the
        module's precision.

        embedded (Tensor): Word embeddings of the pieces. *Shape:* (windows, length, embedding width)
        windows (Windows): All windows of the texts.
        RETURNS (Tensor): *Shape:* (texts, labels)
        """
        hidden = self.masked_lm.encoder.encode_embedded([embedded], [windows])
        return self._classify(self._evidence(hidden, [windows]), [windows], dropout=0.0)

    def predict(self, passes: Sequence[Sequence[Windows]]) -> Tensor:
        """Logits of texts, without dropout and gradients. On a CPU, passes may run side by side.

        passes (Sequence[Sequence[Windows]]): The texts' windows, by the pass they go in.
        RETURNS (Tensor): *Shape:* (texts, labels)
        """
        self.eval()
        n_threads = count_threads()
        at_once = 1
        if self.device.type == "cpu":
            packs = self.masked_lm.encoder.packs
            at_once = passes_at_once([pass_cost(batches, packs=packs) for batches in passes], n_threads)

        @torch.inference_mode()
        def classify(found: list[list[Evidence]]) -> Tensor:
            return self._classify(list(chain(*found)), list(chain(*passes)), dropout=0.0)

        return run_passes(
            self._pass, passes, classify, self._predicting, n_threads=n_threads, at_once=at_once
        )

    @contextmanager
    def _predicting(self) -> Iterator[None]:
        with torch.inference_mode(), self._autocast():
            yield

    def _pass(self, batches: Sequence[Windows]) -> list[Evidence]:
        return self._evidence(self.masked_lm.encoder.encode_all(batches), batches)

    def _evidence(self, hidden: Sequence[Tensor], batches: Sequence[Windows]) -> list[Evidence]:
        dtype = self.head.output.weight.dtype
        # Within an autocast around all passes: the end of the outermost drops the casts of the weights.
        with torch.autocast(self.device.type, enabled=False):
            return [
                self.pooling.evidence(states.to(dtype), batch.pooled)
                for states, batch in zip(hidden, batches, strict=True)
            ]

    def _classify(self, evidence: Sequence[Evidence], batches: Sequence[Windows], dropout: float) -> Tensor:
        columns = tuple(torch.cat(column) for column in zip(*evidence, strict=True))
        texts = torch.cat([batch.texts for batch in batches])
        return self.head(self.pooling.combine(columns, texts, batches[0].n_texts), dropout)
