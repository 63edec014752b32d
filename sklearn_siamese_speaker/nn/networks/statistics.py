"""StatisticsNetwork, the default: statistics of the frames, a discriminant of them, a layer.

From frames to an embedding in one file: the two networks with a discriminant in closed form, the
statistics they pool, and the logarithm of a covariance.
"""

from __future__ import annotations

import math
from typing import Any, ClassVar

import torch
from torch import Tensor, fx, nn
from torch.nn import functional

from .._vocal_tract import VocalTractWarp
from ..protocols import check_number, check_sizes
from ._layers import NETWORKS
from ._pooling import StatisticsPooling

__all__ = [
    "CovariancePooling",
    "DiscriminantNetwork",
    "MixturePooling",
    "StatisticsNetwork",
    "auto_network",
]

_SMALLEST_VARIANCE = 1e-5
_MOST_FEATURES = 128  # 25,000 statistics, and 5 GB for a matrix of all their products
_MOST_OF_A_FRAME = 100  # features; more are the dimensions of another encoder's embeddings
# A discriminant that is shrunk to a multiple of the identity depends on the scale of its inputs.
# These factors, of the log-covariance of slopes and of the shifts of a mixture, were chosen on
# speakers held out of the training; means, deviations and log-covariances have a factor of 1.
SLOPE_FACTOR, _SHIFT_FACTOR = 0.7, 4.0

_ROOTS = 5  # square roots before the series of the logarithm, in the form that exports
_ROOT_STEPS = 12  # Newton-Schulz steps of each root: enough for condition numbers up to 1e4
_SERIES_TERMS = 10


class DiscriminantNetwork(nn.Module):
    """A linear discriminant in closed form, and a layer that is trained from there.

    It suits embeddings of another encoder, one vector for each recording. Of several frames it
    takes the mean and the standard deviation of each feature. The discriminant [1]_ has a
    within-speaker covariance that is shrunk towards a multiple of the identity [2]_. The layer
    behind it starts as the identity and is trained. Embeddings are shortened to a length below 1;
    the longer of two stays longer, because a longer one is a surer one.

    Parameters
    ----------
    n_features : int
        Features of a frame, or dimensions of the embeddings.
    embedding_dim : int, default=200
        Dimensions of the embedding; with fewer training speakers than that, the last ones are 0.
    shrinkage : float, default=0.7
        Share of the identity in the within-speaker covariance, above 0 and up to 1.
    dropout : float, default=0.3
        Share of the discriminant's dimensions that is dropped in training.

    References
    ----------
    .. [1] R. A. Fisher, "The use of multiple measurements in taxonomic problems", Annals of
       Eugenics 7(2), 1936.
    .. [2] J. H. Friedman, "Regularized discriminant analysis", Journal of the American Statistical
       Association 84(405), 1989, equation 18.

    Examples
    --------
    >>> import torch
    >>> from sklearn_siamese_speaker.nn import DiscriminantNetwork
    >>> network = DiscriminantNetwork(192, embedding_dim=16).eval()
    >>> network(torch.randn(2, 192, 1)).shape
    torch.Size([2, 16])
    """

    # The values of the encoder's parameters that are "auto".
    recipe: ClassVar[dict] = {
        "loss": "aam",
        "optimizer": "adamw",
        "lr": 1e-3,
        "schedule": "one_cycle",
        "max_epochs": 12,
    }

    # The dimensions of another encoder's embedding differ in size: small ones say less.
    keeps_proportions: ClassVar[bool] = True

    center: Tensor
    directions: Tensor
    mean_square: Tensor

    def __init__(
        self,
        n_features: int,
        *,
        embedding_dim: int = 200,
        shrinkage: float = 0.7,
        dropout: float = 0.3,
    ) -> None:
        super().__init__()
        check_sizes(self, embedding_dim=embedding_dim)
        check_number(self, shrinkage=shrinkage, above=0, most=1)
        check_number(self, dropout=dropout, below=1)
        self.shrinkage = shrinkage
        self.statistics = self._pool(n_features)
        n_statistics = self.statistics.n_statistics
        self.register_buffer("center", torch.zeros(n_statistics))
        self.register_buffer("directions", torch.eye(n_statistics, embedding_dim))
        self.register_buffer("mean_square", torch.ones(()))
        self.dropout = nn.Dropout(dropout)
        self.embedding = nn.Linear(embedding_dim, embedding_dim)
        nn.init.eye_(self.embedding.weight)
        nn.init.zeros_(self.embedding.bias)

    def _pool(self, n_features: int) -> Any:
        """Return the module that maps frames to ``(batch, n_statistics)``."""
        return MeanAndDeviation(n_features)

    def forward(self, frames: Tensor) -> Tensor:
        """Map ``(batch, n_features, n_frames)`` to ``(batch, embedding_dim)``."""
        discriminant = (self.statistics(frames) - self.center) @ self.directions
        return self.shorten(self.embedding(self.dropout(discriminant)))

    def shorten(self, embeddings: Tensor) -> Tensor:
        """Return the embeddings at a length of ``l / sqrt(l^2 + m)``, m the mean of all l^2 / 2."""
        squares = embeddings.square().sum(1, keepdim=True)
        return embeddings / (squares + self.mean_square / 2).sqrt()

    def set_discriminant(self, center: Any, directions: Any, mean_square: float) -> None:
        """Take over the discriminant.

        Parameters
        ----------
        center : array-like of shape (n_statistics,)
            Mean of the statistics.
        directions : array-like of shape (n_statistics, n_directions)
            At most `embedding_dim` directions.
        mean_square : float
            Mean squared length of the projected training recordings.
        """
        self.center.copy_(torch.as_tensor(center))
        self.directions.zero_()[:, : directions.shape[1]] = torch.as_tensor(directions)
        self.mean_square.fill_(mean_square)


