"""Training a tokenizer on raw text."""

from collections.abc import Iterable
from typing import Any, Literal

from tokenizers import (
    AddedToken,
    Tokenizer,
    decoders,
    models,
    normalizers,
    pre_tokenizers,
    processors,
    trainers,
)
from transformers import PreTrainedTokenizerFast

from ..errors import Errors

Kind = Literal["unigram", "wordpiece"]

START, PAD, END, UNKNOWN, MASK = "<s>", "<pad>", "</s>", "<unk>", "<mask>"
# Their numbers are those of XLM-R, but for the mask piece.
SPECIAL = (START, PAD, END, UNKNOWN, MASK)


def train_tokenizer(
    texts: Iterable[str], *, kind: Kind, n_pieces: int, window: int
) -> PreTrainedTokenizerFast:
    """Train a tokenizer with the `tokenizers` library: Unigram (Kudo 2018, arXiv 1804.10959) or WordPiece.

    Texts are normalised by NFKC and keep their case. A text becomes `<s> pieces </s>`. The library's trainers
    don't promise the same pieces twice.

    texts (Iterable[str]): The texts; how many of each language is what balances the languages.
    kind (Kind): "unigram" or "wordpiece".
    n_pieces (int): Number of pieces to reach, special pieces included; small corpora give fewer.
    window (int): The most pieces of a text that the encoder takes, specials included.
    RETURNS (PreTrainedTokenizerFast): The tokenizer.
    RAISES (ValueError): Another kind, or too few pieces for the characters of the texts.
    """
    if kind not in ("unigram", "wordpiece"):
        raise ValueError(Errors.X701.format(found=kind))
    try:
        tokenizer, trainer = _unigram(n_pieces) if kind == "unigram" else _wordpiece(n_pieces)
        tokenizer.normalizer = normalizers.NFKC()
        tokenizer.train_from_iterator(texts, trainer)
    # The library raises plain Exceptions, e.g. for a vocabulary with less room than there are characters.
    except Exception as error:
        if str(error).startswith("[X"):
            raise
        raise ValueError(Errors.X702.format(n_pieces=n_pieces, error=error)) from error
    tokenizer.add_special_tokens([AddedToken(piece, special=True, normalized=False) for piece in SPECIAL])
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{START} $A {END}",
        pair=f"{START} $A {END} {END} $B {END}",
        special_tokens=[(START, SPECIAL.index(START)), (END, SPECIAL.index(END))],
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        model_max_length=window,
        bos_token=START,
        cls_token=START,
        pad_token=PAD,
        eos_token=END,
        sep_token=END,
        unk_token=UNKNOWN,
        mask_token=MASK,
    )


def _unigram(n_pieces: int) -> tuple[Any, Any]:
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Metaspace()
    return tokenizer, trainers.UnigramTrainer(
        vocab_size=n_pieces, special_tokens=list(SPECIAL), unk_token=UNKNOWN
    )


def _wordpiece(n_pieces: int) -> tuple[Any, Any]:
    tokenizer = Tokenizer(models.WordPiece(unk_token=UNKNOWN))
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    return tokenizer, trainers.WordPieceTrainer(vocab_size=n_pieces, special_tokens=list(SPECIAL))
