"""Files of published weights: found or downloaded once, checked, and read into a network."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Callable, Mapping
from functools import lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ..datasets import get_data_home
from ..datasets.download import download

if TYPE_CHECKING:
    import torch


MAX_BYTES = 2**29  # of a file of weights; those of VGGish have 289 MB


class Published(NamedTuple):
    """A file on the internet, what its bytes must hash to, and its folder in the data home."""

    url: str
    sha256: str
    folder: str


def fetch(published: Published) -> str:
    """Return the path of a published file, downloaded unless the data home has those bytes.

    Raises
    ------
    OSError
        If it cannot be downloaded or has another hash. Nothing is left behind then.
    """
    path = _place(published)
    if not is_at_hand(published):
        try:
            _download(published, path)
        except OSError as error:
            raise OSError(
                f"{published.url} could not be downloaded ({error}); where there is no network, "
                f"copy the file with SHA-256 {published.sha256} to {path!r}."
            ) from error
    return path


def _download(published: Published, path: str) -> None:
    folder = os.path.dirname(path)
    os.makedirs(folder, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder, prefix=".download-") as scratch:
        received = Path(scratch, "weights")
        download(published.url, received, max_bytes=MAX_BYTES)
        found = hash_file(str(received))
        if found != published.sha256:
            raise OSError(f"SHA-256 hash {found}, not {published.sha256}")
        os.replace(received, path)


def is_at_hand(published: Published) -> bool:
    """Whether the data home has the bytes of a published file."""
    path = _place(published)
    return os.path.exists(path) and hash_file(path) == published.sha256


def _place(published: Published) -> str:
    return os.path.join(get_data_home(), published.folder, published.url.rpartition("/")[2])


def hash_file(path: str) -> str:
    """Return the SHA-256 of a file; one that has not changed since is not read again."""
    status = os.stat(path)
    return _hash_known_file(path, status.st_size, status.st_mtime_ns)


@lru_cache(maxsize=8)
def _hash_known_file(path: str, size: int, mtime_ns: int) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read_tensors(path: str) -> dict[str, torch.Tensor]:
    """Return the tensors in a file by name; nothing in it is executed.

    Parameters
    ----------
    path : str
        A file of ``torch.save``, or ending in ".npz", or in ".safetensors", which needs that
        package. The tensors may stand one dict below, under "model_state" or "state_dict".

    Raises
    ------
    ValueError
        If there is no dict of tensors; it says what stands in the way.
    """
    import torch

    read: Callable[[str], dict[str, Any]]
    if path.endswith(".safetensors"):
        from safetensors.torch import load_file

        read = load_file
    elif path.endswith(".npz"):
        read = _read_arrays
    else:
        read = partial(torch.load, map_location="cpu", weights_only=True)
    try:
        content: Any = read(path)
        for key in ("model_state", "state_dict"):
            content = content.get(key, content)
        return {str(name): tensor.detach() for name, tensor in content.items()}
    except Exception as error:  # what parsers raise for other bytes has no common class
        raise ValueError(f"no dict of tensors ({type(error).__name__})") from error


def _read_arrays(path: str) -> dict[str, torch.Tensor]:
    import torch

    with np.load(path, allow_pickle=False) as arrays:
        return {name: torch.from_numpy(arrays[name]) for name in arrays}


def load_tensors(network: torch.nn.Module, tensors: Mapping[str, torch.Tensor]) -> None:
    """Give a network tensors with its own names and shapes, as float32.

    Raises
    ------
    ValueError
        If a name or a shape differs; it says which is the first.
    """
    expected = network.state_dict()
    for name in sorted(tensors.keys() | expected.keys()):
        shapes = [tuple(t[name].shape) if name in t else "missing" for t in (tensors, expected)]
        if shapes[0] != shapes[1]:
            raise ValueError(f"{name!r} is {shapes[0]} in the file and {shapes[1]} in the network")
    network.load_state_dict(
        {name: t.float() if t.is_floating_point() else t for name, t in tensors.items()},
        assign=True,
    )
