import pytest

from spacy_xling.data.codes import Code, match_code, parse_code

NLLB = [
    "arb_Arab",
    "dan_Latn",
    "eng_Latn",
    "nno_Latn",
    "nob_Latn",
    "srp_Cyrl",
    "swh_Latn",
    "zho_Hans",
    "zho_Hant",
]
MBART = ["de_DE", "en_XX", "pt_XX", "zh_CN"]
MARIAN = ["cmn_Hans", "dan", "por", "pt_br", "zlm_Latn"]


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("da", Code("da", "Latn")),
        ("DAN", Code("da", "Latn")),
        ("dan_Latn", Code("da", "Latn")),
        ("da-DK", Code("da", "Latn", "DK")),
        ("en_XX", Code("en", "Latn")),
        ("zh", Code("zh", "Hans")),
        ("zh-TW", Code("zh", "Hant", "TW")),
        ("kor_Kore", Code("ko", "Hang")),
        ("zh_Latn", Code("zh", "Latn")),
        ("ceb", Code("ceb", None)),
        ("ROMANCE", Code("ROMANCE", None)),
    ],
)
def test_a_code_says_language_script_and_region(code, expected):
    assert parse_code(code) == expected


@pytest.mark.parametrize(
    ("code", "known", "expected"),
    [
        ("da", NLLB, "dan_Latn"),
        ("dan_Latn", NLLB, "dan_Latn"),
        ("no", NLLB, "nob_Latn"),
        ("nb", ["no"], "no"),
        ("nn", NLLB, "nno_Latn"),
        ("nn", ["no"], None),
        ("ar", NLLB, "arb_Arab"),
        ("sw", NLLB, "swh_Latn"),
        ("zh", NLLB, "zho_Hans"),
        ("zh-Hant", NLLB, "zho_Hant"),
        ("zh_TW", NLLB, "zho_Hant"),
        # Its other script is another text.
        ("sr-Latn", NLLB, None),
        ("sr", NLLB, "srp_Cyrl"),
        ("eng", MBART, "en_XX"),
        ("en-GB", MBART, "en_XX"),
        ("pt-BR", MBART, "pt_XX"),
        ("zho", MBART, "zh_CN"),
        ("pt-BR", MARIAN, "pt_br"),
        ("pt", MARIAN, "por"),
        # Near is not the same.
        ("id", MARIAN, None),
        ("xx", NLLB, None),
    ],
)
def test_the_checkpoints_code_of_a_language_is_found(code, known, expected):
    assert match_code(code, known) == expected


def test_no_code_stands_for_two_languages():
    from spacy_xling.data.codes import LANGUAGES

    codes = [code for groups in LANGUAGES.values() for group in groups.split() for code in group.split("/")]
    assert len(codes) == len(set(codes))
