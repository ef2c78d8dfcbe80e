import gzip

import pytest
import spacy

from spacy_xling.data.files import TextFile
from spacy_xling.dictionaries.reader import build_dictionaries_v1, entry_key, languages_of_name


def write(path, *lines):
    path.parent.mkdir(parents=True, exist_ok=True)
    content = "".join(f"{line}\n" for line in lines).encode()
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
    return path


def shares(translations):
    """Translations and their shares of the weight."""
    before = (0.0, *translations.cumulative[:-1])
    return {
        text: pytest.approx(after - first)
        for text, first, after in zip(translations.texts, before, translations.cumulative, strict=True)
    }


def read(path, **settings):
    """The translations of each entry, with their shares, by dictionary."""
    return {
        dictionary.name: {key: shares(found) for key, found in dictionary.items()}
        for dictionary in build_dictionaries_v1(path, **settings)()
    }


@pytest.mark.parametrize(
    ("name", "lines"),
    [
        ("en-da.tsv", ["parcel\tpakke", "box\tæske"]),
        ("en-da.tsv", ["parcel\tpakke\t0.5", "", "box\tæske\t2"]),
        ("en-da.tsv", ["\ufeffparcel\tpakke", "box \t æske\r"]),
        ("en-da.tsv.gz", ["parcel\tpakke", "box\tæske"]),
        ("en-da.txt", ["parcel pakke", "box æske"]),
        ("en-da.txt", ["parcel\tpakke", "box  æske"]),
        ("en-da.txt.gz", ["parcel pakke", "box\tæske"]),
    ],
)
def test_each_format_gives_the_same_entries(tmp_path, name, lines):
    path = write(tmp_path / name, *lines)
    expected = {"en-da": {"parcel": {"pakke": 1}, "box": {"æske": 1}}}
    assert read(path) == read(tmp_path) == read(str(path)) == read([path]) == expected


def test_spacy_calls_the_reader_with_the_pipeline(tmp_path):
    reader = build_dictionaries_v1(write(tmp_path / "en-da.tsv", "parcel\tpakke"))
    assert [dictionary.name for dictionary in reader(spacy.blank("xx"))] == ["en-da"]


def test_a_folder_has_a_dictionary_for_each_pair_of_languages(tmp_path):
    write(tmp_path / "en-da.tsv", "parcel\tpakke")
    write(tmp_path / "en-de.txt", "parcel Paket")
    write(tmp_path / "da-en.tsv.gz", "pakke\tparcel")
    write(tmp_path / "README.md", "no dictionary")
    assert read(tmp_path) == {
        "da-en": {"pakke": {"parcel": 1}},
        "en-da": {"parcel": {"pakke": 1}},
        "en-de": {"parcel": {"Paket": 1}},
    }


def test_files_of_the_same_languages_in_a_folder_are_one_dictionary(tmp_path):
    write(tmp_path / "en-da.tsv", "parcel\tpakke\t3")
    write(tmp_path / "en-da.txt", "Parcel kolli", "box æske")
    assert read(tmp_path) == {"en-da": {"parcel": {"pakke": 3 / 4, "kolli": 1 / 4}, "box": {"æske": 1}}}


def test_of_several_paths_the_first_that_has_a_word_wins(tmp_path):
    own = write(tmp_path / "own" / "en-da.tsv", "parcel\tforsendelse\t0.1", "money back\tpenge tilbage")
    write(tmp_path / "made" / "en-da.tsv", "Parcel\tpakke\t0.9", "money\tpenge", "box\tæske")
    write(tmp_path / "made" / "en-de.tsv", "parcel\tPaket")
    assert read([own, tmp_path / "made"]) == {
        "en-da": {
            "parcel": {"forsendelse": 1},
            "money back": {"penge tilbage": 1},
            "money": {"penge": 1},
            "box": {"æske": 1},
        },
        "en-de": {"parcel": {"Paket": 1}},
    }
    assert read([tmp_path / "made", own])["en-da"]["parcel"] == {"pakke": 1}


def test_weights_are_shares_and_those_of_the_same_translation_add_up(tmp_path):
    path = write(tmp_path / "en-da.tsv", "box\tæske\t2", "BOX\tboks\t1", "box\tæske\t1", "box\tkasse")
    assert read(path) == {"en-da": {"box": {"æske": 3 / 5, "boks": 1 / 5, "kasse": 1 / 5}}}


