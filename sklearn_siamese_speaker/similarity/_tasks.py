"""Recognition in many tasks at once: pure functions on embeddings.

Recordings are indices into the embeddings ``E`` of shape (n_samples, n_dims). A task is a row of
`support` (n_tasks, k_way, n_shots) and of `query` (n_tasks, k_way, n_queries), as
:meth:`NShotKWaySplit.tasks` draws them. Similarities go up: cosine, or a distance negated.
"""

from __future__ import annotations

import numpy as np
from sklearn.metrics.pairwise import manhattan_distances
from sklearn.utils import check_array, gen_batches

_BLOCK_ENTRIES = 2**21  # numbers held at once
_MATRIX_ENTRIES = 2**24  # largest matrix of all pairs of recordings
_TIE = 1e-9  # relative difference below which similarities are rounding noise


def nearest_prototypes(E, support, query, *, metric="euclidean", aggregation="mean"):
    """Recognise every query of every task as the speaker with the nearest prototype.

    Parameters
    ----------
    E : array-like of shape (n_samples, n_dims)
        Embeddings.
    support : ndarray of shape (n_tasks, k_way, n_shots)
        Indices of the recordings that define the speakers.
    query : ndarray of shape (n_tasks, k_way, n_queries)
        Indices of the recordings to recognise.
    metric : {"euclidean", "cosine", "manhattan"}, default="euclidean"
        How recordings are compared.
    aggregation : {"mean", "nearest", "medoid"}, default="mean"
        What stands for a speaker: the mean of the embeddings as given, the recording nearest to
        the query, or the recording nearest to the speaker's others (the first of equals).

    Returns
    -------
    recognised : ndarray of shape (n_tasks, k_way, n_queries)
        Position of the recognised speaker along `k_way`. Of equally similar speakers the first is
        recognised, whoever is speaking: an encoder that tells nobody apart scores 1 / k_way.
    """
    recognised = np.empty(query.shape, dtype=int)
    blocks = episode_similarities(E, support, query, metric=metric, aggregation=aggregation)
    for block, similarities in blocks:
        recognised[block] = first_best(similarities)
    return recognised


def episode_similarities(E, support, query, *, metric="euclidean", aggregation="mean"):
    """Compare every query with the speakers of its task; parameters as `nearest_prototypes`.

    Yields
    ------
    tasks : slice
        Which tasks the block holds.
    similarities : ndarray of shape (n_block_tasks, k_way, n_queries, k_way)
        Similarity of each query to each speaker of its task.
    """
    E = check_array(E, dtype=np.float64)
    n_tasks, k_way, n_shots = support.shape
    flat_query = query.reshape(n_tasks, -1)
    n_pairs = flat_query.shape[1] * k_way * n_shots
    n_gathered = (flat_query.shape[1] + k_way * n_shots) * E.shape[1]
    space = _SPACES[metric](E, metric, n_tasks * n_pairs)
    compare = _AGGREGATIONS["nearest" if n_shots == 1 else aggregation]
    for block in gen_batches(n_tasks, max(1, _BLOCK_ENTRIES // (n_pairs + n_gathered))):
        similarities = compare(space, flat_query[block], support[block])
        yield block, similarities.reshape(*query[block].shape, k_way)


def first_best(similarities):
    """Return the position of the highest similarity on the last axis, the first of equals.

    Equal up to rounding: the bits of a matrix product depend on where in the matrix a number
    stands, and must not decide who is recognised.
    """
    noise = _TIE * np.abs(similarities).max(axis=-1, keepdims=True)
    return (similarities >= similarities.max(axis=-1, keepdims=True) - noise).argmax(axis=-1)


def _to_nearest(space, query, support):
    n_tasks, k_way, n_shots = support.shape
    similarities = space.between(query, support.reshape(n_tasks, -1))
    return similarities.reshape(*query.shape, k_way, n_shots).max(axis=-1)


def _to_medoid(space, query, support):
    medoid = first_best(space.between(support, support).sum(axis=-1))
    return _to_nearest(space, query, np.take_along_axis(support, medoid[..., np.newaxis], axis=-1))


def _to_mean(space, query, support):
    return space.to_mean(query, support)


_AGGREGATIONS = {"mean": _to_mean, "nearest": _to_nearest, "medoid": _to_medoid}


class _InnerProductSpace:
    """Euclidean and cosine: both follow from inner products, of means too, without the means."""

    def __init__(self, E, metric, n_pairs):
        # Distances do not see the common mean, but rounding does.
        self.E = E - E.mean(axis=0) if metric == "euclidean" else E
        self.metric = metric
        self.squares = np.einsum("ij,ij->i", self.E, self.E)
        # All pairs once, where the tasks ask for more pairs than that.
        share = len(E) ** 2 <= min(n_pairs, _MATRIX_ENTRIES)
        self.matrix = self.E @ self.E.T if share else None

    def between(self, a, b):
        """Similarity of recordings a (..., n_a) to recordings b (..., n_b): (..., n_a, n_b)."""
        return self._similarity(
            self._products(a, b),
            self.squares[a][..., :, np.newaxis],
            self.squares[b][..., np.newaxis, :],
        )

    def to_mean(self, query, support):
        """Similarity of queries (n_tasks, n) to the speakers' means: (n_tasks, n, k_way)."""
        n_tasks, k_way, n_shots = support.shape
        products = self._products(query, support.reshape(n_tasks, -1))
        return self._similarity(
            products.reshape(*query.shape, k_way, n_shots).mean(axis=-1),
            self.squares[query][..., np.newaxis],
            self._products(support, support).mean(axis=(-2, -1))[:, np.newaxis],
        )

    def _products(self, a, b):
        if self.matrix is not None:
            return self.matrix[a[..., :, np.newaxis], b[..., np.newaxis, :]]
        return self.E[a] @ self.E[b].swapaxes(-2, -1)

    def _similarity(self, products, squares_a, squares_b):
        if self.metric == "cosine":
            norms = np.sqrt(squares_a * np.maximum(squares_b, 0))
            return np.divide(products, norms, out=np.zeros(products.shape), where=norms > 0)
        squares = squares_a + squares_b
        squared = squares - 2 * products
        # A difference of equals is noise, which the root would blow up.
        return -np.sqrt(np.where(squared > 1e-13 * squares, squared, 0))


class _ManhattanSpace:
    """City-block distance: no shortcut through inner products."""

    def __init__(self, E, metric, n_pairs):
        self.E = E
        share = len(E) ** 2 <= min(n_pairs, _MATRIX_ENTRIES)
        self.matrix = -manhattan_distances(E) if share else None

    def between(self, a, b):
        if self.matrix is not None:
            return self.matrix[a[..., :, np.newaxis], b[..., np.newaxis, :]]
        return _negative_manhattan(self.E[a], self.E[b])

    def to_mean(self, query, support):
        return _negative_manhattan(self.E[query], self.E[support].mean(axis=-2))


def _negative_manhattan(A, B):
    """Compare matrices (..., n_a, n_dims) and (..., n_b, n_dims) pair by pair."""
    pairs = zip(A.reshape(-1, *A.shape[-2:]), B.reshape(-1, *B.shape[-2:]), strict=True)
    distances = [manhattan_distances(a, b) for a, b in pairs]
    return -np.reshape(distances, (*A.shape[:-1], B.shape[-2]))


_SPACES = {
    "euclidean": _InnerProductSpace,
    "cosine": _InnerProductSpace,
    "manhattan": _ManhattanSpace,
}
