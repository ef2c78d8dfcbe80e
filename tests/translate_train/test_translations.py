import pytest

from spacy_xling.translate_train.translations import TextPairs, TranslatedText, Translations

PARCEL = TextPairs("en", "da", {"The parcel.": "Pakken.", "OK": "Okay"})
GERMAN = TextPairs("en", "de", {"The parcel.": "Das Paket."})
BACK = TextPairs("da", "en", {"OK": "Fine", "Pakken.": "The parcel."})
UNKNOWN = TextPairs(None, "tr", {"The parcel.": "Paket."})
ALL = Translations([PARCEL, GERMAN, BACK, UNKNOWN])


@pytest.mark.parametrize(
    ("text", "language", "expected"),
    [
        ("The parcel.", "en", [("da", "Pakken."), ("de", "Das Paket."), ("tr", "Paket.")]),
        ("The parcel.", None, [("da", "Pakken."), ("de", "Das Paket."), ("tr", "Paket.")]),
        ("The parcel.", "fr", [("tr", "Paket.")]),
        ("The parcel.", "tr", []),
        ("The parcel", "en", []),
        ("the parcel.", "en", []),
        ("OK", "en", [("da", "Okay")]),
        ("OK", "da", [("en", "Fine")]),
        ("OK", None, [("da", "Okay"), ("en", "Fine")]),
    ],
)
def test_a_text_has_the_translations_of_its_very_wording_and_language(text, language, expected):
    assert ALL.of(text, language) == [TranslatedText(*found) for found in expected]


def test_of_two_translations_into_a_language_the_first_counts():
    both = Translations([TextPairs("en", "da", {"OK": "Okay"}), TextPairs(None, "da", {"OK": "I orden"})])
    assert both.of("OK", "en") == [("da", "Okay")]
    assert both.of("OK", "sv") == [("da", "I orden")]


def test_texts_are_counted_by_the_language_of_their_translation():
    more = TextPairs("de", "da", {"Das Paket.": "Pakken."})
    assert Translations([PARCEL, GERMAN, UNKNOWN, more]).counts == {"da": 3, "de": 1, "tr": 1}
    assert ALL.sources == ["en", "da", "-"]


def test_checksums_tell_other_texts_and_translations_apart():
    changed = [
        TextPairs("en", "da", texts)
        for texts in (
            {"The parcel.": "Pakken.", "OK": "Okay"},
            {"The parcel.": "Pakken.", "OK": "okay"},
            {"The parcel.": "Pakken.", "Ok": "Okay"},
            {"The parcel.": "Pakken."},
        )
    ]
    sums = [Translations([pairs]).checksums()["en-da"] for pairs in changed]
    assert sums[0] == PARCEL.checksum
    assert len(set(sums)) == len(changed)
    assert list(ALL.checksums()) == ["en-da", "en-de", "da-en", "--tr"]