def test_max_translations_takes_the_heaviest_and_then_the_first(tmp_path):
    path = write(tmp_path / "en-da.tsv", "box\ta\t1", "box\tb\t1", "box\tc\t3", "box\td\t1", "tea\tte")
    assert read(path) == {"en-da": {"box": {"c": 3 / 5, "a": 1 / 5, "b": 1 / 5}, "tea": {"te": 1}}}
    assert read(path, max_translations=1)["en-da"]["box"] == {"c": 1}
    assert len(read(path, max_translations=9)["en-da"]["box"]) == 4


@pytest.mark.parametrize("value", [0, -1])
def test_max_translations_below_one_is_X154(value):
    with pytest.raises(ValueError, match="X154"):
        build_dictionaries_v1(None, max_translations=value)


def test_phrases_on_both_sides(tmp_path):
    path = write(tmp_path / "en-da.tsv", "Money-back  guarantee\tfuld  returret", "我喜歡\tjeg kan lide")
    assert read(path) == {
        "en-da": {"money - back guarantee": {"fuld  returret": 1}, "我 喜 歡": {"jeg kan lide": 1}}
    }


@pytest.mark.parametrize(
    ("phrase", "key"),
    [
        ("The E-Mail!", "the e - mail"),
        ("c++", ""),
        ("100%", ""),
        ("(café)", "caf\u00e9"),
        ("İstanbul", "istanbul"),
        ("茶葉", "茶 葉"),
        ("…", ""),
    ],
)
def test_an_entry_is_looked_up_by_its_words_in_lower_case(phrase, key):
    assert entry_key(phrase) == key


def test_a_line_whose_word_has_no_letter_is_passed_over(tmp_path):
    assert read(write(tmp_path / "en-da.tsv", "!\t!", "box\tæske")) == {"en-da": {"box": {"æske": 1}}}


def test_source_and_targets_choose_files(tmp_path):
    for name in ("en-da", "en-de", "en-tr", "da-en"):
        write(tmp_path / f"{name}.tsv", "a\tb")
    assert list(read(tmp_path, source="en")) == ["en-da", "en-de", "en-tr"]
    assert list(read(tmp_path, source="en", targets=["tr", "da"])) == ["en-da", "en-tr"]
    assert list(read(tmp_path, targets=["en"])) == ["da-en"]
    assert list(read(tmp_path, targets=[])) == ["da-en", "en-da", "en-de", "en-tr"]


@pytest.mark.parametrize(
    ("name", "source", "expected"),
    [
        ("en-da.tsv", None, ("en", "da")),
        ("en-zh-Hans.tsv.gz", None, ("en", "zh-Hans")),
        ("zh-Hans-en.txt", "zh-Hans", ("zh-Hans", "en")),
        ("zh-Hans-en.txt", None, ("zh-Hans", "en")),
        ("en-GB-pt-BR.tsv", None, ("en-GB", "pt-BR")),
        ("en-419-da.tsv", None, ("en-419", "da")),
        ("eng_Latn-dan_Latn.tsv", None, ("eng_Latn", "dan_Latn")),
        ("en-da.tsv", "zh-Hans", ("en", "da")),
        ("en-da.wiktionary.tsv", None, ("en", "da")),
    ],
)
def test_languages_with_hyphens(tmp_path, name, source, expected):
    assert languages_of_name(TextFile(tmp_path / name, None, "tsv"), source) == expected


def test_a_source_with_a_hyphen_is_read(tmp_path):
    write(tmp_path / "zh-Hans-en.tsv", "茶\ttea")
    write(tmp_path / "zh-Hant-en.tsv", "茶\ttea")
    assert list(read(tmp_path, source="zh-Hans")) == ["zh-Hans-en"]


