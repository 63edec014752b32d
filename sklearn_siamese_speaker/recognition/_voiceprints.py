"""Voiceprints: what is kept of enrolled speakers, and who of them speaks in a recording.

Pure functions on embeddings. A position of -1 stands for somebody unknown.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..similarity import build_prototypes, most_similar, speaker_similarities, two_highest


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
    prototypes, first_prototype = build_prototypes(E[order], first, metric, aggregation)
    return {
        "classes_": classes,
        "labels_": labels[order],
        "embeddings_": E[order],
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
) -> NDArray[np.intp]:
    """Return the position of the most similar speaker, -1 if rejected: (n_queries,).

    Without `margin` only the best speaker matters, who is found at the cost of a matrix product.
    """
    if margin is not None:
        similarities = speaker_similarities(E, prototypes, first, metric)
        return decide(similarities, threshold=threshold, margin=margin)
    row, best = most_similar(E, prototypes, metric)
    position = np.searchsorted(first, row, side="right") - 1
    return position if threshold is None else np.where(best >= threshold, position, -1)


def decide(
    similarities: NDArray[Any], *, threshold: float | None, margin: float | None
) -> NDArray[np.intp]:
    """Return the position of the highest similarity on the last axis, -1 if rejected.

    Parameters
    ----------
    similarities : ndarray of shape (..., n_speakers)
        Of queries to speakers.
    threshold : float or None
        Least similarity to the best speaker.
    margin : float or None
        Least lead of the best speaker; somebody enrolled alone always has it.

    Returns
    -------
    position : ndarray of shape (...)
        Of equals the first.
    """
    position = similarities.argmax(axis=-1)
    if threshold is not None:
        position = np.where(similarities.max(axis=-1) >= threshold, position, -1)
    if margin is not None:
        best, second = two_highest(similarities)
        position = np.where(best - second >= margin, position, -1)
    return position
