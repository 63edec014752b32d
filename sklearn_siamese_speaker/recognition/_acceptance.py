"""Who is accepted as the most similar speaker: by threshold, by margin, relative to a cohort.

Pure functions on embeddings. A position of -1 stands for somebody unknown. A cohort is recordings
of many other people, who are never to be recognized.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils import gen_batches

from ..similarity import check_embeddings, similarity, task_similarities, two_highest

# The N_TOP highest similarities to the cohort are averaged, and the mean is multiplied by WEIGHT.
# Chosen on held-out train speakers of speechocean762 (benchmarks/open_set.py --choose).
N_TOP, WEIGHT = 10, 0.5
_BATCH = 256  # recordings compared with the cohort at a time

# The highest similarity (n_block_tasks, k_way, n_queries) is relative to a cohort if there is one.
_Blocks = Iterator[tuple[slice, NDArray[np.float64], NDArray[np.float64]]]


def leads(similarities: NDArray[Any], margin: float | None) -> NDArray[np.bool_] | np.bool_:
    """Return whether the highest similarity on the last axis leads; that of one speaker does."""
    if margin is None:
        return np.True_
    best, second = two_highest(similarities)
    return best - second >= margin


def decide(
    position: NDArray[np.intp],
    best: NDArray[Any],  # similarity to that speaker, relative to the cohort if there is one
    leading: NDArray[np.bool_] | np.bool_,
    threshold: float | None,
) -> NDArray[np.intp]:
    """Return the position of the most similar speaker, -1 if rejected; all of shape (...)."""
    accepted = leading if threshold is None else leading & (best >= threshold)
    return np.where(accepted, position, -1)


def compare_tasks(
    E: NDArray[Any],
    support: NDArray[np.intp],
    query: NDArray[np.intp],
    *,
    metric: str,
    aggregation: str,
    cohort: NDArray[Any] | None,
) -> _Blocks:
    """Yield blocks as `task_similarities` does, each with the highest similarity of each query."""
    blocks = task_similarities(E, support, query, metric=metric, aggregation=aggregation)
    if cohort is None:
        yield from ((block, compared, compared.max(axis=-1)) for block, compared in blocks)
        return
    usual = usual_similarity(E, cohort, metric)
    for block, compared in blocks:
        yield block, compared, compared.max(axis=-1) - usual[query[block]]


def usual_similarity(E: NDArray[Any], cohort: NDArray[Any], metric: str) -> NDArray[np.float64]:
    """Return the weighted mean of the highest similarities to a cohort: (n_samples,)."""
    # That of a recording depends on no other recording, to the bit.
    usual = np.empty(len(E))
    for batch in gen_batches(len(E), _BATCH):
        similarities = similarity(E[batch], cohort, metric)
        usual[batch] = WEIGHT * np.sort(similarities, axis=1)[:, -N_TOP:].mean(axis=1)
    # A cosine of zeros has no direction: nothing is similar enough then.
    return np.where((metric == "cosine") & ~E.any(axis=1), np.inf, usual)


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
    """Return the different embeddings of a cohort, sorted; raise if `E` shares one of them."""
    # Copies would make a voice look more usual than it is.
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
