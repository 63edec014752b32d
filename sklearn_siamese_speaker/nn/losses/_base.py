"""What the losses share: the space they measure distances in, and the unit of distances."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

import torch
from torch import Tensor, nn

from .._siamese import SPACES, Space
from ..protocols import Registry

__all__ = ["LOSSES", "CustomLoss", "Loss"]


class Loss(nn.Module):
    """A loss of the coordinates of a batch, for the metric of their space.

    A subclass defines ``forward(coordinates, labels)``, from ``(n, n_dims)`` and ``(n,)`` to a
    scalar. It is built as ``cls(space, **arguments)``, with `n_dims` and `n_classes` where it has
    parameters of these names.

    Parameters
    ----------
    space : Space
        Measures the distances.

    Attributes
    ----------
    metrics : tuple of str
        The metrics that the loss goes with, names in ``SPACES``.
    takes_pairs : bool
        Whether it can be fed pairs one by one: ``pairs="random"``.
    is_for_any_speakers : bool
        Whether it has a value for recordings of speakers who are not trained on.

    Examples
    --------
    >>> import torch
    >>> from sklearn_siamese_speaker.nn import EuclideanSpace, Loss
    >>> class Spread(Loss):
    ...     def forward(self, coordinates, labels):
    ...         return self.space.distances(coordinates, coordinates).mean()
    >>> Spread(EuclideanSpace())(torch.tensor([[0.0], [2.0]]), torch.tensor([0, 1])).item()
    1.0
    """

    metrics: ClassVar[tuple[str, ...]] = tuple(SPACES)
    takes_pairs: ClassVar[bool] = False
    is_for_any_speakers: ClassVar[bool] = True

    def __init__(self, space: Space) -> None:
        super().__init__()
        self.space = space

    def distances_of_pairs(self, coordinates: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """Return the pairs i < j of a batch ``(n, n_dims)``: distance, and whether of one speaker.

        Both have the shape ``(n * (n - 1) / 2,)``.
        """
        i, j = torch.triu_indices(len(labels), len(labels), offset=1, device=labels.device)
        return self.space.distances(coordinates, coordinates)[i, j], labels[i] == labels[j]


LOSSES: Registry[type[Loss]] = Registry()


class CustomLoss(Loss):
    """A user's ``(embeddings, labels) -> scalar`` beside the space.

    Parameters
    ----------
    space : Space
        The space the coordinates are in.
    function : callable
        The loss; parameters of a module are trained.

    Examples
    --------
    >>> import torch
    >>> from sklearn_siamese_speaker.nn import CustomLoss, EuclideanSpace
    >>> loss = CustomLoss(EuclideanSpace(), lambda embeddings, labels: embeddings.sum())
    >>> loss(torch.ones(3, 2), torch.tensor([0, 0, 1])).item()
    6.0
    """

    is_for_any_speakers: ClassVar[bool] = False  # it may hold a proxy for each training speaker

    def __init__(self, space: Space, function: Callable[[Tensor, Tensor], Tensor]) -> None:
        super().__init__(space)
        self.function = function

    def forward(self, coordinates: Tensor, labels: Tensor) -> Tensor:
        """Return the loss of a batch ``(n, n_dims)`` with labels ``(n,)``."""
        return self.function(coordinates, labels)


class DistanceUnit(nn.Module):
    """Divide distances by the mean distance of the first training batch; before it, by 1."""

    # Distances between embeddings of an untrained network are of order 0.1 or 100, depending on
    # network, metric and dimensions; in their own unit they start at about 1. The unit is part of
    # the state dict.

    unit: Tensor
    is_set: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("unit", torch.ones(()))
        self.register_buffer("is_set", torch.zeros((), dtype=torch.bool))

    def forward(self, distances: Tensor) -> Tensor:
        """Return `distances` in the unit, setting it first when this is the first batch."""
        if self.training and not self.is_set and distances.numel():
            mean = distances.detach().mean()
            self.unit.copy_(torch.where(mean > 0, mean, 1.0))
            self.is_set.fill_(True)
        return distances / self.unit


def margin_unit(space: Space) -> nn.Module:
    """Return the unit of margins: none for the bounded cosine distance, else the first mean."""
    return nn.Identity() if space.plain_metric == "cosine" else DistanceUnit()
