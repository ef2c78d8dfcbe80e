"""Checkpoints that were converted for CTranslate2 (extra `ctranslate2`)."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from ..errors import Errors, one_line, requiring
from ..models.checkpoint import Precision, load_any_tokenizer
from ..models.folder_shim import map_file
from .families import Pair, PairTokenizer
from .seq2seq import LONGEST, Generated

WEIGHTS = "model.bin"
# "auto" is the precision that the weights were converted to, eight bits among them.
COMPUTE_TYPES = {"fp32": "float32", "bf16": "bfloat16", "auto": "default"}
# CTranslate2's own.
BEAMS = 2

# What a forked process has of its parent's, kept for good: to end a model is to wait for its threads, which
# the fork left behind.
_inherited: list[Any] = []


def is_converted(name: str) -> bool:
    """Whether a folder holds a model of CTranslate2."""
    return (Path(name) / WEIGHTS).is_file()


class CTranslate2Engine:
    """A folder that ct2-transformers-converter wrote, with the files of the tokenizer beside
    (`--copy_files`).

    name (str): The folder.
    precision (Precision): Of weights and sums; "auto" for that of the folder.
    device (torch.device): Where it is.
    RAISES (ImportError): CTranslate2 is missing (X805), or a library of the tokenizer (X303). (ValueError):
        The folder can't be loaded (X806), has no tokenizer (X301), or one of a family that doesn't translate
        (X801).
    """

    def __init__(self, name: str, *, precision: Precision, device: torch.device) -> None:
        with requiring(Errors.X805, name=name):
            import ctranslate2
        self.tokenizer = PairTokenizer(load_any_tokenizer(name), name)
        self.settings = {
            "device": device.type,
            "device_index": device.index or 0,
            "compute_type": COMPUTE_TYPES[precision],
        }
        try:
            self._model = ctranslate2.Translator(name, **self.settings)
        # Whatever is wrong with the files or the device.
        except (RuntimeError, ValueError) as error:
            raise ValueError(Errors.X806.format(name=name, error=one_line(error))) from error
        self.longest = self.tokenizer.longest or LONGEST
        self.beams = BEAMS
        self.special = set(self.tokenizer.tokenizer.all_special_tokens)
        files = sorted(file for file in Path(name).iterdir() if file.is_file())
        self.files: Mapping[str, Any] = {file.name: map_file(file) for file in files}
        self.has_safe_weights = True
        self._process = os.getpid()

    @property
    def model(self) -> Any:
        """The model, one of this process: of a forked one's the threads are missing."""
        if self._process != os.getpid():
            import ctranslate2

            _inherited.append(self._model)
            files = {name: bytes(content) for name, content in self.files.items()}
            self._model = ctranslate2.Translator(self.tokenizer.name, files=files, **self.settings)
            self._process = os.getpid()
        return self._model

    def generate(
        self, pieces: Sequence[list[int]], pair: Pair, *, limit: int, beams: int, no_repeat: int
    ) -> list[Generated]:
        """See `Engine`."""
        tokenizer = self.tokenizer.tokenizer
        first = pair.first if pair.start is None else pair.start
        begin = None if first is None else [[tokenizer.convert_ids_to_tokens(first)]] * len(pieces)
        results = self.model.translate_batch(
            [tokenizer.convert_ids_to_tokens(row) for row in pieces],
            target_prefix=begin,
            beam_size=beams,
            no_repeat_ngram_size=no_repeat,
            max_decoding_length=limit + (first is not None),
            # Nothing is cut: no text is longer than the model can take.
            max_input_length=0,
        )
        rows = [result.hypotheses[0][0 if first is None else 1 :] for result in results]
        texts = [
            # Not by numbers: a checkpoint may have another vocabulary for each side.
            tokenizer.convert_tokens_to_string([piece for piece in row if piece not in self.special]).strip()
            for row in rows
        ]
        return [Generated(text, len(row) < limit - 1) for text, row in zip(texts, rows, strict=True)]
