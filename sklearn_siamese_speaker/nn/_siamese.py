"""Siamese, the one module that both recordings of a pair pass through, and spaces for embeddings.

In a space, a plain metric between embeddings is the learned one. The encoder's `metric` takes the
names in ``SPACES``.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from .protocols import Registry

__all__ = [
    "SPACES",
    "CosineSpace",
    "EuclideanSpace",
    "ManhattanSpace",
    "Siamese",
    "Space",
    "WeightedManhattanSpace",
    "frame_statistics",
]

# cdist's shortcut through a matrix product loses the small distances, and with them their gradient.
_EXACT = "donot_use_mm_for_euclid_dist"


class Space(nn.Module):
    """Maps embeddings to coordinates ``(n, n_dims)``, and measures distances between coordinates.

    A subclass defines `distances` and `paired_distances` and names its `plain_metric`; `forward`
    returns the embeddings as they are. It is built as ``cls(**arguments)``, with `n_dims` where it
    has a parameter of this name.

    Attributes
    ----------
    plain_metric : {"euclidean", "cosine", "manhattan"}
        The metric that compares the coordinates as the space does.

    Examples
    --------
    >>> import torch
    >>> from sklearn_siamese_speaker.nn import EuclideanSpace
    >>> class Stretched(EuclideanSpace):
    ...     def __init__(self, *, factor=2.0):
    ...         super().__init__()
    ...         self.factor = factor
    ...     def forward(self, embeddings):
    ...         return self.factor * embeddings
    >>> Stretched()(torch.ones(1, 3)).tolist()
    [[2.0, 2.0, 2.0]]
    """

    plain_metric: ClassVar[str]

    def forward(self, embeddings: Tensor) -> Tensor:
        """Return the coordinates of embeddings, both ``(n, n_dims)``."""
        return embeddings

    def distances(self, a: Tensor, b: Tensor) -> Tensor:
        """Return the distances ``(len(a), len(b))`` between the rows of two sets."""
        raise NotImplementedError

    def paired_distances(self, a: Tensor, b: Tensor) -> Tensor:
        """Return the distances ``(n,)`` between the rows of `a` and the same rows of `b`."""
        raise NotImplementedError


SPACES: Registry[type[Space]] = Registry()


@SPACES.add("euclidean")
class EuclideanSpace(Space):
    """The embeddings as they are, compared by the Euclidean distance.

    Examples
    --------
    >>> import torch
    >>> from sklearn_siamese_speaker.nn import EuclideanSpace
    >>> EuclideanSpace().distances(torch.zeros(1, 2), torch.tensor([[3.0, 4.0]]))
    tensor([[5.]])
    """

    plain_metric: ClassVar[str] = "euclidean"

    def distances(self, a: Tensor, b: Tensor) -> Tensor:
        """Return the distances ``(len(a), len(b))`` between the rows of two sets."""
        return torch.cdist(a, b, p=2, compute_mode=_EXACT)

    def paired_distances(self, a: Tensor, b: Tensor) -> Tensor:
        """Return the distances ``(n,)`` between the rows of `a` and the same rows of `b`."""
        return torch.linalg.vector_norm(a - b, dim=1)


@SPACES.add("cosine")
class CosineSpace(Space):
    """The embeddings scaled to length 1, compared by the cosine distance, one minus the cosine.

    Examples
    --------
    >>> import torch
    >>> from sklearn_siamese_speaker.nn import CosineSpace
    >>> CosineSpace()(torch.tensor([[3.0, 4.0]]))
    tensor([[0.6000, 0.8000]])
    """

    plain_metric: ClassVar[str] = "cosine"

    def forward(self, embeddings: Tensor) -> Tensor:
        """Return the coordinates of embeddings, both ``(n, n_dims)``."""
        return functional.normalize(embeddings, dim=1)

    def distances(self, a: Tensor, b: Tensor) -> Tensor:
        """Return the distances ``(len(a), len(b))`` between rows of any length."""
        return 1 - functional.normalize(a, dim=1) @ functional.normalize(b, dim=1).T

    def paired_distances(self, a: Tensor, b: Tensor) -> Tensor:
        """Return the distances ``(n,)`` between the rows of `a` and the same rows of `b`."""
        return 1 - (functional.normalize(a, dim=1) * functional.normalize(b, dim=1)).sum(1)


@SPACES.add("manhattan")
class ManhattanSpace(Space):
    """The embeddings as they are, compared by the Manhattan distance.

    Examples
    --------
    >>> import torch
    >>> from sklearn_siamese_speaker.nn import ManhattanSpace
    >>> ManhattanSpace().distances(torch.zeros(1, 2), torch.tensor([[3.0, 4.0]]))
    tensor([[7.]])
    """

    plain_metric: ClassVar[str] = "manhattan"

    def distances(self, a: Tensor, b: Tensor) -> Tensor:
        """Return the distances ``(len(a), len(b))`` between the rows of two sets."""
        return torch.cdist(a, b, p=1)

    def paired_distances(self, a: Tensor, b: Tensor) -> Tensor:
        """Return the distances ``(n,)`` between the rows of `a` and the same rows of `b`."""
        return (a - b).abs().sum(1)


@SPACES.add("weighted_manhattan")
class WeightedManhattanSpace(ManhattanSpace):
    """Each dimension times a learned non-negative weight, compared by the Manhattan distance.

    Source: [1]_.

    Parameters
    ----------
    n_dims : int
        Dimensions of an embedding. The weights start at 1.

    References
    ----------
    .. [1] G. Koch, R. Zemel, R. Salakhutdinov, "Siamese neural networks for one-shot image
       recognition", ICML Deep Learning Workshop, 2015, section 3.1.

    Examples
    --------
    >>> import torch
    >>> from sklearn_siamese_speaker.nn import WeightedManhattanSpace
    >>> WeightedManhattanSpace(n_dims=2).weights.tolist()
    [1.0, 1.0]
    """

    def __init__(self, n_dims: int) -> None:
        super().__init__()
        one = torch.ones(n_dims).expm1().log()  # softplus(one) is 1
        self.raw_weights = nn.Parameter(one)

    @property
    def weights(self) -> Tensor:
        """The weight of each dimension, ``(n_dims,)``."""
        return functional.softplus(self.raw_weights)

    def forward(self, embeddings: Tensor) -> Tensor:
        """Return the coordinates of embeddings, both ``(n, n_dims)``."""
        return embeddings * self.weights


class Siamese(nn.Module):
    """Standardize the frames, encode them, and move to the space of the metric.

    Parameters
    ----------
    network : torch.nn.Module
        Maps ``(batch, n_features, n_frames)`` to ``(batch, n_dims)``.
    space : Space
        Maps embeddings to the coordinates in which the plain metric is the learned one.
    mean, scale : tensor of shape (n_features,)
        Statistics of the training frames, feature by feature.

    Examples
    --------
    >>> import torch
    >>> from sklearn_siamese_speaker.nn import LSTM, CosineSpace, Siamese
    >>> network = LSTM(40, embedding_dim=16)
    >>> siamese = Siamese(network, CosineSpace(), torch.zeros(40), torch.ones(40))
    >>> siamese(torch.randn(2, 40, 100)).norm(dim=1).round(decimals=3).tolist()
    [1.0, 1.0]
    """

    mean: Tensor
    scale: Tensor

    def __init__(self, network: nn.Module, space: Space, mean: Tensor, scale: Tensor) -> None:
        super().__init__()
        self.network = network
        self.space = space
        self.register_buffer("mean", mean)
        self.register_buffer("scale", scale)

    def forward(self, frames: Tensor) -> Tensor:
        """Map ``(batch, n_features, n_frames)`` to coordinates ``(batch, n_dims)``."""
        return self.space(self.network(self.standardize(frames)))

    def standardize(self, frames: Tensor) -> Tensor:
        """Return frames whose features have mean 0 and standard deviation 1 in training."""
        return (frames - self.mean[:, None]) / self.scale[:, None]


def frame_statistics(frames: Iterable[NDArray]) -> tuple[Tensor, Tensor]:
    """Return mean and scale of each feature over all frames of all recordings.

    Parameters
    ----------
    frames : iterable of ndarray of shape (n_features, n_frames_i)
        The recordings.

    Returns
    -------
    mean, scale : tensor of shape (n_features,), float32
        A feature that never varies gets a scale of 1.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_siamese_speaker.nn import frame_statistics
    >>> mean, scale = frame_statistics([np.array([[1.0, 3.0], [5.0, 5.0]])])
    >>> mean.tolist(), scale.tolist()
    ([2.0, 5.0], [1.0, 1.0])
    """
    n_frames = 0
    total = squares = torch.zeros((), dtype=torch.float64)
    for recording in frames:
        values = torch.from_numpy(recording.astype(np.float64))  # copies what torch cannot take
        n_frames += values.shape[1]
        total = total + values.sum(1)
        squares = squares + (values**2).sum(1)
    mean = total / n_frames
    scale = (squares / n_frames - mean**2).clamp_min(0).sqrt()
    # Rounding leaves a tiny spread in a constant feature; dividing by it would blow noise up.
    constant = scale <= 1e-6 * mean.abs()
    return mean.float(), torch.where(constant, 1.0, scale).float()
