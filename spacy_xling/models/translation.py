"""The torch module of a translator: an encoder with its LM head, and a decoder that shares the embeddings."""

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor

from .batches import Batch, MaskedWindows
from .beam_search import Step, search
from .decoder import Decoder, KeysValues
from .masked_lm import EncoderModule, MaskedLM
from .translated_batches import TranslatedBatch


class TranslationModule(EncoderModule[MaskedLM]):
    """Both forward passes of a translator under the joint objective, and its search.

    A decoder's state becomes a piece as a masked position's does: through the checkpoint's LM head.

    masked_lm (MaskedLM): Encoder and LM head.
    decoder (Decoder): The decoder.
    precision (Literal["fp32", "bf16"]): Of all of it.
    """

    def __init__(
        self, masked_lm: MaskedLM, decoder: Decoder, precision: Literal["fp32", "bf16"] = "fp32"
    ) -> None:
        super().__init__(masked_lm, precision)
        self.decoder = decoder

    def forward(
        self,
        translated: Sequence[TranslatedBatch],
        masked: Sequence[MaskedWindows],
        smoothing: float = 0.0,
    ) -> tuple[Tensor | None, Tensor | None]:
        """Run the passes that there is something for.

        translated (Sequence[TranslatedBatch]): Texts and their translations.
        masked (Sequence[MaskedWindows]): Windows with masked pieces.
        smoothing (float): Share of each target that is spread over the vocabulary.
        RETURNS (tuple): The sums over targets of -log P(target | text, targets before it), and of
            -log P(target | window without it), in nats; None for what there is no batch of.
        """
        encoder = self.masked_lm.encoder
        sources = [batch.sources for batch in translated]
        inputs = [batch.inputs for batch in translated]
        with self._autocast():
            tied = self.masked_lm.tied_gradient()
            encoded: list[Batch] = [*sources, *masked]
            # All in one look-up, whose gradient is as large as the matrix.
            embedded = encoder.embed_all([*encoded, *inputs], tied)
            hidden = encoder.encode_embedded(embedded[: len(encoded)], encoded)
            translation_sum = mlm_sum = None
            if translated:
                states = [
                    self._decode(*parts)
                    for parts in zip(translated, embedded[len(encoded) :], hidden, strict=False)
                ]
                targets = torch.cat([batch.targets for batch in translated])
                translation_sum = self.masked_lm.cross_entropy(torch.cat(states), targets, tied, smoothing)
            if masked:
                mlm_sum = self.masked_lm.loss(hidden[len(sources) :], masked, tied)
        return translation_sum, mlm_sum

    def _decode(self, batch: TranslatedBatch, embedded: Tensor, hidden: Tensor) -> Tensor:
        """The states that tell the targets of a batch. *Shape:* (targets, width)"""
        memory = self.decoder.remember(hidden, batch.sources.attention)
        states = self.decoder(embedded, batch.languages, memory)
        return states.flatten(0, 1)[batch.positions]

    def translate(
        self, sources: Batch, languages: Tensor, *, end: int, limit: int, beams: int, no_repeat: int
    ) -> list[list[int]]:
        """Find the translations of texts, by greedy or beam search.

        sources (Batch): The texts.
        languages (Tensor): Numbers of the languages of the translations. *Shape:* (texts,)
        end, limit, beams, no_repeat (int): See `search`.
        RETURNS (list[list[int]]): The pieces of each translation, with the end piece where it came to one.
        """
        self.eval()
        with torch.inference_mode(), self._autocast():
            step = Decoding(self, sources, languages)
            return search(step, len(sources.ids), end=end, limit=limit, beams=beams, no_repeat=no_repeat)

    def first_pieces(self, sources: Batch, languages: Tensor) -> Tensor:
        """log P of the first piece of each translation.

        sources (Batch): The texts.
        languages (Tensor): Numbers of the languages of the translations. *Shape:* (texts,)
        RETURNS (Tensor): *Shape:* (texts, pieces)
        """
        with self._autocast():
            return Decoding(self, sources, languages).begin()

    def log_probabilities(self, states: Tensor) -> Tensor:
        """log P of the next piece, in fp32 at least, by states (rows, width). *Shape:* (rows, pieces)"""
        logits = self.masked_lm.decoder(self.masked_lm.project(states))
        return logits.to(torch.promote_types(logits.dtype, torch.float32)).log_softmax(dim=-1)


class Decoding(Step):
    """The steps of a search, in which nothing is computed twice.

    module (TranslationModule): The translator.
    sources (Batch): The texts.
    languages (Tensor): Numbers of the languages of the translations. *Shape:* (texts,)
    """

    def __init__(self, module: TranslationModule, sources: Batch, languages: Tensor) -> None:
        (hidden,) = module.masked_lm.encoder.encode_all([sources])
        self.module = module
        self.memory = module.decoder.remember(hidden, sources.attention)
        self.languages = languages
        self.past: list[KeysValues] = []

    def begin(self) -> Tensor:
        states, self.past = self.module.decoder.begin(self.languages, self.memory)
        return self.module.log_probabilities(states)

    def go_on(self, pieces: Tensor, parents: Tensor) -> Tensor:
        if not _is_the_same(parents, len(self.past[0].keys)):
            self.memory = self.memory.rows(parents)
            self.past = [layer.rows(parents) for layer in self.past]
        embedded = self.module.masked_lm.encoder.embed(pieces)
        states, self.past = self.module.decoder.go_on(embedded, self.memory, self.past)
        return self.module.log_probabilities(states)


def _is_the_same(parents: Tensor, n_rows: int) -> bool:
    """Whether each row continues by itself, and nothing is to be copied."""
    return len(parents) == n_rows and torch.equal(parents, torch.arange(n_rows, device=parents.device))
