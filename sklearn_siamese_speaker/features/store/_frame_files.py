"""The files of a frame store: NumPy's own format, and what says that they are complete."""

from __future__ import annotations

import io
import json
import os
from hashlib import blake2b
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from ..._files import replacing

FORMAT = 1
FRAMES, RECORDS, ABOUT = "frames.npy", "recordings.npy", "store.json"
LABELS, GROUPS = "labels.npy", "groups.npy"
# Of each recording: its frames, a digest of them as they are stored, and of what they came from.
RECORD = np.dtype([("n_frames", "<i8"), ("digest", "<u8"), ("source", "<u8")])


class StoredFrames(NamedTuple):
    """What the files of a store hold."""

    n_features: int
    records: NDArray  # (n_samples,), RECORD
    numbers: NDArray  # of all recordings, one after another, mapped into memory
    labels: NDArray | None  # (n_samples,)
    groups: NDArray | None  # (n_samples,)


def open_store(path: Path) -> StoredFrames:
    """Return what the files in a folder hold; raise OSError unless they are whole."""
    about = _read_about(path)
    try:
        records = np.load(path / RECORDS, allow_pickle=False)
        # As a plain array: views of a memmap take several times as long to make.
        numbers = np.load(path / FRAMES, mmap_mode="r", allow_pickle=False).view(np.ndarray)
        labels, groups = (_load_if_there(path / name) for name in (LABELS, GROUPS))
    except (OSError, ValueError, EOFError) as error:
        raise _damaged(path, str(error)) from error
    n_features = about["n_features"]
    if digest_of_records(records, n_features, numbers.dtype) != about["digest"]:
        raise _damaged(path, f"{RECORDS} is not what was written")
    n_expected = n_features * int(records["n_frames"].sum())
    if len(numbers) != n_expected:
        raise _damaged(path, f"{FRAMES} holds {len(numbers)} numbers instead of {n_expected}")
    return StoredFrames(n_features, records, numbers, labels, groups)


def _read_about(path: Path) -> dict[str, Any]:
    try:
        about = json.loads((path / ABOUT).read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        reason = "an unfinished frame store" if (path / RECORDS).exists() else "no frame store"
        raise FileNotFoundError(
            f"{path} holds {reason}; call FrameStore.write, which goes on where it was cut off."
        ) from error
    except ValueError as error:
        raise _damaged(path, f"{ABOUT} is no JSON") from error
    if not isinstance(about, dict) or about.get("format") != FORMAT:
        raise _damaged(path, f"{ABOUT} is not of format {FORMAT}, which this version reads")
    return about


def _damaged(path: Path, reason: str) -> OSError:
    return OSError(f"The frame store {path} is damaged: {reason}. Delete it and write it again.")


def _load_if_there(path: Path) -> NDArray | None:
    return np.load(path, allow_pickle=False) if path.exists() else None


def write_about(path: Path, **about: Any) -> None:
    """Write, at once, the file that makes a store complete."""
    with replacing(path / ABOUT) as scratch:
        text = json.dumps({"format": FORMAT, **about}, indent=1)
        Path(scratch).write_text(text, encoding="utf-8")


def digest_of_records(records: NDArray, n_features: int, dtype: np.dtype) -> str:
    """Return a digest, in hexadecimal, of the frames of recordings."""
    digest = blake2b(f"{n_features} {dtype.str}".encode(), digest_size=16)
    digest.update(records["n_frames"].tobytes())
    digest.update(records["digest"].tobytes())
    return digest.hexdigest()


class GrowingArray:
    """A one-dimensional .npy file that grows at its end; its header is right once closed."""

    # NumPy leaves space in the header of every .npy file for the length to grow.

    def __init__(self, path: Path, dtype: np.dtype) -> None:
        self.dtype = dtype
        self._start = len(self._header(0))
        path.touch()
        # Unbuffered: what was appended survives the process.
        self._file = open(path, "r+b", buffering=0)  # noqa: SIM115 - `close` closes it
        if self._size() < self._start:
            self._file.truncate(0)
            self._write(self._header(0))

    def __len__(self) -> int:
        return (self._size() - self._start) // self.dtype.itemsize

    def read(self) -> NDArray:
        """Return all rows."""
        self._file.seek(self._start)
        return np.frombuffer(self._file.read(), self.dtype, len(self))

    def append(self, rows: NDArray) -> None:
        """Write further rows."""
        self._file.seek(0, os.SEEK_END)
        self._write(np.ascontiguousarray(rows, self.dtype).data.cast("B"))

    def cut(self, length: int) -> None:
        """Leave only so many rows, and no part of one behind them."""
        self._file.truncate(self._start + length * self.dtype.itemsize)

    def close(self) -> None:
        """Write the number of rows into the header, and close the file."""
        header = self._header(len(self))
        self._file.seek(0)
        self._write(header)
        self._file.close()

    def fileno(self) -> int:
        """Return the descriptor of the file."""
        return self._file.fileno()

    def _write(self, content: bytes | memoryview) -> None:
        while len(content):
            content = content[self._file.write(content) :]

    def _size(self) -> int:
        return self._file.seek(0, os.SEEK_END)

    def _header(self, length: int) -> bytes:
        header = io.BytesIO()
        descr = npy.dtype_to_descr(self.dtype)
        npy.write_array_header_1_0(
            header, {"descr": descr, "fortran_order": False, "shape": (length,)}
        )
        return header.getvalue()
