import os
import random
import subprocess
import sys
from collections import Counter

import pytest

from spacy_xling.dictionaries import induction
from spacy_xling.dictionaries.bitext import read_bitext
from spacy_xling.dictionaries.induction import (
    LEAST_COUNT,
    LEAST_SCORE,
    LEAST_SHARE,
    MOST_TRANSLATIONS,
    induce,
)
from spacy_xling.dictionaries.word_alignment import align

ENDINGS = ("", "en", "erne")


def zipf(n):
    return [1 / rank for rank in range(1, n + 1)]


def toy_language(n_pairs=5000, n_words=300, seed=0):
    """Pairs of texts of 3 to 9 words by Zipf's law, and the stems that each word becomes.

    Of ten words one becomes nothing, two become two words, and seven one; each gets one of three endings, and
    the words of a translation stand in any order.
    """
    draw = random.Random(seed)
    fertility = {f"s{number}": (0, 1, 1, 1, 1, 1, 1, 1, 2, 2)[number * 7 % 10] for number in range(n_words)}
    stems = {word: [f"{word}{part}t" for part in "ab"[:n]] for word, n in fertility.items()}
    pairs = []
    while len(pairs) < n_pairs:
        words = draw.choices(list(stems), zipf(n_words), k=draw.randint(3, 9))
        translation = [stem + draw.choice(ENDINGS) for word in words for stem in stems[word]]
        if translation:
            draw.shuffle(translation)
            pairs.append((" ".join(words), " ".join(translation)))
    return pairs, stems


def first_entries(entries):
    first = {}
    for entry in entries:
        first.setdefault(entry.word, entry.translation)
    return first


@pytest.fixture(scope="module")
def small():
    """A text of a toy language that is too short to be sure of much."""
    return toy_language(n_pairs=300, n_words=80)[0]


def test_the_first_entry_of_a_toy_language_is_right():
    pairs, stems = toy_language()
    first = first_entries(induce(read_bitext(pairs)))
    seen = {word for text, _ in pairs for word in text.split()}
    forms = {word: {stem + ending for stem in stems[word] for ending in ENDINGS} for word in seen}
    translated = [word for word in seen if forms[word]]
    assert 250 < len(translated) < len(seen)
    right = [word for word in translated if first.get(word) in forms[word]]
    assert len(right) >= 0.95 * len(translated)


def chosen_one_by_one(bitext, **limits):
    """The entries, with each rule written out; they are read off the two directions of the aligner."""
    limits = {
        "score": LEAST_SCORE,
        "count": LEAST_COUNT,
        "share": LEAST_SHARE,
        "most": MOST_TRANSLATIONS,
    } | limits
    pairs = align(bitext)
    by_word = {}
    for number, (source, target) in enumerate(zip(pairs.source, pairs.target, strict=True)):
        score = (pairs.forward.t[number] * pairs.backward.t[number]) ** 0.5
        count = min(pairs.forward.counts[number], pairs.backward.counts[number])
        if score >= limits["score"] and count >= limits["count"]:
            by_word.setdefault(source, []).append((-score, target))
    entries = []
    for source in sorted(by_word):
        best = -min(by_word[source])[0]
        ranked = [(-score, target) for score, target in sorted(by_word[source])]
        entries += [
            (bitext.source.types[source], bitext.target.forms[target], pytest.approx(score))
            for score, target in ranked[: limits["most"]]
            if score >= limits["share"] * best
        ]
    return entries


def test_entries_are_those_within_all_limits(small):
    text = read_bitext(small)
    entries = induce(text)
    assert entries == chosen_one_by_one(text)
    assert max(Counter(entry.word for entry in entries).values()) == MOST_TRANSLATIONS


