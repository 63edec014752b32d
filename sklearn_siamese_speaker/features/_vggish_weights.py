"""Where the weights of VGGish come from: the published files, a file of one's own, or a seed.

Weights are named by a pair, which is all that an estimator keeps of them: ("audioset", SHA-256),
(path, SHA-256) or (None, seed). The network itself is kept here, once for the process.
"""

from __future__ import annotations

import hashlib
import os
from functools import lru_cache, partial
from typing import NamedTuple

import numpy as np
from sklearn.utils import check_random_state

from ..datasets import get_data_home


class Published(NamedTuple):
    """A file on the internet and what its bytes must hash to."""

    url: str
    sha256: str


NETWORK = Published(
    "https://github.com/harritaylor/torchvggish/releases/download/v0.1/vggish-10086976.pth",
    "10086976245803799d9194e9a73d9b6c1549c71d1b80106f5cade5608a561f4b",
)
PRINCIPAL_COMPONENTS = Published(
    "https://storage.googleapis.com/audioset/vggish_pca_params.npz",
    "4d878af3e306defbfb37095365aa7e5a6cecb86bad13e859e626151c4e6a8b9d",
)


def find_weights(weights, random_state):
    """Return the pair that names weights; the published ones are downloaded if need be."""
    if weights is None:
        return None, int(check_random_state(random_state).randint(2**31 - 1))
    if weights == "audioset":
        fetch(NETWORK)
        return "audioset", NETWORK.sha256
    path = os.path.abspath(weights)
    return path, _hash_file(path)


@lru_cache(maxsize=1)
def load_network(weights, final_relu):
    """Return the network with the weights that a pair names.

    The last one is remembered: 289 MB once, however many estimators and clones of them there are.
    """
    import torch

    source, name = weights
    if source is None:
        network = _make_random_network(name, final_relu)
    else:
        network = _read_network(_find_file(source, name), final_relu)
    # With the filters of a pixel side by side, the convolutions take three quarters of the time.
    return network.to(memory_format=torch.channels_last)


def load_principal_components():
    """Return the published eigenvectors of shape (128, 128) and means of shape (128,)."""
    with np.load(fetch(PRINCIPAL_COMPONENTS)) as arrays:
        return arrays["pca_eigen_vectors"], arrays["pca_means"].ravel()


def fetch(published):
    """Return the path of a published file, downloaded unless the data home has those bytes.

    Raises
    ------
    OSError
        If it cannot be downloaded or has another hash. Nothing is left behind then.
    """
    import pooch

    path = _place(published)
    if not is_at_hand(published):
        try:
            pooch.retrieve(
                published.url,
                f"sha256:{published.sha256}",
                fname=os.path.basename(path),
                path=os.path.dirname(path),
            )
        except (OSError, ValueError) as error:
            raise OSError(
                f"{published.url} could not be downloaded ({error}); where there is no network, "
                f"copy the file with SHA-256 {published.sha256} to {path!r}."
            ) from error
    return path


def is_at_hand(published):
    """Whether the data home has the bytes of a published file."""
    path = _place(published)
    return os.path.exists(path) and _hash_file(path) == published.sha256


def _place(published):
    return os.path.join(get_data_home(), "vggish", published.url.rpartition("/")[2])


def _find_file(source, sha256):
    """Return the path of weights that were found before, if they still have the same bytes."""
    path = fetch(NETWORK) if source == "audioset" else source
    found = _hash_file(path)
    if found != sha256:
        raise ValueError(
            f"The weights in {path!r} have SHA-256 {found}, and had {sha256} when VGGish was "
            "fitted; bring that file back or fit again."
        )
    return path


def _hash_file(path):
    try:
        status = os.stat(path)
        return _hash_known_file(path, status.st_size, status.st_mtime_ns)
    except OSError as error:
        raise type(error)(
            f"The weights in {path!r} cannot be read ({error.strerror}); pass weights='audioset' "
            "or the path of a file of VGGish weights."
        ) from error


@lru_cache(maxsize=8)
def _hash_known_file(path, size, mtime_ns):
    """Return the SHA-256; a file that has not changed since is not read again."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _make_random_network(seed, final_relu):
    import torch

    from .._torch import random_guard
    from ..nn._vggish import VGGishNetwork

    with random_guard(seed, torch.device("cpu")):
        return VGGishNetwork(final_relu=final_relu)


def _read_network(path, final_relu):
    import torch

    from ..nn._vggish import VGGishNetwork

    with torch.device("meta"):  # 289 MB need not be drawn at random to be overwritten
        network = VGGishNetwork(final_relu=final_relu)
    tensors = _read_tensors(path)
    _check_shapes(path, tensors, network.state_dict())
    network.load_state_dict({name: t.float() for name, t in tensors.items()}, assign=True)
    return network


def _read_tensors(path):
    """Return the tensors in a file by name; nothing in it is executed."""
    import torch

    if path.endswith(".safetensors"):
        from safetensors.torch import load_file as read
    else:
        read = partial(torch.load, map_location="cpu", weights_only=True)
    try:
        return {str(name): tensor.detach() for name, tensor in read(path).items()}
    except Exception as error:  # what parsers raise for other bytes has no common class
        raise _wrong_file(path, f"no dict of tensors ({type(error).__name__})") from error


def _check_shapes(path, tensors, expected):
    for name in sorted(tensors.keys() | expected.keys()):
        shapes = [tuple(t[name].shape) if name in t else "missing" for t in (tensors, expected)]
        if shapes[0] != shapes[1]:
            reason = f"{name!r} is {shapes[0]} in the file and {shapes[1]} in the network"
            raise _wrong_file(path, reason)


def _wrong_file(path, reason):
    return ValueError(
        f"{path!r} does not hold weights of VGGish: {reason}; the published file is {NETWORK.url} "
        f"(SHA-256 {NETWORK.sha256})."
    )
