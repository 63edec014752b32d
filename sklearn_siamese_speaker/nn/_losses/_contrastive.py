"""The contrastive loss: pull same pairs together, push different ones a margin apart."""

from __future__ import annotations

from ._pairs import PairLoss, balanced_mean
from ._unit import margin_unit


class Contrastive(PairLoss):
    """Half the squared distance of same pairs, half the squared lack of margin of others [1]_.

    Same and different pairs weigh half each.

    Parameters
    ----------
    space : torch.nn.Module
        Measures the distances; any of ``SPACES``.
    margin : float, default=1.0
        Distance that is enough between different speakers: in units of the mean distance of the
        first batch, for the cosine distance as it is (1 is a right angle).

    References
    ----------
    .. [1] R. Hadsell, S. Chopra, Y. LeCun, "Dimensionality reduction by learning an invariant
       mapping", CVPR, 2006, equation 4.
    """

    metrics = ("euclidean", "cosine", "manhattan", "weighted_manhattan")

    def __init__(self, space, margin=1.0):
        super().__init__(space)
        self.margin = margin
        self.in_units = margin_unit(space)

    def pair_loss(self, distances, same):
        """Return the loss of pairs at distances ``(n_pairs,)``, `same` being boolean."""
        distances = self.in_units(distances)
        lack = (self.margin - distances).clamp(min=0)
        return balanced_mean(distances.where(same, lack) ** 2 / 2, same)
