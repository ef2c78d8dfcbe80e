import gzip
import json
from collections import Counter

import pytest

from spacy_xling.data.sampling import reservoir_sample, sample_texts


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


def test_a_single_file_has_no_language(tmp_path):
    (tmp_path / "da.txt").write_text("en\n", encoding="utf-8")
    assert sample_texts(tmp_path / "da.txt", 10) == {None: ["en"]}


def test_a_language_without_text_is_an_error(tmp_path):
    (tmp_path / "da.txt").write_text("\n \n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"\[X132\].*da\.txt"):
        sample_texts(tmp_path, 10)
