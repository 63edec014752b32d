"""Spaces: where embeddings go so that a plain metric between them is the learned one."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

# cdist's shortcut through a matrix product loses the small distances, and with them their gradient.
_EXACT = "donot_use_mm_for_euclid_dist"


class EuclideanSpace(nn.Module):
    """The embeddings as they are, compared by the Euclidean distance."""

    plain_metric = "euclidean"

    def forward(self, embeddings):
        """Return the coordinates of embeddings, both ``(n, n_dims)``."""
        return embeddings

    def distances(self, a, b):
        """Return the distances ``(len(a), len(b))`` between the rows of two sets."""
        return torch.cdist(a, b, p=2, compute_mode=_EXACT)

    def paired_distances(self, a, b):
        """Return the distances ``(n,)`` between the rows of `a` and the same rows of `b`."""
        return torch.linalg.vector_norm(a - b, dim=1)


class ManhattanSpace(nn.Module):
    """The embeddings as they are, compared by the Manhattan distance."""

    plain_metric = "manhattan"

    def forward(self, embeddings):
        """Return the coordinates of embeddings, both ``(n, n_dims)``."""
        return embeddings

    def distances(self, a, b):
        """Return the distances ``(len(a), len(b))`` between the rows of two sets."""
        return torch.cdist(a, b, p=1)

    def paired_distances(self, a, b):
        """Return the distances ``(n,)`` between the rows of `a` and the same rows of `b`."""
        return (a - b).abs().sum(1)


class WeightedManhattanSpace(ManhattanSpace):
    """Each dimension times a learned non-negative weight, compared by the Manhattan distance [1]_.

    Parameters
    ----------
    n_dims : int
        Dimensions of an embedding. The weights start at 1.

    References
    ----------
    .. [1] G. Koch, R. Zemel, R. Salakhutdinov, "Siamese neural networks for one-shot image
       recognition", ICML Deep Learning Workshop, 2015, section 3.1.
    """

    def __init__(self, n_dims):
        super().__init__()
        one = torch.ones(n_dims).expm1().log()  # softplus(one) is 1
        self.raw_weights = nn.Parameter(one)

    @property
    def weights(self):
        """The weight of each dimension, ``(n_dims,)``."""
        return functional.softplus(self.raw_weights)

    def forward(self, embeddings):
        """Return the coordinates of embeddings, both ``(n, n_dims)``."""
        return embeddings * self.weights


class CosineSpace(nn.Module):
    """The embeddings scaled to length 1, compared by the cosine distance, one minus the cosine."""

    plain_metric = "cosine"

    def forward(self, embeddings):
        """Return the coordinates of embeddings, both ``(n, n_dims)``."""
        return functional.normalize(embeddings, dim=1)

    def distances(self, a, b):
        """Return the distances ``(len(a), len(b))`` between rows of any length."""
        return 1 - functional.normalize(a, dim=1) @ functional.normalize(b, dim=1).T

    def paired_distances(self, a, b):
        """Return the distances ``(n,)`` between the rows of `a` and the same rows of `b`."""
        return 1 - (functional.normalize(a, dim=1) * functional.normalize(b, dim=1)).sum(1)


SPACES = {
    "euclidean": EuclideanSpace,
    "cosine": CosineSpace,
    "manhattan": ManhattanSpace,
    "weighted_manhattan": WeightedManhattanSpace,
}


def build_space(metric, n_dims):
    """Return the space of a metric.

    Parameters
    ----------
    metric : str
        A name in ``SPACES``.
    n_dims : int
        Dimensions of an embedding.

    Returns
    -------
    space : torch.nn.Module
        With `forward`, `distances`, `paired_distances` and the attribute `plain_metric`.

    Examples
    --------
    >>> import torch
    >>> from sklearn_siamese_speaker.nn import build_space
    >>> build_space("manhattan", 2).distances(torch.zeros(1, 2), torch.tensor([[3.0, 4.0]]))
    tensor([[7.]])
    """
    space = SPACES[metric]
    return space(n_dims) if space is WeightedManhattanSpace else space()
