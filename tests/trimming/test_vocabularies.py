"""A trimmed tokenizer gives the pieces of the whole one wherever all of them are kept."""

import random
from pathlib import Path

import numpy as np
import pytest
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

from spacy_xling.trimming.trimming import choose_pieces
from spacy_xling.trimming.vocabularies import Vocabulary, cut_tokenizer
from tests.conftest import SPECIAL, TEXTS, make_tokenizer

SPECIALS = list(SPECIAL.values())
LETTERS = "abcdeé漢"
# Not in any training text.
UNKNOWN = "zя"


def random_words(rng, n, letters=LETTERS):
    return ["".join(rng.choices(letters, k=rng.randint(1, 9))) for _ in range(n)]


def random_texts(seed, n, *, letters=LETTERS, lexicon=None):
    """Texts of new words and, if there is a lexicon, of words that occur often."""
    rng = random.Random(seed)
    return [
        " ".join(
            rng.choice(lexicon) if lexicon and rng.random() < 0.7 else random_words(rng, 1, letters)[0]
            for _ in range(rng.randint(1, 4))
        )
        for _ in range(n)
    ]


def trained(kind, seed):
    """A tokenizer that was trained on random text."""
    lexicon = random_words(random.Random(seed), 120)
    texts = random_texts(seed, 400, lexicon=lexicon)
    base, trainer = MAKERS[kind]()
    base.train_from_iterator(texts, trainer)
    if kind == "every_split":
        base = with_every_split(base, seed)
    return wrap(base), lexicon


def wrap(base):
    names = {f"{role}_token": piece for role, piece in SPECIAL.items() if base.token_to_id(piece) is not None}
    return PreTrainedTokenizerFast(tokenizer_object=base, **names)


def byte_level():
    base = Tokenizer(models.BPE())
    base.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    base.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    return base, trainers.BpeTrainer(
        vocab_size=500, special_tokens=SPECIALS, initial_alphabet=alphabet, show_progress=False
    )


def bpe_of_characters(**settings):
    base = Tokenizer(models.BPE(unk_token="<unk>", fuse_unk=True, **settings))
    base.pre_tokenizer = pre_tokenizers.Whitespace()
    trained_with = {
        k: v for k, v in settings.items() if k in ("continuing_subword_prefix", "end_of_word_suffix")
    }
    return base, trainers.BpeTrainer(
        vocab_size=220, special_tokens=SPECIALS, show_progress=False, **trained_with
    )


def wordpiece():
    base = Tokenizer(models.WordPiece(unk_token="<unk>"))
    base.pre_tokenizer = pre_tokenizers.Whitespace()
    return base, trainers.WordPieceTrainer(vocab_size=220, special_tokens=SPECIALS, show_progress=False)


def unigram():
    base = Tokenizer(models.Unigram())
    base.pre_tokenizer = pre_tokenizers.Metaspace()
    return base, trainers.UnigramTrainer(
        vocab_size=220, special_tokens=SPECIALS, unk_token="<unk>", show_progress=False
    )


MAKERS = {
    "byte_level": byte_level,
    "bpe": bpe_of_characters,
    "bpe_with_prefix": lambda: bpe_of_characters(continuing_subword_prefix="##"),
    "bpe_with_suffix": lambda: bpe_of_characters(end_of_word_suffix="</w>"),
    "bpe_that_looks_up_words": lambda: bpe_of_characters(ignore_merges=True),
    "every_split": bpe_of_characters,
    "wordpiece": wordpiece,
    "unigram": unigram,
}


