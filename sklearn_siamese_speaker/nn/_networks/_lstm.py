"""LSTM: a recurrent network that reads a recording frame by frame."""

from __future__ import annotations

from torch import nn


class LSTM(nn.Module):
    """Stacked LSTM layers, the mean of their output over time, a fully connected layer.

    The d-vector network [1]_ at a size for CPUs; the mean over time, in place of the last frame,
    makes recordings of different length comparable. It reads every frame in turn: raw audio, with
    its 16,000 a second, is out of its reach.

    Parameters
    ----------
    n_features : int
        Features of a frame.
    embedding_dim : int, default=1024
        Dimensions of the embedding.
    n_units : int, default=128
        Units of a layer.
    n_layers : int, default=2
        Layers.
    dropout : float, default=0.2
        Share of values dropped between layers and of the embedding.

    References
    ----------
    .. [1] L. Wan, Q. Wang, A. Papir, I. Lopez Moreno, "Generalized end-to-end loss for speaker
       verification", ICASSP, 2018.
    """

    def __init__(self, n_features, *, embedding_dim=1024, n_units=128, n_layers=2, dropout=0.2):
        super().__init__()
        self.lstm = nn.LSTM(
            n_features, n_units, n_layers, batch_first=True, dropout=dropout if n_layers > 1 else 0
        )
        self.embedding = nn.Sequential(nn.Linear(n_units, embedding_dim), nn.Dropout(dropout))

    def forward(self, frames):
        """Map ``(batch, n_features, n_frames)`` to ``(batch, embedding_dim)``."""
        outputs, _ = self.lstm(frames.transpose(1, 2))  # (batch, n_frames, n_units)
        return self.embedding(outputs.mean(1))
