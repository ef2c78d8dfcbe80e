"""Tiny sequence-to-sequence checkpoints of each family, with weights drawn at random."""

import json
from pathlib import Path

import sentencepiece
import torch
import transformers
from transformers import (
    AutoModelForSeq2SeqLM,
    AutoTokenizer,
    M2M100Config,
    MarianConfig,
    MBartConfig,
    T5Config,
)
from transformers.models.m2m_100.tokenization_m2m_100 import FAIRSEQ_LANGUAGE_CODES

from spacy_xling.models.checkpoint_files import no_progress_bars
from tests.conftest import TEXTS

SHAPE = {
    "d_model": 32,
    "encoder_layers": 1,
    "decoder_layers": 1,
    "encoder_attention_heads": 2,
    "decoder_attention_heads": 2,
    "encoder_ffn_dim": 64,
    "decoder_ffn_dim": 64,
    "max_position_embeddings": 64,
    "forced_eos_token_id": None,
}
T5_SHAPE = {
    "d_model": 32,
    "d_kv": 16,
    "d_ff": 64,
    "num_layers": 1,
    "num_heads": 2,
    # Near distances have a bucket each: where others begin is a matter of rounding.
    "relative_attention_num_buckets": 128,
    "relative_attention_max_distance": 256,
}
NLLB_CODES = ["dan_Latn", "deu_Latn", "eng_Latn", "rus_Cyrl", "zho_Hans"]
WEIGHT = 0.8
FAMILIES = ("marian", "marian-many", "m2m100", "nllb", "mbart50", "mbart", "madlad")


def train_pieces(path: Path, kind: str, pieces: tuple[str, ...] = (), **settings: object) -> list[str]:
    """Write a sentencepiece model of TEXTS, and give its pieces."""
    with path.open("wb") as file:
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(TEXTS),
            model_writer=file,
            model_type=kind,
            vocab_size=150 + len(pieces),
            hard_vocab_limit=False,
            user_defined_symbols=list(pieces),
            minloglevel=2,
            num_threads=1,
            **settings,
        )
    model = sentencepiece.SentencePieceProcessor(model_file=str(path))
    return [model.id_to_piece(number) for number in range(model.get_piece_size())]


def make_seq2seq(family: str, folder: Path, seed: int = 0, **changes: object) -> Path:
    """A checkpoint of a family, saved as a Hugging Face folder.

    changes: Settings of the config to change.
    """
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer = TOKENIZERS[family](folder)
    numbers = [*tokenizer.get_vocab().values(), *getattr(tokenizer, "lang_token_to_id", {}).values()]
    kind, settings = CONFIGS[family]
    config = kind(
        vocab_size=max(numbers) + 1 + getattr(tokenizer, "num_madeup_words", 0),
        pad_token_id=tokenizer.pad_token_id,
        eos_token_id=tokenizer.eos_token_id,
        decoder_start_token_id=tokenizer.pad_token_id if kind in STARTS_WITH_PAD else tokenizer.eos_token_id,
        **(settings | changes),
    )
    torch.manual_seed(seed)
    model = AutoModelForSeq2SeqLM.from_config(config)
    # So large that a translation depends on its text, and comes to an end sooner or later.
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if parameter.ndim > 1 and "position" not in name:
                parameter.copy_(torch.randn_like(parameter) * WEIGHT)
        model.get_input_embeddings().weight[tokenizer.eos_token_id] *= 1.5
        if kind is MarianConfig:
            # Its decoder starts with nothing.
            model.get_input_embeddings().weight[tokenizer.pad_token_id] = 0.0
    with no_progress_bars():
        model.save_pretrained(folder)
    return folder


def _marian(folder, codes=()):
    for name in ("source.spm", "target.spm"):
        pieces = train_pieces(folder / name, "unigram")
    ordinary = [piece for piece in pieces if piece not in ("<unk>", "<s>", "</s>")]
    vocabulary = ["</s>", "<unk>", *ordinary, *(f">>{code}<<" for code in codes), "<pad>"]
    names = {piece: number for number, piece in enumerate(vocabulary)}
    (folder / "vocab.json").write_text(json.dumps(names), encoding="utf-8")
    return _settled(
        folder,
        tokenizer_class="MarianTokenizer",
        model_max_length=64,
        source_lang="en",
        target_lang="gem" if codes else "da",
    )


def _m2m100(folder):
    pieces = train_pieces(folder / "sentencepiece.bpe.model", "bpe")
    ordinary = [piece for piece in pieces if piece not in ("<unk>", "<s>", "</s>")]
    vocabulary = ["<s>", "<pad>", "</s>", "<unk>", *ordinary]
    names = {piece: number for number, piece in enumerate(vocabulary)}
    (folder / "vocab.json").write_text(json.dumps(names), encoding="utf-8")
    special = [f"__{code}__" for code in FAIRSEQ_LANGUAGE_CODES["m2m100"]]
    return _settled(
        folder, tokenizer_class="M2M100Tokenizer", model_max_length=64, additional_special_tokens=special
    )


def _sentencepiece(name, kind, **settings):
    def tokenizer(folder):
        train_pieces(folder / "sentencepiece.bpe.model", kind)
        return _settled(folder, tokenizer_class=name, model_max_length=64, **settings)

    return tokenizer


def _madlad(folder):
    codes = ("<2da>", "<2de>", "<2en>", "<2zh_Latn>")
    train_pieces(folder / "spiece.model", "unigram", codes, pad_id=0, eos_id=1, unk_id=2, bos_id=-1)
    return _settled(folder, tokenizer_class="T5Tokenizer", extra_ids=0, model_max_length=64)


def _settled(folder, **settings):
    (folder / "tokenizer_config.json").write_text(json.dumps(settings), encoding="utf-8")
    name = settings["tokenizer_class"]
    tokenizer = getattr(transformers, f"{name}Fast", None) or getattr(transformers, name)
    tokenizer.from_pretrained(folder).save_pretrained(folder)
    return AutoTokenizer.from_pretrained(folder)


# As in the config of mBART-50.
MBART = {"normalize_before": True, "normalize_embedding": True}
CONFIGS = {
    "marian": (MarianConfig, SHAPE),
    "marian-many": (MarianConfig, SHAPE),
    "m2m100": (M2M100Config, SHAPE),
    "nllb": (M2M100Config, SHAPE),
    "mbart50": (MBartConfig, SHAPE | MBART),
    "mbart": (MBartConfig, SHAPE | MBART),
    "madlad": (T5Config, T5_SHAPE),
}
STARTS_WITH_PAD = (MarianConfig, T5Config)
TOKENIZERS = {
    "marian": _marian,
    "marian-many": lambda folder: _marian(folder, ("dan", "deu", "cmn_Hans")),
    "m2m100": _m2m100,
    "nllb": _sentencepiece("NllbTokenizer", "bpe", additional_special_tokens=NLLB_CODES),
    "mbart50": _sentencepiece("MBart50Tokenizer", "unigram"),
    "mbart": _sentencepiece("MBartTokenizer", "unigram"),
    "madlad": _madlad,
}
