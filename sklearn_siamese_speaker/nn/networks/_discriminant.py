"""DiscriminantNetwork: statistics, a discriminant of them in closed form, then a trained layer."""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from .._checks import check_number, check_sizes
from ._pooling import StatisticsPooling


class DiscriminantNetwork(nn.Module):
    """A linear discriminant in closed form, and a layer that is trained from there.

    It suits embeddings of another encoder, one vector for each recording. Of several frames it
    takes the mean and the standard deviation of each feature. The discriminant [1]_ has a
    within-speaker covariance that is shrunk towards a multiple of the identity [2]_. The layer
    behind it starts as the identity and is trained. Embeddings are shortened to less than 1 without
    losing what their length says of their certainty.

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

    # What the encoder trains this network with, where it is told nothing else.
    recipe: ClassVar[dict] = {
        "loss": "aam",
        "optimizer": "adamw",
        "lr": 1e-3,
        "schedule": "one_cycle",
        "max_epochs": 12,
    }

    # Dimensions of an embedding are standardized by one scale: the small ones say less.
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


class MeanAndDeviation(StatisticsPooling):
    """Mean and standard deviation of each feature over time.

    Parameters
    ----------
    n_features : int
        Features of a frame.
    """

    def __init__(self, n_features: int) -> None:
        super().__init__(n_features)
        self.n_statistics = 2 * n_features
