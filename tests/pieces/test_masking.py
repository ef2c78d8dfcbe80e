import math
from types import SimpleNamespace

import numpy as np
import pytest

from spacy_xling.pieces.masking import (
    MaskingVocabulary,
    build_piece_masking_v1,
    build_whole_word_masking_v1,
    each_word,
    masking_vocabulary,
)
from spacy_xling.types import NO_WORD, Pieces
from tests.conftest import TEXTS, make_tokenizer, split_windows

# Of the hand-made windows: start 0, padding 1, end 2, unknown 3, mask 4; ordinary pieces from 5 on.
VOCABULARY = MaskingVocabulary(4, np.arange(5), np.arange(5, 105))
BUILDERS = [build_piece_masking_v1, build_whole_word_masking_v1]


def windows(*words_of_each):
    """Windows from word numbers: a start and an end piece, and random ordinary pieces between."""
    generator = np.random.default_rng(7)
    ids, words = [], []
    for own in words_of_each:
        ids += [0, *generator.integers(5, 105, size=len(own)).tolist(), 2]
        words += [NO_WORD, *own, NO_WORD]
    lengths = np.array([len(own) + 2 for own in words_of_each], dtype=np.int64)
    n = len(words_of_each)
    return Pieces(np.array(ids, dtype=np.int64), np.array(words, dtype=np.int64), lengths, np.arange(n), n)


def spans(pieces):
    ends = np.cumsum(pieces.lengths).tolist()
    return list(zip([0, *ends[:-1]], ends, strict=True))


def draw(builder, pieces, seed=0, vocabulary=VOCABULARY, **settings):
    return builder(**settings)(pieces, vocabulary, np.random.default_rng(seed))


def assert_share(hits, trials, share):
    """Within five standard deviations of a binomial draw."""
    assert abs(hits - trials * share) <= 5 * math.sqrt(trials * max(share * (1 - share), 0)) + 1e-6


@pytest.mark.parametrize("rate", [0.15, 0.4])
def test_rate_is_the_share_of_pieces_that_become_targets(rate):
    # In windows of 200 pieces the one target at least makes no difference.
    pieces = windows(*[list(range(200))] * 300)
    masked = draw(build_piece_masking_v1, pieces, rate=rate)
    assert_share(len(masked.positions), 60_000, rate)


def test_rate_is_the_share_of_words_that_become_targets():
    pieces = windows(*[np.repeat(np.arange(100), 2).tolist()] * 300)
    masked = draw(build_whole_word_masking_v1, pieces, rate=0.15)
    assert_share(len(masked.positions) / 2, 30_000, 0.15)


@pytest.mark.parametrize("builder", BUILDERS)
@pytest.mark.parametrize(("mask_share", "random_share"), [(0.8, 0.1), (0.5, 0.3), (1.0, 0.0), (0.0, 1.0)])
def test_shares_of_mask_random_and_kept_pieces(builder, mask_share, random_share):
    pieces = windows(*[list(range(200))] * 200)
    masked = draw(builder, pieces, rate=0.5, mask_share=mask_share, random_share=random_share)
    new = masked.pieces.ids[masked.positions]
    n = len(new)
    to_mask, same = new == VOCABULARY.mask_id, new == masked.targets
    assert_share(to_mask.sum(), n, mask_share)
    # One random replacement of a hundred is the piece itself.
    assert_share(same.sum(), n, 1 - mask_share - random_share + random_share / 100)
    assert_share((~to_mask & ~same).sum(), n, random_share * 99 / 100)


def test_random_replacements_are_uniform_over_the_ordinary_pieces():
    pieces = windows(*[list(range(200))] * 300)
    masked = draw(build_piece_masking_v1, pieces, rate=1.0, mask_share=0.0, random_share=1.0)
    counts = np.bincount(masked.pieces.ids[masked.positions], minlength=105)
    assert counts[:5].tolist() == [0] * 5
    for count in counts[5:]:
        assert_share(count, 60_000, 1 / 100)


@pytest.mark.parametrize("builder", BUILDERS)
@pytest.mark.parametrize("kind", ["wordpiece", "bpe", "unigram"])
def test_specials_padding_and_unknown_pieces_are_never_targets_nor_drawn(builder, kind):
    tokenizer = make_tokenizer(kind)
    vocabulary = masking_vocabulary(tokenizer)
    special = {tokenizer.convert_tokens_to_ids(t) for t in ("<s>", "<pad>", "</s>", "<unk>", "<mask>")}
    texts = ["The 🎁 box <mask> was <pad> broken </s> late <unk> 漢 字", TEXTS[4]]
    pieces = split_windows(tokenizer, texts, window=64, overlap=0)
    assert len(special & set(pieces.ids[pieces.is_word].tolist())) > 1
    everything = draw(builder, pieces, vocabulary=vocabulary, rate=1.0, mask_share=0.0, random_share=1.0)
    ordinary = [i for i, piece in enumerate(pieces.ids.tolist()) if piece not in special]
    assert everything.positions.tolist() == ordinary
    for seed in range(50):
        masked = draw(
            builder, pieces, seed, vocabulary=vocabulary, rate=0.5, mask_share=0.0, random_share=1.0
        )
        assert not special & set(masked.targets.tolist())
        assert not special & set(masked.pieces.ids[masked.positions].tolist())


