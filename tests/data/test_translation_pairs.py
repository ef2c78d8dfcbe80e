from collections import Counter
from itertools import islice

import pytest
import spacy

from spacy_xling.data.doc_translations import get_translation, get_translation_language
from spacy_xling.data.heldout import is_heldout
from spacy_xling.data.translation_pairs import build_translation_pairs_v1, languages_of

PAIRS = [(f"text {number}", f"tekst {number}") for number in range(200)]
SHARE = 0.2


@pytest.fixture
def nlp():
    return spacy.blank("xx")


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "en-da.tsv").write_text("".join(f"{a}\t{b}\n" for a, b in PAIRS), encoding="utf8")
    (tmp_path / "en-de.tsv").write_text("house\tHaus\n" * 5, encoding="utf8")
    return tmp_path


def read(example):
    reference = example.reference
    return (
        reference.text,
        get_translation(reference),
        reference._.language,
        get_translation_language(reference),
    )


def test_training_draws_all_pairs_but_those_with_a_held_out_side(nlp, folder):
    corpus = build_translation_pairs_v1(folder, directions=["en-da"], heldout_share=SHARE)
    expected = {(a, b, "en", "da") for a, b in PAIRS if not is_heldout(a, SHARE) and not is_heldout(b, SHARE)}
    assert 100 < len(expected) < 160
    assert {read(example) for example in corpus(nlp)} == expected


def test_passes_over_files_of_unlike_sizes_come_to_all_of_the_largest(nlp, tmp_path):
    (tmp_path / "en-da.tsv").write_text("".join(f"{n}\tda {n}\n" for n in range(500)), encoding="utf8")
    for target in ("de", "nl", "sv"):
        (tmp_path / f"en-{target}.tsv").write_text("a\tb\n" * 10, encoding="utf8")
    corpus = build_translation_pairs_v1(tmp_path, heldout_share=0.0, shuffle_buffer=5)
    drawn = [read(example) for _ in range(4) for example in corpus(nlp)]
    danish = {text for text, _, _, target in drawn if target == "da"}
    assert len(danish) == 500


def test_each_pass_begins_with_all_directions(nlp, tmp_path):
    for number, target in enumerate(("da", "de", "nl", "sv")):
        lines = "".join(f"{target} {line}\tx\n" for line in range(1 + 300 * (number == 0)))
        (tmp_path / f"en-{target}.tsv").write_text(lines, encoding="utf8")
    corpus = build_translation_pairs_v1(tmp_path, heldout_share=0.0, alpha=1.0)
    for _ in range(3):
        drawn = [read(example) for example in corpus(nlp)]
        assert [target for _, _, _, target in drawn[:4]] == ["da", "de", "nl", "sv"]
        assert len(drawn) == 304


def test_a_look_at_the_first_pairs_takes_none_away(nlp, folder):
    looked = build_translation_pairs_v1(folder, heldout_share=0.0)
    first = [[read(example) for example in islice(looked(nlp), 3)] for _ in range(2)]
    plain = build_translation_pairs_v1(folder, heldout_share=0.0)
    expected = [[read(example) for example in plain(nlp)] for _ in range(2)]
    assert first == [expected[0][:3]] * 2
    assert [[read(example) for example in looked(nlp)] for _ in range(2)] == expected


def test_where_a_file_is_there_for_each_way_the_one_of_the_direction_is_read(nlp, tmp_path):
    (tmp_path / "en-da.tsv").write_text("one\ten\n", encoding="utf8")
    (tmp_path / "da-en.tsv").write_text("to\ttwo\n", encoding="utf8")
    for direction, expected in (("en-da", ("one", "en")), ("da-en", ("to", "two"))):
        corpus = build_translation_pairs_v1(tmp_path, directions=[direction], heldout_share=0.0)
        assert [read(example)[:2] for example in corpus(nlp)] == [expected]


def test_no_held_out_pair_is_X829(nlp, folder):
    corpus = build_translation_pairs_v1(folder, directions=["en-de"], heldout=True, heldout_share=1e-9)
    with pytest.raises(ValueError, match="X829"):
        list(corpus(nlp))


def test_heldout_pairs_come_once_and_are_never_trained_on(nlp, folder):
    heldout = build_translation_pairs_v1(folder, directions=["en-da"], heldout=True, heldout_share=SHARE)
    expected = [(a, b, "en", "da") for a, b in PAIRS if is_heldout(a, SHARE)]
    assert [read(example) for example in heldout(nlp)] == expected
    limited = build_translation_pairs_v1(
        folder, directions=["en-da"], heldout=True, heldout_share=SHARE, limit=3
    )
    few = [read(example) for example in limited(nlp)]
    assert len(few) == 3
    assert set(few) < set(expected)
    # From all over the file.
    assert few != expected[:3]


def test_both_directions_of_a_file(nlp, folder):
    corpus = build_translation_pairs_v1(folder, directions=["da-en", "en-da"], heldout_share=0.0)
    drawn = [read(example) for _ in range(2) for example in corpus(nlp)]
    assert set(drawn) == {(a, b, "en", "da") for a, b in PAIRS} | {(b, a, "da", "en") for a, b in PAIRS}


def test_without_directions_each_file_is_read_as_its_name_says(nlp, folder):
    corpus = build_translation_pairs_v1(folder, heldout_share=0.0, alpha=1.0)
    counts = Counter(read(example)[2:] for _ in range(10) for example in corpus(nlp))
    assert counts.keys() == {("en", "da"), ("en", "de")}
    # 200 lines beside 5.
    assert counts["en", "de"] == pytest.approx(50, abs=30)


def test_the_predicted_doc_knows_the_target_and_not_the_translation(nlp, folder):
    example = next(build_translation_pairs_v1(folder, directions=["en-da"])(nlp))
    assert get_translation(example.predicted) is None
    assert get_translation_language(example.predicted) == "da"
    assert example.predicted._.language == "en"


def test_passes_are_as_long_as_the_files_and_each_has_an_order_of_its_own(nlp, folder):
    def passes(seed):
        corpus = build_translation_pairs_v1(folder, seed=seed, heldout_share=0.0)
        return [[read(example) for example in corpus(nlp)] for _ in range(2)]

    first, second = passes(3)
    assert len(first) == len(second) == 205
    assert first != second
    assert [first, second] == passes(3) != passes(4)


def test_wrong_directions_are_one_coded_line(nlp, folder):
    with pytest.raises(ValueError, match="X822"):
        next(build_translation_pairs_v1(folder, directions=["en-fi"])(nlp))
    with pytest.raises(ValueError, match="X823"):
        next(build_translation_pairs_v1(folder, directions=["da"])(nlp))
    with pytest.raises(ValueError, match="X137"):
        next(build_translation_pairs_v1(None)(nlp))


def test_names_of_two_languages():
    assert languages_of("eng_Latn-dan_Latn") == ("eng_Latn", "dan_Latn")
    assert languages_of("en-zh-Hans") == ("en", "zh-Hans")
    assert languages_of("zh-Hans-en") == ("zh-Hans", "en")
    assert languages_of("pt-BR-zh") == ("pt-BR", "zh")
    assert languages_of("english-danish") == ("english", "danish")
