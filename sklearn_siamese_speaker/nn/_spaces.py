"""Spaces: where embeddings go so that a plain metric between them is the learned one."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional

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


SPACES: dict[str, type[Space]] = {
    "euclidean": EuclideanSpace,
    "cosine": CosineSpace,
    "manhattan": ManhattanSpace,
    "weighted_manhattan": WeightedManhattanSpace,
}
