"""StatisticsNetwork: pooled statistics, a discriminant in closed form, then a trained layer."""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional

from .._checks import check_number, check_sizes
from .._vocal_tract import VocalTractWarp
from ._moments import SLOPE_FACTOR, CovariancePooling, MixturePooling

_SMALLEST_VARIANCE = 1e-5
_MOST_FEATURES = 1000  # their covariance holds half a million numbers a recording


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


class StatisticsNetwork(nn.Module):
    """Statistics of the frames, projected to where speakers differ and recordings of one do not.

    The network has a start in closed form: a Gaussian mixture of the training frames, and a linear
    discriminant of the statistics [1]_ whose within-speaker covariance is shrunk towards a multiple
    of the identity [2]_. The layer behind it starts as the identity and is trained. Embeddings are
    shortened to less than 1 without losing what their length says of their certainty.

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
        For more than 1000 features, whose covariance would not fit into memory.

    References
    ----------
    .. [1] R. A. Fisher, "The use of multiple measurements in taxonomic problems", Annals of
       Eugenics 7(2), 1936.
    .. [2] J. H. Friedman, "Regularized discriminant analysis", Journal of the American Statistical
       Association 84(405), 1989, equation 18.

    Examples
    --------
    The encoder learns the closed form from its training frames; without it, all embeddings are 0:

    >>> import torch
    >>> from sklearn_siamese_speaker.nn import StatisticsNetwork
    >>> network = StatisticsNetwork(40, embedding_dim=16, n_mixtures=8).eval()
    >>> network(torch.randn(2, 40, 100)).shape
    torch.Size([2, 16])
    """

    # What the encoder trains this network with, where it is told nothing else.
    recipe: ClassVar[dict] = {
        "loss": "aam",
        "optimizer": "adamw",
        "lr": 1e-3,
        "schedule": "one_cycle",
        "max_epochs": 12,
        "augment": (VocalTractWarp(),),
    }

    center: Tensor
    directions: Tensor
    mean_square: Tensor

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
        super().__init__()
        check_sizes(self, embedding_dim=embedding_dim, n_mixtures=n_mixtures)
        if n_features > _MOST_FEATURES:
            raise ValueError(
                f"StatisticsNetwork pools the covariance of at most {_MOST_FEATURES} features of a "
                f"frame, got {n_features}: give it frames of fewer features, or take another "
                "network."
            )
        check_number(self, relevance=relevance)
        check_number(self, shrinkage=shrinkage, above=0, most=1)
        check_number(self, dropout=dropout, below=1)
        self.shrinkage = shrinkage
        self.statistics = FrameStatistics(n_features, n_mixtures, relevance)
        n_statistics = self.statistics.n_statistics
        self.register_buffer("center", torch.zeros(n_statistics))
        self.register_buffer("directions", torch.eye(n_statistics, embedding_dim))
        self.register_buffer("mean_square", torch.ones(()))
        self.dropout = nn.Dropout(dropout)
        self.embedding = nn.Linear(embedding_dim, embedding_dim)
        nn.init.eye_(self.embedding.weight)
        nn.init.zeros_(self.embedding.bias)

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


def slopes_of(frames: Tensor) -> Tensor:
    """Return the difference of the frames two later and two earlier, the ends repeated."""
    padded = functional.pad(frames, (2, 2), mode="replicate")
    return padded[:, :, 4:] - padded[:, :, :-4]
