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
    """Return finite embeddings (n_samples, n_dims), C-contiguous, as float32 or else float64."""
    checked: NDArray[Any] = check_array(
        E, dtype=(np.float64, np.float32), order="C", input_name=name
    )
    # Where squares overflow, all similarities would be equal: the first speaker would be recognized
    # whoever speaks.
    peaks = np.maximum(checked.max(axis=1), -checked.min(axis=1)).astype(np.float64)
    if peaks.max() > _LARGEST:
        i = int(np.argmax(peaks > _LARGEST))
        raise ValueError(
            f"{name}[{i}] holds values up to {peaks[i]:.3g}, whose squares cannot be summed: scale "
            f"the embeddings to at most {_LARGEST:g}."
        )
    return checked


def similarity(queries: NDArray[Any], prototypes: NDArray[Any], metric: str) -> NDArray[np.float64]:
    """Return the cosine, or the distance negated, of all pairs: (n_queries, n_prototypes)."""
    if metric == "cosine":
        return _cosine(queries, prototypes)
    distances = cdist(queries, prototypes, _DISTANCES[metric])
    return np.subtract(0.0, distances, out=distances)  # 0.0 of equal embeddings, not -0.0


def _cosine(queries: NDArray[Any], prototypes: NDArray[Any]) -> NDArray[np.float64]:
    (queries, are_zero), (prototypes, are_also_zero) = map(_lengthen, (queries, prototypes))
    similarities = cdist(queries, prototypes, "cosine")
    np.subtract(1.0, similarities, out=similarities)
    # Zeros have no direction. Their cosine is the lowest there is, so that no threshold accepts it.
    similarities[are_zero] = similarities[:, are_also_zero] = -1.0
    return similarities


def _lengthen(E: NDArray[Any]) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Return rows that are long enough to be squared, and which are zero: (n_samples,)."""
    # Short rows are multiplied by powers of 2, which change no bit of a cosine.
    E = E.astype(np.float64, copy=False)
    are_short = np.einsum("ij,ij->i", E, E) < 1e-200
    if not are_short.any():
        return E, are_short
    peaks = np.abs(E).max(axis=1)
    # Only the short ones: the bits of a similarity must not depend on other rows.
    exponents = np.where(are_short, np.frexp(peaks)[1], 0)
    return np.ldexp(E, -exponents[:, np.newaxis]), peaks == 0


def paired_similarity(A: NDArray[Any], B: NDArray[Any], metric: str) -> NDArray[np.float64]:
    """Return the diagonal of ``similarity(A, B, metric)``, to the bit: (n_pairs,)."""
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
