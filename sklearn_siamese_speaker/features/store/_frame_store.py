"""Frames on disk: the recordings of a corpus that does not fit into memory, as a sequence."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from copy import copy
from numbers import Integral
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..._audio import Recordings
from ..._files import digest_of
from ..base import Frames, RecordingTransformer
from ._frame_files import digest_of_records, open_store
from ._frame_writer import write_store


class FrameStore(Sequence[Frames]):
    """Frames of many recordings in a folder, read from disk when they are asked for.

    A store is a sequence of arrays of shape (n_features, n_frames_i), and can be passed wherever a
    list of them can: to :class:`FramePooling`, :class:`SiameseSpeakerEncoder`, scorers, splitters
    and searches. Memory then grows with the batch and not with the corpus. A slice, a mask or an
    array of positions gives a store of these recordings, which reads nothing; a number gives the
    frames of one. A store is pickled as its path: other processes and machines must be able to
    read it.

    :meth:`write` makes one. The folder holds NumPy's own files, which any program can map into
    memory: ``frames.npy``, all recordings one after another; ``recordings.npy``, the number of
    frames and a digest of each; ``labels.npy`` and ``groups.npy``; and ``store.json``, which is
    written last.

    Read more in the :ref:`User Guide <frame_store>`.

    Parameters
    ----------
    path : path-like
        Folder of the store.

    Attributes
    ----------
    path : pathlib.Path
        Absolute path of the folder.

    n_features : int
        Features of a frame.

    n_frames : ndarray of shape (n_samples,), int
        Frames of each recording.

    y, groups : ndarray of shape (n_samples,) or None
        Speaker and session of each recording, as given to `write`.

    dtype : numpy.dtype
        Of the numbers on disk, float32 or float16. Frames come back as float32.

    digest : str
        Equal for equal frames in equal order.

    shape : tuple
        ``(n_samples,)``; ``(n_samples, n_features)`` where every recording is one frame, as an
        embedding is: NumPy and scikit-learn then take the store as such an array.

    See Also
    --------
    FramePooling : One vector of each recording.
    SiameseSpeakerEncoder : Learns from frames.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from sklearn_siamese_speaker import MFCC, FramePooling
    >>> from sklearn_siamese_speaker.datasets import make_speakers
    >>> from sklearn_siamese_speaker.features import FrameStore
    >>> X, y = make_speakers(n_speakers=3, n_recordings=2, duration=1.0, random_state=0)
    >>> folder = TemporaryDirectory()
    >>> store = FrameStore.write(folder.name, MFCC(), X, y)
    >>> len(store), store[0].shape, store.y.tolist()
    (6, (40, 101), ['speaker00', 'speaker00', 'speaker01', 'speaker01', 'speaker02', 'speaker02'])
    >>> FramePooling().fit_transform(store[:4]).shape
    (4, 80)
    >>> folder.cleanup()
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path).absolute()
        stored = open_store(self.path)
        self.n_features = stored.n_features
        self._records = stored.records
        self._numbers = stored.numbers
        self._labels = stored.labels
        self._groups = stored.groups
        self._ends = self.n_features * np.cumsum(self._records["n_frames"])
        self._holds_vectors = bool(np.all(self._records["n_frames"] == 1))
        self._rows: NDArray[np.intp] | None = None  # all of them

    @classmethod
    def write(
        cls,
        path: str | os.PathLike[str],
        front_end: RecordingTransformer,
        X: Recordings,
        y: ArrayLike | None = None,
        groups: ArrayLike | None = None,
        *,
        n_jobs: int | None = None,
        dtype: str = "float32",
    ) -> Self:
        """Extract frames into a store, in parallel, one small batch after another.

        After an interruption, call it again: it continues behind the recordings that the store has,
        and the result has the same bits. In the same way, a finished store takes further recordings
        at the end of `X`. A recording is identified by the parameters of the front end and by path,
        size and time of its file, or by its samples.

        Parameters
        ----------
        path : path-like
            Folder of the store; is made.

        front_end : transformer of recordings
            Such as :class:`MFCC`, or an encoder that comes trained, whose embeddings are kept as
            recordings of one frame.

        X : list of paths, list of arrays of shape (n_times_i,), or array of shape (n_samples, \
                n_times)
            Recordings.

        y : array-like of shape (n_samples,), default=None
            The speaker of each recording, kept beside the frames.

        groups : array-like of shape (n_samples,), default=None
            The session of each recording, kept as well.

        n_jobs : int, default=None
            Number of jobs, see the scikit-learn glossary. None is that of the front end. With
            joblib's backend "dask", workers extract and this process writes.

        dtype : {"float32", "float16"}, default="float32"
            How numbers are kept. float16 takes half the space and keeps three digits.

        Returns
        -------
        store : FrameStore
            The store, complete.

        Raises
        ------
        AudioError
            If recordings cannot be used; the first ten are named. What was extracted before the
            first of them stays in the folder: repair or leave out what is named, and call again.

        FileExistsError
            If the folder holds other recordings, or frames of another front end.

        BlockingIOError
            If another process is writing this store.

        ValueError
            If frames are beyond the range of float16.
        """
        write_store(Path(path), front_end, X, y, groups, n_jobs=n_jobs, dtype=dtype)
        return cls(path)

    def __len__(self) -> int:
        return len(self._records if self._rows is None else self._rows)

    def __getitem__(self, key: Any) -> Any:
        if isinstance(key, tuple):  # scikit-learn indexes as in ``X[key, ...]``
            key = key[0]
        if isinstance(key, Integral):
            position = range(len(self))[int(key)]
            return self._read(position if self._rows is None else self._rows[position])
        subset = copy(self)
        subset._rows = self._all_rows()[key]
        return subset

    def __iter__(self) -> Iterator[Frames]:
        return map(self._read, range(len(self)) if self._rows is None else self._rows)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray:
        """Return the vectors of recordings of one frame, such as embeddings, as rows."""
        if not self._holds_vectors:
            raise TypeError(
                "A FrameStore holds recordings of several frames, of which no array of shape "
                "(n_samples, n_features) can be made. Put FramePooling or a SiameseSpeakerEncoder "
                "before an estimator of vectors; list(store) loads all frames."
            )
        vectors = self._numbers.reshape(-1, self.n_features)
        vectors = vectors if self._rows is None else vectors[self._rows]
        return np.asarray(vectors, dtype=np.float32 if dtype is None else dtype)

    def __repr__(self) -> str:
        sizes = f"n_samples={len(self)}, n_features={self.n_features}"
        return f"{type(self).__name__}({str(self.path)!r}, {sizes})"

    def __getstate__(self) -> dict[str, Any]:
        return {"path": self.path, "rows": self._rows, "digest": self.digest}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(state["path"])  # type: ignore[misc]
        self._rows = state["rows"]
        if self.digest != state["digest"]:
            raise ValueError(
                f"The frame store {self.path} has been written anew since it was pickled; pickle "
                "it again."
            )

    @property
    def shape(self) -> tuple[int, ...]:
        """As of an array, so that scikit-learn indexes a store as it does an array."""
        return (len(self), self.n_features) if self._holds_vectors else (len(self),)

    @property
    def dtype(self) -> np.dtype:
        """Of the numbers on disk."""
        return self._numbers.dtype

    @property
    def n_frames(self) -> NDArray[np.int64]:
        """Frames of each recording."""
        return self._chosen(self._records["n_frames"])

    @property
    def y(self) -> NDArray | None:
        """Speaker of each recording."""
        return None if self._labels is None else self._chosen(self._labels)

    @property
    def groups(self) -> NDArray | None:
        """Session of each recording."""
        return None if self._groups is None else self._chosen(self._groups)

    @property
    def digest(self) -> str:
        """Equal for equal frames in equal order."""
        return digest_of_records(self._chosen(self._records), self.n_features, self.dtype)

    def verify(self) -> None:
        """Read all frames and compare them with the digests that were taken when writing.

        Raises
        ------
        OSError
            If a recording is not what was written.
        """
        for row in self._all_rows():
            if digest_of(self._stored(row)) != self._records["digest"][row]:
                raise OSError(
                    f"The frame store {self.path} is damaged: the frames of recording {row} are "
                    "not those that were written. Delete the folder, write it again, and check "
                    "that disk."
                )

    def _all_rows(self) -> NDArray[np.intp]:
        return np.arange(len(self._records)) if self._rows is None else self._rows

    def _chosen(self, column: NDArray) -> NDArray:
        return column if self._rows is None else column[self._rows]

    def _read(self, row: int) -> Frames:
        return self._stored(row).astype(np.float32, copy=False)

    def _stored(self, row: int) -> NDArray:
        end, n_frames = self._ends[row], self._records["n_frames"][row]
        numbers = self._numbers[end - n_frames * self.n_features : end]
        return numbers.reshape(self.n_features, n_frames)
