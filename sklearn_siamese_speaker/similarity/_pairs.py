"""Two embeddings compared: similarities go up.

A similarity is computed from its two embeddings alone, in float64 and pair by pair. A matrix
product would be faster, but its bits depend on the shape of the whole matrix, and whether two
speakers tie must not depend on who else is compared.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.spatial.distance import cdist
from sklearn.utils import check_array, gen_batches

_DISTANCES = {"euclidean": "euclidean", "cosine": "cosine", "manhattan": "cityblock"}
METRICS = tuple(_DISTANCES)

_LARGEST = 1e100  # the sum of the squares of billions of them does not overflow
_BLOCK = 16  # pairs compared at a time; the other 240 of the block are faster than 16 calls


def check_embeddings(E: ArrayLike, name: str = "embeddings") -> NDArray[Any]:
    """Return embeddings in the form in which everything here compares them.

    Parameters
    ----------
    E : array-like of shape (n_samples, n_dims)
        Embeddings.
    name : str, default="embeddings"
        What errors call them.

    Returns
    -------
    E : ndarray of shape (n_samples, n_dims)
        float32 stays float32, everything else is float64; C-contiguous.

    Raises
    ------
    ValueError
        If a value is not finite, or so large that squares overflow: all similarities would be
        equal then, and the first speaker recognized whoever speaks.
    """
    checked: NDArray[Any] = check_array(
        E, dtype=(np.float64, np.float32), order="C", input_name=name
    )
    peaks = np.maximum(checked.max(axis=1), -checked.min(axis=1)).astype(np.float64)
    if peaks.max() > _LARGEST:
        i = int(np.argmax(peaks > _LARGEST))
        raise ValueError(
            f"{name}[{i}] holds values up to {peaks[i]:.3g}, whose squares cannot be summed: scale "
            f"the embeddings to at most {_LARGEST:g}."
        )
    return checked


def similarity(queries: NDArray[Any], prototypes: NDArray[Any], metric: str) -> NDArray[np.float64]:
    """Compare every query with every prototype.

    Parameters
    ----------
    queries : ndarray of shape (n_queries, n_dims)
        Embeddings.
    prototypes : ndarray of shape (n_prototypes, n_dims)
        Embeddings.
    metric : {"euclidean", "cosine", "manhattan"}
        Cosine similarity, or the distance negated.

    Returns
    -------
    similarities : ndarray of shape (n_queries, n_prototypes)
        Higher is more alike. The cosine of a zero vector to anything is -1, the lowest there is:
        it has no direction, and no threshold should let it pass. Euclidean distances below 1e-160
        are 0.
    """
    if metric == "cosine":
        return _cosine(queries, prototypes)
    distances = cdist(queries, prototypes, _DISTANCES[metric])
    return np.subtract(0.0, distances, out=distances)  # equal embeddings compare as 0.0, not -0.0


def _cosine(queries: NDArray[Any], prototypes: NDArray[Any]) -> NDArray[np.float64]:
    (queries, are_zero), (prototypes, are_also_zero) = map(_lengthen, (queries, prototypes))
    similarities = cdist(queries, prototypes, "cosine")
    np.subtract(1.0, similarities, out=similarities)
    similarities[are_zero] = similarities[:, are_also_zero] = -1.0
    return similarities


def _lengthen(E: NDArray[Any]) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Multiply what is so short that its square vanishes by a power of 2, which no cosine sees.

    Returns
    -------
    E : ndarray of shape (n_samples, n_dims)
    are_zero : ndarray of bool of shape (n_samples,)
    """
    E = E.astype(np.float64, copy=False)
    are_short = np.einsum("ij,ij->i", E, E) < 1e-200
    if not are_short.any():
        return E, are_short
    peaks = np.abs(E).max(axis=1)
    # Only the short ones: the bits of a similarity must not depend on other rows.
    exponents = np.where(are_short, np.frexp(peaks)[1], 0)
    return np.ldexp(E, -exponents[:, np.newaxis]), peaks == 0


def paired_similarity(A: NDArray[Any], B: NDArray[Any], metric: str) -> NDArray[np.float64]:
    """Compare each row of one array with the same row of the other.

    Parameters
    ----------
    A, B : ndarray of shape (n_pairs, n_dims)
        Embeddings.
    metric : {"euclidean", "cosine", "manhattan"}
        As in :func:`similarity`.

    Returns
    -------
    similarities : ndarray of shape (n_pairs,)
        The diagonal of ``similarity(A, B, metric)``, to the bit.
    """
    similarities = np.empty(len(A))
    for block in gen_batches(len(A), _BLOCK):
        similarities[block] = similarity(A[block], B[block], metric).diagonal()
    return similarities


def two_highest(similarities: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return the highest and second highest on the last axis; the second of one is -inf."""
    if similarities.shape[-1] == 1:
        return similarities[..., 0], np.full(similarities.shape[:-1], -np.inf)
    two = np.partition(similarities, -2, axis=-1)
    return two[..., -1], two[..., -2]
