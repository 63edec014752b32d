"""LSTM and CNNLSTM: recurrent networks that read a recording frame by frame."""

from __future__ import annotations

from torch import Tensor, nn

from ..._docs import substitute
from ..protocols import check_number, check_sizes
from ._layers import NETWORKS, TEXTS, convolutions_along_frames

__all__ = ["CNNLSTM", "LSTM"]


@NETWORKS.add("lstm")
@substitute(**TEXTS)
class LSTM(nn.Module):
    """Stacked LSTM layers, the mean of their output over time, a fully connected layer.

    The d-vector network [1]_ at a size for CPUs; the mean over time, in place of the last frame,
    makes recordings of different length comparable. It reads frame by frame: raw audio, with 16,000
    frames a second, takes too long.

    %(sizes_of_frames)s
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

    Examples
    --------
    >>> import torch
    >>> from sklearn_siamese_speaker.nn import LSTM
    >>> LSTM(n_features=40, embedding_dim=64)(torch.randn(8, 40, 100)).shape
    torch.Size([8, 64])
    """

    def __init__(
        self,
        n_features: int,
        *,
        embedding_dim: int = 1024,
        n_units: int = 128,
        n_layers: int = 2,
        dropout: float = 0.2,
    ) -> None:
        super().__init__()
        check_sizes(self, embedding_dim=embedding_dim, n_units=n_units, n_layers=n_layers)
        check_number(self, dropout=dropout, below=1)
        # Between layers: torch warns where a single layer has a dropout.
        between = dropout if n_layers > 1 else 0.0
        self.lstm = nn.LSTM(n_features, n_units, n_layers, batch_first=True, dropout=between)
        self.embedding = nn.Sequential(nn.Linear(n_units, embedding_dim), nn.Dropout(dropout))

    def forward(self, frames: Tensor) -> Tensor:
        """Map ``(batch, n_features, n_frames)`` to ``(batch, embedding_dim)``."""
        outputs, _ = self.lstm(frames.transpose(1, 2))  # (batch, n_frames, n_units)
        return self.embedding(outputs.mean(1))


@NETWORKS.add("cnn_lstm")
@substitute(**TEXTS)
class CNNLSTM(nn.Module):
    """Convolutions along time, an LSTM on their output, its mean over time, a connected layer.

    Convolution, LSTM and fully connected layers in the order of [1]_, at a size for CPUs. The
    convolutions leave an eighth of the frames to the LSTM. Raw audio (one feature) goes through the
    learned filter bank of :class:`CNN1d` first.

    %(sizes)s
    %(filters)s
    kernel_size, stride, pool_size : int, defaults=3, 1, 2
        %(of_blocks)s
    n_units : int, default=256
        Units of the LSTM.
    %(dropout)s

    References
    ----------
    .. [1] T. N. Sainath, O. Vinyals, A. Senior, H. Sak, "Convolutional, long short-term memory,
       fully connected deep neural networks", ICASSP, 2015.

    Examples
    --------
    >>> import torch
    >>> from sklearn_siamese_speaker.nn import CNNLSTM
    >>> CNNLSTM(n_features=40, embedding_dim=64)(torch.randn(8, 40, 100)).shape
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
        pool_size: int = 2,
        n_units: int = 256,
        dropout: float = 0.2,
    ) -> None:
        super().__init__()
        check_sizes(self, embedding_dim=embedding_dim, n_units=n_units)
        self.blocks = convolutions_along_frames(
            self, n_features, filters, kernel_size, stride, pool_size, dropout
        )
        self.lstm = nn.LSTM(filters[-1], n_units, batch_first=True)
        self.embedding = nn.Sequential(nn.Linear(n_units, embedding_dim), nn.Dropout(dropout))

    def forward(self, frames: Tensor) -> Tensor:
        """Map ``(batch, n_features, n_frames)`` to ``(batch, embedding_dim)``."""
        outputs, _ = self.lstm(self.blocks(frames).transpose(1, 2))  # (batch, fewer frames, units)
        return self.embedding(outputs.mean(1))