def with_every_split(base, seed):
    """The same pieces and bytes to fall back on, and a merge for each way to make a piece of two others, in
    some order: a piece may come about in several ways, or in none.
    """
    pieces = [piece for piece, _ in sorted(base.get_vocab().items(), key=lambda item: item[1])]
    pieces += [f"<0x{byte:02X}>" for byte in range(256)]
    known = set(pieces)
    merges = [
        (piece[:at], piece[at:])
        for piece in pieces
        for at in range(1, len(piece))
        if piece[:at] in known and piece[at:] in known and piece not in SPECIALS
    ]
    random.Random(seed).shuffle(merges)
    model = models.BPE(
        {piece: number for number, piece in enumerate(pieces)}, merges, unk_token="<unk>", byte_fallback=True
    )
    whole = Tokenizer(model)
    whole.pre_tokenizer = pre_tokenizers.Whitespace()
    whole.add_special_tokens(SPECIALS)
    return whole


def count(tokenizer, texts):
    counts = np.zeros(len(tokenizer), dtype=np.int64)
    for text in texts:
        np.add.at(counts, tokenizer(text, add_special_tokens=False)["input_ids"], 1)
    return counts


def choose(vocabulary, counts, **settings):
    settings = {"min_count": 1, "max_pieces": None, "alpha": 0.3, "texts": Path("texts"), **settings}
    return choose_pieces(vocabulary, counts, vocabulary.required(), **settings)


def trim(tokenizer, texts, **settings):
    vocabulary = Vocabulary(tokenizer, "whole")
    return cut_tokenizer(vocabulary, choose(vocabulary, {"xx": count(tokenizer, texts)}, **settings))


def pieces_of_all(tokenizer, texts):
    """Pieces as the vocabulary has them: an unknown one as the unknown piece, and not as its text."""
    return [tokenizer.convert_ids_to_tokens(ids) for ids in tokenizer(texts)["input_ids"]]


def pieces_of(tokenizer, text):
    return pieces_of_all(tokenizer, [text])[0]


def assert_exact(whole, trimmed, texts):
    """All texts of kept pieces have the same ones; how many these were, and how many were not."""
    kept = trimmed.get_vocab().keys()
    exact = changed = 0
    for text, before, after in zip(
        texts, pieces_of_all(whole, texts), pieces_of_all(trimmed, texts), strict=True
    ):
        if kept >= set(before):
            assert after == before, text
            exact += 1
        else:
            assert after != before
            changed += 1
    return exact, changed


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("kind", MAKERS)
def test_texts_of_kept_pieces_keep_them(kind, seed, tmp_path):
    whole, lexicon = trained(kind, seed)
    whole.save_pretrained(tmp_path)
    whole = PreTrainedTokenizerFast.from_pretrained(tmp_path)
    needed = random_texts(seed + 100, 30, lexicon=lexicon[:20])
    trimmed = trim(whole, needed)
    assert len(trimmed) < 0.95 * len(whole)
    assert assert_exact(whole, trimmed, needed) == (30, 0)
    # New words, of which some have a character that is unknown.
    texts = random_texts(seed + 200, 3000, letters=LETTERS + UNKNOWN, lexicon=lexicon)
    exact, changed = assert_exact(whole, trimmed, texts)
    assert exact > 100
    assert changed > 100


@pytest.mark.parametrize("kind", MAKERS)
def test_texts_of_kept_pieces_keep_them_when_few_may_stay(kind, tmp_path):
    whole, lexicon = trained(kind, 7)
    whole.save_pretrained(tmp_path)
    whole = PreTrainedTokenizerFast.from_pretrained(tmp_path)
    least = len(Vocabulary(whole, "whole").required())
    trimmed = trim(whole, random_texts(8, 300, lexicon=lexicon), max_pieces=least + 40)
    assert least + 30 < len(trimmed) <= least + 40
    exact, changed = assert_exact(whole, trimmed, random_texts(9, 3000, lexicon=lexicon))
    assert exact > 20
    assert changed > 100


