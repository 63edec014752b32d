"""Networks: ``(batch, n_features, n_frames)`` to ``(batch, n_dims)``, for any number of frames.

A network is registered in ``NETWORKS`` by the name that ``SiameseSpeakerEncoder(network=...)``
takes. It is built as ``cls(n_features, **arguments)``; its keyword arguments are the encoder's
``network__<argument>``.
"""

from __future__ import annotations

from collections.abc import Callable

from torch import nn

from ._cnn import CNN1d, CNN2d
from ._lstm import CNNLSTM, LSTM
from ._moments import CovariancePooling, MixturePooling
from ._pooling import StatisticsPooling
from ._statistics import StatisticsNetwork
from ._tdnn import TDNN

NETWORKS: dict[str, Callable[..., nn.Module]] = {
    "cnn2d": CNN2d,
    "cnn1d": CNN1d,
    "lstm": LSTM,
    "cnn_lstm": CNNLSTM,
    "tdnn": TDNN,
    "statistics": StatisticsNetwork,
}


def auto_network(n_features: int) -> str:
    """Return the name of the network that suits frames of so many features; raw audio has one.

    Parameters
    ----------
    n_features : int
        Features of a frame.

    Returns
    -------
    name : {"cnn1d", "statistics"}
        What ``network="auto"`` stands for.

    Examples
    --------
    >>> from sklearn_siamese_speaker.nn import auto_network
    >>> auto_network(40)
    'statistics'
    """
    return "cnn1d" if n_features == 1 else "statistics"


__all__ = [
    "CNNLSTM",
    "LSTM",
    "NETWORKS",
    "TDNN",
    "CNN1d",
    "CNN2d",
    "CovariancePooling",
    "MixturePooling",
    "StatisticsNetwork",
    "StatisticsPooling",
    "auto_network",
]
