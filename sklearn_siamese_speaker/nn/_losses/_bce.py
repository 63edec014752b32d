"""Binary cross-entropy of "same speaker or not", the case study's loss."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

from ._pairs import PairLoss, balanced_mean
from ._unit import DistanceUnit

# The head has two numbers to follow the distances of a whole network: it learns this much faster.
_HEAD_SPEED = 10.0
_FIRST_SLOPE = 5.0


class BinaryCrossEntropy(PairLoss):
    """Binary cross-entropy on ``logit = scale * (offset - distance)`` [1]_.

    `scale` > 0 and `offset` > 0 are learned. The offset starts at the mean distance of the first
    batch and the scale at 5 / offset, so the first logits are of order 1 whatever the metric and
    the dimensions. Same and different pairs weigh half each.

    Parameters
    ----------
    space : torch.nn.Module
        Measures the distances; any of ``SPACES``.

    References
    ----------
    .. [1] G. Koch, R. Zemel, R. Salakhutdinov, "Siamese neural networks for one-shot image
       recognition", ICML Deep Learning Workshop, 2015, section 3.2.
    """

    metrics = ("euclidean", "cosine", "manhattan", "weighted_manhattan")

    def __init__(self, space):
        super().__init__(space)
        self.in_units = DistanceUnit()
        self.log_offset = nn.Parameter(torch.zeros(()))
        self.log_slope = nn.Parameter(torch.zeros(()))

    @property
    def offset(self):
        """The distance at which both answers are equally likely."""
        return self.in_units.unit * torch.exp(_HEAD_SPEED * self.log_offset)

    @property
    def scale(self):
        """The fall of the logit with the distance."""
        return _FIRST_SLOPE * torch.exp(_HEAD_SPEED * self.log_slope) / self.offset

    def pair_logits(self, distances):
        """Return the logits ``(n_pairs,)`` of "same speaker" at distances ``(n_pairs,)``."""
        return self.scale * (self.offset - distances)

    def pair_loss(self, distances, same):
        """Return the loss of pairs at distances ``(n_pairs,)``, `same` being boolean."""
        self.in_units(distances)  # the first batch sets the unit that scale and offset start from
        logits = self.pair_logits(distances)
        return balanced_mean(functional.softplus(torch.where(same, -logits, logits)), same)