def test_masking_vocabulary_is_that_of_the_tokenizer():
    tokenizer = make_tokenizer("unigram")
    tokenizer.add_special_tokens({"additional_special_tokens": ["<lang>"]})
    vocabulary = masking_vocabulary(tokenizer)
    everything = tokenizer.get_vocab()
    special = ["<s>", "<pad>", "</s>", "<unk>", "<mask>", "<lang>"]
    assert vocabulary.mask_id == everything["<mask>"]
    assert vocabulary.special_ids.tolist() == sorted(everything[piece] for piece in special)
    assert vocabulary.replacements.tolist() == sorted(
        number for piece, number in everything.items() if piece not in special
    )


@pytest.mark.parametrize("builder", BUILDERS)
def test_a_window_with_a_maskable_piece_has_a_target_and_one_without_has_none(builder):
    pieces = windows([0], [], [0, 0, 1], [0, 1, 2, 3], [0], [], [0])
    starts = [start for start, _ in spans(pieces)]
    # The fifth window's only piece is unknown.
    pieces.ids[starts[4] + 1] = 3
    for seed in range(50):
        masked = draw(builder, pieces, seed, rate=1e-9)
        counts = [
            sum(start <= position < end for position in masked.positions) for start, end in spans(pieces)
        ]
        assert [min(count, 1) for count in counts] == [1, 0, 1, 1, 0, 0, 1]
        assert counts[3] == 1


def test_the_guaranteed_target_is_any_piece_alike():
    pieces = windows(*[[0, 1, 2, 3]] * 4000)
    masked = draw(build_piece_masking_v1, pieces, rate=1e-9)
    assert len(masked.positions) == 4000
    for count in np.bincount(masked.positions % 6)[1:5]:
        assert_share(count, 4000, 1 / 4)


@pytest.mark.parametrize("builder", BUILDERS)
@pytest.mark.parametrize("seed", range(5))
def test_putting_the_targets_back_restores_the_input_which_is_not_changed(builder, seed):
    pieces = windows([0, 0, 1, 2, 2, 2], [], list(range(30)), [0])
    before = [array.copy() for array in (pieces.ids, pieces.words, pieces.lengths, pieces.texts)]
    masked = draw(builder, pieces, seed, rate=0.5)
    for array, old in zip((pieces.ids, pieces.words, pieces.lengths, pieces.texts), before, strict=True):
        np.testing.assert_array_equal(array, old)
    assert masked.pieces.ids is not pieces.ids
    assert masked.positions.tolist() == sorted(set(masked.positions.tolist()))
    assert masked.targets.tolist() == [before[0][position] for position in masked.positions]
    restored = masked.pieces.ids.copy()
    untouched = np.delete(np.arange(len(restored)), masked.positions)
    np.testing.assert_array_equal(restored[untouched], before[0][untouched])
    restored[masked.positions] = masked.targets
    np.testing.assert_array_equal(restored, before[0])
    for name in ("words", "lengths", "texts", "n_texts"):
        np.testing.assert_array_equal(getattr(masked.pieces, name), getattr(pieces, name))


def targets_by_word(pieces, masked):
    """For each word of each window, which of its pieces are targets."""
    targets = set(masked.positions.tolist())
    found = {}
    for number, (start, end) in enumerate(spans(pieces)):
        for i in range(start, end):
            if pieces.words[i] != NO_WORD:
                found.setdefault((number, int(pieces.words[i])), []).append(i in targets)
    return found


def test_words_are_masked_whole():
    # The second window continues with the first one's last word, as windows of a long text do.
    pieces = windows([0, 0, 0, 1, 2, 2, 2, 2], [2, 2, 3, 3, 4], np.repeat(np.arange(40), 3).tolist())
    seen = set()
    for seed in range(30):
        for (window, word), chosen in targets_by_word(
            pieces, draw(build_whole_word_masking_v1, pieces, seed, rate=0.4)
        ).items():
            assert len(set(chosen)) == 1, (window, word, chosen)
            seen.add(chosen[0])
    assert seen == {True, False}


def test_a_word_that_two_windows_share_is_a_group_in_each():
    # Without specials between them, as with a tokenizer that adds none.
    pieces = Pieces(np.arange(7), np.array([0, 1, 1, 1, 1, 2, 2]), np.array([3, 4]), np.zeros(2, int), 1)
    assert each_word(pieces, max_word_pieces=10).tolist() == [0, 1, 1, 2, 2, 3, 3]
    assert each_word(pieces, max_word_pieces=1).tolist() == [0, 1, 2, 3, 4, 5, 6]


