"""EmbeddingDisplay: the speakers of an embedding, seen in two dimensions."""

from __future__ import annotations

import numpy as np
from sklearn.manifold import TSNE
from sklearn.neighbors import NearestNeighbors
from sklearn.utils import check_random_state

from ._style import MARKERS, PALETTE, figure_and_axes


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
        For each set, the share of recordings whose nearest neighbour, among the set's embeddings
        before the projection, is of the same speaker.

    Attributes
    ----------
    axes_ : ndarray of matplotlib Axes
        One for each set.

    figure_ : matplotlib Figure
        The figure.

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

    def __init__(self, points, labels, purity):
        self.points = points
        self.labels = labels
        self.purity = purity

    @classmethod
    def from_embeddings(
        cls, embeddings, y, *, n_sets=2, n_speakers=10, n_recordings=10, random_state=0
    ):
        """Project and draw embeddings.

        Parameters
        ----------
        embeddings : array-like of shape (n_samples, n_dims)
            The embeddings.

        y : array-like of shape (n_samples,)
            Their speakers.

        n_sets : int, default=2
            Sets of speakers; no speaker is in two.

        n_speakers : int, default=10
            Speakers of a set; fewer when `y` holds fewer than ``n_sets * n_speakers``.

        n_recordings : int, default=10
            Recordings of a speaker at most.

        random_state : int, RandomState instance or None, default=0
            Draws speakers and recordings, and seeds t-SNE.

        Returns
        -------
        display : EmbeddingDisplay
            The display.

        Raises
        ------
        ValueError
            For fewer than ``2 * n_sets`` speakers.
        """
        embeddings, y = np.asarray(embeddings), np.asarray(y)
        rng = check_random_state(random_state)
        speakers = rng.permutation(np.unique(y))
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
                [rng.permutation(np.flatnonzero(y == s))[:n_recordings] for s in chosen]
            )
            points.append(_tsne(embeddings[rows], rng))
            labels.append(y[rows])
            purity.append(_purity(embeddings[rows], y[rows]))
        return cls(points, labels, purity).plot()

    @classmethod
    def from_estimator(cls, estimator, X, y, **kwargs):
        """Embed recordings with a fitted transformer, project and draw them.

        Parameters
        ----------
        estimator : transformer
            Fitted; its `transform` returns embeddings.

        X : array-like
            Recordings as the transformer takes them.

        y : array-like of shape (n_samples,)
            Their speakers.

        **kwargs : dict
            Passed to `from_embeddings`.

        Returns
        -------
        display : EmbeddingDisplay
            The display.
        """
        return cls.from_embeddings(estimator.transform(X), y, **kwargs)

    def plot(self):
        """Draw.

        Returns
        -------
        display : EmbeddingDisplay
            This object.
        """
        self.figure_, axes = figure_and_axes(n_axes=len(self.points))
        self.axes_ = np.atleast_1d(axes)
        for ax, points, labels, purity in zip(
            self.axes_, self.points, self.labels, self.purity, strict=True
        ):
            _scatter(ax, points, labels)
            ax.set_title(f"nearest neighbour of the same speaker: {purity:.0%}", fontsize=9)
        return self


def _tsne(embeddings, rng):
    perplexity = min(15, (len(embeddings) - 1) / 3)
    seed = rng.randint(2**31 - 1)
    return TSNE(perplexity=perplexity, init="pca", random_state=seed).fit_transform(embeddings)


def _purity(embeddings, labels):
    nearest = NearestNeighbors(n_neighbors=1).fit(embeddings).kneighbors(return_distance=False)
    return float(np.mean(labels[nearest[:, 0]] == labels))


def _scatter(ax, points, labels):
    for i, speaker in enumerate(np.unique(labels)):
        ax.scatter(
            *points[labels == speaker].T,
            s=22,
            color=PALETTE[i % len(PALETTE)],
            marker=MARKERS[i % len(MARKERS)],
            label=str(speaker),
        )
    ax.set(xticks=[], yticks=[])
    ax.legend(fontsize=6, ncols=2, frameon=False, loc="best", handletextpad=0.1)
