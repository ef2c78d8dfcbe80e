import numpy as np
import pytest
import spacy
from spacy.training import Example

from spacy_xling.training.batching import build_batch_by_pieces_v1, count_pieces
from tests.conftest import TEXTS, make_tokenizer


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
