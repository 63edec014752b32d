"""What networks share: their registry, texts of docstrings, blocks for an input of any size."""

from __future__ import annotations

from collections.abc import Callable

from torch import nn

from ..protocols import Registry, check_filters, check_number, check_sizes

__all__ = ["NETWORKS"]

NETWORKS: Registry[Callable[..., nn.Module]] = Registry()

Size = int | tuple[int, int]

_SIZES = """\
Parameters
----------
n_features : int
    Features of a frame{more}.
embedding_dim : int, default=1024
    Dimensions of the embedding.
"""

TEXTS = {
    "sizes": _SIZES.format(more="; 1 for raw audio"),
    "sizes_of_frames": _SIZES.format(more=""),
    "filters": """\
filters : tuple of int, default=(128, 256, 384)
    Filters of each convolution block.
""",
    "of_blocks": "The same for every block, in frames. A `pool_size` of 1 is no pooling.",
    "dropout": """\
dropout : float, default=0.2
    Share of values dropped in each block and of the embedding.
""",
}


def as_pair(owner: nn.Module, name: str, size: Size) -> tuple[int, int]:
    """Return ``(features, frames)`` of one int, or of such a pair."""
    pair = tuple(size) if isinstance(size, list | tuple) else (size, size)
    if len(pair) != 2:
        raise ValueError(
            f"{type(owner).__name__} needs {name} to be an int or a pair (features, frames), "
            f"got {size!r}."
        )
    for part in pair:
        check_sizes(owner, **{name: part})
    return pair


def block2d(
    n_in: int,
    n_out: int,
    kernel_size: tuple[int, int],
    stride: tuple[int, int],
    pool_size: tuple[int, int],
    dropout: float,
) -> nn.Sequential:
    """Return convolution, batch normalization, dropout of whole filters, max pooling, ReLU."""
    # Neighbors in an image are alike: the network reads a single dropped value from them, a whole
    # filter it cannot (Tompson et al., "Efficient object localization using convolutional
    # networks", CVPR, 2015). ReLU commutes with max pooling and dropout: this order, the case
    # study's, is the same function as ReLU straight after the normalization, on fewer values.
    padding = (kernel_size[0] // 2, kernel_size[1] // 2)
    return nn.Sequential(
        # The normalization takes a bias away again.
        nn.Conv2d(n_in, n_out, kernel_size, stride, padding, bias=False),
        nn.BatchNorm2d(n_out),
        nn.Dropout2d(dropout),
        nn.MaxPool2d(pool_size, ceil_mode=True),
        nn.ReLU(),
    )


def block1d(
    n_in: int,
    n_out: int,
    kernel_size: int,
    stride: int = 1,
    pool_size: int = 1,
    dropout: float = 0.0,
    dilation: int = 1,
) -> nn.Sequential:
    """Return the same block along time: channels are features."""
    padding = dilation * (kernel_size // 2)
    return nn.Sequential(
        nn.Conv1d(n_in, n_out, kernel_size, stride, padding, dilation, bias=False),
        nn.BatchNorm1d(n_out),
        nn.Dropout(dropout),
        nn.MaxPool1d(pool_size, ceil_mode=True),
        nn.ReLU(),
    )


def convolutions_along_frames(
    owner: nn.Module,
    n_features: int,
    filters: tuple[int, ...],
    kernel_size: int,
    stride: int,
    pool_size: int,
    dropout: float,
) -> nn.Sequential:
    """Return one block for each of `filters`; raw audio goes through a filter bank first."""
    check_filters(owner, filters)
    check_sizes(owner, kernel_size=kernel_size, stride=stride, pool_size=pool_size)
    check_number(owner, dropout=dropout, below=1)
    blocks = []
    if n_features == 1:
        # The first layer of Dai et al. (2017): kernels of 80 samples, 5 ms at 16 kHz.
        blocks.append(block1d(1, filters[0], kernel_size=80, stride=40))
        n_features = filters[0]
    for n_in, n_out in zip((n_features, *filters), filters, strict=False):
        blocks.append(block1d(n_in, n_out, kernel_size, stride, pool_size, dropout))
    return nn.Sequential(*blocks)
