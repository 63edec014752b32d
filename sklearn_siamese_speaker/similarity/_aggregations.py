"""What stands for a speaker who is enrolled with several recordings: one entry an aggregation."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ._pairs import similarity


class Aggregation(NamedTuple):
    """What stands for a speaker with several recordings; a single recording stands for itself."""

    # Give one of the two functions. Without either, every recording stands for its speaker.

    # A new embedding: (E, support, metric) -> (n_speakers, n_dims). `support` (n_speakers, n_shots)
    # holds the rows of each speaker's recordings in `E` (n_samples, n_dims).
    combine: Callable[[NDArray[Any], NDArray[np.intp], str], NDArray[Any]] | None = None
    # One of the recordings: from their similarities to each other (..., n_shots, n_shots) to its
    # position among them (...). Tasks then read similarities from a matrix of all pairs.
    choose: Callable[[NDArray[np.float64]], NDArray[np.intp]] | None = None

    @property
    def is_every(self) -> bool:
        """Whether every recording stands for its speaker."""
        return self.combine is None and self.choose is None

    def prototypes(self, E: NDArray[Any], support: NDArray[np.intp], metric: str) -> NDArray[Any]:
        """Return the embedding that stands for each speaker: (n_speakers, n_dims)."""
        if support.shape[1] == 1:
            return E[support[:, 0]]
        if self.choose is None:
            assert self.combine is not None
            # In the dtype of the embeddings: at enrolment and in tasks the bits are the same.
            return self.combine(E, support, metric).astype(E.dtype, copy=False)
        chosen = [self.choose(similarity(own, own, metric)) for own in E[support]]
        return E[support[np.arange(len(support)), chosen]]


def _mean(E: NDArray[Any], support: NDArray[np.intp], metric: str) -> NDArray[Any]:
    sums = E[support[:, 0]].astype(np.float64, copy=False)
    for recordings in support.T[1:]:  # one after another: the order in which `sum` adds may change
        sums += E[recordings]
    sums /= support.shape[1]
    return sums


def _medoid(similarities: NDArray[np.float64]) -> NDArray[np.intp]:
    """Return the position of the recording most similar to the others, the first of equals."""
    shots = np.arange(similarities.shape[-1])
    similarities[..., shots, shots] = 0.0  # the rounding of the cosine to itself decides nothing
    totals = similarities[..., 0].copy()
    for shot in shots[1:]:  # one after another, as in `_mean`
        totals += similarities[..., shot]
    return totals.argmax(axis=-1)


AGGREGATIONS = {
    "mean": Aggregation(combine=_mean),
    "nearest": Aggregation(),
    "medoid": Aggregation(choose=_medoid),
}
