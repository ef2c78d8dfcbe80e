from itertools import pairwise

import numpy as np
import pytest
from transformers import AutoTokenizer

from spacy_xling.inspection.previews import piece_name, preview_encoder_masks, preview_masks
from spacy_xling.models.checkpoint import load_encoder
from spacy_xling.pieces.masking import (
    build_piece_masking_v1,
    build_whole_word_masking_v1,
    masking_vocabulary,
)
from spacy_xling.pieces.windows import split_windows
from tests.conftest import TEXTS, write_raw

SAMPLES = {"en": TEXTS[:2], "da": TEXTS[4:6]}
FATES = {"special", "left", "mask", "random", "kept"}


@pytest.fixture
def tokenizer(checkpoint):
    return load_encoder(str(checkpoint)).tokenizer


@pytest.fixture
def texts(tmp_path):
    return write_raw(tmp_path / "raw", SAMPLES)


@pytest.mark.parametrize("family", ["bert", "xlm-roberta"])
def test_with_its_targets_back_a_window_is_the_tokenizers(checkpoints, texts, family):
    plain = AutoTokenizer.from_pretrained(checkpoints(family))
    previews = preview_encoder_masks(str(checkpoints(family)), texts, rate=0.5, seed=1)
    assert [(preview.language, preview.text) for preview in previews] == [
        (language, text) for language in ("da", "en") for text in SAMPLES[language]
    ]
    for preview in previews:
        before = [piece.shown if piece.target is None else piece.target for piece in preview.pieces]
        assert before == plain.convert_ids_to_tokens(plain(preview.text).input_ids)


def test_the_pieces_are_those_of_the_masking(tokenizer):
    masking = build_whole_word_masking_v1(rate=0.5)
    pieces = split_windows(tokenizer.backend_tokenizer, TEXTS)
    masked = masking(pieces, masking_vocabulary(tokenizer), np.random.default_rng(7))
    previews = preview_masks(tokenizer, {"all": TEXTS}, masking, seed=7)
    shown = [piece.shown for preview in previews for piece in preview.pieces]
    assert shown == tokenizer.convert_ids_to_tokens(masked.pieces.ids.tolist())
    targets = [piece.target for preview in previews for piece in preview.pieces if piece.target is not None]
    assert targets == tokenizer.convert_ids_to_tokens(masked.targets.tolist())


def test_each_fate_says_what_stands_there(tokenizer):
    previews = preview_masks(
        tokenizer, {None: TEXTS}, build_piece_masking_v1(rate=0.6, mask_share=0.4, random_share=0.3)
    )
    for preview in previews:
        fates = [piece.fate for piece in preview.pieces]
        assert (fates[0], fates[-1], fates.count("special")) == ("special", "special", 2)
        for piece in preview.pieces:
            assert (piece.target is None) == (piece.fate in ("special", "left"))
            assert (piece.shown == "<mask>") == (piece.fate == "mask")
            assert (piece.shown == piece.target) == (piece.fate == "kept")
    assert {piece.fate for preview in previews for piece in preview.pieces} == FATES


def test_by_word_masks_whole_words_and_by_piece_does_not(checkpoint, texts):
    plain = AutoTokenizer.from_pretrained(checkpoint)

    def split_words(by):
        count = 0
        for preview in preview_encoder_masks(str(checkpoint), texts, rate=0.4, by=by):
            words = plain(preview.text).word_ids()
            chosen = [piece.target is not None for piece in preview.pieces]
            of_word = {word: {c for w, c in zip(words, chosen, strict=True) if w == word} for word in words}
            # Longer words are masked piece by piece.
            count += sum(len(of_word[word]) > 1 for word in of_word if words.count(word) <= 10)
        return count

    assert split_words("word") == 0
    assert split_words("piece") > 0


def test_a_rate_of_1_leaves_nothing(checkpoint, texts):
    previews = preview_encoder_masks(str(checkpoint), texts, rate=1.0)
    assert not any(piece.fate == "left" for preview in previews for piece in preview.pieces)


def test_a_long_text_has_numbered_windows_that_overlap(checkpoint, tmp_path):
    text = " ".join(TEXTS)
    (tmp_path / "one.txt").write_text(f"The box\n{text}", encoding="utf-8")
    short, *previews = preview_encoder_masks(str(checkpoint), tmp_path / "one.txt", window=30, overlap=10)
    assert (short.text, short.window, short.windows) == ("The box", 1, 1)
    assert len(previews) > 3
    assert [preview.window for preview in previews] == list(range(1, len(previews) + 1))
    assert {preview.windows for preview in previews} == {len(previews)}
    assert {preview.language for preview in previews} == {None}
    inside = [
        [piece.target or piece.shown for piece in preview.pieces if piece.fate != "special"]
        for preview in previews
    ]
    assert all(first[-10:] == second[:10] for first, second in pairwise(inside))
    whole = AutoTokenizer.from_pretrained(checkpoint)(text, add_special_tokens=False).input_ids
    assert sum(map(len, inside)) - 10 * (len(inside) - 1) == len(whole)


def test_the_sample_the_languages_and_the_seed(checkpoint, texts):
    previews = preview_encoder_masks(str(checkpoint), texts, n=1, seed=5, languages=["da"])
    assert [preview.language for preview in previews] == ["da"]
    # Other languages beside it change nothing.
    both = preview_encoder_masks(str(checkpoint), texts, n=1, seed=5)
    assert both[0] == previews[0]
    seeds = [preview_encoder_masks(str(checkpoint), texts, seed=seed) for seed in (5, 5, 6)]
    assert seeds[0] == seeds[1] != seeds[2]


def test_byte_level_pieces_are_shown_as_text(checkpoints):
    tokenizer = load_encoder(str(checkpoints("roberta"))).tokenizer
    pieces = split_windows(tokenizer.backend_tokenizer, ["Посылка late"])
    names = [piece_name(tokenizer, int(piece)) for piece in pieces.ids]
    assert names[0] == "<s>"
    assert any(name.startswith("▁") for name in names)
    raw = tokenizer.convert_ids_to_tokens(pieces.ids.tolist())
    # Half a character has no text, and stays as it is.
    assert all(name == old for name, old in zip(names, raw, strict=True) if old in ("Ð", "Ñ"))
    assert "Ġ" not in "".join(names)


def test_a_rate_out_of_range_is_an_error_before_the_encoder_is_loaded(texts):
    with pytest.raises(ValueError, match=r"\[X203\]"):
        preview_encoder_masks("/nowhere", texts, rate=0.0)
