import gzip
import json
from collections import Counter

import pytest

from spacy_xling.data.parallel import build_parallel_text_v1
from spacy_xling.data.sampling import reservoir_sample
from spacy_xling.data.sources import TextPair
from spacy_xling.data.unlabelled import build_unlabelled_text_v1


def sample_texts(path, limit, **settings):
    return build_unlabelled_text_v1(path, **settings).sample(limit)


def sample_pairs(path, limit, **settings):
    return build_parallel_text_v1(path, **settings).sample(limit)


def test_fewer_items_are_all_taken():
    assert reservoir_sample(iter("abc"), 5, seed=0) == ["a", "b", "c"]


def test_a_sample_has_no_item_twice_and_follows_the_seed():
    sample = reservoir_sample(range(1000), 50, seed=0)
    assert len(set(sample)) == 50
    assert sample == reservoir_sample(range(1000), 50, seed=0)
    assert sample != reservoir_sample(range(1000), 50, seed=1)


def test_each_item_has_the_same_chance():
    counts = Counter(item for seed in range(4000) for item in reservoir_sample(range(10), 3, seed=seed))
    # 4000 draws with probability 0.3: mean 1200, standard deviation 29.
    assert all(abs(counts[item] - 1200) < 4 * 29 for item in range(10))


def test_texts_are_sampled_from_all_files_of_a_language(tmp_path):
    (tmp_path / "da.txt").write_text("en\n\nto\n", encoding="utf-8")
    (tmp_path / "da.more.jsonl.gz").write_bytes(gzip.compress(json.dumps({"text": "tre"}).encode()))
    (tmp_path / "de.txt").write_text("eins\n", encoding="utf-8")
    samples = sample_texts(tmp_path, 10)
    assert {language: sorted(texts) for language, texts in samples.items()} == {
        "da": ["en", "to", "tre"],
        "de": ["eins"],
    }
    assert list(sample_texts(tmp_path, 10, languages=["de"])) == ["de"]


def test_heldout_texts_are_not_sampled(tmp_path):
    (tmp_path / "da.txt").write_text("".join(f"{n}\n" for n in range(500)), encoding="utf-8")
    reader = build_unlabelled_text_v1(tmp_path, heldout_share=0.2)
    kept, sampled = reader.read_heldout(500)["da"], reader.sample(500)["da"]
    assert 60 < len(kept) < 140
    assert sorted([*kept, *sampled], key=int) == [str(n) for n in range(500)]


def test_a_single_file_has_no_language(tmp_path):
    (tmp_path / "da.txt").write_text("en\n", encoding="utf-8")
    assert sample_texts(tmp_path / "da.txt", 10) == {None: ["en"]}


def test_a_language_without_text_is_an_error(tmp_path):
    (tmp_path / "da.txt").write_text("\n \n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"\[X132\].*da\.txt"):
        sample_texts(tmp_path, 10)


def write_file(path, content):
    data = content.encode("utf-8")
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return path


def test_pairs_come_by_file_name(tmp_path):
    write_file(tmp_path / "en-da.tsv", "a dog\ten hund\na cat\ten kat\n")
    write_file(tmp_path / "en-de.web.tsv.gz", "a dog\tein Hund\r\n")
    write_file(tmp_path / "README.txt", "not pairs\n")
    assert sample_pairs(tmp_path, 10) == {
        "en-da": [TextPair("a dog", "en hund", "en-da"), TextPair("a cat", "en kat", "en-da")],
        "en-de": [TextPair("a dog", "ein Hund", "en-de")],
    }


def test_one_file_is_named_too(tmp_path):
    path = write_file(tmp_path / "en-da.tsv", "a dog\ten hund\n")
    assert sample_pairs(path, 10) == {"en-da": [TextPair("a dog", "en hund", "en-da")]}


def test_quotes_are_text_and_blank_lines_are_passed_over(tmp_path):
    write_file(tmp_path / "en-da.tsv", 'he said "no\thun sagde "nej\n\n \t \n"yes"\t"ja"')
    sample = sample_pairs(tmp_path, 10)["en-da"]
    assert [pair[:2] for pair in sample] == [('he said "no', 'hun sagde "nej'), ('"yes"', '"ja"')]


def test_a_truncated_gzip_file_is_named(tmp_path):
    rows = "".join(f"{number} dogs\t{number * 7919} hunde\n" for number in range(2000))
    path = tmp_path / "en-da.tsv.gz"
    path.write_bytes(gzip.compress(rows.encode("utf-8"))[:-20])
    with pytest.raises(ValueError, match=r"\[X110\]"):
        sample_pairs(tmp_path, 10)


def test_a_sample_keeps_pairs_together(tmp_path):
    write_file(tmp_path / "en-da.tsv", "".join(f"en {number}\tda {number}\n" for number in range(100)))
    sample = sample_pairs(tmp_path, 10, seed=1)["en-da"]
    assert len(set(sample)) == 10
    assert all(first.split()[1] == second.split()[1] for first, second, _ in sample)
    assert sample == sample_pairs(tmp_path, 10, seed=1)["en-da"]
    assert sample != sample_pairs(tmp_path, 10, seed=2)["en-da"]


def test_files_of_equal_length_give_the_same_lines(tmp_path):
    for language in ("da", "de"):
        rows = (f"en {number}\t{language} {number}\n" for number in range(100))
        write_file(tmp_path / f"en-{language}.tsv", "".join(rows))
    pairs = sample_pairs(tmp_path, 10)
    assert [first for first, _, _ in pairs["en-da"]] == [first for first, _, _ in pairs["en-de"]]
