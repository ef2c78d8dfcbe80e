"""What an encoder makes of each language's raw text, before any training."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
from tqdm import tqdm

from ..data.parallel import build_parallel_text_v1
from ..data.sources import TextPair
from ..data.unlabelled import build_unlabelled_text_v1
from ..errors import Errors
from ..generators import make_generator
from ..models.batches import masked_passes
from ..models.checkpoint import Encoder, load_encoder
from ..models.masked_lm import MaskedLMLoss, mean_loss
from ..pieces.masking import build_whole_word_masking_v1, masking_vocabulary
from ..pieces.windows import split_windows
from ..types import Pieces
from .distance import median_distance, squared_mmd
from .sentence_vectors import padding, resolve_layer, retrieval_accuracy, sentence_vectors


@dataclass(frozen=True)
class LanguageReport:
    """What an encoder makes of a language.

    language (str): The language.
    texts (int): Texts looked at.
    pieces_per_word (float): Ordinary pieces per word, a word being what `str.split` gives: in a script
        without spaces, a sentence.
    pieces_per_character (float): Ordinary pieces per character that is no white space.
    unknown_share (float): Share of the ordinary pieces that are the unknown piece. Some tokenizers make one
        unknown piece of a whole word.
    long_share (float): Share of the texts that are longer than the window.
    mlm_loss (float | None): Masked-LM loss in nats, the mean over targets; None without any. Unknown
        pieces are no targets, and pieces of few characters are easier, so look at it beside the shares.
    mlm_targets (int): Number of masked pieces.
    distance (float | None): Squared maximum mean discrepancy between the vectors of the source's texts
        and this language's; None for the source. Texts on other subjects are farther too.
    retrieval (float | None): Share of the source's texts whose translation is the closest of all;
        None without pairs.
    pairs (int): Number of pairs among which it was looked for: the more, the harder.
    """

    language: str
    texts: int
    pieces_per_word: float
    pieces_per_character: float
    unknown_share: float
    long_share: float
    mlm_loss: float | None
    mlm_targets: int
    distance: float | None
    retrieval: float | None
    pairs: int


@dataclass(frozen=True)
class Inspection:
    """What an encoder makes of some languages.

    encoder (str): Its name or folder.
    window (int): The most pieces of a window, specials included.
    layer (int): The layer whose states became vectors, 0 for the embeddings.
    source (str): The source language.
    limit (int): The most texts, and pairs, of a language.
    seed (int): Seed of samples and masks.
    languages (Sequence[LanguageReport]): The source first, then the others by name.
    """

    encoder: str
    window: int
    layer: int
    source: str
    limit: int
    seed: int
    languages: Sequence[LanguageReport]


def inspect_encoder(
    name: str,
    texts: Path,
    *,
    parallel: Path | None = None,
    source: str = "en",
    limit: int = 500,
    layer: int | None = None,
    seed: int = 0,
    progress: bool = False,
) -> Inspection:
    """Look at an encoder through raw text by language.

    name (str): Hub name or folder of the encoder.
    texts (Path): A folder of files by language, as the UnlabelledText reader takes.
    parallel (Path | None): A folder of files such as `en-da.tsv`, as the ParallelText reader takes.
    source (str): The language that the others are compared with.
    limit (int): The most texts, and pairs, of a language: a sample with the seed.
    layer (int | None): The layer for vectors, from 0 (the embeddings); None for the middle one.
    seed (int): Seed of samples and masks.
    progress (bool): Show a progress bar, on a terminal.
    RETURNS (Inspection): The numbers.
    RAISES (ValueError): The source is not among the texts, a language has fewer than two texts or pairs,
        no pair belongs to these languages, or the encoder has no such layer; and what the readers and
        `load_encoder` raise.
    """
    samples = _samples(texts, source, limit, seed)
    pairs = {} if parallel is None else _pairs(parallel, source, list(samples), limit, seed)
    encoder = load_encoder(name)
    layer = resolve_layer(encoder, layer)
    vectors = partial(sentence_vectors, encoder, layer=layer)
    of_source = vectors(samples[source])
    bandwidth = median_distance(of_source)
    reports = []
    for language, own in tqdm(samples.items(), desc="Languages", disable=None if progress else True):
        report = _report(language, own, encoder, seed)
        if language != source:
            report = replace(report, distance=squared_mmd(of_source, vectors(own), bandwidth=bandwidth))
        if found := pairs.get(language):
            sides = (vectors([pair.first for pair in found]), vectors([pair.second for pair in found]))
            report = replace(report, retrieval=retrieval_accuracy(*sides), pairs=len(found))
        reports.append(report)
    return Inspection(name, encoder.window, layer, source, limit, seed, reports)


def masked_lm_loss(
    encoder: Encoder, pieces: Pieces, *, seed: int = 0, pass_pieces: int = 4096
) -> tuple[float | None, int]:
    """The masked-LM loss of some windows under whole-word masking with its default rates.

    encoder (Encoder): The encoder.
    pieces (Pieces): The windows.
    seed (int): Seed of the masks.
    pass_pieces (int): The most pieces, padding included, that pass the encoder at a time.
    RETURNS (tuple[float | None, int]): The mean over targets of -log P(target | window without it), in
        nats, None without a target; and the number of targets.
    """
    vocabulary = masking_vocabulary(encoder.tokenizer)
    masked = build_whole_word_masking_v1()(pieces, vocabulary, make_generator(seed))
    targets = len(masked.targets)
    if not targets:
        return None, 0
    passes = masked_passes(masked, padding(encoder, pass_pieces))
    return mean_loss(MaskedLMLoss(encoder.masked_lm), passes), targets


def _report(language: str, texts: Sequence[str], encoder: Encoder, seed: int) -> LanguageReport:
    """What needs no other language."""
    pieces = split_windows(encoder.tokenizer.backend_tokenizer, texts)
    ids = pieces.ids[pieces.is_word]
    words = [word for text in texts for word in text.split()]
    loss, targets = masked_lm_loss(encoder, pieces, seed=seed)
    return LanguageReport(
        language=language,
        texts=len(texts),
        pieces_per_word=len(ids) / len(words),
        pieces_per_character=len(ids) / sum(map(len, words)),
        unknown_share=int((ids == encoder.tokenizer.unk_token_id).sum()) / max(1, len(ids)),
        long_share=int((np.bincount(pieces.texts) > 1).sum()) / len(texts),
        mlm_loss=loss,
        mlm_targets=targets,
        distance=None,
        retrieval=None,
        pairs=0,
    )


def _samples(path: Path, source: str, limit: int, seed: int) -> dict[str, list[str]]:
    """The texts of each language, the source first."""
    sampled = build_unlabelled_text_v1(path, seed=seed).sample(limit)
    samples = {str(language): texts for language, texts in sampled.items()}
    if source not in samples:
        raise ValueError(Errors.X730.format(found=", ".join(samples), source=source))
    for language, texts in samples.items():
        if len(texts) < 2:
            raise ValueError(Errors.X732.format(count=len(texts), language=language))
    return {source: samples.pop(source), **samples}


def _pairs(
    path: Path, source: str, languages: Sequence[str], limit: int, seed: int
) -> dict[str, list[TextPair]]:
    """The pairs of each language with the source, if there are any."""
    by_name = build_parallel_text_v1(path, seed=seed).sample(limit)
    names = {language: f"{source}-{language}" for language in languages}
    pairs = {lang: _distinct(by_name[name]) for lang, name in names.items() if name in by_name}
    if not pairs:
        others = ", ".join(language for language in languages if language != source)
        raise ValueError(Errors.X735.format(found=", ".join(by_name), source=source, languages=others))
    for language, found in pairs.items():
        if len(found) < 2:
            raise ValueError(Errors.X733.format(count=len(found), name=names[language]))
    return pairs


def _distinct(pairs: Sequence[TextPair]) -> list[TextPair]:
    """The first pair of each text: a text that is in two pairs has two right answers."""
    firsts: set[str] = set()
    seconds: set[str] = set()
    distinct = []
    for pair in pairs:
        if pair.first not in firsts and pair.second not in seconds:
            distinct.append(pair)
        firsts.add(pair.first)
        seconds.add(pair.second)
    return distinct
