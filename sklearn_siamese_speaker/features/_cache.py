"""Frames kept between calls: found again by content, and never those of a damaged file."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable
from os import PathLike, fspath
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.validation import check_memory

from .._audio import Recording, warn_caller

FORMAT = 1  # part of every key: raised when the same recording gets frames of other bits
_DIGEST_SIZE = 16  # bytes

Extract = Callable[[Recording], NDArray[np.float32]]


def cache_frames(extract: Extract, memory: Any, name: str, parameters: dict[str, Any]) -> Extract:
    """Return a function that extracts the frames of a recording once; `name` is the front end's."""
    memory = fspath(memory) if isinstance(memory, PathLike) else memory
    cached = check_memory(memory).cache(_extract_sealed, ignore=["extract", "recording"])

    def find_or_extract(recording: Recording) -> NDArray[np.float32]:
        arguments = extract, recording, recording.fingerprint(), name, parameters, FORMAT
        frames = _unseal(cached(*arguments))
        if frames is not None:
            return frames
        if hasattr(cached, "call_and_shelve"):  # the next call fills its place
            cached.call_and_shelve(*arguments).clear()
        warn_caller(
            f"The frames of X[{recording.index}] {recording.path or 'waveform'!r} are damaged in "
            f"memory={memory!r} and were extracted again; check that disk."
        )
        return extract(recording)

    return find_or_extract


# joblib finds what it keeps by the address of this function and by the names of its arguments, and
# empties the cache when the text of the function has changed. To change a character of it throws
# away the frames of all users.
def _extract_sealed(
    extract: Extract,
    recording: Recording,
    fingerprint: Any,
    name: str,
    parameters: dict[str, Any],
    version: int,
) -> bytes:
    """Extract frames that joblib knows by the last four arguments."""
    frames = extract(recording)
    if recording.fingerprint() != fingerprint:
        raise recording.fault("changed while it was read; try again when it is written.")
    return _seal(frames)


def _seal(frames: NDArray) -> bytes:
    """Return a digest, and the array as a .npy file."""
    file = io.BytesIO()
    np.save(file, frames, allow_pickle=False)
    content = file.getvalue()
    return _digest(content) + content


def _unseal(sealed: Any) -> NDArray | None:
    """Return the array, None if these are not the bytes that `_seal` returned."""
    if not isinstance(sealed, bytes):
        return None
    content = sealed[_DIGEST_SIZE:]
    if _digest(content) != sealed[:_DIGEST_SIZE]:
        return None
    return np.load(io.BytesIO(content), allow_pickle=False)


def _digest(content: bytes) -> bytes:
    return hashlib.blake2b(content, digest_size=_DIGEST_SIZE).digest()