class StatisticsNetwork(DiscriminantNetwork):
    """Statistics of the frames, projected to where speakers differ and recordings of one do not.

    A :class:`DiscriminantNetwork` of many statistics: beside mean and standard deviation, the
    covariance of the features, that of their slopes, and the shifts of a Gaussian mixture of the
    training frames [1]_.

    Parameters
    ----------
    n_features : int
        Features of a frame.
    embedding_dim : int, default=200
        Dimensions of the embedding; with fewer training speakers than that, the last ones are 0.
    n_mixtures : int, default=64
        Components of the Gaussian mixture.
    relevance : float, default=6.0
        Frames a component must see for half of its shift to count.
    shrinkage : float, default=0.7
        Share of the identity in the within-speaker covariance, above 0 and up to 1.
    dropout : float, default=0.3
        Share of the discriminant's dimensions that is dropped in training.

    Raises
    ------
    ValueError
        For more than 128 features: the discriminant of their covariances needs too much memory.

    References
    ----------
    .. [1] D. A. Reynolds, T. F. Quatieri, R. B. Dunn, "Speaker verification using adapted Gaussian
       mixture models", Digital Signal Processing 10, 2000.

    Examples
    --------
    The encoder learns the closed form from its training frames; without it, all embeddings are 0:

    >>> import torch
    >>> from sklearn_siamese_speaker.nn import StatisticsNetwork
    >>> network = StatisticsNetwork(40, embedding_dim=16, n_mixtures=8).eval()
    >>> network(torch.randn(2, 40, 100)).shape
    torch.Size([2, 16])
    """

    keeps_proportions: ClassVar[bool] = False
    recipe: ClassVar[dict] = {**DiscriminantNetwork.recipe, "augment": (VocalTractWarp(),)}

    def __init__(
        self,
        n_features: int,
        *,
        embedding_dim: int = 200,
        n_mixtures: int = 64,
        relevance: float = 6.0,
        shrinkage: float = 0.7,
        dropout: float = 0.3,
    ) -> None:
        check_sizes(self, n_mixtures=n_mixtures)
        check_number(self, relevance=relevance)
        if n_features > _MOST_FEATURES:
            raise ValueError(
                f"StatisticsNetwork pools the covariance of at most {_MOST_FEATURES} features of a "
                f"frame, got {n_features}: give it frames of fewer features, or take another "
                "network."
            )
        self._mixture = (n_mixtures, relevance)
        super().__init__(
            n_features, embedding_dim=embedding_dim, shrinkage=shrinkage, dropout=dropout
        )

    def _pool(self, n_features: int) -> FrameStatistics:
        return FrameStatistics(n_features, *self._mixture)


