"""StatisticsNetwork: pooled statistics, a discriminant in closed form, then a trained layer."""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional

from .._checks import check_number, check_sizes
from .._vocal_tract import VocalTractWarp
from ._discriminant import DiscriminantNetwork
from ._moments import SLOPE_FACTOR, CovariancePooling, MixturePooling

_SMALLEST_VARIANCE = 1e-5
_MOST_FEATURES = 128  # 25,000 statistics, and 5 GB for a matrix of all their products


class FrameStatistics(nn.Module):
    """All statistics of a recording side by side, from standardized frames.

    Mean and standard deviation of each feature; logarithm of the covariance of the features, and
    of their slopes over four frames; shifts of a Gaussian mixture.

    Parameters
    ----------
    n_features : int
        Features of a frame.
    n_mixtures : int, default=64
        Components of the mixture.
    relevance : float, default=6.0
        Frames a component must see for half of its shift to count.
    """

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


def slopes_of(frames: Tensor) -> Tensor:
    """Return the difference of the frames two later and two earlier, the ends repeated."""
    padded = functional.pad(frames, (2, 2), mode="replicate")
    return padded[:, :, 4:] - padded[:, :, :-4]
