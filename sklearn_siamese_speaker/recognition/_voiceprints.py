"""Voiceprints: what is kept of enrolled speakers, and who of them speaks in a recording.

Pure functions on embeddings. A position of -1 stands for somebody unknown.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..similarity import build_prototypes, most_similar, speaker_similarities, two_highest
from ._cohort import usual_similarity


def enrol(E: NDArray[Any], labels: NDArray[Any], metric: str, aggregation: str) -> dict[str, Any]:
    """Return the attributes of a classifier that enrols these recordings and no others.

    Parameters
    ----------
    E : ndarray of shape (n_enrolled, n_dims)
        Embeddings.
    labels : ndarray of shape (n_enrolled,)
        Speaker of each of them.
    metric, aggregation : str
        As in :func:`~sklearn_siamese_speaker.similarity.build_prototypes`.

    Returns
    -------
    attributes : dict
        `classes_`, `labels_`, `embeddings_`, `prototypes_`, `first_prototype_`, `metric_`.
    """
    classes, speakers = np.unique(labels, return_inverse=True)
    order = np.argsort(speakers, kind="stable")  # of one speaker, in the order they came
    first = np.searchsorted(speakers[order], np.arange(len(classes)))
    embeddings = E[order]
    prototypes, first_prototype = build_prototypes(embeddings, first, metric, aggregation)
    return {
        "classes_": classes,
        "labels_": labels[order],
        "embeddings_": embeddings,
        "prototypes_": prototypes,
        "first_prototype_": first_prototype,
        "metric_": metric,
    }


def shrink_strings(labels: NDArray[Any]) -> NDArray[Any]:
    """Return labels as an array no wider than they need.

    The width of a string array would still tell how long the longest forgotten label was.
    """
    return np.array(labels.tolist()) if labels.dtype.kind == "U" else labels


def recognize(
    E: NDArray[Any],
    prototypes: NDArray[Any],
    first: NDArray[np.intp],
    metric: str,
    *,
    threshold: float | None,
    margin: float | None,
    cohort: NDArray[Any] | None,
) -> NDArray[np.intp]:
    """Return the position of the most similar speaker, -1 if rejected: (n_queries,).

    Without `margin` only the best speaker matters, who is found at the cost of a matrix product.
    """
    leading: NDArray[np.bool_] | np.bool_ = np.True_
    if margin is None:
        row, best = most_similar(E, prototypes, metric)
        position = np.searchsorted(first, row, side="right") - 1
    else:
        similarities = speaker_similarities(E, prototypes, first, metric)
        position, best = similarities.argmax(axis=1), similarities.max(axis=1)
        leading = leads(similarities, margin)
    if cohort is not None:
        best = best - usual_similarity(E, cohort, metric)
    return decide(position, best, leading, threshold)


def leads(similarities: NDArray[Any], margin: float | None) -> NDArray[np.bool_] | np.bool_:
    """Return whether the highest similarity on the last axis leads by `margin`.

    That of somebody enrolled alone does.
    """
    if margin is None:
        return np.True_
    best, second = two_highest(similarities)
    return best - second >= margin


def decide(
    position: NDArray[np.intp],
    best: NDArray[Any],
    leading: NDArray[np.bool_] | np.bool_,
    threshold: float | None,
) -> NDArray[np.intp]:
    """Return the position of the most similar speaker, -1 if rejected.

    Parameters
    ----------
    position : ndarray of shape (...)
        Of the most similar speaker, of equals the first.
    best : ndarray of shape (...)
        Similarity to that speaker, relative to the cohort if there is one.
    leading : bool or ndarray of bool of shape (...)
        As :func:`leads` returns it.
    threshold : float or None
        Least `best`.

    Returns
    -------
    position : ndarray of shape (...)
    """
    accepted = leading if threshold is None else leading & (best >= threshold)
    return np.where(accepted, position, -1)