@pytest.mark.parametrize(
    ("limit", "rule", "value"),
    [
        ("LEAST_SCORE", "score", 0.2),
        ("LEAST_COUNT", "count", 3.0),
        ("LEAST_COUNT", "count", 0.0),
        ("LEAST_SHARE", "share", 0.7),
        ("LEAST_SHARE", "share", 0.0),
        ("MOST_TRANSLATIONS", "most", 1),
        ("MOST_TRANSLATIONS", "most", 20),
    ],
)
def test_each_limit_leaves_something_out(small, monkeypatch, limit, rule, value):
    text = read_bitext(small)
    n_before = len(induce(text))
    is_looser = value > MOST_TRANSLATIONS if rule == "most" else value == 0
    monkeypatch.setattr(induction, limit, value)
    entries = induce(text)
    assert entries == chosen_one_by_one(text, **{rule: value})
    assert (len(entries) > n_before) == is_looser
    assert len(entries) != n_before


def test_a_translation_is_written_as_usual_and_a_word_in_lower_case():
    pairs = [("The Box came", "Die Kiste kam"), ("My box left", "Meine Kiste ging"), ("Box", "Kiste")] * 3
    assert first_entries(induce(read_bitext(pairs)))["box"] == "Kiste"


# Prints the entries to the last bit.
INDUCE = """
import sys
from spacy_xling.dictionaries.bitext import read_bitext
from spacy_xling.dictionaries.induction import induce
pairs = [line.rstrip("\\n").split("\\t") for line in open(sys.argv[1], encoding="utf-8")]
for word, translation, weight in induce(read_bitext(pairs)):
    sys.stdout.buffer.write(f"{word}\\t{translation}\\t{weight.hex()}\\n".encode())
"""


def test_the_same_text_gives_the_same_entries_in_any_process(small, tmp_path):
    pairs = small + made_up_chinese(200)[0]
    expected = [(word, translation, weight.hex()) for word, translation, weight in induce(read_bitext(pairs))]
    path = tmp_path / "pairs.tsv"
    path.write_text("".join(f"{source}\t{target}\n" for source, target in pairs), encoding="utf-8")
    environment = {**os.environ, "PYTHONHASHSEED": "1"}
    command = [sys.executable, "-c", INDUCE, str(path)]
    result = subprocess.run(command, capture_output=True, check=True, timeout=120, env=environment)
    assert [tuple(line.split("\t")) for line in result.stdout.decode().splitlines()] == expected


def made_up_chinese(n_pairs=1000, n_words=60, n_characters=120, seed=0):
    """Pairs of texts of 3 to 8 words, in any order on the other side and with no blank there, and the words
    of both: those of the other side have 1 to 3 characters, which several words share.
    """
    draw = random.Random(seed)
    characters = [chr(ord("\u4e00") + number) for number in range(n_characters)]
    spelt = dict.fromkeys("".join(draw.sample(characters, draw.choice((1, 2, 2, 2, 3)))) for _ in range(99))
    words = {f"w{number}": word for number, word in enumerate(list(spelt)[:n_words])}
    pairs = []
    for _ in range(n_pairs):
        source = draw.choices(list(words), zipf(n_words), k=draw.randint(3, 8))
        pairs.append((" ".join(source), "".join(words[word] for word in draw.sample(source, len(source)))))
    return pairs, words


def test_characters_come_out_as_whole_words_of_the_target_side():
    pairs, words = made_up_chinese()
    first = first_entries(induce(read_bitext(pairs)))
    assert {len(word) for word in words.values()} == {1, 2, 3}
    assert sum(first.get(word) == spelt for word, spelt in words.items()) >= 0.95 * len(words)


def test_characters_come_out_as_whole_words_of_the_source_side():
    pairs, words = made_up_chinese()
    first = first_entries(induce(read_bitext((target, source) for source, target in pairs)))
    assert sum(first.get(spelt) == word for word, spelt in words.items()) >= 0.95 * len(words)


def test_characters_join_where_the_same_word_is_surely_behind_them():
    text = read_bitext([("tea", "茶葉"), ("tea please", "茶葉請"), ("please", "請")] * 20)
    joined = induction.join_characters(text, align(text))
    assert joined.target.types == ["茶 葉", "請"]
    assert joined.target.words.tolist() == [0, 0, 1, 1] * 20
    assert joined.target.lengths.tolist() == [1, 2, 1] * 20
    # A joined word still follows the one before it.
    assert joined.target.joins.tolist() == [False, False, True, False] * 20
    assert joined.source is text.source
