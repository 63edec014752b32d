"""TDNN: dilated convolutions along time and statistics pooling, the x-vector."""

from __future__ import annotations

from torch import Tensor, nn

from ..._docs import substitute
from ..protocols import check_filters, check_number, check_sizes
from ._layers import NETWORKS, TEXTS, block1d
from ._pooling import StatisticsPooling

__all__ = ["TDNN"]


@NETWORKS.add("tdnn")
@substitute(**TEXTS)
class TDNN(nn.Module):
    """Time-delay network with statistics pooling, the x-vector at a size for CPUs.

    Source: [1]_.

    The first layer sees 5 frames, the next ones 3 frames that lie 2, 3, ... apart, the last one a
    single frame. With three `filters` (a, b, c) the four layers have a, a, b, c filters and see 15
    frames together, as in [1]_. Mean and standard deviation of each filter over time, normalized,
    then go to a fully connected layer. Up to that layer the defaults have 273,152 parameters for
    40 features.

    %(sizes_of_frames)s
    filters : tuple of int, default=(128, 256, 384)
        Filters of the layers; the first two layers share the first number.
    attentive : bool, default=False
        Let learned weights say how much each frame counts in the statistics [2]_.
    dropout : float, default=0.2
        Share of the statistics that is dropped.

    References
    ----------
    .. [1] D. Snyder, D. Garcia-Romero, G. Sell, D. Povey, S. Khudanpur, "X-vectors: robust DNN
       embeddings for speaker recognition", ICASSP, 2018.
    .. [2] K. Okabe, T. Koshinaka, K. Shinoda, "Attentive statistics pooling for deep speaker
       embedding", Interspeech, 2018.

    Examples
    --------
    >>> import torch
    >>> from sklearn_siamese_speaker.nn import TDNN
    >>> network = TDNN(n_features=40, embedding_dim=64, attentive=True)
    >>> tuple(network(torch.randn(8, 40, 100)).shape)
    (8, 64)
    """

    def __init__(
        self,
        n_features: int,
        *,
        embedding_dim: int = 1024,
        filters: tuple[int, ...] = (128, 256, 384),
        attentive: bool = False,
        dropout: float = 0.2,
    ) -> None:
        super().__init__()
        check_sizes(self, embedding_dim=embedding_dim)
        check_filters(self, filters)
        check_number(self, dropout=dropout, below=1)
        n_layers = len(filters) + 1
        widths = (n_features, filters[0], *filters)
        kernels = (5, *(3,) * (n_layers - 2), 1)
        self.blocks = nn.Sequential(
            *(
                block1d(widths[i], widths[i + 1], kernels[i], dilation=i + 1)
                for i in range(n_layers)
            )
        )
        self.pooling = StatisticsPooling(filters[-1], attentive)
        self.embedding = nn.Sequential(
            nn.BatchNorm1d(2 * filters[-1]),
            nn.Dropout(dropout),
            nn.Linear(2 * filters[-1], embedding_dim),
        )

    def forward(self, frames: Tensor) -> Tensor:
        """Map ``(batch, n_features, n_frames)`` to ``(batch, embedding_dim)``."""
        return self.embedding(self.pooling(self.blocks(frames)))
