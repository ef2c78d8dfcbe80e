"""Cut the vocabulary of a masked-LM checkpoint to the pieces that some texts need."""

import warnings
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import replace
from functools import partial
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from ..data.files import TextFile, count_lines, require_new_folder
from ..data.languages import UNKNOWN, check_alpha, sampling_shares
from ..data.unlabelled import files_by_language, read_texts
from ..encoders.cards import write_card
from ..errors import Errors, Warnings
from ..types import Ints1d
from ..writing import write_folder, writing_errors
from .card import card_text
from .report import LanguageChange, Size, TrimReport
from .vocabularies import Vocabulary, cut_tokenizer

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import PreTrainedTokenizerFast

    from ..models.masked_lm import MaskedLM

# Texts that are tokenized at a time.
BATCH = 1024
REMOVED = -1
ROLES = ("pad", "bos", "eos", "cls", "sep", "mask", "unk")
WEIGHT_FILES = ("*.safetensors", "pytorch_model*.bin")
TOKENIZER_FILES = ("tokenizer.json", "vocab.*", "merges.txt", "*.model")


def trim_encoder(
    name: str,
    texts: Path,
    output: Path,
    *,
    languages: Sequence[str] | None = None,
    language: str | None = None,
    field: str = "text",
    min_count: int = 1,
    max_pieces: int | None = None,
    alpha: float = 0.3,
    overwrite: bool = False,
    progress: bool = False,
) -> TrimReport:
    """Trim a checkpoint to the pieces that occur in some texts, and write it as a Hugging Face folder.

    A text whose pieces are all kept has the same pieces and the same hidden states as before; see
    `vocabularies` for why. The texts are read twice: to count pieces, and to compare the tokenizers.

    name (str): Hub name or folder of the checkpoint.
    texts (Path): A file of raw text, or a folder of files by language.
    output (Path): The folder to write, new or empty. It is there whole or not at all.
    languages (Sequence[str] | None): The languages to read, None for all.
    language (str | None): Language of the texts if `texts` is one file.
    field (str): Field of the text in JSONL.
    min_count (int): As in `choose_pieces`.
    max_pieces (int | None): As in `choose_pieces`.
    alpha (float): As in `choose_pieces`.
    overwrite (bool): Replace the encoder that `output` holds.
    progress (bool): Show a progress bar.
    RETURNS (TrimReport): Sizes before and after, and the texts whose pieces changed.
    RAISES (ValueError): A setting is wrong, the texts or the checkpoint can't be read, the tokenizer is of
        an unknown kind, or nothing would be kept. (OSError): The output can't be written.
    """
    from ..models.checkpoint import load_encoder
    from ..models.checkpoint_files import find_checkpoint

    require_new_folder(output, overwrite=overwrite, inputs=[Path(name), texts])
    for setting, value in (("min_count", min_count), ("max_pieces", max_pieces)):
        if value is not None and value < 1:
            raise ValueError(Errors.X722.format(setting=setting, found=value))
    check_alpha(alpha)
    corpus = files_by_language(texts, languages=languages, language=language)
    masked_lm, whole, _ = load_encoder(name)
    whole.backend_tokenizer.no_truncation()
    vocabulary = Vocabulary(whole, name)
    before = _size(masked_lm, find_checkpoint(name))

    read = partial(_read_batches, corpus, field=field, progress=progress)
    counts = _count_pieces(whole, read("Counting pieces"), before.pieces)
    always = vocabulary.required() | _rows_of_padding(masked_lm, vocabulary)
    kept = choose_pieces(
        vocabulary, counts, always, min_count=min_count, max_pieces=max_pieces, alpha=alpha, texts=texts
    )
    trimmed = cut_tokenizer(vocabulary, kept)
    if unspellable := vocabulary.unspellable(kept):
        message = Warnings.W720.format(name=name, n=len(unspellable), first=unspellable[0])
        warnings.warn(message, stacklevel=2)
    numbers = np.full(before.pieces, REMOVED, dtype=np.int64)
    numbers[kept] = np.arange(len(kept))
    changes = _compare(whole, trimmed, numbers, read("Comparing texts"))
    _cut_model(masked_lm, kept, trimmed)
    report = TrimReport(name, min_count, max_pieces, alpha, before=before, after=before, languages=changes)
    return _write(masked_lm, trimmed, output, report)


