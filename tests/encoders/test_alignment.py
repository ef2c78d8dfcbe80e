import numpy as np
import pytest

from spacy_xling.data.sources import TextPair
from spacy_xling.encoders.alignment import aligned_vectors, contexts_of, positive_pmi


def test_a_text_and_all_its_translations_are_one_context():
    pairs = [
        TextPair("a parcel", "en pakke", "en-da"),
        TextPair("a box", "en æske", "en-da"),
        TextPair("a parcel", "ein Paket", "en-de"),
    ]
    assert list(contexts_of(pairs)) == [["a parcel", "en pakke", "ein Paket"], ["a box", "en æske"]]


def test_positive_pmi_by_hand():
    # Piece 1 is in both contexts, twice in the first; pieces 0 and 2 in one each. N = 4 occurrences.
    matrix = positive_pmi([[0, 1, 1], [1, 2]], n_pieces=4).toarray()
    expected = [
        [np.log(4 / (1 * 2)), 0.0],
        [max(0.0, np.log(4 / (2 * 2))), max(0.0, np.log(4 / (2 * 2)))],
        [0.0, np.log(4 / (1 * 2))],
        [0.0, 0.0],
    ]
    np.testing.assert_allclose(matrix, expected, atol=1e-7)


def bilingual_contexts(generator, n_words=30, n_contexts=600):
    """Sentences of six words; word w of one language is piece w, of the other piece n_words + w."""
    for _ in range(n_contexts):
        words = generator.integers(n_words, size=6)
        yield [*words, *(n_words + words)]


def test_pieces_that_translate_each_other_get_vectors_that_are_alike():
    contexts = list(bilingual_contexts(np.random.default_rng(0)))
    vectors = aligned_vectors(contexts, n_pieces=61, width=16, seed=0)
    similar = vectors[:30] @ vectors[30:60].T
    assert similar.argmax(axis=1).tolist() == list(range(30))
    np.testing.assert_allclose(np.linalg.norm(vectors[:60], axis=1), 1.0, rtol=1e-5)
    # Piece 60 is in no context.
    assert not vectors[60].any()


def test_one_seed_gives_one_result():
    contexts = list(bilingual_contexts(np.random.default_rng(0)))
    first, second = (aligned_vectors(contexts, n_pieces=60, width=8, seed=3) for _ in range(2))
    assert (first == second).all()


def test_fewer_contexts_than_dimensions_are_X703():
    with pytest.raises(ValueError, match=r"X703.*Found 2 contexts.*16 dimensions"):
        aligned_vectors([[0, 1], [1, 2]], n_pieces=3, width=16, seed=0)
