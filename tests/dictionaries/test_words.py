import pytest

from spacy_xling.dictionaries.words import find_words, is_unspaced, lower, sentence_starts


def words_of(text):
    return [word.text for word in find_words(text)]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Don't stop at l’hôtel, o'clock!", ["Don't", "stop", "at", "l’hôtel", "o'clock"]),
        ("'quoted' rock'n'roll of the dogs'", ["quoted", "rock'n'roll", "of", "the", "dogs"]),
        ("an e-mail (A4): 15 kg", ["an", "e", "mail", "A4", "15", "kg"]),
        ("  \t… — !", []),
        ("", []),
    ],
)
def test_words_are_runs_of_letters_and_digits_with_apostrophes_inside(text, words):
    assert words_of(text) == words


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("हिन्दी में नमस्ते।", ["हिन्दी", "में", "नमस्ते"]),
        ("كِتَابٌ جَدِيدٌ، نعم", ["كِتَابٌ", "جَدِيدٌ", "نعم"]),
        # With the joiners that Persian and Hindi spelling has.
        ("می\u200cخواهم", ["می\u200cخواهم"]),
        ("क्\u200dषेत्र", ["क्\u200dषेत्र"]),
        ("cafe\u0301 noir", ["cafe\u0301", "noir"]),
    ],
)
def test_marks_and_joiners_are_inside_a_word(text, words):
    assert words_of(text) == words


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("我喜歡茶。", ["我", "喜", "歡", "茶"]),
        ("人々が来た", ["人", "々", "が", "来", "た"]),
        ("กินข้าว", ["กิ", "น", "ข้", "า", "ว"]),
        ("カードをカートへ", ["カード", "を", "カート", "へ"]),
        ("ミューズ・リー", ["ミューズ", "リー"]),
        ("買iPhone15了", ["買", "iPhone15", "了"]),
        ("私のTシャツ", ["私", "の", "T", "シャツ"]),
    ],
)
def test_scripts_without_blanks_go_by_character_but_for_katakana(text, words):
    assert words_of(text) == words


@pytest.mark.parametrize("text", ["Don't, l’hôtel!", "我 喜歡, हिन्दी", "カードを買iPhone15了", "กินข้าว"])
def test_offsets_are_those_of_the_text(text):
    found = find_words(text)
    assert [text[word.start : word.end] for word in found] == [word.text for word in found]


def test_scripts_without_blanks():
    unspaced = ["我", "の", "カード", "ー", "ก", "ກ", "ក", "က", "ཀ"]
    assert [is_unspaced(word) for word in unspaced] == [True] * len(unspaced)
    spaced = ["a", "é", "я", "ω", "ا", "א", "हि", "한국", "5", "ა"]
    assert [is_unspaced(word) for word in spaced] == [False] * len(spaced)


@pytest.mark.parametrize(
    ("word", "expected"),
    [("İstanbul", "istanbul"), ("KİTAP", "kitap"), ("Şişli", "şişli"), ("ÆSKE", "æske"), ("我", "我")],
)
def test_lower_case_of_the_turkish_dotted_i_is_a_plain_i(word, expected):
    assert lower(word) == expected


@pytest.mark.parametrize(
    ("text", "beginning"),
    [
        ("The box. It was late", ["The", "It"]),
        ("First line\nsecond line", ["First", "second"]),
        ("Late, again; twice: yes", ["Late"]),
        ("Hola. ¿Qué tal? ¡Bien!", ["Hola", "Qué", "Bien"]),
        ("Wait… what", ["Wait", "what"]),
        ("वह आया। मैं गया", ["वह", "मैं"]),
        ("好。不", ["好", "不"]),
        # Of "3.5" the second half, which no rule of capitals minds.
        ("(All) 3.5 of them", ["All", "5"]),
    ],
)
def test_sentences_start_with_the_text_and_after_a_mark_or_a_line_end(text, beginning):
    words = find_words(text)
    starts = sentence_starts(text, words)
    assert [word.text for word, begins in zip(words, starts, strict=True) if begins] == beginning


def test_a_text_without_words_has_no_sentence_start():
    assert sentence_starts("...", []) == []
