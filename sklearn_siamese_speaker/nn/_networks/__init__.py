"""Networks: ``(batch, n_features, n_frames)`` to ``(batch, embedding_dim)``, any frames >= 1."""

from inspect import signature

from ._cnn1d import CNN1d
from ._cnn2d import CNN2d
from ._cnn_lstm import CNNLSTM
from ._lstm import LSTM
from ._moments import CovariancePooling, MixturePooling
from ._statistics import StatisticsNetwork
from ._tdnn import TDNN

NETWORKS = {"cnn2d": CNN2d, "cnn1d": CNN1d, "lstm": LSTM, "cnn_lstm": CNNLSTM, "tdnn": TDNN}


def build_network(name, n_features, **hyperparameters):
    """Return a new network.

    Parameters
    ----------
    name : str
        A name in ``NETWORKS``.
    n_features : int
        Features of a frame.
    **hyperparameters
        Keyword parameters of the networks. Those that are None, and those that only other networks
        have (an LSTM has no `kernel_size`), are left out.

    Returns
    -------
    network : torch.nn.Module
        Untrained, in training mode.

    Examples
    --------
    >>> import torch
    >>> from sklearn_siamese_speaker.nn import build_network
    >>> network = build_network("tdnn", 40, embedding_dim=256, kernel_size=3)
    >>> network(torch.randn(8, 40, 100)).shape
    torch.Size([8, 256])
    """
    network = NETWORKS[name]
    known = signature(network).parameters
    chosen = {
        key: value for key, value in hyperparameters.items() if key in known and value is not None
    }
    return network(n_features, **chosen)


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
    "build_network",
]