def test_a_merged_piece_keeps_the_pieces_it_goes_through():
    pieces = [*SPECIALS, *"abcd", "ab", "cd", "bc", "abcd", "abc"]
    # "abcd" can be merged in two ways, and is from "ab" and "cd", which come first.
    merges = [("a", "b"), ("c", "d"), ("b", "c"), ("ab", "cd"), ("a", "bc"), ("abc", "d")]
    base = Tokenizer(models.BPE({piece: number for number, piece in enumerate(pieces)}, merges))
    base.add_special_tokens(SPECIALS)
    whole = wrap(base)
    assert whole.tokenize("abcd") == ["abcd"]
    trimmed = trim(whole, ["abcd"])
    assert list(trimmed.get_vocab().keys() - set(SPECIALS)) != []
    assert set(trimmed.get_vocab()) == {*SPECIALS, *"abcd", "ab", "cd", "abcd"}
    assert trimmed.tokenize("abcd") == ["abcd"]
    assert trimmed.tokenize("bcd") == whole.tokenize("bcd") == ["b", "cd"]


def test_unknown_characters_score_as_before():
    """Unigram scores an unknown character by the lowest score of the vocabulary, so that piece stays."""
    scores = {"<unk>": 0.0, "a": -1.0, "b": -1.0, "ab": -2.5, "q": -50.0, "▁": -1.0}
    base = Tokenizer(models.Unigram(list(scores.items()), unk_id=0))
    base.add_special_tokens(["<unk>"])
    whole = wrap(base)
    trimmed = trim(whole, ["a", "ab ab"])
    assert set(trimmed.get_vocab()) == {"<unk>", "a", "b", "q"}
    # Without "q" an unknown character would score -12.5, and with it -60.
    assert trimmed.tokenize("axb") == whole.tokenize("axb")


def test_the_unknown_piece_is_found_under_its_new_number():
    scores = {"a": -1.0, "b": -1.0, "c": -1.0, "<unk>": 0.0}
    base = Tokenizer(models.Unigram(list(scores.items()), unk_id=3))
    base.add_special_tokens(["<unk>"])
    trimmed = trim(wrap(base), ["b"])
    assert trimmed.get_vocab() == {"a": 0, "b": 1, "<unk>": 2}
    assert trimmed("bxa")["input_ids"] == [1, 2, 0]


def test_an_added_piece_that_is_merged_too_keeps_what_it_is_merged_from():
    pieces = [*SPECIALS, *"abcde", "ab", "abc", "de"]
    merges = [("a", "b"), ("ab", "c"), ("d", "e")]
    base = Tokenizer(models.BPE({piece: number for number, piece in enumerate(pieces)}, merges))
    base.add_special_tokens(SPECIALS)
    # Where it is a part of a word, merging makes it.
    base.add_tokens([AddedToken("abc", single_word=True)])
    whole = wrap(base)
    trimmed = trim(whole, ["de"])
    assert trimmed.tokenize("abcde") == whole.tokenize("abcde") == ["abc", "de"]


def test_equal_scores_are_decided_as_before():
    scores = {"<unk>": 0.0, "a": -4.0, "aa": -5.0, "aaa": -6.0, "b": -7.0, "c": -8.0, "bc": -20.0}
    base = Tokenizer(models.Unigram(list(scores.items()), unk_id=0))
    base.add_special_tokens(["<unk>"])
    whole = wrap(base)
    runs = ["a" * n for n in range(1, 20)]
    for text in runs:
        trimmed = trim(whole, [text])
        assert not {"b", "c"} & trimmed.get_vocab().keys()
        assert_exact(whole, trimmed, runs)
    # In runs of four and more, paths of equal score go different ways.
    assert assert_exact(whole, trim(whole, runs[-1:]), runs)[0] > 5


def test_characters_of_kept_pieces_stay():
    """A word whose long piece is gone can still be spelled."""
    whole = make_tokenizer("wordpiece")
    trimmed = trim(whole, ["The parcel arrived late"])
    assert "arrived" in trimmed.get_vocab()
    assert {"a", "##r", "##i", "##v", "##e", "##d"} <= trimmed.get_vocab().keys()
    assert "##x" not in trimmed.get_vocab()
    assert trimmed.tokenize("arrive") == ["a", "##r", "##r", "##i", "##v", "##e"]


