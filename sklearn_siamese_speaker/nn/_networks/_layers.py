"""Convolution blocks that take an input of any size, down to a single frame."""

from __future__ import annotations

from numbers import Integral

from torch import nn


def as_pair(size):
    """Return ``(features, frames)`` of one int, or of such a pair."""
    return (size, size) if isinstance(size, Integral) else tuple(size)


def along_frames(size):
    """Return the size along the frames of an int or of a pair (features, frames)."""
    return as_pair(size)[1]


def block2d(n_in, n_out, kernel_size, stride, pool_size, dropout):
    """Return convolution, batch normalization, dropout of whole filters, max pooling, ReLU.

    Neighbours in an image are alike, so single values that are dropped can be read off theirs;
    whole filters cannot (Tompson et al., "Efficient object localization using convolutional
    networks", CVPR, 2015). They also take fewer random numbers.

    ReLU commutes with max pooling and with dropout, so this order, the case study's, is the
    same function as ReLU straight after the normalization, on fewer values.
    """
    kernel_size = as_pair(kernel_size)
    padding = tuple(size // 2 for size in kernel_size)
    return nn.Sequential(
        # The normalization takes a bias away again.
        nn.Conv2d(n_in, n_out, kernel_size, as_pair(stride), padding, bias=False),
        nn.BatchNorm2d(n_out),
        nn.Dropout2d(dropout),
        nn.MaxPool2d(as_pair(pool_size), ceil_mode=True),
        nn.ReLU(),
    )


def block1d(n_in, n_out, kernel_size, stride=1, pool_size=1, dropout=0.0, dilation=1):
    """Return the same block along time: channels are features."""
    padding = dilation * (kernel_size // 2)
    return nn.Sequential(
        nn.Conv1d(n_in, n_out, kernel_size, stride, padding, dilation, bias=False),
        nn.BatchNorm1d(n_out),
        nn.Dropout(dropout),
        nn.MaxPool1d(pool_size, ceil_mode=True),
        nn.ReLU(),
    )


def convolutions_along_frames(n_features, filters, kernel_size, stride, pool_size, dropout):
    """Return one block for each of `filters`; samples of raw audio go through a filter bank first.

    The filter bank is the first layer of Dai et al. (2017): kernels of 80 samples, 5 ms at 16 kHz,
    here every 40 samples.
    """
    kernel_size, stride, pool_size = map(along_frames, (kernel_size, stride, pool_size))
    blocks = []
    if n_features == 1:
        blocks.append(block1d(1, filters[0], kernel_size=80, stride=40))
        n_features = filters[0]
    for n_in, n_out in zip((n_features, *filters), filters, strict=False):
        blocks.append(block1d(n_in, n_out, kernel_size, stride, pool_size, dropout))
    return nn.Sequential(*blocks)
