"""The triplet loss: nearer to one's own than to others, by a margin."""

from __future__ import annotations

import torch
from torch import Tensor

from .._siamese import Space
from ..protocols import check_choice, check_number
from ._base import LOSSES, Loss, margin_unit

__all__ = ["Triplet"]


@LOSSES.add("triplet")
class Triplet(Loss):
    """Hinge on ``d(anchor, positive) - d(anchor, negative) + margin``, on mined triplets.

    Parameters
    ----------
    space : Space
        Measures the distances; any of ``SPACES``.
    margin : float, default=0.2
        In units of the mean distance of the first batch, for the cosine distance as it is.
    mining : {"semihard", "hard"}, default="semihard"
        "semihard" [1]_: every pair of one speaker, with the nearest negative that is farther from
        the anchor than the positive is; with the farthest negative when there is none.
        "hard" [2]_: every anchor with its farthest positive and its nearest negative.

    References
    ----------
    .. [1] F. Schroff, D. Kalenichenko, J. Philbin, "FaceNet: a unified embedding for face
       recognition and clustering", CVPR, 2015, section 3.2.
    .. [2] A. Hermans, L. Beyer, B. Leibe, "In defense of the triplet loss for person
       re-identification", arXiv:1703.07737, 2017, equation 5.

    Examples
    --------
    >>> import torch
    >>> from sklearn_siamese_speaker.nn import EuclideanSpace, Triplet
    >>> coordinates = torch.tensor([[0.0, 0.0], [0.0, 1.0], [9.0, 9.0]])
    >>> Triplet(EuclideanSpace(), mining="hard")(coordinates, torch.tensor([0, 0, 1])).item()
    0.0
    """

    def __init__(self, space: Space, margin: float = 0.2, mining: str = "semihard") -> None:
        super().__init__(space)
        check_number(self, margin=margin)
        check_choice(self, mining=mining, known=tuple(_MINING))
        self.margin = margin
        self.mining = mining
        self.in_units = margin_unit(space)

    def forward(self, coordinates: Tensor, labels: Tensor) -> Tensor:
        """Return the loss of a batch ``(n, n_dims)`` with labels ``(n,)``; 0 without a triplet."""
        distances = self.in_units(self.space.distances(coordinates, coordinates))
        same = labels[:, None] == labels
        # A batch of one speaker has no negatives, so it has no triplets.
        positives = (same & ~torch.eye(len(labels)).to(same)) & ~same.all(1, keepdim=True)
        to_positive, to_negative = _MINING[self.mining](distances, positives, ~same)
        losses = (to_positive - to_negative + self.margin).clamp(min=0)
        return losses.sum() / max(len(losses), 1)


def _semihard(distances: Tensor, positives: Tensor, negatives: Tensor) -> tuple[Tensor, Tensor]:
    """Return the distances to positive and negative of every (anchor, positive) pair."""
    anchors, partners = positives.nonzero(as_tuple=True)
    to_positive = distances[anchors, partners]  # (n_triplets,)
    to_others, negatives = distances[anchors], negatives[anchors]  # (n_triplets, n)
    farther = negatives & (to_others > to_positive[:, None])
    nearest_farther = to_others.masked_fill(~farther, torch.inf).amin(1)
    farthest = to_others.masked_fill(~negatives, -torch.inf).amax(1)
    return to_positive, torch.where(farther.any(1), nearest_farther, farthest)


def _hard(distances: Tensor, positives: Tensor, negatives: Tensor) -> tuple[Tensor, Tensor]:
    """Return the distances to the farthest positive and the nearest negative of every anchor."""
    anchors = positives.any(1)
    to_positive = distances.masked_fill(~positives, -torch.inf)[anchors].amax(1)
    to_negative = distances.masked_fill(~negatives, torch.inf)[anchors].amin(1)
    return to_positive, to_negative


_MINING = {"semihard": _semihard, "hard": _hard}
