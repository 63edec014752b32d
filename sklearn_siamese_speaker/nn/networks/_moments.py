"""Pooling by second-order and by mixture statistics: from any number of frames to one vector."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, fx, nn

# A discriminant that is shrunk to a multiple of the identity sees how large its inputs are. These
# factors of the log-covariance of slopes and of the shifts of a mixture, beside means, deviations
# and log-covariances, were chosen on speakers held out of the training.
SLOPE_FACTOR, _SHIFT_FACTOR = 0.7, 4.0

_ROOTS = 5  # square roots before the series of the logarithm, in the form that exports
_ROOT_STEPS = 12  # Newton-Schulz steps of each root: enough for condition numbers up to 1e4
_SERIES_TERMS = 10


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
        """Return log(weight) plus the log density, up to a constant: (batch, n_mixtures, frames).

        The square ``(x - m)^2 / v`` is written out, so that two matrix products do all the work.
        """
        precisions = 1 / self.variances
        constants = self.weights.log() + 0.5 * (
            precisions.log().sum(1) - (self.means**2 * precisions).sum(1)
        )
        linear = (self.means * precisions) @ channels
        return constants[:, None] + linear - 0.5 * precisions @ channels**2


def matrix_logarithm(matrices: Tensor) -> Tensor:
    """Return the logarithm of symmetric positive definite matrices ``(batch, n, n)``.

    By eigenvectors, with a gradient that holds for equal eigenvalues too. ONNX has no
    eigenvectors: an export takes square roots and a series instead, equal to about 5e-5.
    """
    if isinstance(matrices, fx.Proxy):  # what an export sees
        return _logarithm_by_roots(matrices)
    return _LogarithmByEigenvectors.apply(matrices)


class _LogarithmByEigenvectors(torch.autograd.Function):
    """``V log(w) V^T``; its gradient by divided differences (Daleckii and Krein).

    torch's own gradient of `eigh` divides by the differences of eigenvalues, and is NaN where two
    are equal.
    """

    @staticmethod
    def forward(ctx: Any, matrices: Tensor) -> Tensor:
        """Return the logarithms, NaN for a matrix that is not finite."""
        finite = matrices.isfinite().all(2).all(1)[:, None, None]
        identity = torch.eye(matrices.shape[1]).to(matrices)
        # `eigh` would raise for one such matrix, and nobody would know which.
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
    """Return ``(log a - log b) / (a - b)`` of all pairs, 1 / a where both are equal: (batch, n, n).

    As ``log1p(x) / x / b`` with ``x = (a - b) / b``, which keeps its digits for small differences.
    """
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
