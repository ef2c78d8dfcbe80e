"""Each family is given the languages in its own way, and refuses those that it doesn't know."""

import pytest
from transformers import AutoTokenizer, BartConfig, BartForConditionalGeneration, PreTrainedTokenizerFast

from spacy_xling.translation.families import Pair, PairTokenizer
from tests.conftest import TEXTS, make_tokenizer
from tests.translation.conftest import load


def test_a_marian_checkpoint_of_one_pair_is_told_nothing(engines):
    tokenizer = engines("marian").tokenizer
    assert tokenizer.pair("en", "da") == tokenizer.pair(None, "dan_Latn") == Pair()


def test_the_target_stands_before_the_text(engines, seq2seq):
    for family, piece in (("marian-many", ">>deu<<"), ("madlad", "<2de>")):
        tokenizer = engines(family).tokenizer
        pair = tokenizer.pair("en", "de")
        expected = AutoTokenizer.from_pretrained(seq2seq(family))(f"{piece} {TEXTS[0]}").input_ids
        assert tokenizer.encode([TEXTS[0]], pair) == [expected]
        assert (
            expected[0]
            == tokenizer.tokenizer.convert_tokens_to_ids(piece)
            != tokenizer.tokenizer.unk_token_id
        )


@pytest.mark.parametrize(
    ("family", "source", "target"),
    [("m2m100", "__en__", "__da__"), ("nllb", "eng_Latn", "dan_Latn"), ("mbart50", "en_XX", None)],
)
def test_the_source_stands_before_the_text_and_the_target_before_the_translation(
    engines, family, source, target
):
    tokenizer = engines(family).tokenizer
    pair = tokenizer.pair("en", "da" if target else "de")
    (pieces,) = tokenizer.encode([TEXTS[0]], pair)
    assert tokenizer.tokenizer.convert_ids_to_tokens(pieces[0]) == source
    assert tokenizer.tokenizer.convert_ids_to_tokens(pair.first) == (target or "de_DE")


def test_the_decoder_of_mbart_starts_with_the_target(engines):
    pair = engines("mbart").tokenizer.pair("en", "de")
    assert engines("mbart").tokenizer.tokenizer.convert_ids_to_tokens(pair.start) == "de_DE"
    assert pair.first is None


@pytest.mark.parametrize("family", ["marian-many", "m2m100", "nllb", "mbart50", "mbart", "madlad"])
@pytest.mark.parametrize("code", ["tlh", "nonsense"])
def test_a_language_that_it_does_not_know_is_X802_with_those_that_it_knows(engines, family, code):
    with pytest.raises(ValueError, match=rf"^\[X802\].*'{code}'.*(deu|de|eng)") as caught:
        engines(family).tokenizer.pair("en", code)
    assert "\n" not in str(caught.value)


def test_of_many_languages_those_alone_are_listed_that_begin_alike(engines):
    with pytest.raises(ValueError, match=r"X802.*100, of which with d: da, de\."):
        engines("m2m100").tokenizer.pair("en", "dxx")


def test_another_language_than_that_of_a_checkpoint_of_one_pair_is_X802(engines):
    for source, target in (("en", "de"), ("fr", "da")):
        with pytest.raises(ValueError, match=r"^\[X802\]"):
            engines("marian").tokenizer.pair(source, target)


@pytest.mark.parametrize("family", ["m2m100", "nllb", "mbart50", "mbart"])
def test_a_source_that_must_be_told_and_is_not_known_is_X803(engines, family):
    with pytest.raises(ValueError, match=r"^\[X803\].*--from"):
        engines(family).tokenizer.pair(None, "de")


def test_a_masked_lm_checkpoint_is_X801(checkpoint):
    with pytest.raises(ValueError, match=r"^\[X801\].*xlm-roberta"):
        load(checkpoint)


def test_a_summariser_is_X801(tmp_path):
    tokenizer = make_tokenizer("unigram")
    shape = {
        "d_model": 16,
        "encoder_layers": 1,
        "decoder_layers": 1,
        "encoder_ffn_dim": 16,
        "decoder_ffn_dim": 16,
    }
    heads = {"encoder_attention_heads": 2, "decoder_attention_heads": 2, "max_position_embeddings": 32}
    BartForConditionalGeneration(BartConfig(vocab_size=len(tokenizer), **shape, **heads)).save_pretrained(
        tmp_path
    )
    tokenizer.save_pretrained(tmp_path)
    with pytest.raises(ValueError, match=r"^\[X801\]"):
        load(tmp_path)


def test_t5_without_pieces_for_languages_is_X801():
    class T5TokenizerFast(PreTrainedTokenizerFast):
        pass

    tokenizer = T5TokenizerFast(tokenizer_object=make_tokenizer("unigram").backend_tokenizer)
    with pytest.raises(ValueError, match=r"^\[X801\].*without"):
        PairTokenizer(tokenizer, "t5")
