import gzip
import random
from concurrent.futures import ThreadPoolExecutor

import pytest

from spacy_xling.data.parallel import build_parallel_text_v1
from spacy_xling.dictionaries import making
from spacy_xling.dictionaries.making import find_parallel, init_dictionaries
from spacy_xling.dictionaries.reader import build_dictionaries_v1

WORDS = {
    "da": {"parcel": "pakke", "box": "æske", "late": "sent", "money": "penge", "back": "tilbage"},
    "de": {"parcel": "Paket", "box": "Kiste", "late": "spät", "money": "Geld", "back": "zurück"},
}


def make_pairs(target, n=60):
    """Texts of two or three words and their translations word by word."""
    draw = random.Random(target)
    for _ in range(n):
        words = draw.sample(list(WORDS[target]), draw.randint(2, 3))
        yield " ".join(words), " ".join(WORDS[target][word] for word in words)


def write_pairs(path, pairs):
    content = "".join(f"{first}\t{second}\n" for first, second in pairs).encode()
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)


@pytest.fixture
def parallel(tmp_path):
    folder = tmp_path / "parallel"
    folder.mkdir()
    write_pairs(folder / "en-da.tsv", make_pairs("da"))
    write_pairs(folder / "en-de.tsv.gz", make_pairs("de"))
    return folder


def make(parallel, output, *, pairs=None, **settings):
    return list(init_dictionaries(build_parallel_text_v1(parallel, pairs=pairs), output, **settings))


def read_columns(path):
    return [line.split("\t") for line in path.read_text(encoding="utf-8").splitlines()]


def best_of(path):
    """The first translation of each word of a file."""
    return {word: translation for word, translation, _ in reversed(read_columns(path))}


def files_in(folder):
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


def test_each_file_becomes_a_dictionary_that_the_reader_reads(parallel, tmp_path):
    made = make(parallel, tmp_path / "new" / "out")
    assert files_in(tmp_path / "new" / "out") == ["en-da.tsv", "en-de.tsv"]
    for found, target in zip(made, WORDS, strict=True):
        assert (found.source, found.target, found.n_pairs, found.coverage) == ("en", target, 60, None)
        assert found.path == tmp_path / "new" / "out" / f"en-{target}.tsv"
        assert best_of(found.path) == WORDS[target]
        assert read_columns(found.path) == [
            [entry.word, entry.translation, f"{entry.weight:.4f}"] for entry in found.sample
        ]
    read = build_dictionaries_v1(tmp_path / "new" / "out")()
    assert {dictionary.name: len(dictionary) for dictionary in read} == {"en-da": 5, "en-de": 5}


def test_the_source_may_stand_on_the_second_side(tmp_path):
    write_pairs(tmp_path / "da-en.tsv", [(danish, english) for english, danish in make_pairs("da")])
    (found,) = make(tmp_path, tmp_path / "out", source="en")
    assert (found.path.name, found.source, found.target) == ("en-da.tsv", "en", "da")
    assert best_of(found.path) == WORDS["da"]


def test_a_turned_file_gives_the_same_dictionary(parallel, tmp_path):
    (straight,) = make(parallel, tmp_path / "straight", pairs=["en-da"])
    turned = tmp_path / "turned"
    turned.mkdir()
    write_pairs(turned / "da-en.tsv", [(danish, english) for english, danish in make_pairs("da")])
    (found,) = make(turned, tmp_path / "out", source="en")
    assert found.path.read_bytes() == straight.path.read_bytes()


def test_files_without_the_source_are_passed_over(parallel, tmp_path):
    write_pairs(parallel / "da-de.tsv", [("pakke", "Paket")])
    write_pairs(parallel / "men-de.tsv", [("x", "Paket")])
    made = make(parallel, tmp_path / "out", source="en")
    assert [found.path.name for found in made] == ["en-da.tsv", "en-de.tsv"]


def test_only_the_pairs_that_were_asked_for_are_read(parallel, tmp_path):
    make(parallel, tmp_path / "out", pairs=["en-de"])
    assert files_in(tmp_path / "out") == ["en-de.tsv"]


