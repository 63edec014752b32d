"""Where the weights of VGGish come from: the published files, a file of the user, or a seed.

An estimator keeps only a pair that names its weights: ("audioset", SHA-256), (path, SHA-256) or
(None, seed). The network itself is cached here, once a process.
"""

from __future__ import annotations

import os
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils import check_random_state

from .weights import (
    Published,
    check_hash,
    fetch,
    find_hash,
    is_at_hand,
    load_tensors,
    read_tensors,
)

__all__ = ["NETWORK", "find_weights", "is_at_hand", "load_network", "load_principal_components"]

if TYPE_CHECKING:
    from ..nn.vggish import VGGishNetwork

Weights = tuple[str | None, str | int]

NETWORK = Published(
    "https://github.com/harritaylor/torchvggish/releases/download/v0.1/vggish-10086976.pth",
    "10086976245803799d9194e9a73d9b6c1549c71d1b80106f5cade5608a561f4b",
    "vggish",
)
PRINCIPAL_COMPONENTS = Published(
    "https://storage.googleapis.com/audioset/vggish_pca_params.npz",
    "4d878af3e306defbfb37095365aa7e5a6cecb86bad13e859e626151c4e6a8b9d",
    "vggish",
)


def find_weights(weights: str | os.PathLike[str] | None, random_state: Any) -> Weights:
    """Return the pair that names weights; the published ones are downloaded if need be."""
    if weights is None:
        return None, int(check_random_state(random_state).randint(2**31 - 1))
    if weights == "audioset":
        fetch(NETWORK)
        return "audioset", NETWORK.sha256
    path = os.path.abspath(weights)
    return path, _find_hash(path)


@lru_cache(maxsize=1)
def load_network(weights: Weights, final_relu: bool) -> VGGishNetwork:
    """Return the network with the weights that a pair names, loaded once a process: 289 MB."""
    import torch

    source, name = weights
    if source is None:
        network = _make_random_network(int(name), final_relu)
    else:
        path = fetch(NETWORK) if source == "audioset" else source
        has = f"The weights in {path!r} have"
        check_hash(_find_hash(path), str(name), has, "when VGGish was fitted")
        network = _read_network(path, final_relu)
    # With the filters of a pixel side by side, the convolutions take three quarters of the time.
    return network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]


def load_principal_components() -> tuple[NDArray, NDArray]:
    """Return the published eigenvectors of shape (128, 128) and means of shape (128,)."""
    with np.load(fetch(PRINCIPAL_COMPONENTS)) as arrays:
        return arrays["pca_eigen_vectors"], arrays["pca_means"].ravel()


def _find_hash(path: str) -> str:
    cure = "weights='audioset' or the path of a file of VGGish weights"
    return find_hash(path, f"The weights in {path!r}", cure)


def _make_random_network(seed: int, final_relu: bool) -> VGGishNetwork:
    import torch

    from .._torch import random_guard
    from ..nn.vggish import VGGishNetwork

    with random_guard(seed, torch.device("cpu")):
        return VGGishNetwork(final_relu=final_relu)


def _read_network(path: str, final_relu: bool) -> VGGishNetwork:
    import torch

    from ..nn.vggish import VGGishNetwork

    with torch.device("meta"):  # 289 MB need not be drawn at random to be overwritten
        network = VGGishNetwork(final_relu=final_relu)
    try:
        load_tensors(network, read_tensors(path))
    except ValueError as error:
        raise ValueError(
            f"{path!r} does not hold weights of VGGish: {error}; the published file is "
            f"{NETWORK.url} (SHA-256 {NETWORK.sha256})."
        ) from error
    return network
