"""The text of the quickstart: what is there, and that its tests are no training text."""

import json
import re
from collections import Counter
from itertools import chain
from pathlib import Path

import pytest

from spacy_xling.dictionaries.words import find_words, lower

TEXT = Path(__file__).parent.parent / "assets" / "quickstart"
LANGUAGES = ["de", "en", "es", "hi", "ja", "ru", "tr"]
UNSPACED = {"ja"}
LABELS = {"account", "defect", "delivery", "order", "payment", "product", "refund"}
SCRIPTS = {"ru": r"[а-яё]", "hi": r"[\u0900-\u097f]", "ja": r"[\u3040-\u30ff\u4e00-\u9fff]"}


def records(path):
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def lines(path):
    return path.read_text(encoding="utf-8").splitlines()


def grams(text, language, n=4):
    """The n-grams of a text: of words, or of characters in a script without spaces."""
    units = re.findall(r"\w", text.lower()) if language in UNSPACED else re.findall(r"\w+", text.lower())
    return {tuple(units[i : i + n]) for i in range(max(1, len(units) - n + 1))}


def training_texts(language):
    """Every text of a language that any step may read before the test."""
    raw = lines(TEXT / "raw" / f"{language}.txt")
    if language == "en":
        labelled = (record["text"] for part in ("train", "dev") for record in records(TEXT / f"{part}.jsonl"))
        pairs = (line.split("\t")[0] for file in (TEXT / "parallel").iterdir() for line in lines(file))
        return chain(raw, labelled, pairs)
    return chain(raw, (line.split("\t")[1] for line in lines(TEXT / "parallel" / f"en-{language}.tsv")))


def test_each_language_has_raw_and_test_text_and_english_alone_has_labels():
    assert sorted(path.stem for path in (TEXT / "raw").iterdir()) == LANGUAGES
    assert sorted(path.stem for path in (TEXT / "test").iterdir()) == LANGUAGES
    assert {record["lang"] for part in ("train", "dev") for record in records(TEXT / f"{part}.jsonl")} == {
        "en"
    }
    assert {record["label"] for record in records(TEXT / "train.jsonl")} == LABELS


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_label_has_eight_different_test_texts(language):
    test = records(TEXT / "test" / f"{language}.jsonl")
    assert Counter(record["label"] for record in test) == dict.fromkeys(LABELS, 8)
    assert len({record["text"].casefold() for record in test}) == len(test)


@pytest.mark.parametrize("language", SCRIPTS)
def test_texts_are_in_the_script_of_their_language(language):
    texts = [record["text"] for record in records(TEXT / "test" / f"{language}.jsonl")]
    texts += lines(TEXT / "raw" / f"{language}.txt")
    assert [text for text in texts if not re.search(SCRIPTS[language], text.lower())] == []


@pytest.mark.parametrize("language", [language for language in LANGUAGES if language != "en"])
def test_pairs_are_whole_and_begin_with_the_same_english(language):
    pairs = [line.split("\t") for line in lines(TEXT / "parallel" / f"en-{language}.tsv")]
    assert all(len(pair) == 2 and all(pair) for pair in pairs)
    german = [line.split("\t")[0] for line in lines(TEXT / "parallel" / "en-de.tsv")]
    assert [first for first, _ in pairs] == german


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_test_text_shares_half_of_its_4_grams_with_a_training_text(language):
    training = [grams(text, language) for text in training_texts(language)]
    assert len(training) > 500
    for record in records(TEXT / "test" / f"{language}.jsonl"):
        own = grams(record["text"], language)
        closest = max(len(own & other) / len(own) for other in training)
        assert closest < 0.5, record["text"]


@pytest.mark.parametrize("part", ["train", "dev"])
def test_train_and_dev_are_apart_and_even(part):
    found = records(TEXT / f"{part}.jsonl")
    assert Counter(record["label"] for record in found) == dict.fromkeys(
        LABELS, {"train": 70, "dev": 10}[part]
    )
    other = {r["text"].casefold() for r in records(TEXT / f"{'dev' if part == 'train' else 'train'}.jsonl")}
    assert not other & {record["text"].casefold() for record in found}


@pytest.mark.parametrize("language", [language for language in LANGUAGES if language != "en"])
def test_a_dictionary_has_the_most_frequent_words_of_the_english_text_and_no_other(language):
    english = [record["text"] for record in records(TEXT / "train.jsonl")] + lines(TEXT / "raw" / "en.txt")
    counts = Counter(lower(word.text) for text in english for word in find_words(text))
    frequent = sorted(counts, key=lambda word: (-counts[word], word))[:700]
    rows = [line.split("\t") for line in lines(TEXT / "dictionaries" / f"en-{language}.tsv")]
    assert all(len(row) == 2 and all(row) for row in rows)
    assert {word for word, _ in rows} <= set(frequent)
    assert len({word for word, _ in rows}) >= 650
    assert max(Counter(word for word, _ in rows).values()) <= 3
    if language in SCRIPTS:
        # The first translation of a word; "cm" and the like stay as they are.
        firsts = dict(reversed(rows))
        strange = [word for word, found in firsts.items() if not re.search(SCRIPTS[language], found.lower())]
        assert len(strange) < 5, strange