def choose_pieces(
    vocabulary: Vocabulary,
    counts: Mapping[str | None, Ints1d],
    always: Set[int],
    *,
    min_count: int,
    max_pieces: int | None,
    alpha: float,
    texts: Path,
) -> Ints1d:
    """Choose the pieces to keep: those that occur at least `min_count` times in some language, each with the
    pieces that it needs. Where there is no room for all, those of the greatest weight come first, and a piece
    that does not fit with what it needs is passed over. The weight of piece p is its relative frequency in
    each language, averaged as languages are sampled in training:

        w(p) = sum_l q(l) c(p, l) / n(l)        q(l) = n(l)^alpha / sum_k n(k)^alpha

    c(p, l) being how often p occurs in the texts of language l, and n(l) the number of all their pieces.

    vocabulary (Vocabulary): The whole vocabulary.
    counts (Mapping[str | None, Ints1d]): c, by language. *Shape of each:* (pieces,)
    always (Set[int]): Ids that are kept whatever the counts.
    min_count (int): How often a piece has to occur in a language to be kept for it.
    max_pieces (int | None): The most pieces to keep, those of `always` included; None for no limit.
    alpha (float): 0 treats languages alike, 1 goes by their numbers of pieces.
    texts (Path): Where the texts are, for messages.
    RETURNS (Ints1d): Ids of the pieces, ascending. *Shape:* (kept,)
    RAISES (ValueError): No piece is to be kept but those of `always`, or there is no room for one.
    """
    frequent = np.logical_or.reduce([count >= min_count for count in counts.values()])
    frequent[list(always)] = False
    if not frequent.any():
        raise ValueError(Errors.X720.format(name=vocabulary.name, min_count=min_count, texts=texts))
    order = np.argsort(-_weights(counts, alpha), kind="stable")
    wanted: list[int] = order[frequent[order]].tolist()
    kept: set[int] = set(always)
    room = len(vocabulary) if max_pieces is None else max_pieces
    for piece in wanted:
        if len(kept) >= room:
            break
        needed = vocabulary.needs(piece) - kept
        if len(kept) + len(needed) <= room:
            kept |= needed
    if len(kept) == len(always):
        least = len(always) + min(len(vocabulary.needs(piece) - always) for piece in wanted)
        raise ValueError(Errors.X721.format(max_pieces=max_pieces, least=least, required=len(always)))
    return np.array(sorted(kept), dtype=np.int64)


def _cut_model(masked_lm: "MaskedLM", kept: Ints1d, tokenizer: "PreTrainedTokenizerFast") -> None:
    """Leave only some rows of word embeddings and decoder, in place; a tied decoder stays so. The trimmed
    tokenizer has the special pieces of which the config's number is of no piece that is kept.
    """
    import torch

    rows = torch.from_numpy(kept)
    whole = [parameter.detach()[rows] for parameter in _by_piece(masked_lm)]
    masked_lm.model.resize_token_embeddings(len(kept))
    with torch.no_grad():
        for parameter, values in zip(_by_piece(masked_lm), whole, strict=True):
            parameter.copy_(values)
    numbers = {old: new for new, old in enumerate(kept.tolist())}
    config = masked_lm.model.config
    for role in (f"{role}_token_id" for role in ROLES):
        old = getattr(config, role, None)
        if old is not None:
            setattr(config, role, numbers.get(old, getattr(tokenizer, role)))


def _by_piece(masked_lm: "MaskedLM") -> list["Tensor"]:
    """The parameters that have a row for each piece."""
    decoder = masked_lm.decoder
    biases = [] if decoder.bias is None else [decoder.bias]
    return [masked_lm.model.get_input_embeddings().weight, decoder.weight, *biases]


def _rows_of_padding(masked_lm: "MaskedLM", vocabulary: Vocabulary) -> set[int]:
    """What must stay for the padding piece: itself, and all before it in a model that counts positions from
    its number on, for there it has to keep its number.
    """
    from ..models.checkpoint import position_embeddings

    padding = masked_lm.model.config.pad_token_id
    if padding is None:
        return set()
    counted = any(module.padding_idx is not None for module in position_embeddings(masked_lm.encoder))
    return {*range(0 if counted else padding, padding + 1)} & {*vocabulary.ids.values()}