def test_source_and_target_with_hyphens(tmp_path):
    write_pairs(tmp_path / "zh-Hans-en.tsv", make_pairs("da"))
    write_pairs(tmp_path / "pt-BR-zh-Hans.tsv", make_pairs("de"))
    made = make(tmp_path, tmp_path / "out", source="zh-Hans")
    assert [(found.path.name, found.target) for found in made] == [
        ("zh-Hans-pt-BR.tsv", "pt-BR"),
        ("zh-Hans-en.tsv", "en"),
    ]


def test_files_that_begin_with_several_languages_need_the_source_X155(parallel, tmp_path):
    write_pairs(parallel / "da-de.tsv", [("pakke", "Paket")])
    with pytest.raises(ValueError, match=r"X155.*da-de, en-da, en-de.*--source"):
        make(parallel, tmp_path / "out")


def test_a_source_in_no_file_is_X156(parallel, tmp_path):
    with pytest.raises(ValueError, match=r"X156.*'fr'.*en-da, en-de"):
        make(parallel, tmp_path / "out", source="fr")


def test_two_files_of_the_same_languages_are_X153(parallel, tmp_path):
    write_pairs(parallel / "da-en.tsv", [("pakke", "parcel")])
    with pytest.raises(ValueError, match="X153"):
        make(parallel, tmp_path / "out", source="en")
    assert not (tmp_path / "out").exists()


def write_labelled(path, texts):
    lines = [f'{{"text": "{text}", "label": "A", "lang": {lang}}}' for text, lang in texts]
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def test_coverage_is_that_of_the_labelled_texts_of_the_source(parallel, tmp_path):
    texts = [("The parcel is late", '"en"'), ("Money, money!", "null"), ("pakke box box box box", '"da"')]
    labelled = write_labelled(tmp_path / "labelled.jsonl", texts)
    made = make(parallel, tmp_path / "out", source="en", labelled=labelled)
    # Parcel, late, money and money, of six words; the Danish text isn't counted.
    assert [tuple(found.coverage) for found in made] == [(6, 4), (6, 4)]


def test_the_source_is_the_language_of_most_labelled_texts(parallel, tmp_path):
    texts = [("The parcel", '"en"'), ("pakke", '"da"'), ("tilbage", '"da"'), *[("x", "null")] * 5]
    labelled = write_labelled(tmp_path / "labelled.jsonl", texts)
    (found,) = make(parallel, tmp_path / "out", labelled=labelled)
    assert (found.source, found.target, found.path.name) == ("da", "en", "da-en.tsv")
    named = make(parallel, tmp_path / "named", labelled=labelled, source="en")
    assert [made.source for made in named] == ["en", "en"]
    unknown = write_labelled(tmp_path / "unknown.jsonl", [("The parcel", "null")])
    assert [made.source for made in make(parallel, tmp_path / "unknown", labelled=unknown)] == ["en", "en"]


def test_labelled_text_of_other_languages_is_X157(parallel, tmp_path):
    labelled = write_labelled(tmp_path / "labelled.jsonl", [("Pakken", '"da"')])
    with pytest.raises(ValueError, match=r"X157.*labelled\.jsonl.*'en'"):
        make(parallel, tmp_path / "out", source="en", labelled=labelled)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("most", "expected"),
    [(1, [9]), (2, [4, 9]), (4, [2, 4, 7, 9]), (5, [1, 3, 5, 7, 9]), (10, range(10)), (99, range(10))],
)
def test_max_pairs_are_spread_evenly_over_the_file(tmp_path, monkeypatch, most, expected):
    write_pairs(tmp_path / "en-da.tsv", [(f"w{number}", f"o{number}") for number in range(10)])
    read = []
    original = making.read_bitext
    monkeypatch.setattr(making, "read_bitext", lambda pairs: original(read.extend(pairs) or read))
    (found,) = make(tmp_path, tmp_path / "out", max_pairs=most)
    assert read == [(f"w{number}", f"o{number}") for number in expected]
    assert found.n_pairs == min(most, 10)


