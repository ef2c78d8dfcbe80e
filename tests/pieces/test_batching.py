import numpy as np
import pytest
import spacy
from spacy.training import Example

from spacy_xling.pieces.batching import (
    build_batch_by_pieces_v1,
    count_pieces,
    like_lengths,
    pad,
    padded_positions,
)
from spacy_xling.types import Pieces
from tests.conftest import TEXTS, make_tokenizer

LENGTHS = [[3], [1, 4, 2], [5, 5, 5], [2, 9, 1, 1, 7]]


def pieces_of(lengths):
    generator = np.random.default_rng(sum(lengths))
    n = sum(lengths)
    ids, words = generator.integers(5, 99, size=n), generator.integers(0, 9, size=n)
    return Pieces(ids, words, np.array(lengths, dtype=np.int64), np.arange(len(lengths)), len(lengths))


def batches_of_examples(batcher, texts):
    nlp = spacy.blank("xx")
    examples = [Example.from_dict(nlp.make_doc(text), {}) for text in texts]
    return [[eg.reference.text for eg in batch] for batch in batcher(examples)]


@pytest.fixture(scope="module")
def tokenizer_folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tokenizer")
    make_tokenizer("bpe").save_pretrained(folder)
    return str(folder)


@pytest.fixture(scope="module")
def texts():
    generator = np.random.default_rng(0)
    words = " ".join(TEXTS).split()
    return [f"{i} " + " ".join(generator.choice(words, size=generator.integers(1, 30))) for i in range(150)]


def own_lengths(texts):
    """Pieces of each text, counted one by one by the tokenizer itself."""
    tokenizer = make_tokenizer("bpe")
    return [len(tokenizer(text, truncation=False)["input_ids"]) for text in texts]


@pytest.mark.parametrize("lengths", LENGTHS)
def test_pad_lays_out_rows_and_fills_the_rest(lengths):
    pieces = pieces_of(lengths)
    padded = pad(pieces.ids, pieces, 1)
    longest, start = max(lengths), 0
    assert padded.shape == (len(lengths), longest)
    for row, length in enumerate(lengths):
        assert padded[row].tolist() == pieces.ids[start : start + length].tolist() + [1] * (longest - length)
        start += length


def test_pad_keeps_the_kind_of_number():
    pieces = pieces_of([2, 1])
    flags = pad(np.ones(3, dtype=bool), pieces, False)
    assert flags.dtype == bool
    assert flags.tolist() == [[True, True], [True, False]]
    assert pad(np.array([0.5, 1.5, 2.5]), pieces, -1.0).tolist() == [[0.5, 1.5], [2.5, -1.0]]


@pytest.mark.parametrize("lengths", LENGTHS)
def test_padded_positions_count_row_by_row(lengths):
    longest = max(lengths)
    expected = [row * longest + column for row, length in enumerate(lengths) for column in range(length)]
    assert padded_positions(pieces_of(lengths)).tolist() == expected


def test_no_windows_are_an_empty_batch():
    pieces = pieces_of([])
    assert padded_positions(pieces).tolist() == []
    assert pad(pieces.ids, pieces, 1).shape == (0, 0)


@pytest.mark.parametrize("max_padded", [1, 10, 64, 500, 10**6])
def test_like_lengths_holds_every_item_once_within_the_budget_longest_first(max_padded):
    lengths = np.random.default_rng(1).integers(1, 80, size=200).tolist()
    groups = like_lengths(lengths, max_padded)
    assert sorted(item for group in groups for item in group) == list(range(200))
    for group in groups:
        assert len(group) == 1 or max(lengths[item] for item in group) * len(group) <= max_padded
    in_order = [lengths[item] for group in groups for item in group]
    assert in_order == sorted(lengths, reverse=True)


def test_like_lengths_opens_no_group_without_need():
    lengths = np.random.default_rng(2).integers(1, 80, size=200).tolist()
    groups = like_lengths(lengths, 300)
    assert len(groups) > 5
    for group in groups[:-1]:
        assert lengths[group[0]] * (len(group) + 1) > 300


def test_like_lengths_by_hand():
    assert like_lengths([3, 9, 3, 8, 1, 20], 18) == [[5], [1, 3], [0, 2, 4]]
    assert like_lengths([], 10) == []


