"""Files: written as a whole or not at all, and told apart by their content."""

from __future__ import annotations

import hashlib
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import lru_cache
from os import PathLike
from pathlib import Path

from numpy import ascontiguousarray
from numpy.typing import NDArray


@contextmanager
def replacing(
    path: str | PathLike[str], *, prefix: str = ".", suffix: str = "", private: bool = False
) -> Iterator[str]:
    """Yield the name of a file to write; it takes the place of `path` once it is complete.

    Whatever happens, the old file or the new one is whole. `private` is for its owner only; else
    the file has the permissions of any new file. The body closes what it opens.
    """
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


def hash_file(path: str | PathLike[str]) -> str:
    """Return the SHA-256 of a file; one that has not changed since is not read again."""
    status = os.stat(path)
    return _hash_known_file(os.fspath(path), status.st_size, status.st_mtime_ns)


@lru_cache(maxsize=8)
def _hash_known_file(path: str, size: int, mtime_ns: int) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def hash_samples(samples: NDArray) -> str:
    """Return the SHA-256 of an array and of its kind."""
    samples = ascontiguousarray(samples)
    kind = f"{samples.dtype.str} {samples.shape} ".encode()
    return hashlib.sha256(kind + samples.tobytes()).hexdigest()
