"""What stands for a speaker who is enrolled with several recordings.

A speaker's recordings are a row of `support`, indices into the embeddings `E`. The same functions
serve an enrolment and every task of an evaluation, so that a prototype has the same bits in both.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ._pairs import similarity

AGGREGATIONS = ("mean", "nearest", "medoid")


def build_prototypes(
    E: NDArray[Any], first: NDArray[np.intp], metric: str, aggregation: str
) -> tuple[NDArray[Any], NDArray[np.intp]]:
    """Choose what stands for each speaker.

    Parameters
    ----------
    E : ndarray of shape (n_enrolled, n_dims)
        Embeddings, sorted by speaker.
    first : ndarray of shape (n_speakers,)
        Row of `E` at which each speaker's begin.
    metric : {"euclidean", "cosine", "manhattan"}
        How embeddings are compared.
    aggregation : {"mean", "nearest", "medoid"}
        The mean embedding, every embedding, or the one most similar to the speaker's others.

    Returns
    -------
    prototypes : ndarray of shape (n_prototypes, n_dims)
        Sorted by speaker; each depends on the embeddings of its speaker alone, to the bit.
    first : ndarray of shape (n_speakers,)
        Row of `prototypes` at which each speaker's begin.
    """
    if aggregation == "nearest" or len(first) == len(E):  # one recording of each: no copy
        return E, first
    prototypes = np.empty((len(first), E.shape[1]), dtype=E.dtype)
    counts = np.diff(first, append=len(E))
    for n_shots in np.unique(counts):
        speakers = np.flatnonzero(counts == n_shots)
        support = first[speakers, np.newaxis] + np.arange(n_shots)
        prototypes[speakers] = _aggregate(E, support, metric, aggregation)
    return prototypes, np.arange(len(first))


def task_prototypes(
    E: NDArray[Any], support: NDArray[np.intp], metric: str, aggregation: str
) -> tuple[NDArray[Any], NDArray[np.intp]]:
    """Choose what stands for the speakers of one task, as :func:`build_prototypes` does.

    Parameters
    ----------
    E : ndarray of shape (n_samples, n_dims)
        Embeddings.
    support : ndarray of shape (k_way, n_shots)
        Rows of `E` that define the speakers.
    metric, aggregation
        As in :func:`build_prototypes`.

    Returns
    -------
    prototypes : ndarray of shape (n_prototypes, n_dims)
    first : ndarray of shape (k_way,)
    """
    k_way, n_shots = support.shape
    if aggregation == "nearest":
        return E[support.ravel()], np.arange(0, support.size, n_shots)
    return _aggregate(E, support, metric, aggregation), np.arange(k_way)


def speaker_similarities(
    queries: NDArray[Any], prototypes: NDArray[Any], first: NDArray[np.intp], metric: str
) -> NDArray[np.float64]:
    """Compare queries with speakers: with the most similar of each speaker's prototypes.

    Parameters
    ----------
    queries : ndarray of shape (n_queries, n_dims)
        Embeddings.
    prototypes, first
        As :func:`build_prototypes` returns them.
    metric : {"euclidean", "cosine", "manhattan"}
        As in :func:`similarity`.

    Returns
    -------
    similarities : ndarray of shape (n_queries, n_speakers)
    """
    similarities = similarity(queries, prototypes, metric)
    if len(first) == len(prototypes):
        return similarities
    return np.maximum.reduceat(similarities, first, axis=1)


def find_medoids(similarities: NDArray[Any]) -> NDArray[np.intp]:
    """Return the recording most similar to the others, the first of equals.

    Parameters
    ----------
    similarities : ndarray of shape (..., n_shots, n_shots)
        Of each speaker's recordings to each other; the diagonal is set to 0.

    Returns
    -------
    medoids : ndarray of shape (...)
        Positions among the `n_shots`.
    """
    shots = np.arange(similarities.shape[-1])
    similarities[..., shots, shots] = 0.0  # the rounding of the cosine to itself decides nothing
    totals = similarities[..., 0].copy()
    for shot in shots[1:]:  # one after another: the order in which `sum` adds is its own choice
        totals += similarities[..., shot]
    return totals.argmax(axis=-1)


def _aggregate(
    E: NDArray[Any], support: NDArray[np.intp], metric: str, aggregation: str
) -> NDArray[Any]:
    if support.shape[1] == 1:
        return E[support[:, 0]]
    return _mean(E, support) if aggregation == "mean" else _medoid(E, support, metric)


def _mean(E: NDArray[Any], support: NDArray[np.intp]) -> NDArray[Any]:
    sums = E[support[:, 0]].astype(np.float64, copy=False)
    for recordings in support.T[1:]:  # one after another, as in `find_medoids`
        sums += E[recordings]
    sums /= support.shape[1]
    return sums.astype(E.dtype, copy=False)


def _medoid(E: NDArray[Any], support: NDArray[np.intp], metric: str) -> NDArray[Any]:
    medoids = [find_medoids(similarity(own, own, metric)) for own in E[support]]
    return E[support[np.arange(len(support)), medoids]]
