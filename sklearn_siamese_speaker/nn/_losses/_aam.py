"""Additive angular margin: classify the training speakers by angle, with a handicap."""

from __future__ import annotations

import math

import torch
from torch import nn
from torch.nn import functional


class AdditiveAngularMargin(nn.Module):
    """Cross-entropy over the training speakers, the own one's angle enlarged by a margin [1]_.

    The logit of a speaker is ``scale * cos(angle)`` to a learned direction, that of the own speaker
    ``scale * cos(angle + margin)``. Where angle + margin exceeds pi, that would rise again, and
    ``cos(angle) - margin * sin(margin)`` takes its place.

    Parameters
    ----------
    space : torch.nn.Module
        The cosine space.
    n_dims : int
        Dimensions of an embedding.
    n_classes : int
        Number of training speakers; labels are 0 .. n_classes - 1.
    margin : float, default=0.2
        In radians.
    scale : float, default=30.0
        Scale of the logits.

    References
    ----------
    .. [1] J. Deng, J. Guo, N. Xue, S. Zafeiriou, "ArcFace: additive angular margin loss for deep
       face recognition", CVPR, 2019, equation 3.
    """

    metrics = ("cosine",)
    takes_pairs = False
    needs_classes = True

    def __init__(self, space, n_dims, n_classes, margin=0.2, scale=30.0):
        super().__init__()
        self.space = space
        self.margin = margin
        self.scale = scale
        self.directions = nn.Parameter(nn.init.xavier_normal_(torch.empty(n_classes, n_dims)))

    def forward(self, coordinates, labels):
        """Return the loss of a batch ``(n, n_dims)`` with labels ``(n,)``."""
        cosines = 1 - self.space.distances(coordinates, self.directions)  # (n, n_classes)
        own = functional.one_hot(labels, len(self.directions)).bool()
        return functional.cross_entropy(
            self.scale * cosines.where(~own, self._handicap(cosines)), labels
        )

    def _handicap(self, cosines):
        sines = (1 - cosines**2).clamp(min=1e-12).sqrt()
        moved = cosines * math.cos(self.margin) - sines * math.sin(self.margin)
        within = cosines > -math.cos(self.margin)
        return moved.where(within, cosines - self.margin * math.sin(self.margin))
