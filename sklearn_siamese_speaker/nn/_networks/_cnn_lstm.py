"""CNNLSTM: convolutions shorten a recording, an LSTM reads the rest."""

from __future__ import annotations

from torch import nn

from ._layers import convolutions_along_frames


class CNNLSTM(nn.Module):
    """Convolutions along time, an LSTM on their output, its mean over time, a connected layer.

    Convolution, LSTM and fully connected layers in the order of [1]_, at a size for CPUs. The
    convolutions leave an eighth of the frames to the LSTM. Raw audio (one feature) goes through the
    learned filter bank of :class:`CNN1d` first.

    Parameters
    ----------
    n_features : int
        Features of a frame; 1 for raw audio.
    embedding_dim : int, default=1024
        Dimensions of the embedding.
    filters : tuple of int, default=(128, 256, 384)
        Filters of each convolution block.
    kernel_size, stride, pool_size : int, defaults=3, 1, 2
        Of every block; of a pair (features, frames), the second counts.
    n_units : int, default=256
        Units of the LSTM.
    dropout : float, default=0.2
        Share of values dropped in each block and of the embedding.

    References
    ----------
    .. [1] T. N. Sainath, O. Vinyals, A. Senior, H. Sak, "Convolutional, long short-term memory,
       fully connected deep neural networks", ICASSP, 2015.
    """

    def __init__(
        self,
        n_features,
        *,
        embedding_dim=1024,
        filters=(128, 256, 384),
        kernel_size=3,
        stride=1,
        pool_size=2,
        n_units=256,
        dropout=0.2,
    ):
        super().__init__()
        self.blocks = convolutions_along_frames(
            n_features, filters, kernel_size, stride, pool_size, dropout
        )
        self.lstm = nn.LSTM(filters[-1], n_units, batch_first=True)
        self.embedding = nn.Sequential(nn.Linear(n_units, embedding_dim), nn.Dropout(dropout))

    def forward(self, frames):
        """Map ``(batch, n_features, n_frames)`` to ``(batch, embedding_dim)``."""
        outputs, _ = self.lstm(self.blocks(frames).transpose(1, 2))  # (batch, fewer frames, units)
        return self.embedding(outputs.mean(1))
