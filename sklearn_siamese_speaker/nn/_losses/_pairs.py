"""What the losses on pairs share: every pair of a batch, or pairs given one by one."""

from __future__ import annotations

import torch
from torch import nn


class PairLoss(nn.Module):
    """A loss on the distances of pairs; a subclass defines ``pair_loss(distances, same)``.

    Parameters
    ----------
    space : torch.nn.Module
        Measures the distances.
    """

    takes_pairs = True
    needs_classes = False

    def __init__(self, space):
        super().__init__()
        self.space = space

    def forward(self, coordinates, labels):
        """Return the loss of all pairs i < j of a batch ``(n, n_dims)`` with labels ``(n,)``."""
        i, j = torch.triu_indices(len(labels), len(labels), offset=1, device=labels.device)
        distances = self.space.distances(coordinates, coordinates)[i, j]  # (n * (n - 1) / 2,)
        return self.pair_loss(distances, labels[i] == labels[j])


class RandomPairs(nn.Module):
    """Feed a pair loss the pairs of :class:`RandomPairSampler` in place of all pairs of a batch.

    Parameters
    ----------
    loss : PairLoss
        Judges the pairs.

    Raises
    ------
    ValueError
        For a loss that is not one on pairs.

    Examples
    --------
    >>> import torch
    >>> from sklearn_siamese_speaker.nn import RandomPairs, build_loss, build_space
    >>> loss = RandomPairs(build_loss("contrastive", build_space("euclidean", 2), 2, n_classes=2))
    >>> coordinates = torch.tensor([[0.0, 0.0], [0.0, 1.0], [0.0, 0.0], [3.0, 5.0]])
    >>> loss(coordinates, torch.tensor([0, 0, 0, 1])).item()  # the pairs are (0, 2) and (1, 3)
    0.0
    """

    def __init__(self, loss):
        super().__init__()
        if not getattr(loss, "takes_pairs", False):
            raise ValueError(
                "pairs='random' goes with loss='bce' or loss='contrastive' only; use pairs='all'."
            )
        self.loss = loss

    @property
    def space(self):
        """The space of the loss."""
        return self.loss.space

    def pair_logits(self, distances):
        """Return the logits of the loss, where it has them."""
        return self.loss.pair_logits(distances)

    def forward(self, coordinates, labels):
        """Return the loss of the pairs (i, i + n / 2) of a batch ``(n, n_dims)``."""
        n_pairs = len(labels) // 2
        distances = self.space.paired_distances(coordinates[:n_pairs], coordinates[n_pairs:])
        return self.loss.pair_loss(distances, labels[:n_pairs] == labels[n_pairs:])


def balanced_mean(values, same):
    """Return the mean of values ``(n_pairs,)`` in which same and different pairs weigh half each.

    Pairs of a kind that is missing count as 0.
    """
    halves = (values[same], values[~same])
    return sum(half.sum() / max(len(half), 1) for half in halves) / 2
