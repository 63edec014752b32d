"""The embeddings that stand for speakers, and how recordings compare with them.

The same functions serve an enrolment and every task of an evaluation, so that a prototype has the
same bits in both.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ._aggregations import AGGREGATIONS
from ._pairs import similarity


def build_prototypes(
    E: NDArray[Any],  # sorted by speaker: (n_enrolled, n_dims)
    first: NDArray[np.intp],  # row of E at which each speaker begins: (n_speakers,)
    metric: str,
    aggregation: str,
) -> tuple[NDArray[Any], NDArray[np.intp]]:
    """Return what stands for each speaker (n_prototypes, n_dims), and the first row of each."""
    entry = AGGREGATIONS[aggregation]
    if entry.is_every or len(first) == len(E):  # one recording of each: no copy
        return E, first
    prototypes = np.empty((len(first), E.shape[1]), dtype=E.dtype)
    counts = np.diff(first, append=len(E))
    for n_shots in np.unique(counts):
        speakers = np.flatnonzero(counts == n_shots)
        support = first[speakers, np.newaxis] + np.arange(n_shots)
        prototypes[speakers] = entry.prototypes(E, support, metric)
    return prototypes, np.arange(len(first))


def task_prototypes(
    E: NDArray[Any], support: NDArray[np.intp], metric: str, aggregation: str
) -> tuple[NDArray[Any], NDArray[np.intp]]:
    """Return what `build_prototypes` does, for the speakers of one task, (k_way, n_shots)."""
    entry = AGGREGATIONS[aggregation]
    k_way, n_shots = support.shape
    if entry.is_every:
        return E[support.ravel()], np.arange(0, support.size, n_shots)
    return entry.prototypes(E, support, metric), np.arange(k_way)


def speaker_similarities(
    queries: NDArray[Any], prototypes: NDArray[Any], first: NDArray[np.intp], metric: str
) -> NDArray[np.float64]:
    """Compare queries with the most similar prototype of each speaker: (n_queries, n_speakers)."""
    similarities = similarity(queries, prototypes, metric)
    if len(first) == len(prototypes):
        return similarities
    return np.maximum.reduceat(similarities, first, axis=1)