# The default is named first, although it derives from the other.
NETWORKS.add("statistics")(StatisticsNetwork)
NETWORKS.add("discriminant")(DiscriminantNetwork)


def auto_network(n_features: int) -> str:
    """Return the name of the network that suits frames of so many features.

    One feature is raw audio; more than 100 are the dimensions of another encoder's embeddings.

    Parameters
    ----------
    n_features : int
        Features of a frame.

    Returns
    -------
    name : {"cnn1d", "statistics", "discriminant"}
        What ``network="auto"`` stands for.

    Examples
    --------
    >>> from sklearn_siamese_speaker.nn import auto_network
    >>> auto_network(40)
    'statistics'
    """
    if n_features == 1:
        return "cnn1d"
    return "statistics" if n_features <= _MOST_OF_A_FRAME else "discriminant"


# What the networks pool


class MeanAndDeviation(StatisticsPooling):
    """Mean and standard deviation of each feature over time."""

    def __init__(self, n_features: int) -> None:
        super().__init__(n_features)
        self.n_statistics = 2 * n_features


class FrameStatistics(nn.Module):
    """All statistics of a recording side by side, from standardized frames."""

    slope_scale: Tensor

    def __init__(self, n_features: int, n_mixtures: int = 64, relevance: float = 6.0) -> None:
        super().__init__()
        self.covariance = CovariancePooling()
        self.mixture = MixturePooling(n_features, n_mixtures, relevance)
        self.register_buffer("slope_scale", torch.ones(n_features))
        self.n_statistics = n_features * (2 + n_features + 1 + n_mixtures)

    def set_slope_scale(self, scale: Any) -> None:
        """Take over the standard deviation of the slopes of each feature, (n_features,)."""
        self.slope_scale.copy_(torch.as_tensor(scale))

    def forward(self, frames: Tensor) -> Tensor:
        """Map ``(batch, n_features, n_frames)`` to ``(batch, n_statistics)``."""
        centered = frames - frames.mean(2, keepdim=True)
        deviation = (centered.square().mean(2) + _SMALLEST_VARIANCE).sqrt()
        slopes = slopes_of(frames) / self.slope_scale[:, None]
        parts = [
            frames.mean(2),
            deviation,
            self.covariance(frames),
            SLOPE_FACTOR * self.covariance(slopes),
            self.mixture(frames),
        ]
        return torch.cat(parts, dim=1)


def slopes_of(frames: Tensor) -> Tensor:
    """Return the difference of the frames two later and two earlier, the ends repeated."""
    padded = functional.pad(frames, (2, 2), mode="replicate")
    return padded[:, :, 4:] - padded[:, :, :-4]


class CovariancePooling(nn.Module):
    """Logarithm of the covariance of the channels over time, as a vector.

    Source: [1]_ and [2]_.

    The covariance, with `regularization` added to its diagonal, is a point on the curved space of
    positive definite matrices; its matrix logarithm lies in a flat one, the tangent space at the
    identity, where distances and linear discriminants make sense. The upper triangle is returned,
    off the diagonal times the square root of 2, so that the Euclidean distance of two vectors is
    that of the two logarithms.

    Parameters
    ----------
    regularization : float, default=0.05
        Added to the variance of every channel. Channels have a variance of about 1; this keeps
        the logarithm of a short recording, or of a constant channel, from running away.

    References
    ----------
    .. [1] V. Arsigny, P. Fillard, X. Pennec, N. Ayache, "Log-Euclidean metrics for fast and simple
       calculus on diffusion tensors", Magnetic Resonance in Medicine 56(2), 2006.
    .. [2] A. Barachant, S. Bonnet, M. Congedo, C. Jutten, "Multiclass brain-computer interface
       classification by Riemannian geometry", IEEE Transactions on Biomedical Engineering, 2012.

    Examples
    --------
    >>> import torch
    >>> from sklearn_siamese_speaker.nn import CovariancePooling
    >>> white = torch.tensor([[[1.0, -1.0, 1.0, -1.0], [1.0, 1.0, -1.0, -1.0]]])
    >>> CovariancePooling(regularization=0.0)(white).round(decimals=3).abs()
    tensor([[0., 0., 0.]])
    """

    def __init__(self, regularization: float = 0.05) -> None:
        super().__init__()
        self.regularization = regularization

    def forward(self, channels: Tensor) -> Tensor:
        """Map ``(batch, n_channels, n_frames)`` to the upper triangle, ``(batch, n_pairs)``."""
        centered = channels - channels.mean(2, keepdim=True)
        covariance = centered @ centered.transpose(1, 2) / channels.shape[2]
        identity = torch.eye(channels.shape[1]).to(channels)
        logarithm = matrix_logarithm(covariance + self.regularization * identity)
        row, column = torch.triu_indices(channels.shape[1], channels.shape[1])
        weight = torch.where(row == column, 1.0, math.sqrt(2)).to(channels)
        return logarithm[:, row, column] * weight


