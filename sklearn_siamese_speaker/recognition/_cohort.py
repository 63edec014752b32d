"""Similarities relative to a cohort: to other recordings that are never to be recognized."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils import gen_batches

from ..similarity import check_embeddings, similarity, task_similarities

# Of a recording's similarities to the cohort, so many of the highest count, and by this weight.
# Chosen on held-out train speakers of speechocean762 (benchmarks/open_set.py --choose).
N_TOP, WEIGHT = 10, 0.5
_BATCH = 256  # recordings compared with the cohort at a time

_Blocks = Iterator[tuple[slice, NDArray[np.float64], NDArray[np.float64]]]


def check_cohort(cohort: ArrayLike, n_dims: int) -> NDArray[Any]:
    """Return the embeddings of a cohort: (n_cohort, n_dims)."""
    checked = check_embeddings(cohort, "cohort")
    if checked.shape[1] != n_dims:
        raise ValueError(
            f"cohort holds {checked.shape[1]}-dimensional embeddings, but the encoder makes "
            f"{n_dims} dimensions: embed the cohort with the same encoder."
        )
    return checked


def choose_cohort(cohort: NDArray[Any], E: NDArray[Any]) -> NDArray[Any]:
    """Return the different embeddings of a cohort, sorted; raise if `E` shares one of them.

    Copies would make what is usual for a recording look certain.
    """
    different = np.unique(cohort, axis=0)
    if len(different) < 2:
        raise ValueError(f"A cohort needs at least 2 different recordings, got {len(different)}.")
    known = {row.tobytes() for row in different}
    shared = [i for i, row in enumerate(E.astype(cohort.dtype)) if row.tobytes() in known]
    if shared:
        raise ValueError(
            f"X[{shared[0]}] is in the cohort too, like {len(shared) - 1} others of X: calibrate "
            "on recordings of speakers who are not in the cohort."
        )
    return different


def usual_similarity(E: NDArray[Any], cohort: NDArray[Any], metric: str) -> NDArray[np.float64]:
    """Return how alike recordings are to those of the cohort that are most like them.

    Parameters
    ----------
    E : ndarray of shape (n_samples, n_dims)
        Embeddings.
    cohort : ndarray of shape (n_cohort, n_dims)
        Embeddings.
    metric : {"euclidean", "cosine", "manhattan"}
        How they are compared.

    Returns
    -------
    usual : ndarray of shape (n_samples,)
        `WEIGHT` times the mean of the `N_TOP` highest similarities of each recording, which depends
        on no other recording, to the bit. inf where a cosine has no direction, so that nothing is
        alike enough.
    """
    usual = np.empty(len(E))
    for batch in gen_batches(len(E), _BATCH):
        similarities = similarity(E[batch], cohort, metric)
        usual[batch] = WEIGHT * np.sort(similarities, axis=1)[:, -N_TOP:].mean(axis=1)
    return np.where((metric == "cosine") & ~E.any(axis=1), np.inf, usual)


def compare_tasks(
    E: NDArray[Any],
    support: NDArray[np.intp],
    query: NDArray[np.intp],
    *,
    metric: str,
    aggregation: str,
    cohort: NDArray[Any] | None,
) -> _Blocks:
    """Compare every query with the speakers of its task.

    Parameters
    ----------
    E, support, query, metric, aggregation
        As in :func:`~sklearn_siamese_speaker.similarity.task_similarities`.
    cohort : ndarray of shape (n_cohort, n_dims) or None
        Embeddings.

    Yields
    ------
    tasks : slice
        Which tasks the block holds.
    similarities : ndarray of shape (n_block_tasks, k_way, n_queries, k_way)
        Similarity of each query to each speaker of its task.
    best : ndarray of shape (n_block_tasks, k_way, n_queries)
        The highest of them, relative to the cohort if there is one.
    """
    blocks = task_similarities(E, support, query, metric=metric, aggregation=aggregation)
    if cohort is None:
        yield from ((block, compared, compared.max(axis=-1)) for block, compared in blocks)
        return
    usual = usual_similarity(E, cohort, metric)
    for block, compared in blocks:
        yield block, compared, compared.max(axis=-1) - usual[query[block]]