@pytest.mark.parametrize(
    ("name", "line", "message"),
    [
        ("en-da.tsv", "box", r"X148.*en-da\.tsv, line 3.*1 columns, 1 of"),
        ("en-da.tsv", "box æske", r"X148.*line 3.*1 columns"),
        ("en-da.tsv", "box\t", r"X148.*line 3.*2 columns, 1 of"),
        ("en-da.tsv", " \tæske", r"X148.*line 3.*2 columns, 1 of"),
        ("en-da.tsv", "box\tæske\t1\tnoun", r"X148.*line 3.*4 columns"),
        ("en-da.txt", "box", r"X148.*en-da\.txt, line 3.*1 columns"),
        ("en-da.txt", "a box is en æske", r"X148.*line 3.*5 columns"),
        ("en-da.tsv", "box\tæske\tmany", r"X149.*line 3.*'many'"),
        ("en-da.tsv", "box\tæske\t0", r"X149.*line 3.*'0'"),
        ("en-da.tsv", "box\tæske\t-1", r"X149.*line 3.*'-1'"),
        ("en-da.tsv", "box\tæske\tnan", r"X149.*line 3.*'nan'"),
        ("en-da.tsv", "box\tæske\tinf", r"X149.*line 3.*'inf'"),
        ("en-da.tsv", "box\tæske\t", r"X149.*line 3.*''"),
        ("en-da.txt", "box en æske", r"X149.*line 3.*'æske'"),
    ],
)
def test_a_line_that_is_no_entry_is_named(tmp_path, name, line, message):
    first = "parcel\tpakke" if name.endswith("tsv") else "parcel pakke"
    path = write(tmp_path / name, first, "", line)
    with pytest.raises(ValueError, match=message):
        read(path)


@pytest.mark.parametrize("line", ["source\ttarget", "EN\tDA", "Word\tTranslation\tWeight", "en\ttranslation"])
def test_a_header_is_X150(tmp_path, line):
    path = write(tmp_path / "en-da.tsv", line, "parcel\tpakke\t1")
    with pytest.raises(ValueError, match=r"X150.*en-da\.tsv, line 1"):
        read(path)


def test_what_looks_like_a_header_is_an_entry_further_down(tmp_path):
    path = write(tmp_path / "en-da.tsv", "parcel\tpakke", "word\tterm")
    assert read(path) == {"en-da": {"parcel": {"pakke": 1}, "word": {"term": 1}}}


@pytest.mark.parametrize("name", ["english.tsv", "en-.tsv", "-da.tsv"])
def test_a_name_without_two_languages_is_X147(tmp_path, name):
    with pytest.raises(ValueError, match=f"X147.*{name.removesuffix('.tsv')}"):
        read(write(tmp_path / name, "parcel\tpakke"))


def test_a_file_in_another_encoding_is_X111(tmp_path):
    path = tmp_path / "en-da.tsv"
    path.write_bytes("parcel\tpakke\nbox\tæske\n".encode("latin-1"))
    with pytest.raises(ValueError, match=r"X111.*en-da\.tsv, line 2"):
        read(path)


def test_a_broken_gzip_file_is_X110(tmp_path):
    path = write(tmp_path / "en-da.tsv.gz", *(f"word{n}\tord{n}" for n in range(999)))
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(ValueError, match="X110"):
        read(path)


def test_an_empty_file_is_X109(tmp_path):
    with pytest.raises(ValueError, match="X109"):
        read(write(tmp_path / "en-da.tsv"))


@pytest.mark.parametrize("lines", [[""], ["!\t?", "-\t-"]])
def test_a_file_without_entries_is_X152(tmp_path, lines):
    with pytest.raises(ValueError, match=r"X152.*en-da\.tsv"):
        read(write(tmp_path / "en-da.tsv", *lines))


@pytest.mark.parametrize(
    ("settings", "wanted"),
    [
        ({"source": "fr"}, "fr-TARGET.tsv"),
        ({"targets": ["da", "tr"]}, "SOURCE-tr.tsv"),
        ({"source": "en", "targets": ["en"]}, "en-en.tsv"),
    ],
)
def test_languages_that_are_not_there_are_X151(tmp_path, settings, wanted):
    write(tmp_path / "en-da.tsv", "a\tb")
    write(tmp_path / "en-de.tsv", "a\tb")
    with pytest.raises(ValueError, match=f"X151.*{wanted}.*en-da.tsv, en-de.tsv"):
        read(tmp_path, **settings)


@pytest.mark.parametrize("path", [None, [], [None]])
def test_no_path_is_X146_once_it_is_read(path):
    reader = build_dictionaries_v1(path)
    with pytest.raises(ValueError, match="X146"):
        reader()


def test_a_path_that_is_not_there_is_X106(tmp_path):
    with pytest.raises(FileNotFoundError, match="X106"):
        read(tmp_path / "none")


def test_a_folder_without_dictionaries_is_X107(tmp_path):
    write(tmp_path / "notes.md", "parcel")
    with pytest.raises(ValueError, match="X107"):
        read(tmp_path)