class MixturePooling(nn.Module):
    """How far a recording moves each component of a Gaussian mixture of the background frames.

    Source: [1]_.

    With posteriors p of a component, their sum n, its mean m, standard deviation s and weight w,
    the shift is ``sqrt(w) / s * sum(p (x - m)) / (n + relevance)``: the change of the mean under
    maximum a posteriori adaptation, in the supervector's metric of [2]_. It is multiplied by 4, so
    that it weighs as much as the other statistics in a discriminant that is shrunk.

    Parameters
    ----------
    n_channels : int
        Channels of the input.
    n_mixtures : int, default=64
        Components of the mixture. Its parameters are buffers, see :meth:`set_mixture`.
    relevance : float, default=6.0
        Frames a component must see for half of its shift to count.

    References
    ----------
    .. [1] D. A. Reynolds, T. F. Quatieri, R. B. Dunn, "Speaker verification using adapted Gaussian
       mixture models", Digital Signal Processing 10, 2000, equations 11 to 14.
    .. [2] W. M. Campbell, D. E. Sturim, D. A. Reynolds, "Support vector machines using GMM
       supervectors for speaker verification", IEEE Signal Processing Letters 13(5), 2006.

    Examples
    --------
    >>> import torch
    >>> from sklearn_siamese_speaker.nn import MixturePooling
    >>> pooling = MixturePooling(1, n_mixtures=2, relevance=1.0)
    >>> pooling.set_mixture([0.5, 0.5], [[-10.0], [10.0]], [[1.0], [1.0]])
    >>> pooling(torch.tensor([[[11.0]]])).round(decimals=2)  # one frame, at one component
    tensor([[0.0000, 1.4100]])
    """

    weights: Tensor
    means: Tensor
    variances: Tensor

    def __init__(self, n_channels: int, n_mixtures: int = 64, relevance: float = 6.0) -> None:
        super().__init__()
        self.relevance = relevance
        self.register_buffer("weights", torch.full((n_mixtures,), 1 / n_mixtures))
        self.register_buffer("means", torch.zeros(n_mixtures, n_channels))
        self.register_buffer("variances", torch.ones(n_mixtures, n_channels))

    def set_mixture(self, weights: Any, means: Any, variances: Any) -> None:
        """Take over a mixture with diagonal covariances, fitted on frames.

        Parameters
        ----------
        weights : array-like of shape (n_mixtures,)
        means, variances : array-like of shape (n_mixtures, n_channels)
        """
        for buffer, value in zip(self.buffers(), (weights, means, variances), strict=True):
            buffer.copy_(torch.as_tensor(value))

    def forward(self, channels: Tensor) -> Tensor:
        """Map ``(batch, n_channels, n_frames)`` to ``(batch, n_mixtures * n_channels)``."""
        posteriors = self._log_likelihoods(channels).softmax(1)  # (batch, n_mixtures, n_frames)
        counts = posteriors.sum(2)[:, :, None]
        shifts = posteriors @ channels.transpose(1, 2) - counts * self.means
        scale = self.weights.sqrt()[:, None] / self.variances.sqrt()
        return _SHIFT_FACTOR * (shifts / (counts + self.relevance) * scale).flatten(1)

    def _log_likelihoods(self, channels: Tensor) -> Tensor:
        """Return log(weight) plus log density, up to a constant: (batch, n_mixtures, n_frames)."""
        # The square ``(x - m)^2 / v`` is written out, so that two matrix products do all the work.
        precisions = 1 / self.variances
        constants = self.weights.log() + 0.5 * (
            precisions.log().sum(1) - (self.means**2 * precisions).sum(1)
        )
        linear = (self.means * precisions) @ channels
        return constants[:, None] + linear - 0.5 * precisions @ channels**2


