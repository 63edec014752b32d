"""Files of published weights: found or downloaded once, checked, and read into a network."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from .._files import hash_file
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
    """Return the path of a published file, downloaded unless the data home has those bytes."""
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
    # Whatever goes wrong, nothing is left behind, and nobody finds half a file.
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


# An estimator keeps the path and the SHA-256 of a file, from `find_hash` in `fit`. Before the bytes
# are read, `check_hash` looks whether they are still the same: others are other embeddings.


def find_hash(path: str, subject: str, cure: str) -> str:
    """Return the SHA-256 of a file; an error names the file as `subject` does, and the cure."""
    try:
        return hash_file(path)
    except OSError as error:
        raise type(error)(f"{subject} cannot be read ({error.strerror}); pass {cure}.") from error


def check_hash(found: str, sha256: str, subject: str, when: str = "in fit") -> None:
    """Raise a ValueError, which begins with `subject`, if a file has other bytes than in `fit`."""
    if found != sha256:
        raise ValueError(
            f"{subject} SHA-256 {found}, and had {sha256} {when}; bring that file back or fit "
            "again."
        )


def read_tensors(path: str) -> dict[str, torch.Tensor]:
    """Return the tensors in a file by name; nothing in it is executed."""
    # Of torch.save, or ending in ".npz" or ".safetensors". The tensors may stand one dict below.
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
    """Give a network tensors as float32; raise for the first whose name or shape is not its own."""
    expected = network.state_dict()
    for name in sorted(tensors.keys() | expected.keys()):
        shapes = [tuple(t[name].shape) if name in t else "missing" for t in (tensors, expected)]
        if shapes[0] != shapes[1]:
            raise ValueError(f"{name!r} is {shapes[0]} in the file and {shapes[1]} in the network")
    network.load_state_dict(
        {name: t.float() if t.is_floating_point() else t for name, t in tensors.items()},
        assign=True,
    )