def test_bytes_always_stay():
    whole = make_tokenizer("bpe")
    trimmed = trim(whole, ["the the"])
    assert set(pre_tokenizers.ByteLevel.alphabet()) <= trimmed.get_vocab().keys()
    text = "Ünïcödé 漢字 👍"
    assert trimmed.decode(trimmed(text, add_special_tokens=False)["input_ids"]) == text


def test_pieces_that_cannot_be_continued_are_found():
    pieces = [*SPECIALS, "a", "b", "##b", "##c", "ab", "axb", "abc"]
    base = Tokenizer(models.WordPiece({piece: n for n, piece in enumerate(pieces)}, unk_token="<unk>"))
    base.add_special_tokens(SPECIALS)
    vocabulary = Vocabulary(wrap(base), "whole")
    # A word may be cut before "x", from where no piece continues.
    assert vocabulary.unspellable(np.arange(len(pieces))) == ["axb"]


def test_special_and_added_pieces_stay_as_they_are():
    whole = make_tokenizer("unigram")
    whole.add_tokens([AddedToken("TICKET", single_word=True), "boîte"])
    whole.add_special_tokens({"additional_special_tokens": ["[ORDER]"]})
    trimmed = trim(whole, ["TICKET The parcel"])
    assert trimmed.all_special_tokens == whole.all_special_tokens
    assert [trimmed.convert_tokens_to_ids(piece) for piece in SPECIALS] == [0, 1, 2, 3, 4]
    before = sorted(whole.added_tokens_decoder.items())
    after = sorted(trimmed.added_tokens_decoder.items())
    assert [str(token) for _, token in after] == [str(token) for _, token in before]
    assert [repr(token) for _, token in after] == [repr(token) for _, token in before]
    text = "[ORDER] The TICKET boîte"
    assert pieces_of(trimmed, text) == pieces_of(whole, text)
    assert {"[ORDER]", "TICKET", "boîte"} <= set(pieces_of(trimmed, text))
    assert trimmed.init_kwargs["model_max_length"] == 64


def processor(kind, ids):
    pair = [("</s>", ids["</s>"]), ("<s>", ids["<s>"])]
    if kind == "bert":
        return processors.BertProcessing(*pair)
    if kind == "roberta":
        return processors.RobertaProcessing(*pair)
    template = processors.TemplateProcessing(single="<s> $A </s>", special_tokens=pair)
    return processors.Sequence([processors.ByteLevel(trim_offsets=False), template])


@pytest.mark.parametrize("kind", ["bert", "roberta", "sequence"])
def test_pieces_around_a_text_get_their_new_numbers(kind):
    # Special pieces after the others, so that their numbers change.
    pieces = [*(f"w{n}" for n in range(50)), *SPECIALS]
    ids = {piece: number for number, piece in enumerate(pieces)}
    base = Tokenizer(models.WordPiece(ids, unk_token="<unk>"))
    base.pre_tokenizer = pre_tokenizers.Whitespace()
    base.post_processor = processor(kind, ids)
    base.add_special_tokens(SPECIALS)
    trimmed = trim(wrap(base), ["w3 w7"])
    assert trimmed("w7 w3 w9")["input_ids"] == [2, 1, 0, 5, 4]
    assert pieces_of(trimmed, "w7 w3 w9") == ["<s>", "w7", "w3", "<unk>", "</s>"]


def test_a_tokenizer_of_another_kind_is_X723():
    base = Tokenizer(models.WordLevel({"<unk>": 0, "a": 1}, unk_token="<unk>"))
    with pytest.raises(ValueError, match=r"X723.*WordLevel"):
        Vocabulary(wrap(base), "whole")


