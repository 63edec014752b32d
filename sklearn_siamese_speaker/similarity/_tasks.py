"""Recognition in many tasks at once, to the bit as enrolling and recognizing in each of them.

Recordings are indices into the embeddings ``E`` of shape (n_samples, n_dims). A task is a row of
`support` (n_tasks, k_way, n_shots) and of `query` (n_tasks, k_way, n_queries), as
:meth:`NShotKWaySplit.tasks` draws them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils import gen_batches

from ._aggregations import AGGREGATIONS
from ._pairs import check_embeddings, similarity
from ._prototypes import speaker_similarities, task_prototypes

_BLOCK_ENTRIES = 2**21  # numbers held at once
_MATRIX_ENTRIES = 2**24  # largest matrix of all pairs of recordings
_MATRIX_ROWS = 128  # compared at a time

_Indices = NDArray[np.intp]
_Blocks = Iterator[tuple[slice, NDArray[np.float64]]]  # (n_block_tasks, k_way, n_queries, k_way)
_Compare = Callable[[_Indices, _Indices], NDArray[np.float64]]


def nearest_speakers(
    E: ArrayLike,
    support: _Indices,
    query: _Indices,
    *,
    metric: str = "euclidean",
    aggregation: str = "mean",
) -> NDArray[np.intp]:
    """Return the position along `k_way` of the most similar speaker of each query."""
    # The first of equals, whoever speaks: an encoder that tells nobody apart scores 1 / k_way.
    recognized = np.empty(query.shape, dtype=np.intp)
    blocks = task_similarities(E, support, query, metric=metric, aggregation=aggregation)
    for block, similarities in blocks:
        recognized[block] = similarities.argmax(axis=-1)
    return recognized


def task_similarities(
    E: ArrayLike,
    support: _Indices,
    query: _Indices,
    *,
    metric: str = "euclidean",
    aggregation: str = "mean",
) -> _Blocks:
    """Yield blocks of tasks, with the similarity of each query to each speaker of its task."""
    E = check_embeddings(E)
    n_tasks, k_way, n_shots = support.shape
    queries = query.reshape(n_tasks, -1)
    n_pairs = queries.shape[1] * k_way * n_shots  # of a task
    # Where no new embeddings are made, recordings are compared; and where the tasks ask for more
    # pairs than there are, comparing each pair once is less work.
    between_recordings = AGGREGATIONS[aggregation].combine is None or n_shots == 1
    is_matrix_less = len(E) ** 2 <= min(n_tasks * n_pairs, _MATRIX_ENTRIES)
    make = _comparing_once if between_recordings and is_matrix_less else _comparing_each_task
    compare = make(E, metric, aggregation)
    for block in gen_batches(n_tasks, max(1, _BLOCK_ENTRIES // n_pairs)):
        similarities = compare(queries[block], support[block])
        yield block, similarities.reshape(*query[block].shape, k_way)


def _comparing_once(E: NDArray[Any], metric: str, aggregation: str) -> _Compare:
    """Return how to look the similarities of a block of tasks up in one matrix of all pairs."""
    matrix = _all_pairs(E, metric)
    choose = AGGREGATIONS[aggregation].choose

    def between(a: _Indices, b: _Indices) -> NDArray[np.float64]:
        # Flat positions are half the work of a pair of index arrays.
        return matrix.ravel().take(a[..., :, np.newaxis] * len(E) + b[..., np.newaxis, :])

    def compare(queries: _Indices, support: _Indices) -> NDArray[np.float64]:
        if choose is not None and support.shape[-1] > 1:
            chosen = choose(between(support, support))
            support = np.take_along_axis(support, chosen[..., np.newaxis], axis=-1)
        n_tasks, k_way, n_shots = support.shape
        similarities = between(queries, support.reshape(n_tasks, -1))
        similarities = similarities.reshape(*queries.shape, k_way, n_shots)
        return similarities.max(axis=-1) if n_shots > 1 else similarities[..., 0]

    return compare


def _all_pairs(E: NDArray[Any], metric: str) -> NDArray[np.float64]:
    """Return ``similarity(E, E, metric)``, which is symmetric, with little more than half of it."""
    matrix = np.empty((len(E), len(E)))
    for rows in gen_batches(len(E), _MATRIX_ROWS):
        matrix[rows, rows.start :] = similarity(E[rows], E[rows.start :], metric)
        matrix[rows.start :, rows] = matrix[rows, rows.start :].T
    return matrix


def _comparing_each_task(E: NDArray[Any], metric: str, aggregation: str) -> _Compare:
    """Return how to enrol the speakers of each task and compare its queries with them."""

    def compare(queries: _Indices, support: _Indices) -> NDArray[np.float64]:
        similarities = np.empty((*queries.shape, support.shape[1]))
        for task, (own, recordings) in enumerate(zip(queries, support, strict=True)):
            prototypes, first = task_prototypes(E, recordings, metric, aggregation)
            similarities[task] = speaker_similarities(E[own], prototypes, first, metric)
        return similarities

    return compare
