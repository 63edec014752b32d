"""Statistics pooling: from any number of frames to one vector."""

from __future__ import annotations

import torch
from torch import Tensor, nn

__all__ = ["StatisticsPooling"]

_SMALLEST_VARIANCE = 1e-5


class StatisticsPooling(nn.Module):
    """Mean and standard deviation of each channel over time, weighted by attention if asked for.

    Parameters
    ----------
    n_channels : int
        Channels of the input.
    attentive : bool, default=False
        Weigh the frames: each gets a score from a layer of 64 tanh units, and the weights are the
        softmax of the scores over time [1]_. Otherwise all frames weigh the same.

    References
    ----------
    .. [1] K. Okabe, T. Koshinaka, K. Shinoda, "Attentive statistics pooling for deep speaker
       embedding", Interspeech, 2018, equations 3 to 6.

    Examples
    --------
    >>> import torch
    >>> from sklearn_siamese_speaker.nn import StatisticsPooling
    >>> StatisticsPooling(2)(torch.tensor([[[1.0, 3.0], [5.0, 5.0]]])).round(decimals=1).tolist()
    [[2.0, 5.0, 1.0, 0.0]]
    """

    def __init__(self, n_channels: int, attentive: bool = False) -> None:
        super().__init__()
        self.score: nn.Module | None = None
        if attentive:
            self.score = nn.Sequential(
                nn.Conv1d(n_channels, 64, 1), nn.Tanh(), nn.Conv1d(64, 1, 1, bias=False)
            )

    def forward(self, channels: Tensor) -> Tensor:
        """Map ``(batch, n_channels, n_frames)`` to ``(batch, 2 * n_channels)``."""
        weights = self._weights(channels)  # (batch, 1, n_frames)
        mean = (weights * channels).sum(2, keepdim=True)
        variance = (weights * (channels - mean) ** 2).sum(2)
        return torch.cat([mean[:, :, 0], (variance + _SMALLEST_VARIANCE).sqrt()], dim=1)

    def _weights(self, channels: Tensor) -> Tensor:
        if self.score is None:
            return torch.full_like(channels[:, :1], 1 / channels.shape[2])
        return self.score(channels).softmax(2)