def test_numbers_with_gaps_are_X724():
    base = Tokenizer(models.WordPiece({"<unk>": 0, "a": 1, "b": 2, "c": 9}, unk_token="<unk>"))
    base.add_tokens(["d"])
    vocabulary = Vocabulary(wrap(base), "whole")
    vocabulary.ids["d"] = 5
    vocabulary.description["added_tokens"][-1]["id"] = 5
    with pytest.raises(ValueError, match="X724"):
        cut_tokenizer(vocabulary, np.array([0, 1, 5, 9]))


def weighted(pieces):
    base = Tokenizer(models.WordPiece({p: n for n, p in enumerate(["<unk>", *pieces])}, unk_token="<unk>"))
    base.add_special_tokens(["<unk>"])
    return Vocabulary(wrap(base), "whole")


def test_pieces_are_chosen_by_relative_frequency_averaged_over_languages():
    vocabulary = weighted("abcde")
    # Language xx has 100 pieces and yy 10; "c" is frequent in yy only.
    counts = {"xx": np.array([0, 50, 44, 0, 6, 0]), "yy": np.array([0, 2, 0, 7, 0, 1])}

    def kept(alpha, max_pieces):
        return choose(vocabulary, counts, alpha=alpha, max_pieces=max_pieces).tolist()

    # By size: a 52, b 44, c 7, d 6, e 1 of 110.
    assert [kept(1.0, n) for n in (2, 3, 4, 5)] == [[0, 1], [0, 1, 2], [0, 1, 2, 3], [0, 1, 2, 3, 4]]
    # Alike: a (0.5 + 0.2) / 2, b 0.44 / 2, c 0.7 / 2, d 0.06 / 2, e 0.1 / 2. "a" and "c" tie.
    assert [kept(0.0, n) for n in (2, 3, 4, 5)] == [[0, 1], [0, 1, 3], [0, 1, 2, 3], [0, 1, 2, 3, 5]]
    # q = 100^0.3, 10^0.3 -> 0.666, 0.334: a 0.400, b 0.293, c 0.234, d 0.040, e 0.033.
    assert [kept(0.3, n) for n in (3, 4, 5)] == [[0, 1, 2], [0, 1, 2, 3], [0, 1, 2, 3, 4]]


def test_a_piece_stays_if_one_language_has_it_often_enough():
    counts = {"xx": np.array([0, 2, 1, 0, 3, 0]), "yy": np.array([0, 0, 1, 2, 0, 0])}
    vocabulary = weighted("abcde")
    assert choose(vocabulary, counts, min_count=2).tolist() == [0, 1, 3, 4]
    assert choose(vocabulary, counts, min_count=3).tolist() == [0, 4]
    with pytest.raises(ValueError, match="X720"):
        choose(vocabulary, counts, min_count=4)
    # Texts of nothing but unknown words.
    with pytest.raises(ValueError, match="X720"):
        choose(vocabulary, {"xx": np.array([9, 0, 0, 0, 0, 0])})


def test_a_piece_that_does_not_fit_is_passed_over():
    vocabulary = weighted(["a", "##b", "ab", "c"])
    counts = {"xx": np.array([0, 0, 0, 5, 4])}
    # "ab" needs "a" and "##b" too.
    assert choose(vocabulary, counts, max_pieces=3).tolist() == [0, 4]
    assert choose(vocabulary, counts, max_pieces=4).tolist() == [0, 1, 2, 3]
    assert choose(vocabulary, counts, max_pieces=5).tolist() == [0, 1, 2, 3, 4]
    with pytest.raises(ValueError, match=r"X721.*expected 2 or more: 1 pieces"):
        choose(vocabulary, counts, max_pieces=1)


def test_normalization_stays():
    whole = make_tokenizer("unigram")
    whole.backend_tokenizer.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Lowercase()])
    trimmed = trim(whole, TEXTS)
    assert assert_exact(whole, trimmed, [text.upper() for text in TEXTS])[0] > 0
