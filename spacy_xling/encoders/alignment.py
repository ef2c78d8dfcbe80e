"""Piece embeddings that are aligned across languages from the start.

Cross-language latent semantic indexing (Littman, Dumais & Landauer 1998): a sentence in all its languages is
one context. Pieces that occur in the same contexts, in whatever language, get vectors that are alike.
"""

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
from scipy.sparse import csr_matrix

from ..data.sources import TextPair
from ..errors import Errors, requiring

# Power iterations of the randomised SVD (Halko, Martinsson & Tropp 2011); more align no better.
ITERATIONS = 2
# Singular values are raised to it: the leading directions are those of frequent pieces and of languages, and
# weighing them down aligns best.
SPECTRUM_POWER = -0.5


def require_scikit_learn() -> None:
    """Check, before any work, that embeddings can be aligned.

    RAISES (ImportError): scikit-learn is missing; the message names the extra.
    """
    with requiring(Errors.X748, library="scikit-learn", purpose="--parallel"):
        import sklearn.utils.extmath  # noqa: F401


def contexts_of(pairs: Iterable[TextPair]) -> Iterator[list[str]]:
    """Join text pairs of one wording on the first side to contexts: a text and all its translations."""
    contexts: dict[str, list[str]] = {}
    for pair in pairs:
        contexts.setdefault(pair.first, [pair.first]).append(pair.second)
    yield from contexts.values()


def positive_pmi(contexts: Sequence[Sequence[int]], n_pieces: int) -> csr_matrix:
    """Positive pointwise mutual information of pieces and contexts.

    max(0, log(n(w, c) N / (n(w) n(c)))), where n(w, c) is 1 if piece w occurs in context c and else 0, n(w)
    and n(c) are its sums, and N is their total.

    contexts (Sequence[Sequence[int]]): Piece ids of each context.
    n_pieces (int): Size of the vocabulary.
    RETURNS (csr_matrix): *Shape:* (n_pieces, contexts)
    """
    distinct = [np.unique(np.asarray(context, dtype=np.int64)) for context in contexts]
    rows = np.concatenate(distinct)
    columns = np.repeat(np.arange(len(contexts)), [len(context) for context in distinct])
    shape = (n_pieces, len(contexts))
    matrix = csr_matrix((np.ones(len(rows), dtype=np.float32), (rows, columns)), shape=shape)
    of_piece = np.bincount(rows, minlength=n_pieces)
    of_context = np.bincount(columns, minlength=len(contexts))
    expected = of_piece[np.repeat(np.arange(n_pieces), np.diff(matrix.indptr))] * of_context[matrix.indices]
    matrix.data = np.maximum(0.0, np.log(len(rows) / expected)).astype(np.float32)
    matrix.eliminate_zeros()
    return matrix


def aligned_vectors(contexts: Sequence[Sequence[int]], *, n_pieces: int, width: int, seed: int) -> np.ndarray:
    """Vectors of pieces: the left singular vectors of the PPMI matrix, weighed by SPECTRUM_POWER, each row of
    length 1.

    contexts (Sequence[Sequence[int]]): Piece ids of each context, ordinary pieces only.
    n_pieces (int): Size of the vocabulary.
    width (int): Width of the vectors.
    seed (int): Seed of the randomised SVD.
    RETURNS (np.ndarray): Zeros for a piece that no context has. *Shape:* (n_pieces, width)
    RAISES (ValueError): Not more contexts than `width`.
    """
    from sklearn.utils.extmath import randomized_svd

    if len(contexts) <= width:
        raise ValueError(Errors.X703.format(contexts=len(contexts), width=width))
    left, values, _ = randomized_svd(
        positive_pmi(contexts, n_pieces), n_components=width, n_iter=ITERATIONS, random_state=seed
    )
    weighed = left * np.maximum(values, values[0] * 1e-6) ** SPECTRUM_POWER
    lengths = np.linalg.norm(weighed, axis=1, keepdims=True)
    seen = lengths > lengths.max() * 1e-6
    return np.divide(weighed, lengths, out=np.zeros_like(weighed), where=seen).astype(np.float32)