def matrix_logarithm(matrices: Tensor) -> Tensor:
    """Return the logarithm of symmetric positive definite matrices ``(batch, n, n)``."""
    # ONNX has no eigenvectors: an export, which sees a proxy, takes square roots and a series
    # instead, equal to about 5e-5.
    if isinstance(matrices, fx.Proxy):
        return _logarithm_by_roots(matrices)
    return _LogarithmByEigenvectors.apply(matrices)


class _LogarithmByEigenvectors(torch.autograd.Function):
    """``V log(w) V^T``; its gradient by divided differences (Daleckii and Krein)."""

    # torch's own gradient of `eigh` divides by the differences of eigenvalues, and is NaN where two
    # are equal.

    @staticmethod
    def forward(ctx: Any, matrices: Tensor) -> Tensor:
        """Return the logarithms, NaN for a matrix that is not finite."""
        finite = matrices.isfinite().all(2).all(1)[:, None, None]
        identity = torch.eye(matrices.shape[1]).to(matrices)
        # `eigh` would raise for one such matrix, and its message does not say for which.
        values, vectors = torch.linalg.eigh(torch.where(finite, matrices, identity))
        values = values.clamp_min(torch.finfo(values.dtype).tiny)
        ctx.save_for_backward(values, vectors)
        logarithms = (vectors * values.log()[:, None, :]) @ vectors.transpose(1, 2)
        return torch.where(finite, logarithms, torch.nan)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        """Return the gradient with respect to the matrices."""
        values, vectors = ctx.saved_tensors
        transposed = vectors.transpose(1, 2)
        rotated = transposed @ gradients[0] @ vectors
        return vectors @ (_divided_differences(values) * rotated) @ transposed


def _divided_differences(values: Tensor) -> Tensor:
    """Return ``(log a - log b) / (a - b)`` of all pairs, 1 / a where a is b: (batch, n, n)."""
    # As ``log1p(x) / x / b`` with ``x = (a - b) / b``: it keeps its digits for small differences.
    a, b = values[:, :, None], values[:, None, :]
    small, large = torch.minimum(a, b), torch.maximum(a, b)
    excess = (large - small) / small
    ratio = torch.where(excess > 0, torch.log1p(excess) / excess, torch.ones_like(excess))
    return ratio / small


def _logarithm_by_roots(matrices: Tensor) -> Tensor:
    """Return the logarithm as ``2^k log(A^(1 / 2^k))``: roots by Newton-Schulz, then a series."""
    identity = torch.eye(matrices.shape[1]).to(matrices)
    size = matrices.abs().sum(2).amax(1)[:, None, None]  # a bound of the largest eigenvalue
    root = matrices / size
    for _ in range(_ROOTS):
        root = _square_root(root, identity)
    distance = identity - root
    power, series = distance, distance
    for term in range(2, _SERIES_TERMS + 1):
        power = power @ distance
        series = series + power / term
    return size.log() * identity - 2**_ROOTS * series


def _square_root(matrices: Tensor, identity: Tensor) -> Tensor:
    """Return the square root by coupled Newton-Schulz steps (Higham, 2008, equation 6.35)."""
    root, inverse = matrices, identity.expand_as(matrices)
    for _ in range(_ROOT_STEPS):
        correction = 0.5 * (3 * identity - inverse @ root)
        root, inverse = root @ correction, correction @ inverse
    return root
