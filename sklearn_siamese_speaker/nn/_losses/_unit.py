"""The unit that a loss measures distances in, taken from the first batch it sees."""

from __future__ import annotations

import torch
from torch import nn


class DistanceUnit(nn.Module):
    """Divide distances by the mean distance of the first training batch.

    Distances between embeddings of an untrained network are of order 0.1 or 100, depending on
    network, metric and dimensions; in their own unit they start at about 1. The unit is part of the
    state dict. It is 1 until the first batch in training mode.
    """

    def __init__(self):
        super().__init__()
        self.register_buffer("unit", torch.ones(()))
        self.register_buffer("is_set", torch.zeros((), dtype=torch.bool))

    def forward(self, distances):
        """Return `distances` in the unit, setting it first when this is the first batch."""
        if self.training and not self.is_set and distances.numel():
            mean = distances.detach().mean()
            self.unit.copy_(torch.where(mean > 0, mean, 1.0))
            self.is_set.fill_(True)
        return distances / self.unit


def margin_unit(space):
    """Return the unit of margins: none for the bounded cosine distance, else the first mean."""
    return nn.Identity() if space.plain_metric == "cosine" else DistanceUnit()
