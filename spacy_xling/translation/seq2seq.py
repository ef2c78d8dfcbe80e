"""Sequence-to-sequence checkpoints of `transformers`."""

from collections.abc import Mapping, Sequence
from itertools import takewhile
from typing import Any, NamedTuple, Protocol

import torch

from ..errors import Errors
from ..models.checkpoint import Precision, load_any_tokenizer, resolve_precision
from ..models.checkpoint_files import (
    INDEX,
    SEQ2SEQ,
    WEIGHTS,
    find_checkpoint,
    load_config,
    load_model,
    loading_errors,
    map_files,
)
from .families import Pair, PairTokenizer, decode

DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16}
# Of a model without positions of its own, as T5 and MADLAD, and a tokenizer that says nothing.
LONGEST = 512


class Generated(NamedTuple):
    """What a model made of a sentence.

    text (str): The translation.
    is_finished (bool): It ended before the limit.
    """

    text: str
    is_finished: bool


class Tokenizer(Protocol):
    """What a translator expects of a model's tokenizer.

    name (str): What the model is called in messages.
    """

    name: str

    def pair(self, source: str | None, target: str) -> Pair:
        """Find how the model is given two languages; see `PairTokenizer.pair`."""
        ...

    def encode(self, texts: Sequence[str], pair: Pair) -> list[list[int]]:
        """Make pieces of texts; see `PairTokenizer.encode`."""
        ...


class Engine(Protocol):
    """What a translator expects of a model.

    tokenizer (Tokenizer): Its tokenizer.
    longest (int): The most pieces of a text and of a translation, specials included.
    beams (int): The number of beams that it was saved with.
    """

    longest: int
    beams: int

    @property
    def tokenizer(self) -> Tokenizer:
        """See the class."""

    def generate(
        self, pieces: Sequence[list[int]], pair: Pair, *, limit: int, beams: int, no_repeat: int
    ) -> list[Generated]:
        """Translate a batch.

        pieces (Sequence[list[int]]): The pieces of each sentence.
        pair (Pair): The languages.
        limit (int): The most pieces of a translation, with the end piece and without one that names a
            language.
        beams (int): Number of beams, 1 for greedy search.
        no_repeat (int): Size of n-grams of pieces that may stand in a translation only once; 0 for none.
        RETURNS (list[Generated]): The best translation of each.
        """
        ...


class Seq2SeqEngine:
    """A checkpoint of `transformers`, in memory.

    name (str): Hub name or folder.
    precision (Precision): Of weights and sums: "fp32", "bf16", or "auto" for what the device is fast in.
    device (torch.device): Where it is.
    RAISES (ValueError): There is no such checkpoint, it can run code (X301, X330, X331), lacks weights
        (X804), or isn't one that translates (X801). (ImportError): A library of its tokenizer is missing
        (X303).
    """

    def __init__(self, name: str, *, precision: Precision, device: torch.device) -> None:
        found = find_checkpoint(name, weights=True, model=SEQ2SEQ)
        dtype = DTYPES[resolve_precision(precision, device)]
        with loading_errors(name):
            config = load_config(found)
        if not config.is_encoder_decoder:
            raise ValueError(Errors.X801.format(name=name, found=config.model_type))
        self.tokenizer = PairTokenizer(load_any_tokenizer(name), name)
        with loading_errors(name):
            self.model, lacking = load_model(found, config, model=SEQ2SEQ, dtype=dtype)
        if lacking:
            raise ValueError(Errors.X804.format(name=name, n=len(lacking), first=lacking[0]))
        self.model.to(device).eval()
        self.longest = _longest(config, self.tokenizer)
        self.beams = int(self.model.generation_config.num_beams or 1)
        self.end = self.model.generation_config.eos_token_id
        self.files: Mapping[str, Any] = map_files(found)
        self.has_safe_weights = WEIGHTS in self.files or INDEX in self.files

    def generate(
        self, pieces: Sequence[list[int]], pair: Pair, *, limit: int, beams: int, no_repeat: int
    ) -> list[Generated]:
        """See `Engine`."""
        width = max(map(len, pieces))
        padding = self.tokenizer.tokenizer.pad_token_id
        ids = torch.tensor([[*row, *[padding] * (width - len(row))] for row in pieces])
        mask = torch.tensor([[1] * len(row) + [0] * (width - len(row)) for row in pieces])
        options: dict[str, Any] = {"forced_bos_token_id": pair.first, "decoder_start_token_id": pair.start}
        options["no_repeat_ngram_size"] = no_repeat or None
        before = 1 + (pair.first is not None)
        with torch.inference_mode():
            generated = self.model.generate(
                input_ids=ids.to(self.model.device),
                attention_mask=mask.to(self.model.device),
                num_beams=beams,
                do_sample=False,
                # Else, in releases of transformers before 5, what a batch waits for changes the others.
                early_stopping=beams > 1,
                max_new_tokens=limit + before - 1,
                **{name: value for name, value in options.items() if value is not None},
            )
        rows = [
            list(takewhile(lambda piece: piece != self.end, row)) for row in generated[:, before:].tolist()
        ]
        texts = decode(self.tokenizer.tokenizer, rows)
        return [Generated(text, len(row) < limit - 1) for text, row in zip(texts, rows, strict=True)]


def _longest(config: Any, tokenizer: PairTokenizer) -> int:
    limits = [getattr(config, name, None) for name in ("max_position_embeddings", "n_positions")]
    return min([limit for limit in (*limits, tokenizer.longest) if limit] or [LONGEST])
