"""Networks: ``(batch, n_features, n_frames)`` to ``(batch, n_dims)``, for any number of frames.

A network is registered in ``NETWORKS`` by the name that ``SiameseSpeakerEncoder(network=...)``
takes. It is built as ``cls(n_features, **arguments)``; its keyword arguments are the encoder's
``network__<argument>``.
"""

from __future__ import annotations

from collections.abc import Callable

from torch import nn

from ._cnn import CNN1d, CNN2d
from ._discriminant import DiscriminantNetwork
from ._lstm import CNNLSTM, LSTM
from ._moments import SLOPE_FACTOR, CovariancePooling, MixturePooling
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
    "discriminant": DiscriminantNetwork,
}
_MOST_FEATURES = 100  # of a frame; more are embeddings


def auto_network(n_features: int) -> str:
    """Return the name of the network that suits frames of so many features.

    One feature is raw audio; more than 100 are the dimensions of another encoder's embeddings.

    Parameters
    ----------
    n_features : int
        Features of a frame.

    Returns
    -------
    name : {"cnn1d", "statistics", "discriminant"}
        What ``network="auto"`` stands for.

    Examples
    --------
    >>> from sklearn_siamese_speaker.nn import auto_network
    >>> auto_network(40)
    'statistics'
    """
    if n_features == 1:
        return "cnn1d"
    return "statistics" if n_features <= _MOST_FEATURES else "discriminant"


__all__ = [
    "CNNLSTM",
    "LSTM",
    "NETWORKS",
    "SLOPE_FACTOR",
    "TDNN",
    "CNN1d",
    "CNN2d",
    "CovariancePooling",
    "DiscriminantNetwork",
    "MixturePooling",
    "StatisticsNetwork",
    "StatisticsPooling",
    "auto_network",
]
