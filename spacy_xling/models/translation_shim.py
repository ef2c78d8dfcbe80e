"""The border between torch and thinc for the translator: arrays to tensors and back."""

from collections.abc import Callable, Sequence
from typing import Literal, NamedTuple

import numpy as np
import torch
from thinc.api import torch2xp, xp2torch
from torch import Tensor

from ..pieces.windows import join, one_window, select_windows, separate
from ..types import NO_WORD, Floats2d, TranslationBatch, TranslationGradients
from .batches import BF16_MULTIPLE, masked_windows
from .decoder import Decoder
from .encoder_shim import EncoderSettings, EncoderShim
from .masked_lm import MaskedLM
from .module_shim import require_reached
from .settings import require_setting
from .translated_batches import source_batch, translated_batches
from .translation import TranslationModule


class DecoderSettings(NamedTuple):
    """How `spacy-xling.JointTranslation.v1` configures the decoder; see there."""

    layers: int
    heads: int | None
    dropout: float
    pass_pieces: int


class TranslationShim(EncoderShim[TranslationModule]):
    """Holds the torch module and its tokenizer for a thinc model. There is one backward pass for both losses.

    encoder (EncoderSettings): Settings of the encoder. Its overlap plays no part: a sentence is one window.
    decoder (DecoderSettings): Settings of the decoder.
    """

    own_file = "decoder.safetensors"
    size_name = "decoder.languages.weight"

    def __init__(self, encoder: EncoderSettings, decoder: DecoderSettings) -> None:
        super().__init__(encoder._replace(overlap=0), decoder.pass_pieces)
        self.decoder = decoder

    # Training

    def begin_update(
        self, batch: TranslationBatch
    ) -> tuple[tuple[float, float], Callable[[TranslationGradients], None]]:
        """Both forward passes, and the one backward pass.

        batch (TranslationBatch): Texts with their translations, and masked windows.
        RETURNS (tuple): The sums of the two losses, 0 for a pass that there was nothing for; and the callback
            that takes the gradients on both.
        RAISES (ValueError): Nothing was loaded yet, or no gradient can reach a parameter.
        """
        self.require_gradients()
        module = self.module
        module.train()
        translated = []
        if batch.translated is not None:
            multiple = BF16_MULTIPLE if module.precision == "bf16" else 1
            translated = translated_batches(batch.translated, self._padding, multiple=multiple, end=self.end)
        masked = [] if batch.masked is None else masked_windows(batch.masked, self._padding)
        sums = module(translated, masked, batch.label_smoothing)
        for term, loss in zip(("translation loss", "masked-LM loss"), sums, strict=True):
            require_reached(loss, term)

        def backprop(gradients: TranslationGradients) -> None:
            pairs = [(loss, seed) for loss, seed in zip(sums, gradients, strict=True) if loss is not None]
            if pairs:
                roots: list[Tensor] = [loss for loss, _ in pairs]
                torch.autograd.backward(roots, [torch.full_like(loss, seed) for loss, seed in pairs])

        translation_sum, mlm_sum = (0.0 if loss is None else loss.item() for loss in sums)
        return (translation_sum, mlm_sum), backprop

    def first_pieces(
        self, texts: Sequence[str], *, is_train: bool
    ) -> tuple[Floats2d, Callable[[Floats2d], None]]:
        """How each text's translation into the first language begins.

        texts (Sequence[str]): The texts, of which the first window is read.
        is_train (bool): Whether the callback will be called.
        RETURNS (tuple): log P of each piece, and the callback that takes the gradient on it. *Shape of both:*
            (texts, pieces)
        """
        module = self.module
        if not texts:
            n_pieces = len(module.masked_lm.decoder_weight)
            return torch2xp(torch.empty(0, n_pieces, device=module.device)), lambda d_log_p: None
        pieces = self.split(texts)
        first = np.flatnonzero(np.diff(pieces.texts, prepend=-1))
        source = source_batch(select_windows(pieces, first.tolist()), self._padding)
        languages = torch.zeros(len(texts), dtype=torch.long, device=module.device)
        module.train(is_train)
        with torch.set_grad_enabled(is_train and torch.is_grad_enabled()):
            log_p = module.first_pieces(source, languages)

        def backprop(d_log_p: Floats2d) -> None:
            torch.autograd.backward([log_p], [xp2torch(d_log_p, device=log_p.device).to(log_p.dtype)])

        return torch2xp(log_p.detach()), backprop

    # Translating

    @property
    def special_ids(self) -> list[int]:
        """The special pieces, but for that of unknown text."""
        return [number for number in self.tokenizer.all_special_ids if number != self.tokenizer.unk_token_id]

    @property
    def end(self) -> int:
        """The end piece: the last special piece of any text."""
        return int(self.split([""]).ids[-1])

    @property
    def longest(self) -> int:
        """The most pieces of a text, specials included."""
        return int(self.tokenizer.backend_tokenizer.truncation["max_length"])

    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        """Pieces of texts, specials included. Those of a text that is too long are more than `longest`, and
        not for `translate`.
        """
        pieces = self.split(texts)
        rows: list[list[int]] = [[] for _ in texts]
        for text, window in zip(pieces.texts, separate(pieces), strict=True):
            rows[text] += window.ids.tolist()
        return rows

    def translate(
        self, rows: Sequence[Sequence[int]], language: int, *, limit: int, beams: int, no_repeat: int
    ) -> list[list[int]]:
        """Translate a batch; see `TranslationModule.translate`.

        rows (Sequence[Sequence[int]]): The pieces of each text, as `encode` gives them.
        language (int): Number of the language of the translations.
        RETURNS (list[list[int]]): The pieces of each translation, with the end piece where it came to one.
        """
        module = self.module
        windows = [one_window(np.array(row, dtype=np.int64), np.full(len(row), NO_WORD)) for row in rows]
        sources = source_batch(join(windows), self._padding)
        languages = torch.full((len(rows),), language, device=module.device)
        return module.translate(
            sources, languages, end=self.end, limit=limit, beams=beams, no_repeat=no_repeat
        )

    def make_module(
        self, masked_lm: MaskedLM, size: int, precision: Literal["fp32", "bf16"]
    ) -> TranslationModule:
        width = masked_lm.encoder.width
        heads = self.decoder.heads or masked_lm.encoder.base.config.num_attention_heads
        require_setting(width % heads == 0, "heads", heads, f"a divisor of {width}")
        decoder = Decoder(
            width,
            masked_lm.encoder.embeddings.embedding_dim,
            layers=self.decoder.layers,
            heads=heads,
            rate=self.decoder.dropout,
            n_languages=size,
        )
        return TranslationModule(masked_lm, decoder, precision)
