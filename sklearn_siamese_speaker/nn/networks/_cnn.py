"""CNN2d and CNN1d: convolutions over the image of features and time, and along time."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ..._docs import substitute
from ..protocols import check_filters, check_number, check_sizes
from ._layers import NETWORKS, TEXTS, Size, as_pair, block2d, convolutions_along_frames

__all__ = ["CNN1d", "CNN2d"]


@NETWORKS.add("cnn2d")
@substitute(**TEXTS)
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
    %(filters)s
    kernel_size, stride, pool_size : int or (features, frames), defaults=3, 3, 1
        The same for every block. A `pool_size` of 1 is no pooling; the case study pools, by 2 as we
        read it. The defaults have 1,576,576 parameters.
    dropout : float, default=0.2
        Share of filters dropped in each block, and of values of the embedding.

    Examples
    --------
    >>> import torch
    >>> from sklearn_siamese_speaker.nn import CNN2d
    >>> CNN2d(n_features=40, embedding_dim=64)(torch.randn(8, 40, 100)).shape
    torch.Size([8, 64])
    """

    def __init__(
        self,
        n_features: int,
        *,
        embedding_dim: int = 1024,
        filters: tuple[int, ...] = (128, 256, 384),
        kernel_size: Size = 3,
        stride: Size = 3,
        pool_size: Size = 1,
        dropout: float = 0.2,
    ) -> None:
        super().__init__()
        check_sizes(self, embedding_dim=embedding_dim)
        check_filters(self, filters)
        check_number(self, dropout=dropout, below=1)
        sizes = {"kernel_size": kernel_size, "stride": stride, "pool_size": pool_size}
        pairs = {name: as_pair(self, name, size) for name, size in sizes.items()}
        blocks = [
            block2d(n_in, n_out, **pairs, dropout=dropout)
            for n_in, n_out in zip((1, *filters), filters, strict=False)
        ]
        # With the filters of a pixel side by side, a training step takes three quarters of the time
        self.blocks = nn.Sequential(*blocks).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.embedding = nn.Sequential(nn.Linear(filters[-1], embedding_dim), nn.Dropout(dropout))

    def forward(self, frames: Tensor) -> Tensor:
        """Map ``(batch, n_features, n_frames)`` to ``(batch, embedding_dim)``."""
        images = self.blocks(frames[:, None])  # (batch, filters, features, frames), both shrunk
        return self.embedding(images.amax((2, 3)))


@NETWORKS.add("cnn1d")
@substitute(**TEXTS)
class CNN1d(nn.Module):
    """Convolutions along time, with the features as channels.

    Source: [1]_.

    Each block is convolution, batch normalization, dropout, max pooling, ReLU; then the maximum of
    each filter over time, a fully connected layer, dropout. Input of one feature is taken for raw
    audio and goes first through a learned filter bank: kernels of 80 samples (5 ms at 16 kHz) every
    40 samples. Of 3 s at 16 kHz, 45 frames are left before the maximum is taken.

    %(sizes)s
    %(filters)s
    kernel_size, stride, pool_size : int, defaults=3, 1, 3
        %(of_blocks)s
    %(dropout)s

    References
    ----------
    .. [1] W. Dai, C. Dai, S. Qu, J. Li, S. Das, "Very deep convolutional neural networks for raw
       waveforms", ICASSP, 2017.

    Examples
    --------
    >>> import torch
    >>> from sklearn_siamese_speaker.nn import CNN1d
    >>> CNN1d(n_features=1, embedding_dim=64)(torch.randn(8, 1, 16000)).shape
    torch.Size([8, 64])
    """

    def __init__(
        self,
        n_features: int,
        *,
        embedding_dim: int = 1024,
        filters: tuple[int, ...] = (128, 256, 384),
        kernel_size: int = 3,
        stride: int = 1,
        pool_size: int = 3,
        dropout: float = 0.2,
    ) -> None:
        super().__init__()
        check_sizes(self, embedding_dim=embedding_dim)
        self.blocks = convolutions_along_frames(
            self, n_features, filters, kernel_size, stride, pool_size, dropout
        )
        self.embedding = nn.Sequential(nn.Linear(filters[-1], embedding_dim), nn.Dropout(dropout))

    def forward(self, frames: Tensor) -> Tensor:
        """Map ``(batch, n_features, n_frames)`` to ``(batch, embedding_dim)``."""
        return self.embedding(self.blocks(frames).amax(2))
