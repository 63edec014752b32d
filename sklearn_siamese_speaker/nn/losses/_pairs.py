"""Losses on pairs: every pair of a batch, or pairs given one by one."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional

from .._siamese import Space
from ..protocols import check_number
from ._base import LOSSES, DistanceUnit, Loss, margin_unit

__all__ = ["BinaryCrossEntropy", "Contrastive", "PairLoss", "RandomPairs"]

# Learning-rate multiplier of the head's two parameters.
_HEAD_SPEED = 10.0
_FIRST_SLOPE = 5.0


class PairLoss(Loss):
    """A loss on the distances of pairs; a subclass defines ``pair_loss(distances, same)``.

    Parameters
    ----------
    space : Space
        Measures the distances; any of ``SPACES``.

    Examples
    --------
    >>> import torch
    >>> from sklearn_siamese_speaker.nn import EuclideanSpace, PairLoss
    >>> class Squared(PairLoss):
    ...     def pair_loss(self, distances, same):
    ...         return torch.where(same, distances**2, (1 - distances).clamp(min=0) ** 2).mean()
    >>> loss = Squared(EuclideanSpace())
    >>> loss(torch.tensor([[0.0], [0.5], [2.0]]), torch.tensor([0, 0, 1])).round(decimals=4)
    tensor(0.0833)
    """

    takes_pairs: ClassVar[bool] = True

    def forward(self, coordinates: Tensor, labels: Tensor) -> Tensor:
        """Return the loss of all pairs i < j of a batch ``(n, n_dims)`` with labels ``(n,)``."""
        return self.pair_loss(*self.distances_of_pairs(coordinates, labels))

    def pair_loss(self, distances: Tensor, same: Tensor) -> Tensor:
        """Return the loss of pairs at distances ``(n_pairs,)``, `same` being boolean."""
        raise NotImplementedError


@LOSSES.add("bce")
class BinaryCrossEntropy(PairLoss):
    """Binary cross-entropy of "same speaker or not", on a logit that falls with the distance.

    Source: [1]_.

    The logit is ``scale * (offset - distance)``; `scale` > 0 and `offset` > 0 are learned. The
    offset starts at the mean distance of the first batch and the scale at 5 / offset, so the first
    logits are of order 1 whatever the metric and the dimensions. Same and different pairs weigh
    half each. It is the case study's loss.

    Parameters
    ----------
    space : Space
        Measures the distances; any of ``SPACES``.

    References
    ----------
    .. [1] G. Koch, R. Zemel, R. Salakhutdinov, "Siamese neural networks for one-shot image
       recognition", ICML Deep Learning Workshop, 2015, section 3.2.

    Examples
    --------
    >>> import torch
    >>> from sklearn_siamese_speaker.nn import BinaryCrossEntropy, EuclideanSpace
    >>> loss = BinaryCrossEntropy(EuclideanSpace())
    >>> loss.pair_logits(torch.tensor([0.0, 1.0, 2.0])).tolist()
    [5.0, 0.0, -5.0]
    """

    def __init__(self, space: Space) -> None:
        super().__init__(space)
        self.in_units = DistanceUnit()
        self.log_offset = nn.Parameter(torch.zeros(()))
        self.log_slope = nn.Parameter(torch.zeros(()))

    @property
    def offset(self) -> Tensor:
        """The distance at which both answers are equally likely."""
        return self.in_units.unit * torch.exp(_HEAD_SPEED * self.log_offset)

    @property
    def scale(self) -> Tensor:
        """The fall of the logit with the distance."""
        return _FIRST_SLOPE * torch.exp(_HEAD_SPEED * self.log_slope) / self.offset

    def pair_logits(self, distances: Tensor) -> Tensor:
        """Return the logits ``(n_pairs,)`` of "same speaker" at distances ``(n_pairs,)``."""
        return self.scale * (self.offset - distances)

    def pair_loss(self, distances: Tensor, same: Tensor) -> Tensor:
        """Return the loss of pairs at distances ``(n_pairs,)``, `same` being boolean."""
        self.in_units(distances)  # the first batch sets the unit that scale and offset start from
        logits = self.pair_logits(distances)
        return balanced_mean(functional.softplus(torch.where(same, -logits, logits)), same)


@LOSSES.add("contrastive")
class Contrastive(PairLoss):
    """Half the squared distance of same pairs, half the squared lack of margin of others.

    Source: [1]_.

    Same and different pairs weigh half each.

    Parameters
    ----------
    space : Space
        Measures the distances; any of ``SPACES``.
    margin : float, default=1.0
        Distance that is enough between different speakers: in units of the mean distance of the
        first batch, for the cosine distance as it is (1 is a right angle).

    References
    ----------
    .. [1] R. Hadsell, S. Chopra, Y. LeCun, "Dimensionality reduction by learning an invariant
       mapping", CVPR, 2006, equation 4.

    Examples
    --------
    >>> import torch
    >>> from sklearn_siamese_speaker.nn import Contrastive, EuclideanSpace
    >>> coordinates = torch.tensor([[0.0, 0.0], [0.0, 0.0], [3.0, 4.0]])
    >>> Contrastive(EuclideanSpace())(coordinates, torch.tensor([0, 0, 1])).item()
    0.0
    """

    def __init__(self, space: Space, margin: float = 1.0) -> None:
        super().__init__(space)
        check_number(self, margin=margin)
        self.margin = margin
        self.in_units = margin_unit(space)

    def pair_loss(self, distances: Tensor, same: Tensor) -> Tensor:
        """Return the loss of pairs at distances ``(n_pairs,)``, `same` being boolean."""
        distances = self.in_units(distances)
        lack = (self.margin - distances).clamp(min=0)
        return balanced_mean(distances.where(same, lack) ** 2 / 2, same)


class RandomPairs(Loss):
    """Feed a pair loss the pairs of :class:`RandomPairSampler` in place of all pairs of a batch.

    Parameters
    ----------
    loss : PairLoss
        The loss of a pair.

    Examples
    --------
    >>> import torch
    >>> from sklearn_siamese_speaker.nn import Contrastive, EuclideanSpace, RandomPairs
    >>> loss = RandomPairs(Contrastive(EuclideanSpace()))
    >>> coordinates = torch.tensor([[0.0, 0.0], [0.0, 1.0], [0.0, 0.0], [3.0, 5.0]])
    >>> loss(coordinates, torch.tensor([0, 0, 0, 1])).item()  # the pairs are (0, 2) and (1, 3)
    0.0
    """

    def __init__(self, loss: PairLoss) -> None:
        super().__init__(loss.space)
        self.loss = loss

    def pair_logits(self, distances: Tensor) -> Tensor:
        """Return the logits of the loss, where it has them."""
        return self.loss.pair_logits(distances)  # type: ignore[operator]

    def forward(self, coordinates: Tensor, labels: Tensor) -> Tensor:
        """Return the loss of the pairs (i, i + n / 2) of a batch ``(n, n_dims)``."""
        return self.loss.pair_loss(*self.distances_of_pairs(coordinates, labels))

    def distances_of_pairs(self, coordinates: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """Return the pairs (i, i + n / 2) of a batch: distance, and whether of one speaker."""
        n_pairs = len(labels) // 2
        distances = self.space.paired_distances(coordinates[:n_pairs], coordinates[n_pairs:])
        return distances, labels[:n_pairs] == labels[n_pairs:]


def balanced_mean(values: Tensor, same: Tensor) -> Tensor:
    """Return the mean of values ``(n_pairs,)``, same and different pairs weighing half each."""
    of_same, of_different = values[same], values[~same]
    return (
        of_same.sum() / max(len(of_same), 1) + of_different.sum() / max(len(of_different), 1)
    ) / 2
