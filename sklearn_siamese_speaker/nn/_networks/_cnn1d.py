"""CNN1d: convolutions along time, for raw audio and for any features."""

from __future__ import annotations

from torch import nn

from ._layers import convolutions_along_frames


class CNN1d(nn.Module):
    """Convolutions along time, with the features as channels [1]_.

    Each block is convolution, batch normalization, dropout, max pooling, ReLU; then the maximum of
    each filter over time, a fully connected layer, dropout. Input of one feature is taken for raw
    audio and goes first through a learned filter bank: kernels of 80 samples (5 ms at 16 kHz) every
    40 samples. Of 3 s at 16 kHz, 45 frames are left before the maximum is taken.

    Parameters
    ----------
    n_features : int
        Features of a frame; 1 for raw audio.
    embedding_dim : int, default=1024
        Dimensions of the embedding.
    filters : tuple of int, default=(128, 256, 384)
        Filters of each block.
    kernel_size, stride, pool_size : int, defaults=3, 1, 3
        Of every block; of a pair (features, frames), the second counts.
    dropout : float, default=0.2
        Share of values dropped in each block and of the embedding.

    References
    ----------
    .. [1] W. Dai, C. Dai, S. Qu, J. Li, S. Das, "Very deep convolutional neural networks for raw
       waveforms", ICASSP, 2017.
    """

    def __init__(
        self,
        n_features,
        *,
        embedding_dim=1024,
        filters=(128, 256, 384),
        kernel_size=3,
        stride=1,
        pool_size=3,
        dropout=0.2,
    ):
        super().__init__()
        self.blocks = convolutions_along_frames(
            n_features, filters, kernel_size, stride, pool_size, dropout
        )
        self.embedding = nn.Sequential(nn.Linear(filters[-1], embedding_dim), nn.Dropout(dropout))

    def forward(self, frames):
        """Map ``(batch, n_features, n_frames)`` to ``(batch, embedding_dim)``."""
        return self.embedding(self.blocks(frames).amax(2))
