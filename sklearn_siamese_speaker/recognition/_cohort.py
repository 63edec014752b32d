"""Similarities relative to a cohort: to other recordings that are never to be recognized."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils import gen_batches

from ..metrics._score_norm import standardize, summarize_cohort
from ..similarity import (
    build_prototypes,
    check_embeddings,
    speaker_similarities,
    task_similarities,
)

# Of a recording's or a speaker's similarities to the cohort, the highest so many count. Chosen on
# held-out train speakers of speechocean762 (benchmarks/open_set.py).
N_TOP = 20
_BATCH = 256  # speakers or recordings compared with the cohort at a time

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


def usual_of_speakers(
    prototypes: NDArray[Any], first: NDArray[np.intp], cohort: NDArray[Any], metric: str
) -> NDArray[np.float64]:
    """Summarize how alike each speaker is to the most similar recordings of the cohort.

    Parameters
    ----------
    prototypes : ndarray of shape (n_prototypes, n_dims)
    first : ndarray of shape (n_speakers,)
        As :func:`~sklearn_siamese_speaker.similarity.build_prototypes` returns them.
    cohort : ndarray of shape (n_cohort, n_dims)
        Embeddings.
    metric : {"euclidean", "cosine", "manhattan"}
        How they are compared.

    Returns
    -------
    usual : ndarray of shape (2, n_speakers)
        Mean and standard deviation; those of a speaker depend on nobody else, to the bit.
    """
    ends = np.append(first, len(prototypes))
    summaries = []
    for batch in gen_batches(len(first), _BATCH):
        rows = prototypes[ends[batch.start] : ends[batch.stop]]
        similarities = speaker_similarities(cohort, rows, first[batch] - first[batch.start], metric)
        # In C order the numbers of a speaker are added in the same order in a batch of any size.
        summaries.append(summarize_cohort(np.ascontiguousarray(similarities.T), N_TOP))
    return np.concatenate(summaries, axis=1)


def usual_of_recordings(E: NDArray[Any], cohort: NDArray[Any], metric: str) -> NDArray[np.float64]:
    """Summarize each recording as :func:`usual_of_speakers` does a speaker: (2, n_samples)."""
    return usual_of_speakers(E, np.arange(len(E)), cohort, metric)


def normalize(
    similarities: NDArray[np.float64],
    of_speakers: NDArray[np.float64],
    of_recordings: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Measure similarities by what is usual for both sides (adaptive s-norm).

    Parameters
    ----------
    similarities : ndarray of shape (...)
    of_speakers, of_recordings : ndarray of shape (2, ...)
        Summaries of the two sides of each, as :func:`usual_of_speakers` returns them.

    Returns
    -------
    normalized : ndarray of shape (...)
        -inf where one side is equally like the whole cohort, as an embedding of zeros is by its
        cosine: nothing can be said of it, and it is rejected.
    """
    differ = (of_speakers[1] > 0) & (of_recordings[1] > 0)
    usable = [
        np.stack([mean, np.where(differ, scale, 1.0)])
        for mean, scale in (of_speakers, of_recordings)
    ]
    return np.where(differ, standardize(similarities, usable), -np.inf)


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
    of_recordings = usual_of_recordings(E, cohort, metric)
    for block, compared in blocks:
        of_speakers = [
            usual_of_speakers(*_enrol_task(E, own, metric, aggregation), cohort, metric)
            for own in support[block]
        ]
        task = np.arange(len(compared))[:, np.newaxis, np.newaxis]
        of_best = np.stack(of_speakers, axis=1)[:, task, compared.argmax(axis=-1)]
        best = normalize(compared.max(axis=-1), of_best, of_recordings[:, query[block]])
        yield block, compared, best


def _enrol_task(
    E: NDArray[Any], support: NDArray[np.intp], metric: str, aggregation: str
) -> tuple[NDArray[Any], NDArray[np.intp]]:
    """Return what stands for the speakers of one task, of shape (k_way, n_shots)."""
    first = np.arange(0, support.size, support.shape[1])
    return build_prototypes(E[support.ravel()], first, metric, aggregation)
