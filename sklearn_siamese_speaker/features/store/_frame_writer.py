"""How a frame store is written: in parallel, in order, and continued after an interruption."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

import joblib
import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import clone
from sklearn.utils import check_consistent_length

from ..._audio import AudioError, Recordings, raise_faults, warn_of_doubts
from ..._files import describe_unread, digest_of
from ..._labels import check_speakers
from ..._progress import Progress
from ..base import RecordingTransformer
from ._frame_files import (
    ABOUT,
    FRAMES,
    GROUPS,
    LABELS,
    RECORD,
    RECORDS,
    GrowingArray,
    digest_of_records,
    write_about,
)

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

_DTYPES: dict[str, np.dtype] = {"float32": np.dtype("<f4"), "float16": np.dtype("<f2")}


def write_store(
    path: Path,
    front_end: RecordingTransformer,
    X: Recordings,
    y: ArrayLike | None,
    groups: ArrayLike | None,
    *,
    n_jobs: int | None,
    dtype: str,
) -> None:
    """Write the files of a store; see `FrameStore.write`."""
    front_end, recordings = _check_front_end(front_end, X, n_jobs)
    if dtype not in _DTYPES:
        raise ValueError(f"dtype={dtype!r} must be 'float32' or 'float16'.")
    labels = None if y is None else _as_saved(check_speakers(y))
    sessions = None if groups is None else _as_saved(_check_groups(groups))
    check_consistent_length(recordings, labels, sessions)
    sources = _sources(front_end, recordings, dtype)
    path.mkdir(parents=True, exist_ok=True)
    with FrameWriter(path, front_end._n_features_out, _DTYPES[dtype], sources) as writer:
        _extract(front_end, recordings, writer)
        writer.finish(labels, sessions)


def _check_front_end(
    front_end: RecordingTransformer, X: Recordings, n_jobs: int | None
) -> tuple[RecordingTransformer, Any]:
    """Return a fitted copy of the front end, and `X` as it extracts from it."""
    if not isinstance(front_end, RecordingTransformer):
        raise TypeError(
            "front_end must be a front end such as MFCC() or an encoder that comes trained, got "
            f"{type(front_end).__name__}; what follows it is fitted on the store."
        )
    front_end = clone(front_end)
    if n_jobs is not None:
        front_end.set_params(n_jobs=n_jobs)
    front_end._validate_params()
    return front_end, front_end._check_input(X, reset=True)


def _check_groups(groups: ArrayLike) -> NDArray:
    array = np.asarray(groups)
    for i, group in enumerate(array) if array.dtype == object else ():
        if not isinstance(group, str):
            raise ValueError(f"groups[{i}] is {group!r}; groups are all strings or all numbers.")
    return array


def _as_saved(labels: NDArray) -> NDArray:
    """Return labels in a dtype that a file holds without pickle."""
    return labels.astype(str) if labels.dtype == object else labels


def _sources(front_end: RecordingTransformer, recordings: Any, dtype: str) -> NDArray[np.uint64]:
    """Return, for each recording, a digest of all that decides its frames."""
    decides = joblib.hash((type(front_end).__qualname__, front_end._identity(), dtype)).encode()
    return np.array(
        [
            digest_of(np.frombuffer(decides + describe_unread(recording), np.uint8))
            for recording in recordings
        ],
        dtype=np.uint64,
    )


def _extract(front_end: RecordingTransformer, recordings: Any, writer: FrameWriter) -> None:
    """Extract what the store lacks. Nothing is written once a recording cannot be used."""
    faults: list[AudioError] = []
    doubts: list[AudioError] = []
    with Progress("Writing frames", len(recordings)) as progress:
        progress.advance(len(writer))
        for n_recordings, frames, bad, doubtful in front_end.extract_batches(
            recordings, first=len(writer)
        ):
            faults += bad
            doubts += doubtful
            if not faults:
                writer.append(frames)
            progress.advance(n_recordings)
    warn_of_doubts(doubts)
    raise_faults(faults, len(recordings))


class FrameWriter:
    """Appends recordings to the files of a store, which no other process then writes."""

    # `sources` say what the recordings are. Those that the store begins with are kept.
    # The frames of recordings are written before their records, so that what a killed process
    # leaves is whole up to the last record.

    def __init__(
        self, path: Path, n_features: int, dtype: np.dtype, sources: NDArray[np.uint64]
    ) -> None:
        self.path = path
        self.n_features = n_features
        self.dtype = dtype
        self.sources = sources

    def __enter__(self) -> Self:
        with contextlib.ExitStack() as files:
            self._records = files.enter_context(
                contextlib.closing(GrowingArray(self.path / RECORDS, RECORD))
            )
            self._lock()
            n_kept = self._count_kept()
            self._frames = files.enter_context(
                contextlib.closing(GrowingArray(self.path / FRAMES, self.dtype))
            )
            self._cut(n_kept)
            self._files = files.pop_all()
        return self

    def __exit__(self, *error: object) -> None:
        self._files.close()

    def __len__(self) -> int:
        return len(self._records)

    def append(self, frames: Sequence[NDArray[np.float32]]) -> None:
        """Write the frames of the next recordings, each (n_features, n_frames_i) or (n_dims,)."""
        stored = [self._to_stored(one, len(self) + i) for i, one in enumerate(frames)]
        records = np.empty(len(stored), RECORD)
        records["n_frames"] = [one.size // self.n_features for one in stored]
        records["digest"] = [digest_of(one) for one in stored]
        records["source"] = self.sources[len(self) :][: len(stored)]
        self._frames.append(np.concatenate([one.ravel() for one in stored]))
        self._records.append(records)

    def finish(self, labels: NDArray | None, groups: NDArray | None) -> None:
        """Write what makes the store complete."""
        for name, column in ((LABELS, labels), (GROUPS, groups)):
            (self.path / name).unlink(missing_ok=True)
            if column is not None:
                np.save(self.path / name, column, allow_pickle=False)
        digest = digest_of_records(self._records.read(), self.n_features, self.dtype)
        self.__exit__()
        write_about(self.path, n_features=self.n_features, digest=digest)

    def _lock(self) -> None:
        """Raise if another process holds the lock, which ends with the process."""
        if fcntl is None:
            return
        try:
            fcntl.flock(self._records.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise BlockingIOError(
                error.errno, f"Another process is writing the frame store {self.path}; wait for it"
            ) from error

    def _count_kept(self) -> int:
        """Return how many of the recordings are in the store; raise if it holds others."""
        there = self._records.read()["source"][: len(self.sources)]
        is_other = there != self.sources[: len(there)]
        n_kept = int(np.argmax(is_other)) if is_other.any() else len(there)
        is_precious = (self.path / ABOUT).exists() or n_kept == 0
        if n_kept < len(self) and is_precious:
            raise FileExistsError(
                f"{self.path} holds the frames of {len(self)} recordings of which the first "
                f"{n_kept} are those of X, by this front end and in this dtype. Choose another "
                "path, or delete that folder."
            )
        return n_kept

    def _cut(self, n_kept: int) -> None:
        """Leave the recordings that are kept, as far as their frames are there."""
        ends = self.n_features * np.cumsum(self._records.read()["n_frames"][:n_kept])
        n_kept = int(np.searchsorted(ends, len(self._frames), side="right"))
        (self.path / ABOUT).unlink(missing_ok=True)
        self._frames.cut(int(ends[n_kept - 1]) if n_kept else 0)
        self._records.cut(n_kept)

    def _to_stored(self, frames: NDArray[np.float32], index: int) -> NDArray:
        with np.errstate(over="ignore"):
            stored = np.ascontiguousarray(frames, self.dtype)
        if not np.isfinite(stored).all():
            raise ValueError(
                f"The frames of X[{index}] reach {np.abs(frames).max():.3g}, beyond the range of "
                "float16; pass dtype='float32'."
            )
        return stored
