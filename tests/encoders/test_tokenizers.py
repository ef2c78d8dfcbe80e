import unicodedata

import pytest

from spacy_xling.encoders.tokenizers import SPECIAL, train_tokenizer
from spacy_xling.pieces.masking import masking_vocabulary
from tests.conftest import TEXTS

CORPUS = [text for text in TEXTS for _ in range(5)]


@pytest.fixture(scope="module", params=["unigram", "wordpiece"])
def tokenizer(request):
    return train_tokenizer(iter(CORPUS), kind=request.param, n_pieces=150, window=64)


def test_special_pieces_come_first_and_have_their_roles(tokenizer):
    assert tokenizer.convert_tokens_to_ids(list(SPECIAL)) == [0, 1, 2, 3, 4]
    roles = ("cls_token", "pad_token", "sep_token", "unk_token", "mask_token")
    assert [getattr(tokenizer, role) for role in roles] == list(SPECIAL)
    assert tokenizer.model_max_length == 64
    assert masking_vocabulary(tokenizer).mask_id == 4


def test_no_more_pieces_than_asked(tokenizer):
    assert len(SPECIAL) < len(tokenizer) <= 150
    assert sorted(tokenizer.get_vocab().values()) == list(range(len(tokenizer)))


@pytest.mark.parametrize("text", TEXTS)
def test_a_text_is_start_pieces_end_and_can_be_read_back(tokenizer, text):
    ids = tokenizer(text)["input_ids"]
    assert (ids[0], ids[-1]) == (0, 2)
    assert 3 not in ids
    spaced = tokenizer.decode(ids, skip_special_tokens=True)
    assert spaced.replace(" ", "") == unicodedata.normalize("NFKC", text).replace(" ", "")


def test_a_mask_in_a_text_is_one_piece(tokenizer):
    assert tokenizer("<mask>")["input_ids"] == [0, 4, 2]


def test_another_kind_is_X701():
    with pytest.raises(ValueError, match=r"X701.*'bpe'"):
        train_tokenizer(iter(CORPUS), kind="bpe", n_pieces=150, window=64)


def test_fewer_pieces_than_characters_are_X702():
    with pytest.raises(ValueError, match=r"X702.*10 pieces"):
        train_tokenizer(iter(CORPUS), kind="unigram", n_pieces=10, window=64)


def test_an_error_in_the_corpus_keeps_its_message():
    def texts():
        yield TEXTS[0]
        raise ValueError("[X999] a line is broken")

    with pytest.raises(ValueError, match="X999"):
        train_tokenizer(texts(), kind="unigram", n_pieces=150, window=64)
