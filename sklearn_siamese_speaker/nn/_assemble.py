"""From the parameters of an encoder to its modules."""

from __future__ import annotations

from copy import deepcopy

import torch
from torch import nn

from ._losses import RandomPairs, build_loss
from ._networks import build_network
from ._siamese import Siamese
from ._spaces import build_space

_HYPERPARAMETERS = ("embedding_dim", "filters", "kernel_size", "stride", "pool_size", "dropout")


def build_modules(params, n_features, n_classes, mean=None, scale=None):
    """Return the untrained Siamese module and its loss.

    Parameters
    ----------
    params : dict
        Parameters of a :class:`~sklearn_siamese_speaker.SiameseSpeakerEncoder`.
    n_features : int
        Features of a frame.
    n_classes : int
        Training speakers.
    mean, scale : tensor of shape (n_features,), default=None
        Statistics of the training frames; None is zeros and ones.

    Returns
    -------
    siamese : Siamese
        Maps ``(batch, n_features, n_frames)`` to coordinates ``(batch, n_dims)``.
    loss : torch.nn.Module
        Maps coordinates and labels to a scalar.

    Raises
    ------
    ValueError
        When loss, metric and pairs do not go together.

    Examples
    --------
    >>> import torch
    >>> from sklearn_siamese_speaker import SiameseSpeakerEncoder
    >>> from sklearn_siamese_speaker.nn import build_modules
    >>> params = SiameseSpeakerEncoder(embedding_dim=32).get_params()
    >>> siamese, loss = build_modules(params, n_features=40, n_classes=10)
    >>> siamese(torch.zeros(2, 40, 100)).shape
    torch.Size([2, 32])
    """
    network = _build_network(params, n_features)
    with torch.no_grad():
        n_dims = network.eval()(torch.zeros(1, n_features, 1)).shape[1]
    space = build_space(params["metric"], n_dims)
    loss = build_loss(params["loss"], space, n_dims, n_classes)
    if params["pairs"] == "random":
        loss = RandomPairs(loss)
    mean = torch.zeros(n_features) if mean is None else mean
    scale = torch.ones(n_features) if scale is None else scale
    return Siamese(network, space, mean, scale), loss


def _build_network(params, n_features):
    network = params["network"]
    if isinstance(network, nn.Module):
        return deepcopy(network)
    if callable(network):
        return network(n_features, params["embedding_dim"])
    if network == "auto":
        network = "cnn1d" if n_features == 1 else "cnn2d"
    hyperparameters = {name: params[name] for name in _HYPERPARAMETERS}
    return build_network(network, n_features, **hyperparameters)
