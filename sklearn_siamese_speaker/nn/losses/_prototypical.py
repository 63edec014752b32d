"""The prototypical loss: the nearest mean should be the own speaker's."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from .._siamese import Space
from ._base import LOSSES, DistanceUnit, Loss

__all__ = ["Prototypical"]

_FIRST_SCALE = 10.0
_SCALE_SPEED = 10.0


@LOSSES.add("prototypical")
class Prototypical(Loss):
    """Cross-entropy over the distances to the means of the batch's speakers.

    Source: [1]_.

    Every recording of a batch is a query once: the prototype of its own speaker is the mean of the
    *other* recordings of that speaker (leave one out [2]_), those of the other speakers are the
    means of all their recordings. A split of the batch into support and query would use half of
    its recordings as queries. A speaker with one recording in the batch is a prototype only.

    The logit is ``-scale * d``, with `d` the squared distance for the Euclidean metric (for which
    the mean is the right prototype [1]_) and the plain distance for the others, in units of the
    first batch's mean; `scale` is learned from 10 on.

    Parameters
    ----------
    space : Space
        Measures the distances; any of ``SPACES``.

    References
    ----------
    .. [1] J. Snell, K. Swersky, R. Zemel, "Prototypical networks for few-shot learning", NeurIPS,
       2017, equations 1 and 2.
    .. [2] L. Wan, Q. Wang, A. Papir, I. Lopez Moreno, "Generalized end-to-end loss for speaker
       verification", ICASSP, 2018, equation 8.

    Examples
    --------
    >>> import torch
    >>> from sklearn_siamese_speaker.nn import EuclideanSpace, Prototypical
    >>> coordinates = torch.tensor([[0.0, 0.0], [0.0, 1.0], [9.0, 9.0], [9.0, 8.0]])
    >>> print(f"{Prototypical(EuclideanSpace())(coordinates, torch.tensor([0, 0, 1, 1])):.4f}")
    0.0000
    """

    def __init__(self, space: Space) -> None:
        super().__init__(space)
        self.in_units = DistanceUnit()
        self.log_scale = nn.Parameter(torch.zeros(()))

    @property
    def scale(self) -> Tensor:
        """How much a distance counts."""
        return _FIRST_SCALE * torch.exp(_SCALE_SPEED * self.log_scale)

    def forward(self, coordinates: Tensor, labels: Tensor) -> Tensor:
        """Return the loss of a batch ``(n, n_dims)`` with labels ``(n,)``."""
        distances, speakers, queries = self._distances_to_prototypes(coordinates, labels)
        logits = -self.scale * self.in_units(distances)
        losses = functional.cross_entropy(logits, speakers, reduction="none")
        return (losses * queries).sum() / queries.sum().clamp(min=1)

    def _distances_to_prototypes(
        self, coordinates: Tensor, labels: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Return distances ``(n, n_speakers)``, own columns, and who has a prototype of its own."""
        _, speakers, counts = labels.unique(return_inverse=True, return_counts=True)
        membership = functional.one_hot(speakers, len(counts)).to(coordinates)  # (n, n_speakers)
        sums = membership.T @ coordinates
        others = (counts[speakers] - 1)[:, None]
        left_out = (sums[speakers] - coordinates) / others.clamp(min=1)
        distances = self.space.distances(coordinates, sums / counts[:, None])
        own = self.space.paired_distances(coordinates, left_out)
        distances = torch.where(membership.bool(), own[:, None], distances)
        if self.space.plain_metric == "euclidean":
            distances = distances**2
        return distances, speakers, others[:, 0] > 0
