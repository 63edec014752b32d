"""The start of a network in closed form: a mixture of frames, a discriminant of statistics.

The statistics of all recordings are never held at once. Their covariances are accumulated
recording by recording, so that memory grows with the square of the number of statistics and with
the number of speakers, not with the number of recordings.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import linalg
from scipy.linalg import blas
from sklearn.utils import gen_batches
from torch import Tensor, nn

from ...features.frames import fit_mixture, fit_slope_scale
from ...nn import Siamese, StatisticsNetwork
from ...nn.protocols import ask

Matrix = NDArray[np.float64]

_PART = 0.6  # of a recording: its first and its last part are further samples of its speaker
_BLOCK = 100  # recordings whose products are accumulated at a time
_CONSTANT = 1e-6  # what varies less than this does not vary


def start_in_closed_form(
    siamese: Siamese,
    loss: nn.Module,
    frames: Sequence[NDArray[np.float32]],
    speakers: NDArray[np.intp],  # (n_samples,), 0 .. n_speakers - 1
    seed: int,
) -> None:
    """Set the statistics and the discriminant of a network, and directions of the loss if any."""
    network: Any = siamese.network  # says `set_discriminant`, see nn/protocols.py
    with torch.no_grad():
        if isinstance(network, StatisticsNetwork):
            _fit_statistics(siamese, network.statistics, frames, seed)
        scatter = Scatter(network.statistics.n_statistics, int(speakers.max()) + 1)
        for batch in gen_batches(len(frames), _BLOCK):
            samples = [list(_samples(siamese, recording)) for recording in frames[batch]]
            owners = np.repeat(speakers[batch], [len(own) for own in samples])
            scatter.add(np.concatenate(samples, dtype=np.float64), owners)
        directions, mean_square = scatter.discriminate(
            network.shrinkage, network.embedding.in_features
        )
        network.set_discriminant(scatter.mean, directions, mean_square)
        of_speakers = ask(loss, "directions")
        if isinstance(of_speakers, Tensor):
            means = (scatter.speaker_means - scatter.mean) @ directions
            # An embedding has more dimensions than there are directions if speakers are few.
            of_speakers.zero_()[:, : means.shape[1]] = torch.from_numpy(means)


def _fit_statistics(
    siamese: Siamese, statistics: Any, frames: Sequence[NDArray[np.float32]], seed: int
) -> None:
    """Set the scale of the slopes, and the mixture."""

    def standardize(recording: NDArray[np.float32]) -> NDArray[np.float32]:
        return _standardized(siamese, recording)[0].numpy()

    # All recordings are read three times: for mean and scale before this, for the slopes of the
    # standardized frames here, for the products after it. The mixture reads a sample of frames.
    statistics.set_slope_scale(fit_slope_scale(frames, standardize))
    n_mixtures = len(statistics.mixture.weights)
    statistics.mixture.set_mixture(*fit_mixture(frames, standardize, n_mixtures, seed))


def _standardized(siamese: Siamese, recording: NDArray[np.float32]) -> Tensor:
    return siamese.standardize(torch.from_numpy(np.array(recording)[None]))


def _samples(siamese: Siamese, recording: NDArray[np.float32]) -> Iterator[NDArray[np.float32]]:
    """Yield the statistics of a recording, of its first part and of its last part."""
    statistics: Any = siamese.network.statistics
    frames = _standardized(siamese, recording)
    n_part = math.ceil(_PART * frames.shape[2])
    yield from statistics(frames).numpy()
    yield from statistics(torch.cat([frames[:, :, :n_part], frames[:, :, -n_part:]])).numpy()


class Scatter:
    """Sums over samples and over speakers, from which a linear discriminant follows."""

    # Memory is 8 bytes times ``n_statistics * (n_statistics + n_speakers)``, and about twice that
    # while the discriminant is computed.

    def __init__(self, n_statistics: int, n_speakers: int) -> None:
        self._triangle = np.zeros((n_statistics, n_statistics), order="F")
        self.sums = np.zeros((n_speakers, n_statistics))
        self.counts = np.zeros(n_speakers)

    def add(self, samples: Matrix, speakers: NDArray[np.intp]) -> None:
        """Add samples (n_samples, n_statistics) of speakers (n_samples,)."""
        # The upper triangle of a symmetric product, added in place: half the work.
        self._triangle = blas.dsyrk(1.0, samples.T, 1.0, self._triangle, overwrite_c=True)
        self.counts += np.bincount(speakers, minlength=len(self.counts))
        present, first = np.unique(np.sort(speakers), return_index=True)
        in_order = samples[np.argsort(speakers, kind="stable")]
        self.sums[present] += np.add.reduceat(in_order, first)

    @property
    def products(self) -> Matrix:
        """Sum of the outer products of the samples, (n_statistics, n_statistics)."""
        for i in range(1, len(self._triangle)):
            self._triangle[i, :i] = self._triangle[:i, i]
        return self._triangle

    @property
    def mean(self) -> Matrix:
        """Mean of all samples, (n_statistics,)."""
        return self.sums.sum(0) / self.counts.sum()

    @property
    def speaker_means(self) -> Matrix:
        """Mean of each speaker, (n_speakers, n_statistics)."""
        return self.sums / self.counts[:, np.newaxis]

    def discriminate(self, shrinkage: float, n_directions: int) -> tuple[Matrix, float]:
        """Return the directions in which speakers differ most, for what one speaker varies."""
        # They are (n_statistics, n_directions); the number beside them is the mean squared length
        # of the samples, centered and projected to them.
        # The within-speaker covariance is shrunk by this share of the identity, times the mean
        # variance. It is the identity along the directions.
        within = self._within(shrinkage)
        root = linalg.cholesky(within, lower=True, overwrite_a=True)
        shares = np.sqrt(self.counts / self.counts.sum())
        offsets = (self.speaker_means - self.mean) * shares[:, np.newaxis]
        offsets = linalg.solve_triangular(root, offsets.T, lower=True)
        n_directions = min(n_directions, len(self.counts) - 1, len(root))
        axes = _leading_axes(offsets, n_directions)
        directions = linalg.solve_triangular(root, axes, lower=True, trans="T")
        return directions, self._mean_square(directions)

    def _within(self, shrinkage: float) -> Matrix:
        n_samples = self.counts.sum()
        within = (self.products - self.sums.T @ self.speaker_means) / n_samples
        variances = np.diag(within)
        n_varying = np.count_nonzero(variances > _CONSTANT * variances.max(initial=0.0))
        mean_variance = variances.sum() / max(n_varying, 1)
        # Speakers without any variation leave nothing to shrink to.
        total = np.trace(self.products) / n_samples / len(within)
        mean_variance = max(mean_variance, _CONSTANT * total, _CONSTANT)
        within *= 1 - shrinkage
        within[np.diag_indices_from(within)] += shrinkage * mean_variance
        return within

    def _mean_square(self, directions: Matrix) -> float:
        mean = self.mean @ directions
        squares = np.einsum("ij,ij->", directions, self.products @ directions)
        return float(squares / self.counts.sum() - mean @ mean)


def _leading_axes(offsets: Matrix, n_axes: int) -> Matrix:
    """Return the first left singular vectors of (n_statistics, n_speakers): orthonormal columns."""
    # By the eigenvectors of the smaller of the two products: speakers are few, or statistics are.
    n_statistics, n_speakers = offsets.shape
    if n_statistics <= n_speakers:
        last = [n_statistics - n_axes, n_statistics - 1]
        return linalg.eigh(offsets @ offsets.T, subset_by_index=last)[1][:, ::-1]
    last = [n_speakers - n_axes, n_speakers - 1]
    vectors = linalg.eigh(offsets.T @ offsets, subset_by_index=last)[1][:, ::-1]
    return linalg.qr(offsets @ vectors, mode="economic")[0]
