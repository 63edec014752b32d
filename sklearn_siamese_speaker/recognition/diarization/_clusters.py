"""Which windows of speech are of one voice, and how many voices there are."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import eigh
from sklearn.preprocessing import normalize

MOST_SPEAKERS = 10  # largest number that is estimated; `n_speakers` may be larger
_MOST_COMPARED = 2000  # windows that are clustered; each of the others joins the nearest voice
# A power of the cosine separates the windows of one voice from the others, and a window is linked
# only with this share of the windows. Both were chosen on conversations of train speakers and on
# the tuning half of the meeting excerpts.
_POWER = 3
_LINKED = 0.7
# Two parts of one voice are nearly as similar to each other as within themselves: on conversations
# of train speakers the ratio is above 0.7 for 95 % of the voices cut in two, and below 0.55 for
# 95 % of the pairs of voices.
_ALIKE = 0.75
THRESHOLDS = np.arange(0, 0.8, 0.02).round(2).tolist()  # tried by `SpeakerDiarizer.fit`
_FEWEST = 3  # windows of a voice; fewer are a cough, or two people at once


def cluster(
    E: NDArray,
    n_speakers: int | None = None,
    threshold: float | None = None,  # mean cosine from which on two groups are of one voice
) -> NDArray[np.intp]:
    """Return the number of the voice in each window, from 0: (n_windows,)."""
    U = normalize(E)
    compared = np.unique(np.linspace(0, len(U) - 1, min(len(U), _MOST_COMPARED)).astype(int))
    few = U[compared]
    if threshold is not None and n_speakers is None:
        labels = _link(few, threshold)
    else:
        # The number of voices is where the eigenvalues of the graph of similar windows have their
        # largest gap (Von Luxburg, U. (2007). A tutorial on spectral clustering. Statistics and
        # Computing 17, section 8.3).
        labels = _cut_graph(few, n_speakers)
        labels = _join_alike(few, labels) if n_speakers is None else labels
    fewest = _FEWEST if n_speakers is None else 1
    return _assign(U, few, labels, fewest)


def _link(U: NDArray, threshold: float) -> NDArray[np.intp]:
    if len(U) < 2:
        return np.zeros(len(U), dtype=int)
    from sklearn.cluster import AgglomerativeClustering  # slow to import

    linkage = AgglomerativeClustering(
        n_clusters=None, metric="cosine", linkage="average", distance_threshold=1 - threshold
    )
    return linkage.fit_predict(U)


def _cut_graph(U: NDArray, n_speakers: int | None) -> NDArray[np.intp]:
    n_windows = len(U)
    most = min(n_windows, n_speakers or MOST_SPEAKERS + 1)
    if most < 2:
        return np.zeros(n_windows, dtype=int)
    values, vectors = eigh(_laplacian(U), subset_by_index=[0, most - 1])
    n_found = n_speakers or 1 + int(np.argmax(np.diff(values)))
    if min(n_found, most) == 1:
        return np.zeros(n_windows, dtype=int)
    from sklearn.cluster import KMeans  # slow to import

    places = normalize(vectors[:, :n_found])
    return KMeans(min(n_found, most), n_init=10, random_state=0).fit_predict(places)


def _laplacian(U: NDArray) -> NDArray:
    """Return the normalized Laplacian of the graph of similar windows."""
    similarities = np.maximum(U @ U.T, 0) ** _POWER
    n_linked = int(np.ceil(_LINKED * len(U)))
    least = np.partition(similarities, -n_linked, axis=1)[:, -n_linked, np.newaxis]
    similarities[similarities < least] = 0
    similarities = (similarities + similarities.T) / 2
    np.fill_diagonal(similarities, 0)
    scale = 1 / np.sqrt(np.maximum(similarities.sum(axis=1), 1e-12))
    return np.eye(len(U)) - scale[:, np.newaxis] * similarities * scale


def _join_alike(U: NDArray, labels: NDArray) -> NDArray[np.intp]:
    """Join groups of windows that are nearly as similar to each other as within themselves."""
    near = np.abs(np.subtract.outer(np.arange(len(U)), np.arange(len(U)))) <= 1
    is_compared = np.where(near, 0.0, 1.0)  # neighbors share samples
    similarities = is_compared * (U @ U.T)
    while labels.max() > 0:
        groups = np.eye(labels.max() + 1)[labels]
        sums, counts = (groups.T @ of @ groups for of in (similarities, is_compared))
        ratio = _to_within(sums, counts)
        one, other = np.unravel_index(ratio.argmax(), ratio.shape)
        if ratio[one, other] <= _ALIKE:
            break
        joined = np.where(labels == one, other, labels)
        labels = np.unique(joined, return_inverse=True)[1]
    return labels


def _to_within(sums: NDArray, counts: NDArray) -> NDArray[np.float64]:
    """Return the mean similarity of two groups relative to that within them, or minus infinity."""
    inner_sums, inner_counts = np.diag(sums), np.diag(counts)
    with np.errstate(divide="ignore", invalid="ignore"):
        within = np.add.outer(inner_sums, inner_sums) / np.add.outer(inner_counts, inner_counts)
        ratio = np.where(within > 0, sums / counts / within, -np.inf)
    np.fill_diagonal(ratio, -np.inf)
    return np.nan_to_num(ratio, nan=-np.inf, neginf=-np.inf)


def _assign(U: NDArray, few: NDArray, labels: NDArray, fewest: int) -> NDArray[np.intp]:
    """Give each window to the nearest mean of a group that has enough windows."""
    for _ in range(3):
        kept = np.flatnonzero(np.bincount(labels) >= fewest)
        if len(kept) < 2:
            return np.zeros(len(U), dtype=int)
        means = normalize([few[labels == label].mean(axis=0) for label in kept])
        labels = (few @ means.T).argmax(axis=1)
    return np.unique((U @ means.T).argmax(axis=1), return_inverse=True)[1]