def _read_batches(
    corpus: Mapping[str | None, Sequence[TextFile]], title: str, *, field: str, progress: bool
) -> Iterator[tuple[str | None, list[str]]]:
    """The texts by language, some at a time."""
    lines = sum(count_lines(file) for files in corpus.values() for file in files) if progress else None
    with tqdm(total=lines, desc=title, unit=" texts", disable=None if progress else True) as bar:
        for language, files in corpus.items():
            texts = read_texts(files, field=field)
            while batch := list(islice(texts, BATCH)):
                yield language, batch
                bar.update(len(batch))


def _count_pieces(
    tokenizer: "PreTrainedTokenizerFast", batches: Iterator[tuple[str | None, list[str]]], n_pieces: int
) -> dict[str | None, Ints1d]:
    """How often each piece occurs in each language. *Shape of each:* (n_pieces,)"""
    counts: dict[str | None, Ints1d] = {}
    for language, texts in batches:
        count = counts.setdefault(language, np.zeros(n_pieces, dtype=np.int64))
        encodings = tokenizer.backend_tokenizer.encode_batch(texts, add_special_tokens=False)
        ids = np.fromiter(chain.from_iterable(encoding.ids for encoding in encodings), dtype=np.int64)
        count += np.bincount(ids, minlength=n_pieces)
    return counts


def _weights(counts: Mapping[str | None, Ints1d], alpha: float) -> NDArray[np.float64]:
    totals = {language: int(count.sum()) for language, count in counts.items() if count.any()}
    shares = sampling_shares(totals, alpha)
    frequencies = [shares[language] * counts[language] / total for language, total in totals.items()]
    return np.sum(frequencies, axis=0)


def _compare(
    whole: "PreTrainedTokenizerFast",
    trimmed: "PreTrainedTokenizerFast",
    numbers: Ints1d,
    batches: Iterator[tuple[str | None, list[str]]],
) -> list[LanguageChange]:
    """Compare the pieces of each text before and after trimming, given the new id of each, or REMOVED."""
    found: dict[str | None, Ints1d] = {}
    for language, texts in batches:
        before = whole.backend_tokenizer.encode_batch(texts, add_special_tokens=False)
        after = trimmed.backend_tokenizer.encode_batch(texts, add_special_tokens=False)
        changed = sum(numbers[a.ids].tolist() != b.ids for a, b in zip(before, after, strict=True))
        lengths = [sum(map(len, encodings)) for encodings in (before, after)]
        row = np.array([len(texts), changed, *lengths], dtype=np.int64)
        found[language] = found.get(language, 0) + row
    return [LanguageChange(language or UNKNOWN, *row.tolist()) for language, row in found.items()]


def _write(
    masked_lm: "MaskedLM", tokenizer: "PreTrainedTokenizerFast", output: Path, report: TrimReport
) -> TrimReport:
    """Write the trimmed encoder with its model card. The report's `after` is filled in once the files, whose
    sizes it names, are there.

    RAISES (OSError): The folder can't be written.
    """
    from ..models.checkpoint import save_checkpoint

    def fill(folder: Path) -> None:
        nonlocal report
        save_checkpoint(masked_lm.model, tokenizer, folder)
        report = replace(report, after=_size(masked_lm, folder))
        write_card(folder, card_text(report), [found.language for found in report.languages], report.encoder)

    _as_stored(masked_lm, report.encoder)
    with writing_errors(output):
        write_folder(output, fill)
    return report


def _as_stored(masked_lm: "MaskedLM", name: str) -> None:
    """Give the weights back the type that the checkpoint has them in, where nothing is lost by it."""
    import torch

    from ..models.checkpoint import read_config

    settings = read_config(name).to_dict()
    # Transformers 5 has it under the first name, 4 under the second.
    stored = getattr(torch, str(settings.get("dtype") or settings.get("torch_dtype")), None)
    parameters = list(masked_lm.parameters())
    if stored is not None and all(torch.equal(p, p.to(stored).to(p.dtype)) for p in parameters):
        masked_lm.to(stored)


def _size(masked_lm: "MaskedLM", folder: Path) -> Size:
    return Size(
        pieces=masked_lm.model.get_input_embeddings().num_embeddings,
        parameters=sum(parameter.numel() for parameter in masked_lm.parameters()),
        # A checkpoint may have its weights in two formats, and needs one.
        weight_bytes=next((size for pattern in WEIGHT_FILES if (size := _bytes(folder, pattern))), 0),
        tokenizer_bytes=sum(_bytes(folder, pattern) for pattern in TOKENIZER_FILES),
    )


def _bytes(folder: Path, pattern: str) -> int:
    return sum(path.stat().st_size for path in folder.glob(pattern))