def test_piece_masking_splits_words():
    pieces = windows(np.repeat(np.arange(40), 3).tolist())
    masked = draw(build_piece_masking_v1, pieces, rate=0.4)
    assert any(len(set(chosen)) == 2 for chosen in targets_by_word(pieces, masked).values())


def test_words_over_max_word_pieces_are_masked_piece_by_piece():
    long, short = [0] * 60, np.repeat(np.arange(1, 41), 4).tolist()
    pieces = windows(long + short)
    hits = 0
    for seed in range(200):
        found = targets_by_word(
            pieces, draw(build_whole_word_masking_v1, pieces, seed, rate=0.3, max_word_pieces=4)
        )
        hits += sum(found[0, 0])
        assert 0 < sum(found[0, 0]) < 60
        assert all(len(set(chosen)) == 1 for (_, word), chosen in found.items() if word)
    assert_share(hits, 200 * 60, 0.3)
    for seed in range(10):
        found = targets_by_word(
            pieces, draw(build_whole_word_masking_v1, pieces, seed, rate=0.3, max_word_pieces=3)
        )
        assert any(len(set(chosen)) == 2 for (_, word), chosen in found.items() if word)


@pytest.mark.parametrize("builder", BUILDERS)
def test_rate_one_masks_everything_but_specials(builder):
    pieces = windows([0, 0, 1], [], list(range(20)))
    masked = draw(builder, pieces, rate=1.0, mask_share=1.0, random_share=0.0)
    assert masked.positions.tolist() == np.flatnonzero(pieces.words >= 0).tolist()
    assert set(masked.pieces.ids[masked.positions].tolist()) == {VOCABULARY.mask_id}


@pytest.mark.parametrize("builder", BUILDERS)
def test_one_seed_gives_the_same_masks_and_each_visit_a_new_one(builder):
    pieces = windows(list(range(100)), list(range(100)))
    masking = builder()
    one, other = (np.random.default_rng(3) for _ in range(2))
    first, second = (masking(pieces, VOCABULARY, one) for _ in range(2))
    again = [masking(pieces, VOCABULARY, other) for _ in range(2)]
    for left, right in zip((first, second), again, strict=True):
        np.testing.assert_array_equal(left.positions, right.positions)
        np.testing.assert_array_equal(left.pieces.ids, right.pieces.ids)
    assert first.positions.tolist() != second.positions.tolist()


@pytest.mark.parametrize("builder", BUILDERS)
def test_no_windows_are_no_targets(builder):
    masked = draw(builder, windows())
    assert (len(masked.pieces.ids), len(masked.positions), len(masked.targets)) == (0, 0, 0)


def test_the_global_random_generators_are_not_touched():
    np.random.seed(0)
    expected = np.random.random()
    np.random.seed(0)
    draw(build_whole_word_masking_v1, windows(list(range(50))))
    assert np.random.random() == expected


def test_a_tokenizer_without_mask_piece_is_X202():
    tokenizer = make_tokenizer("bpe")
    tokenizer._special_tokens_map["mask_token"] = None
    assert tokenizer.mask_token_id is None
    with pytest.raises(ValueError, match="X202"):
        masking_vocabulary(tokenizer)
    fake = SimpleNamespace(mask_token_id=None, name_or_path="some/model", all_special_tokens=["<s>"])
    with pytest.raises(ValueError, match=r"some/model.*<s>"):
        masking_vocabulary(fake)


@pytest.mark.parametrize("builder", BUILDERS)
@pytest.mark.parametrize("rate", [0.0, -0.1, 1.01, math.nan])
def test_a_rate_out_of_range_is_X203(builder, rate):
    with pytest.raises(ValueError, match="X203"):
        builder(rate=rate)


@pytest.mark.parametrize("builder", BUILDERS)
@pytest.mark.parametrize(
    ("mask_share", "random_share"), [(-0.1, 0.1), (0.8, -0.1), (0.9, 0.2), (1.1, 0.0), (math.nan, 0.1)]
)
def test_shares_out_of_range_are_X204(builder, mask_share, random_share):
    with pytest.raises(ValueError, match="X204"):
        builder(mask_share=mask_share, random_share=random_share)


def test_shares_that_sum_to_one_are_taken():
    for hundredths in range(101):
        build_piece_masking_v1(mask_share=hundredths / 100, random_share=(100 - hundredths) / 100)


@pytest.mark.parametrize("value", [0, -3])
def test_max_word_pieces_out_of_range_is_X205(value):
    with pytest.raises(ValueError, match="X205"):
        build_whole_word_masking_v1(max_word_pieces=value)
