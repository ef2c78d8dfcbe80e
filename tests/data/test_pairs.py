import gzip

import pytest

from spacy_xling.data.pairs import read_pairs


def write(path, content):
    data = content.encode("utf-8")
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return path


def test_pairs_come_by_file_name(tmp_path):
    write(tmp_path / "en-da.tsv", "a dog\ten hund\na cat\ten kat\n")
    write(tmp_path / "en-de.web.tsv.gz", "a dog\tein Hund\r\n")
    write(tmp_path / "README.txt", "not pairs\n")
    assert read_pairs(tmp_path, 10) == {
        "en-da": [("a dog", "en hund"), ("a cat", "en kat")],
        "en-de": [("a dog", "ein Hund")],
    }


def test_one_file_is_named_too(tmp_path):
    path = write(tmp_path / "en-da.tsv", "a dog\ten hund\n")
    assert read_pairs(path, 10) == {"en-da": [("a dog", "en hund")]}


def test_quotes_are_text_and_blank_lines_are_passed_over(tmp_path):
    write(tmp_path / "en-da.tsv", 'he said "no\thun sagde "nej\n\n \t \n"yes"\t"ja"')
    assert read_pairs(tmp_path, 10)["en-da"] == [('he said "no', 'hun sagde "nej'), ('"yes"', '"ja"')]


@pytest.mark.parametrize(
    ("line", "found", "filled"),
    [("one column", 1, 1), ("a\tb\tc", 3, 3), ("a\t\tb", 3, 2), ("a\t ", 2, 1), ("\tb", 2, 1)],
)
def test_a_line_without_two_filled_columns_is_an_error(tmp_path, line, found, filled):
    path = write(tmp_path / "en-da.tsv", f"a dog\ten hund\n\n{line}\n")
    with pytest.raises(ValueError, match=rf"\[X135\].*{found} columns, of which {filled} ") as caught:
        read_pairs(tmp_path, 10)
    assert f"{path}, line 3:" in str(caught.value)


def test_a_truncated_gzip_file_is_named(tmp_path):
    rows = "".join(f"{number} dogs\t{number * 7919} hunde\n" for number in range(2000))
    path = tmp_path / "en-da.tsv.gz"
    path.write_bytes(gzip.compress(rows.encode("utf-8"))[:-20])
    with pytest.raises(ValueError, match=r"\[X110\]"):
        read_pairs(tmp_path, 10)


def test_a_sample_keeps_pairs_together(tmp_path):
    write(tmp_path / "en-da.tsv", "".join(f"en {number}\tda {number}\n" for number in range(100)))
    sample = read_pairs(tmp_path, 10, seed=1)["en-da"]
    assert len(set(sample)) == 10
    assert all(first.split()[1] == second.split()[1] for first, second in sample)
    assert sample == read_pairs(tmp_path, 10, seed=1)["en-da"]
    assert sample != read_pairs(tmp_path, 10, seed=2)["en-da"]


def test_files_of_equal_length_give_the_same_lines(tmp_path):
    for language in ("da", "de"):
        rows = (f"en {number}\t{language} {number}\n" for number in range(100))
        write(tmp_path / f"en-{language}.tsv", "".join(rows))
    pairs = read_pairs(tmp_path, 10)
    assert [first for first, _ in pairs["en-da"]] == [first for first, _ in pairs["en-de"]]
