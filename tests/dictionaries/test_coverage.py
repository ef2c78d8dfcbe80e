import pytest

from spacy_xling.dictionaries.coverage import Coverage, measure_coverage
from spacy_xling.dictionaries.dictionary import Dictionary

DICTIONARY = Dictionary(
    "en",
    "da",
    {"parcel": {"pakke": 1.0}, "money back": {"penge tilbage": 1.0}, "喜 歡": {"kan lide": 1.0}},
)


@pytest.mark.parametrize(
    ("texts", "words", "found"),
    [
        (["The parcel arrived."], 3, 1),
        (["Parcel, PARCEL: parcel!"], 3, 3),
        # Both words of a phrase count, and neither of a part of it.
        (["I want my money back"], 5, 2),
        (["my money, back"], 3, 0),
        (["money back back"], 3, 2),
        (["我喜歡"], 3, 2),
        (["The parcel arrived.", "...", "I want my money back"], 8, 3),
    ],
)
def test_running_words_that_belong_to_an_entry_are_counted(texts, words, found):
    assert measure_coverage(DICTIONARY, texts) == Coverage(words, found)
    assert measure_coverage(DICTIONARY, iter(texts)).share == pytest.approx(found / words)


def test_texts_without_words_have_a_share_of_zero():
    assert measure_coverage(DICTIONARY, ["!", ""]) == Coverage(0, 0)
    assert Coverage(0, 0).share == 0