def test_like_lengths_is_deterministic_and_keeps_the_order_of_equals():
    assert like_lengths([5] * 7, 15) == [[0, 1, 2], [3, 4, 5], [6]]
    lengths = np.random.default_rng(3).integers(1, 9, size=100).tolist()
    assert like_lengths(lengths, 40) == like_lengths(list(lengths), 40)


@pytest.mark.parametrize(("size", "buffer"), [(256, 64), (256, 512), (80, 7), (4096, 512)])
def test_batches_hold_every_example_once_within_the_size(tokenizer_folder, texts, size, buffer):
    batches = batches_of_examples(build_batch_by_pieces_v1(tokenizer_folder, size, buffer), texts)
    assert sorted(text for batch in batches for text in batch) == sorted(texts)
    for batch in batches:
        assert len(batch) == 1 or max(own_lengths(batch)) * len(batch) <= size


def test_batches_are_filled(tokenizer_folder, texts):
    batches = batches_of_examples(build_batch_by_pieces_v1(tokenizer_folder, 1000), texts)
    # Texts of like lengths: little padding, and few batches.
    padded = sum(max(own_lengths(batch)) * len(batch) for batch in batches)
    assert sum(own_lengths(texts)) / padded > 0.8
    assert len(batches) <= 1.5 * sum(own_lengths(texts)) / 1000


def test_a_text_that_is_too_long_is_a_batch_of_its_own(tokenizer_folder):
    long = " ".join(TEXTS * 3)
    assert own_lengths([long])[0] > 100
    batches = batches_of_examples(build_batch_by_pieces_v1(tokenizer_folder, 100), ["box", long, "late"])
    assert sorted(batches, key=len) == [[long], ["box", "late"]]


def test_one_seed_gives_one_order_and_another_another(tokenizer_folder, texts):
    def order(seed, epochs=1):
        batcher = build_batch_by_pieces_v1(tokenizer_folder, 256, seed=seed)
        return [batches_of_examples(batcher, texts) for _ in range(epochs)]

    assert order(3, epochs=2) == order(3, epochs=2)
    first, second = order(3, epochs=2)
    assert first != second
    assert first != order(4)[0]
    # The order is random, not that of the lengths.
    longest = [max(own_lengths(batch)) for batch in first]
    assert longest != sorted(longest, reverse=True)


def test_a_stream_is_read_a_buffer_at_a_time(tokenizer_folder):
    nlp = spacy.blank("xx")
    read = []

    def stream():
        for number in range(100):
            read.append(number)
            yield Example.from_dict(nlp.make_doc(f"box {number}"), {})

    next(build_batch_by_pieces_v1(tokenizer_folder, 256, buffer=10)(stream()))
    assert len(read) == 10


@pytest.mark.parametrize("sentence", ["包裹到得很晚而且盒子坏了我想退款", "พัสดุมาถึงช้าและกล่องแตกฉันต้องการเงินคืน"])
def test_unspaced_texts_are_counted_by_pieces(tokenizer_folder, sentence):
    texts = [sentence * 2 + str(i) for i in range(50)]
    assert all(len(text.split()) == 1 for text in texts)
    lengths = own_lengths(texts)
    batches = batches_of_examples(build_batch_by_pieces_v1(tokenizer_folder, 1000), texts)
    assert all(len(batch) * max(own_lengths(batch)) <= 1000 for batch in batches)
    assert len(batches) >= sum(lengths) / 1000 > 4


@pytest.mark.parametrize("own", [False, True])
def test_count_pieces_is_that_of_the_tokenizer_whatever_its_own_settings(tmp_path, texts, own):
    tokenizer = make_tokenizer("bpe")
    if own:
        # What some checkpoints have in tokenizer.json.
        tokenizer.backend_tokenizer.enable_truncation(max_length=8)
        tokenizer.backend_tokenizer.enable_padding(length=12, pad_id=1, pad_token="<pad>")
    tokenizer.save_pretrained(tmp_path)
    long = " ".join(TEXTS * 3)
    assert count_pieces(str(tmp_path), [*texts, long, "", "box"]) == own_lengths([*texts, long, "", "box"])


@pytest.mark.parametrize(("size", "buffer"), [(0, 512), (2048, 0), (-1, 512)])
def test_size_and_buffer_below_one_are_X206(size, buffer):
    with pytest.raises(ValueError, match="X206"):
        build_batch_by_pieces_v1("anything", size, buffer)
