"""The border between torch and thinc for the translator: arrays to tensors and back, folders to modules."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Optional

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from thinc.api import get_torch_default_device, torch2xp, xp2torch
from torch import Tensor

from ..errors import Errors
from ..pieces.windows import join, one_window, select_windows, separate
from ..types import NO_WORD, Floats2d, Pieces, TranslationBatch, TranslationGradients
from .batches import BF16_MULTIPLE, MaskedWindows, Padding, masked_windows, padding_for
from .checkpoint import freeze, load_encoder, resolve_precision, save_checkpoint
from .decoder import Decoder
from .joint_shim import EncoderSettings
from .masked_lm import MaskedLMLoss
from .module_shim import ModuleShim, require_reached
from .translated_batches import source_batch, translated_batches
from .translation import TranslationModule

DECODER_FILE = "decoder.safetensors"
LANGUAGES = "decoder.languages.weight"


class DecoderSettings(NamedTuple):
    """What `spacy-xling.JointTranslation.v1` is told of the decoder; see there."""

    layers: int
    heads: Optional[int]
    dropout: float
    pass_pieces: int


class TranslationShim(ModuleShim):
    """Holds the torch module and its tokenizer for a thinc model. There is one backward pass for both losses.

    encoder (EncoderSettings): Settings of the encoder.
    decoder (DecoderSettings): Settings of the decoder.
    """

    def __init__(self, encoder: EncoderSettings, decoder: DecoderSettings) -> None:
        super().__init__()
        self.encoder = encoder
        self.decoder = decoder

    @property
    def not_loaded(self) -> str:
        return Errors.X309.format(name=self.encoder.name)

    @property
    def module(self) -> TranslationModule:
        if self._model is None:
            raise ValueError(self.not_loaded)
        return self._model

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
        masked: list[MaskedWindows] = []
        if batch.masked is not None:
            masked = masked_windows(batch.masked, self._padding)
        sums = module(translated, masked, batch.label_smoothing)
        for term, loss in zip(("translation loss", "masked-LM loss"), sums, strict=True):
            if loss is not None:
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

    def masked_lm_pass(self) -> tuple[MaskedLMLoss, Padding]:
        return MaskedLMLoss(self.module.masked_lm, self.module.precision), self._padding

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
        sources = source_batch(join([_window(row) for row in rows]), self._padding)
        languages = torch.full((len(rows),), language, device=module.device)
        return module.translate(
            [sources], languages, end=self.end, limit=limit, beams=beams, no_repeat=no_repeat
        )

    def decode(self, rows: Sequence[Sequence[int]]) -> list[str]:
        """Texts of pieces, without special ones."""
        texts = self.tokenizer.batch_decode(
            [list(row) for row in rows], skip_special_tokens=True, clean_up_tokenization_spaces=False
        )
        return [text.strip() for text in texts]

    @property
    def _padding(self) -> Padding:
        module = self.module
        packs = module.masked_lm.encoder.packs
        return padding_for(
            self.tokenizer, self.decoder.pass_pieces, module.precision, module.device, packs=packs
        )

    # Loading and saving

    @property
    def n_languages(self) -> int:
        return self.module.decoder.languages.num_embeddings

    def initialize(self, n_languages: int) -> None:
        """Load the checkpoint, with a new decoder."""
        self._assemble(self.encoder.name, n_languages)

    def to_folder(self, path: Path) -> None:
        """Write a Hugging Face folder with the decoder beside it."""
        path.mkdir(parents=True, exist_ok=True)
        if self._model is None:
            return
        save_checkpoint(self.module.masked_lm, self.tokenizer, path)
        own = {name: value.contiguous() for name, value in self._own_state().items()}
        save_file(own, path / DECODER_FILE)

    def load_folder(self, path: Path) -> None:
        own = load_file(path / DECODER_FILE)
        self._assemble(str(path), len(own[LANGUAGES]))
        misfits = self.module.load_state_dict(own, strict=False)
        missing = [name for name in misfits.missing_keys if name in self._own_state()]
        if missing or misfits.unexpected_keys:
            raise RuntimeError(f"config and weights differ in {[*missing, *misfits.unexpected_keys]}")

    def _own_state(self) -> dict[str, Tensor]:
        state = self.module.state_dict()
        return {name: value for name, value in state.items() if not name.startswith("masked_lm.")}

    # A model that is to predict may be loaded where torch keeps no gradients, and be trained later.
    @torch.inference_mode(False)
    def _assemble(self, name: str, n_languages: int) -> None:
        masked_lm, self._tokenizer, _ = load_encoder(
            name, window=self.encoder.window, overlap=0, dropout=self.encoder.dropout
        )
        freeze(masked_lm, embeddings=self.encoder.freeze_embeddings, layers=self.encoder.freeze_layers)
        device = get_torch_default_device()
        width = masked_lm.encoder.width
        decoder = Decoder(
            width,
            masked_lm.encoder.embeddings.embedding_dim,
            layers=self.decoder.layers,
            heads=_heads(self.decoder.heads, masked_lm.encoder.base.config, width),
            rate=self.decoder.dropout,
            n_languages=n_languages,
        )
        module = TranslationModule(masked_lm, decoder, resolve_precision(self.encoder.precision, device))
        self._masking_vocabulary = None
        self._model = module.to(device)


def _heads(wanted: Optional[int], config: Any, width: int) -> int:
    heads = wanted or int(config.num_attention_heads)
    if width % heads:
        raise ValueError(Errors.X311.format(setting="heads", found=heads, expected=f"a divisor of {width}"))
    return heads


def _window(row: Sequence[int]) -> Pieces:
    return one_window(np.array(row, dtype=np.int64), np.full(len(row), NO_WORD))
