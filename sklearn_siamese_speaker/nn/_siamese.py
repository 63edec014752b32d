"""Siamese: the one module that both recordings of a pair pass through."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ._spaces import Space


class Siamese(nn.Module):
    """Standardize the frames, encode them, and move to the space of the metric.

    Parameters
    ----------
    network : torch.nn.Module
        Maps ``(batch, n_features, n_frames)`` to ``(batch, n_dims)``.
    space : Space
        Maps embeddings to the coordinates in which the plain metric is the learned one.
    mean, scale : tensor of shape (n_features,)
        Statistics of the training frames, feature by feature.

    Examples
    --------
    >>> import torch
    >>> from sklearn_siamese_speaker.nn import LSTM, CosineSpace, Siamese
    >>> network = LSTM(40, embedding_dim=16)
    >>> siamese = Siamese(network, CosineSpace(), torch.zeros(40), torch.ones(40))
    >>> siamese(torch.randn(2, 40, 100)).norm(dim=1).round(decimals=3).tolist()
    [1.0, 1.0]
    """

    mean: Tensor
    scale: Tensor

    def __init__(self, network: nn.Module, space: Space, mean: Tensor, scale: Tensor) -> None:
        super().__init__()
        self.network = network
        self.space = space
        self.register_buffer("mean", mean)
        self.register_buffer("scale", scale)

    def forward(self, frames: Tensor) -> Tensor:
        """Map ``(batch, n_features, n_frames)`` to coordinates ``(batch, n_dims)``."""
        return self.space(self.network(self.standardize(frames)))

    def standardize(self, frames: Tensor) -> Tensor:
        """Return frames whose features have mean 0 and standard deviation 1 in training."""
        return (frames - self.mean[:, None]) / self.scale[:, None]


def frame_statistics(frames: Iterable[NDArray]) -> tuple[Tensor, Tensor]:
    """Return mean and scale of each feature over all frames of all recordings.

    Parameters
    ----------
    frames : iterable of ndarray of shape (n_features, n_frames_i)
        The recordings.

    Returns
    -------
    mean, scale : tensor of shape (n_features,), float32
        A feature that never varies gets a scale of 1.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_siamese_speaker.nn import frame_statistics
    >>> mean, scale = frame_statistics([np.array([[1.0, 3.0], [5.0, 5.0]])])
    >>> mean.tolist(), scale.tolist()
    ([2.0, 5.0], [1.0, 1.0])
    """
    n_frames = 0
    total = squares = torch.zeros((), dtype=torch.float64)
    for recording in frames:
        values = torch.from_numpy(recording.astype(np.float64))  # copies what torch cannot take
        n_frames += values.shape[1]
        total = total + values.sum(1)
        squares = squares + (values**2).sum(1)
    mean = total / n_frames
    scale = (squares / n_frames - mean**2).clamp_min(0).sqrt()
    # Rounding leaves a tiny spread in a constant feature; dividing by it would blow noise up.
    constant = scale <= 1e-6 * mean.abs()
    return mean.float(), torch.where(constant, 1.0, scale).float()
