"""EmbeddingDisplay: the speakers of an embedding, seen in two dimensions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.random import RandomState
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator
from sklearn.manifold import TSNE
from sklearn.neighbors import NearestNeighbors
from sklearn.utils import check_random_state

from .._docs import substitute
from ._style import TEXTS, figure_and_axes, style

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@substitute(**TEXTS)
class EmbeddingDisplay:
    """t-SNE of sets of speakers, one axes a set.

    The case study shows 2 sets of 10 speakers with 10 fragments each.

    Parameters
    ----------
    points : list of ndarray of shape (n_recordings, 2)
        Each set's recordings in the plane.
    labels : list of ndarray of shape (n_recordings,)
        Their speakers.
    purity : list of float
        For each set, the share of recordings whose nearest neighbor, among the set's embeddings
        before the projection, is of the same speaker.

    %(attributes_of_several_axes)s

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_siamese_speaker.inspection import EmbeddingDisplay
    >>> rng = np.random.default_rng(0)
    >>> y = np.repeat(["ana", "ben", "eva", "kim"], 5)
    >>> centers = dict(ana=0, ben=9, eva=18, kim=27)
    >>> E = rng.normal(size=(20, 8)) + np.array([[centers[name]] for name in y])
    >>> EmbeddingDisplay.from_embeddings(E, y, n_sets=2, n_speakers=2).purity
    [1.0, 1.0]
    """

    def __init__(
        self, points: Sequence[NDArray], labels: Sequence[NDArray], purity: Sequence[float]
    ) -> None:
        self.points = points
        self.labels = labels
        self.purity = purity

    @classmethod
    @substitute(**TEXTS)
    def from_embeddings(
        cls,
        embeddings: ArrayLike,
        y: ArrayLike,
        *,
        n_sets: int = 2,
        n_speakers: int = 10,
        n_recordings: int = 10,
        random_state: int | RandomState | None = 0,
        ax: Axes | Sequence[Axes] | None = None,
    ) -> Self:
        """Project and draw embeddings.

        Parameters
        ----------
        embeddings : array-like of shape (n_samples, n_dims)
            The embeddings.
        %(y)s
        n_sets : int, default=2
            Sets of speakers; no speaker is in two.
        n_speakers : int, default=10
            Speakers of a set; fewer when `y` holds fewer than ``n_sets * n_speakers``.
        n_recordings : int, default=10
            Largest number of recordings of a speaker.
        random_state : int, RandomState instance or None, default=0
            Draws speakers and recordings, and seeds t-SNE.
        ax : matplotlib Axes or sequence of them, default=None
            One for each set. None makes a figure.

        %(returns)s

        Raises
        ------
        ValueError
            For fewer than ``2 * n_sets`` speakers.
        """
        E, speaker_of = np.asarray(embeddings), np.asarray(y)
        rng = check_random_state(random_state)
        speakers = rng.permutation(np.unique(speaker_of))
        n_speakers = min(n_speakers, len(speakers) // n_sets)
        if n_speakers < 2:
            raise ValueError(
                f"n_sets={n_sets} sets of at least 2 speakers need {2 * n_sets} speakers, y holds "
                f"{len(speakers)}."
            )
        points, labels, purity = [], [], []
        for i in range(n_sets):
            chosen = np.sort(speakers[i * n_speakers : (i + 1) * n_speakers])
            rows = np.concatenate(
                [rng.permutation(np.flatnonzero(speaker_of == s))[:n_recordings] for s in chosen]
            )
            points.append(_tsne(E[rows], rng))
            labels.append(speaker_of[rows])
            purity.append(_purity(E[rows], speaker_of[rows]))
        return cls(points, labels, purity).plot(ax=ax)

    @classmethod
    @substitute(**TEXTS)
    def from_estimator(
        cls, estimator: BaseEstimator, X: ArrayLike, y: ArrayLike, **kwargs: Any
    ) -> Self:
        """Embed recordings with a fitted transformer, project and draw them.

        Parameters
        ----------
        estimator : transformer
            Fitted; its `transform` returns embeddings.
        %(X)s
        %(y)s
        **kwargs : dict
            Passed to `from_embeddings`.

        %(returns)s
        """
        return cls.from_embeddings(estimator.transform(X), y, **kwargs)

    @substitute(**TEXTS)
    def plot(self, ax: Axes | Sequence[Axes] | None = None) -> Self:
        """Draw one axes for each set.

        Parameters
        ----------
        ax : matplotlib Axes or sequence of them, default=None
            One for each set. None makes a figure.

        %(returns)s
        """
        self.figure_, self.axes_ = figure_and_axes(ax, n_axes=len(self.points))
        for axes, points, labels, purity in zip(
            self.axes_, self.points, self.labels, self.purity, strict=True
        ):
            _scatter(axes, points, labels)
            axes.set_title(f"nearest neighbor of the same speaker: {purity:.0%}", fontsize=9)
        return self


def _tsne(embeddings: NDArray, rng: RandomState) -> NDArray:
    # t-SNE looks at three neighbors for each unit of perplexity.
    perplexity = min(15, (len(embeddings) - 1) / 3)
    seed = rng.randint(2**31 - 1)
    return TSNE(perplexity=perplexity, init="pca", random_state=seed).fit_transform(embeddings)


def _purity(embeddings: NDArray, labels: NDArray) -> float:
    # Before the projection, which may tear apart or join what the embeddings do not.
    nearest = NearestNeighbors(n_neighbors=1).fit(embeddings).kneighbors(return_distance=False)
    return float(np.mean(labels[nearest[:, 0]] == labels))


def _scatter(ax: Axes, points: NDArray, labels: NDArray) -> None:
    for i, speaker in enumerate(np.unique(labels)):
        x, y = points[labels == speaker].T
        ax.scatter(x, y, s=22, label=str(speaker), **style(i))
    ax.set(xticks=[], yticks=[])
    ax.legend(fontsize=6, ncols=2, frameon=False, loc="best", handletextpad=0.1)