def test_files_that_are_there_are_not_replaced_unasked_X142(parallel, tmp_path):
    (tmp_path / "out").mkdir()
    own = tmp_path / "out" / "en-de.tsv"
    own.write_text("my\town\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"X142.*en-de\.tsv"):
        make(parallel, tmp_path / "out")
    # Nothing was made before it was noticed.
    assert files_in(tmp_path / "out") == ["en-de.tsv"]
    assert own.read_text(encoding="utf-8") == "my\town\n"
    make(parallel, tmp_path / "out", overwrite=True)
    assert best_of(own) == WORDS["de"]


def test_the_same_text_gives_the_same_bytes(parallel, tmp_path):
    first, second = (make(parallel, tmp_path / name) for name in ("one", "two"))
    for one, two in zip(first, second, strict=True):
        assert one.path.read_bytes() == two.path.read_bytes() != b""


def test_a_bad_line_of_any_file_is_found_before_one_is_written(parallel, tmp_path):
    with gzip.open(parallel / "en-de.tsv.gz", "ab") as handle:
        handle.write(b"no translation\n")
    with pytest.raises(ValueError, match=r"X135.*en-de\.tsv\.gz, line 61"):
        make(parallel, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_parallel_text_is_never_written_over(parallel, tmp_path):
    before = files_in(parallel)
    with pytest.raises(ValueError, match="X160"):
        make(parallel, parallel / ".." / parallel.name, overwrite=True)
    assert files_in(parallel) == before


def test_a_file_that_cannot_be_replaced_stays_as_it_was(parallel, tmp_path, monkeypatch):
    make(parallel, tmp_path / "out", pairs=["en-da"])
    before = (tmp_path / "out" / "en-da.tsv").read_bytes()

    def fail(*arguments):
        raise OSError("disk full")

    monkeypatch.setattr("pathlib.Path.replace", fail)
    monkeypatch.setattr(making, "induce", lambda bitext: [making.Entry("a", "b", 0.5)])
    with pytest.raises(OSError, match=r"X161.*disk full"):
        make(parallel, tmp_path / "out", pairs=["en-da"], overwrite=True)
    assert (tmp_path / "out" / "en-da.tsv").read_bytes() == before


@pytest.mark.parametrize("pair", [("...", "pakke"), (" ".join(["parcel"] * 41), "pakke")])
def test_no_pair_with_words_on_both_sides_is_X158(tmp_path, pair):
    write_pairs(tmp_path / "en-da.tsv", [pair])
    with pytest.raises(ValueError, match=r"X158.*en-da\.tsv"):
        make(tmp_path, tmp_path / "out")
    assert files_in(tmp_path / "out") == []


def test_a_text_that_gives_no_entry_is_X158(tmp_path, monkeypatch):
    write_pairs(tmp_path / "en-da.tsv", [("parcel", "pakke")])
    monkeypatch.setattr(making, "induce", lambda bitext: [])
    with pytest.raises(ValueError, match="X158"):
        make(tmp_path, tmp_path / "out")


def test_no_path_is_X137(tmp_path):
    with pytest.raises(ValueError, match="X137"):
        make(None, tmp_path / "out")


def test_files_are_found_with_the_side_of_the_source(parallel):
    write_pairs(parallel / "tr-en.tsv", [("kargo", "parcel")])
    found = find_parallel(build_parallel_text_v1(parallel), "en")
    assert [(file.target, file.turned) for file in found] == [("da", False), ("de", False), ("tr", True)]


def test_files_at_a_time_make_the_same_files(parallel, tmp_path):
    one = make(parallel, tmp_path / "one")
    two = make(parallel, tmp_path / "two", jobs=2)
    assert [found.path.read_bytes() for found in one] == [found.path.read_bytes() for found in two]
    assert [found.sample for found in one] == [found.sample for found in two]


def test_no_more_processes_than_files_are_started(parallel, tmp_path, monkeypatch):
    started = []

    class Recorder(ThreadPoolExecutor):
        def __init__(self, workers):
            started.append(workers)
            super().__init__(workers)

    monkeypatch.setattr(making, "ProcessPoolExecutor", Recorder)
    make(parallel, tmp_path / "out", jobs=10**9)
    make(parallel, tmp_path / "one", pairs=["en-da"], jobs=10**9)
    assert started == [2]
    assert files_in(tmp_path / "out") == ["en-da.tsv", "en-de.tsv"]
