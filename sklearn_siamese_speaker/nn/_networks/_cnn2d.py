"""CNN2d: the case study's network, which sees a recording as an image."""

from __future__ import annotations

import torch
from torch import nn

from ._layers import block2d


class CNN2d(nn.Module):
    """Two-dimensional convolutions over the image (features x frames) of a recording.

    Each block is convolution, batch normalization, dropout, max pooling, ReLU; then the maximum of
    each filter over the image, a fully connected layer, dropout.

    Parameters
    ----------
    n_features : int
        Features of a frame. Any number works: no weight depends on it.
    embedding_dim : int, default=1024
        Dimensions of the embedding.
    filters : tuple of int, default=(128, 256, 384)
        Filters of each block.
    kernel_size, stride, pool_size : int or (features, frames), defaults=3, 3, 1
        Of every block. A `pool_size` of 1 is no pooling. The defaults have 1,576,576 parameters.
    dropout : float, default=0.2
        Share of filters dropped in each block, and of values of the embedding.
    """

    def __init__(
        self,
        n_features,
        *,
        embedding_dim=1024,
        filters=(128, 256, 384),
        kernel_size=3,
        stride=3,
        pool_size=1,
        dropout=0.2,
    ):
        super().__init__()
        blocks = [
            block2d(n_in, n_out, kernel_size, stride, pool_size, dropout)
            for n_in, n_out in zip((1, *filters), filters, strict=False)
        ]
        # With the filters of a pixel side by side, a training step takes three quarters of the time
        self.blocks = nn.Sequential(*blocks).to(memory_format=torch.channels_last)
        self.embedding = nn.Sequential(nn.Linear(filters[-1], embedding_dim), nn.Dropout(dropout))

    def forward(self, frames):
        """Map ``(batch, n_features, n_frames)`` to ``(batch, embedding_dim)``."""
        images = self.blocks(frames[:, None])  # (batch, filters, features, frames), both shrunk
        return self.embedding(images.amax((2, 3)))
