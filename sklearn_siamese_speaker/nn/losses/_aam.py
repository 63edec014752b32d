"""Additive angular margin: classify the training speakers by angle, with a margin."""

from __future__ import annotations

import math
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional

from .._siamese import Space
from ..protocols import check_number
from ._base import LOSSES, Loss

__all__ = ["AdditiveAngularMargin"]


@LOSSES.add("aam")
class AdditiveAngularMargin(Loss):
    """Cross-entropy over the training speakers, the own one's angle enlarged by a margin.

    Source: [1]_.

    The logit of a speaker is ``scale * cos(angle)`` to a learned direction, that of the own speaker
    ``scale * cos(angle + margin)``. Where angle + margin exceeds pi, that would rise again, and
    ``cos(angle) - margin * sin(margin)`` takes its place.

    Parameters
    ----------
    space : Space
        The cosine or the Euclidean space; angles are the same in both.
    n_dims : int
        Dimensions of an embedding.
    n_classes : int
        Number of training speakers; labels are 0 .. n_classes - 1.
    margin : float, default=0.2
        In radians, less than pi.
    scale : float, default=30.0
        Scale of the logits.

    References
    ----------
    .. [1] J. Deng, J. Guo, N. Xue, S. Zafeiriou, "ArcFace: additive angular margin loss for deep
       face recognition", CVPR, 2019, equation 3.

    Examples
    --------
    >>> import torch
    >>> from sklearn_siamese_speaker.nn import AdditiveAngularMargin, CosineSpace
    >>> loss = AdditiveAngularMargin(CosineSpace(), n_dims=3, n_classes=2, margin=0.0, scale=1.0)
    >>> with torch.no_grad():
    ...     _ = loss.directions.fill_(1.0)
    >>> coordinates = torch.tensor([[1.0, 0.0, 0.0]])
    >>> print(f"{loss(coordinates, torch.tensor([0])).item():.2f}")  # both are equally likely
    0.69
    """

    metrics: ClassVar[tuple[str, ...]] = ("cosine", "euclidean")
    is_for_any_speakers: ClassVar[bool] = False

    def __init__(
        self,
        space: Space,
        n_dims: int,
        n_classes: int,
        margin: float = 0.2,
        scale: float = 30.0,
    ) -> None:
        super().__init__(space)
        check_number(self, margin=margin, below=math.pi)
        check_number(self, scale=scale)
        self.margin = margin
        self.scale = scale
        self.directions = nn.Parameter(nn.init.xavier_normal_(torch.empty(n_classes, n_dims)))

    def forward(self, coordinates: Tensor, labels: Tensor) -> Tensor:
        """Return the loss of a batch ``(n, n_dims)`` with labels ``(n,)``."""
        directions = functional.normalize(self.directions, dim=1)
        cosines = functional.normalize(coordinates, dim=1) @ directions.T  # (n, n_classes)
        own = functional.one_hot(labels, len(self.directions)).bool()
        logits = self.scale * cosines.where(~own, self._with_margin(cosines))
        return functional.cross_entropy(logits, labels)

    def _with_margin(self, cosines: Tensor) -> Tensor:
        sines = (1 - cosines**2).clamp(min=1e-12).sqrt()
        moved = cosines * math.cos(self.margin) - sines * math.sin(self.margin)
        within = cosines > -math.cos(self.margin)
        return moved.where(within, cosines - self.margin * math.sin(self.margin))
