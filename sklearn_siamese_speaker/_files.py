"""Files are written as a whole or not at all; recordings are told apart by what they hold."""

from __future__ import annotations

import hashlib
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import lru_cache
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray


@contextmanager
def replacing(
    path: str | PathLike[str], *, prefix: str = ".", suffix: str = "", private: bool = False
) -> Iterator[str]:
    """Yield the name of a file to write; it takes the place of `path` once it is complete."""
    # Whatever happens, the old file or the new one is whole. A `private` file is for its owner
    # only, another has the permissions of any new file. The body closes what it opens.
    path = Path(path)
    scratch = str(path.with_name(f"{prefix}{secrets.token_hex(8)}{suffix or path.suffix}"))
    # Not by `tempfile`, whose files are for their owner only.
    os.close(os.open(scratch, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600 if private else 0o666))
    try:
        yield scratch
        _flush(scratch)
        os.replace(scratch, path)
    finally:
        with suppress(FileNotFoundError):
            os.remove(scratch)


def _flush(path: str) -> None:
    """Have the content on the disk before the name: after a power cut the file is not empty."""
    with open(path, "rb+") as file:
        os.fsync(file.fileno())


# Which recording is it? What these return is kept in stores, frame stores and caches: with another
# formula they would not know their recordings again.


def hash_content(recording: Any) -> str:
    """Return the SHA-256 of what a recording holds, be it a file or an array of samples."""
    if isinstance(recording, str | PathLike):
        return hash_file(recording)
    return hash_samples(recording)


def hash_file(path: str | PathLike[str]) -> str:
    """Return the SHA-256 of a file; one that has not changed since is not read again."""
    status = os.stat(path)
    return _hash_known_file(os.fspath(path), status.st_size, status.st_mtime_ns)


@lru_cache(maxsize=8)
def _hash_known_file(path: str, size: int, mtime_ns: int) -> str:
    return read_and_hash(path)


def read_and_hash(path: str | PathLike[str]) -> str:
    """Return the SHA-256 of a file, read even if its size and its time are those of before."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def hash_samples(samples: ArrayLike) -> str:
    """Return the SHA-256 of an array and of its kind."""
    array = np.ascontiguousarray(samples)
    kind = f"{array.dtype.str} {array.shape} ".encode()
    return hashlib.sha256(kind + array.tobytes()).hexdigest()


def describe_unread(recording: Any) -> bytes:
    """Return path, size and time of a file, which is not read, or the samples of an array."""
    if not isinstance(recording, str | PathLike):
        array = np.asarray(recording)
        return f"{array.dtype} {array.shape}".encode() + array.tobytes()
    name = os.fsencode(os.path.abspath(recording))
    with suppress(OSError):  # who reads the file says what is wrong with it
        status = os.stat(recording)
        name += f" {status.st_size} {status.st_mtime_ns}".encode()
    return name


def digest_of(array: NDArray) -> int:
    """Return 64 bits that tell the content of an array from any other."""
    return int.from_bytes(hashlib.blake2b(array.data, digest_size=8).digest(), "little")
