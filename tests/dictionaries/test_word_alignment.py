import math
import random
from collections import Counter, defaultdict
from itertools import product

import numpy as np
import pytest

from spacy_xling.dictionaries import bitext, word_alignment
from spacy_xling.dictionaries.bitext import read_bitext
from spacy_xling.dictionaries.word_alignment import NULL, TENSION, WordPairs, align


def random_pairs(n, seed=0, n_types=9):
    """Pairs of texts of 1 to 6 words drawn from a few."""
    draw = random.Random(seed)
    return [
        (
            " ".join(f"s{draw.randrange(n_types)}" for _ in range(draw.randint(1, 6))),
            " ".join(f"t{draw.randrange(n_types)}" for _ in range(draw.randint(1, 6))),
        )
        for _ in range(n)
    ]


PAIRS = random_pairs(40)


def model_1(pairs, rounds, keeps=lambda given, coming: True):
    """Expectation maximisation word by word; pairs are (given text, text that comes from it)."""
    sentences = [(given.split(), coming.split()) for given, coming in pairs]
    types = {word for _, coming in sentences for word in coming}
    t = defaultdict(lambda: 1 / len(types))
    for _ in range(rounds):
        counts = defaultdict(float)
        for given, coming in sentences:
            n, m = len(given), len(coming)
            for j, word in enumerate(coming, start=1):
                distances = [abs((i - 0.5) / n - (j - 0.5) / m) for i in range(1, n + 1)]
                prior = [math.exp(-TENSION * distance) for distance in distances]
                terms = {None: NULL * t[None, word]}
                for i in range(n):
                    if keeps(given[i], word):
                        terms[i] = (1 - NULL) * prior[i] / sum(prior) * t[given[i], word]
                for i, term in terms.items():
                    counts[None if i is None else given[i], word] += term / sum(terms.values())
        totals = defaultdict(float)
        for (source, _), count in counts.items():
            totals[source] += count
        t = {key: count / totals[key[0]] for key, count in counts.items()}
    return t, counts


def of_pairs(found, direction, values, *, turned=False):
    """What stands at each pair of words, and at each word that comes from none, by (given, coming)."""
    text = found._bitext
    by_pair = {
        (text.source.types[source], text.target.types[target]): value
        for source, target, value in zip(found.source, found.target, values[0], strict=True)
    }
    if turned:
        by_pair = {(target, source): value for (source, target), value in by_pair.items()}
    none = {(None, word): value for word, value in zip(direction.coming.types, values[1], strict=True)}
    return by_pair | none


def assert_same(found, expected):
    assert found.keys() == expected.keys()
    for key, value in expected.items():
        assert found[key] == pytest.approx(value, rel=1e-9, abs=1e-9), key


@pytest.mark.parametrize("rounds", [1, 2, 5])
def test_each_direction_is_model_1_word_by_word(rounds):
    found = align(read_bitext(PAIRS), rounds=rounds)
    for turned, direction in enumerate((found.forward, found.backward)):
        t, counts = model_1([pair[::-1] if turned else pair for pair in PAIRS], rounds)
        assert_same(of_pairs(found, direction, (direction.t, direction.t_none), turned=turned), t)
        assert_same(
            of_pairs(found, direction, (direction.counts, direction.counts_none), turned=turned), counts
        )


def test_a_round_by_hand():
    # From 1/2 each, x of "a" (prior 0.9) and none (0.1); in "a b" with "x y" the diagonal is 1 : e^-2.
    found = align(read_bitext([("a", "x"), ("a b", "x y")]), rounds=1)
    near, far = 0.9 / (1 + math.exp(-2)), 0.9 * math.exp(-2) / (1 + math.exp(-2))
    counts = {("a", "x"): 0.9 + near, ("a", "y"): far, ("b", "x"): far, ("b", "y"): near}
    counts |= {(None, "x"): 0.2, (None, "y"): 0.1}
    forward = found.forward
    assert_same(of_pairs(found, forward, (forward.counts, forward.counts_none)), counts)
    assert forward.t_none == pytest.approx([2 / 3, 1 / 3])


