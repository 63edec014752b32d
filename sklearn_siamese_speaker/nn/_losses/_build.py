"""From the name of a loss to the loss."""

from __future__ import annotations

from copy import deepcopy

from torch import nn

from .._spaces import SPACES
from ._aam import AdditiveAngularMargin
from ._bce import BinaryCrossEntropy
from ._contrastive import Contrastive
from ._prototypical import Prototypical
from ._triplet import Triplet

LOSSES = {
    "bce": BinaryCrossEntropy,
    "contrastive": Contrastive,
    "triplet": Triplet,
    "prototypical": Prototypical,
    "aam": AdditiveAngularMargin,
}


class Custom(nn.Module):
    """A user's ``(embeddings, labels) -> scalar`` beside the space.

    Parameters
    ----------
    space : torch.nn.Module
        The space the coordinates are in.
    function : callable
        The loss; parameters of a module are trained. A copy is kept.
    """

    def __init__(self, space, function):
        super().__init__()
        self.space = space
        self.function = deepcopy(function)

    def forward(self, coordinates, labels):
        """Return the loss of a batch ``(n, n_dims)`` with labels ``(n,)``."""
        return self.function(coordinates, labels)


def build_loss(loss, space, n_dims, n_classes):
    """Return a new loss.

    Parameters
    ----------
    loss : str or callable
        A name in ``LOSSES``, or ``(embeddings, labels) -> scalar``, which is copied.
    space : torch.nn.Module
        The space that the coordinates are in.
    n_dims : int
        Dimensions of an embedding.
    n_classes : int
        Number of training speakers; labels are 0 .. n_classes - 1.

    Returns
    -------
    loss : torch.nn.Module
        With the attribute `space`.

    Raises
    ------
    ValueError
        When the loss does not go with the metric of the space.

    Examples
    --------
    >>> import torch
    >>> from sklearn_siamese_speaker.nn import build_loss, build_space
    >>> loss = build_loss("contrastive", build_space("euclidean", 2), 2, n_classes=2)
    >>> coordinates = torch.tensor([[0.0, 0.0], [0.0, 0.0], [3.0, 4.0]])
    >>> loss(coordinates, torch.tensor([0, 0, 1])).item()
    0.0
    """
    if callable(loss):
        return Custom(space, loss)
    kind = LOSSES[loss]
    metric = next(name for name, cls in SPACES.items() if cls is type(space))
    if metric not in kind.metrics:
        allowed = " or ".join(f"metric={name!r}" for name in kind.metrics)
        raise ValueError(f"loss={loss!r} goes with {allowed} only, got metric={metric!r}.")
    return kind(space, n_dims, n_classes) if kind.needs_classes else kind(space)