@pytest.mark.parametrize("rounds", [1, 5])
def test_counts_sum_to_the_number_of_words(rounds):
    text = read_bitext(PAIRS)
    found = align(text, rounds=rounds)
    for direction in (found.forward, found.backward):
        total = direction.counts.sum() + direction.counts_none.sum()
        assert total == pytest.approx(len(direction.coming.words), rel=1e-12)
        by_given = np.bincount(direction.given, direction.t, direction.n_given)
        np.testing.assert_allclose(by_given, 1.0, rtol=1e-12)


def test_probabilities_of_a_word_and_of_none_sum_to_one():
    found = align(read_bitext(PAIRS), rounds=2)
    for links, numbers in found.links():
        probability, none = found.forward.link(numbers, links.target, links.distance)
        by_word = np.bincount(links.target - links.target.min(), probability)
        np.testing.assert_allclose(by_word + none, 1.0, rtol=1e-12)


@pytest.mark.parametrize("most_remembered", [0, 2, 1000])
@pytest.mark.parametrize("block_links", [1, 7, 50])
def test_blocks_change_nothing(monkeypatch, block_links, most_remembered):
    whole = align(read_bitext(PAIRS), rounds=3)
    monkeypatch.setattr(bitext, "BLOCK_LINKS", block_links)
    monkeypatch.setattr(word_alignment, "MOST_REMEMBERED", most_remembered)
    blocks = align(read_bitext(PAIRS), rounds=3)
    assert len(list(blocks.links())) > 2
    np.testing.assert_array_equal(blocks.source, whole.source)
    np.testing.assert_array_equal(blocks.target, whole.target)
    for name in ("forward", "backward"):
        for values in ("t", "t_none", "counts", "counts_none"):
            np.testing.assert_allclose(
                getattr(getattr(blocks, name), values), getattr(getattr(whole, name), values), rtol=1e-9
            )


def counts_of_links(pairs):
    return Counter(link for source, target in pairs for link in product(source.split(), target.split()))


def names_of(found):
    text = found._bitext
    return {
        (text.source.types[s], text.target.types[t]) for s, t in zip(found.source, found.target, strict=True)
    }


def test_all_pairs_of_words_that_stand_together_are_kept_while_there_is_room():
    assert names_of(WordPairs(read_bitext(PAIRS))) == set(counts_of_links(PAIRS))


@pytest.mark.parametrize("most", [20, 80, 150])
def test_lossy_counting_drops_only_the_rarest_pairs(monkeypatch, most):
    pairs = random_pairs(40, n_types=15)
    counts = counts_of_links(pairs)
    monkeypatch.setattr(word_alignment, "MOST_PAIRS", most)
    kept = names_of(WordPairs(read_bitext(pairs)))
    assert len(kept) == most < len(counts)
    assert kept <= counts.keys()
    dropped = [count for link, count in counts.items() if link not in kept]
    assert min(counts[link] for link in kept) >= max(dropped)


def test_lossy_counting_block_by_block_keeps_what_is_frequent(monkeypatch):
    pairs = [pair for rare in random_pairs(200, seed=1, n_types=40) for pair in (rare, ("often", "ofte"))]
    monkeypatch.setattr(bitext, "BLOCK_LINKS", 60)
    monkeypatch.setattr(word_alignment, "MOST_PAIRS", 100)
    kept = names_of(WordPairs(read_bitext(pairs)))
    assert ("often", "ofte") in kept
    assert len(kept) <= 100 < len(counts_of_links(pairs))


def test_pairs_that_are_not_kept_have_no_part(monkeypatch):
    monkeypatch.setattr(word_alignment, "MOST_PAIRS", 50)
    found = align(read_bitext(PAIRS), rounds=3)
    kept = names_of(found)
    t, _ = model_1(PAIRS, 3, lambda given, coming: (given, coming) in kept)
    assert_same(of_pairs(found, found.forward, (found.forward.t, found.forward.t_none)), t)
