"""Batches of equally long crops, drawn by a sampler of our own."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch.utils.data import Dataset

from ...features import FrameStore
from ._settings import Augmentation, Frames


class Recordings(Dataset):
    """Recordings and their speakers as a torch dataset that hands out whole batches of crops.

    Parameters
    ----------
    frames : sequence of ndarray of shape (n_features, n_frames_i), float32
        The recordings.
    speakers : ndarray of shape (n_samples,), int
        Their speakers as 0 .. n_speakers - 1.
    crop_frames : int
        Length of every crop; a shorter recording is repeated to it.
    augment : sequence of callables
        ``(batch, generator) -> batch``, applied in this order to each batch.
    """

    def __init__(
        self,
        frames: Sequence[NDArray[np.float32]],
        speakers: ArrayLike,
        crop_frames: int,
        augment: Sequence[Augmentation] = (),
    ) -> None:
        self.frames = frames
        self.speakers = torch.from_numpy(np.asarray(speakers, dtype=np.int64))
        self.crop_frames = crop_frames
        self.augment = tuple(augment)

    def __len__(self) -> int:
        return len(self.frames)

    def batch(
        self, indices: list[int], generator: torch.Generator
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return crops ``(batch, n_features, crop_frames)`` of these recordings, and speakers."""
        crops = np.stack(
            [random_crop(self.frames[i], self.crop_frames, generator) for i in indices]
        )
        batch = torch.from_numpy(crops)
        for change in self.augment:
            batch = change(batch, generator)
        return batch, self.speakers[indices]


def random_crop(recording: NDArray, n_frames: int, generator: torch.Generator) -> NDArray:
    """Cut `n_frames` from a random place of ``(n_features, n_frames_i)``; repeat a short one."""
    available = recording.shape[1]
    if available < n_frames:
        recording = np.tile(recording, (1, -(-n_frames // available)))
    last_start = recording.shape[1] - n_frames
    start = int(torch.randint(last_start + 1, (), generator=generator))
    return recording[:, start : start + n_frames]


def select(frames: Frames, is_chosen: NDArray[np.bool_]) -> Frames:
    """Return some of the recordings, without a copy and without reading a store."""
    if isinstance(frames, FrameStore):
        return frames[is_chosen]
    return [frames[i] for i in np.flatnonzero(is_chosen).tolist()]


class FurtherSpeakers(Sequence[NDArray[np.float32]]):
    """Recordings and, behind them, their copies of further speakers, made when they are asked for.

    Parameters
    ----------
    frames : sequence of ndarray of shape (n_features, n_frames_i)
        The recordings.
    changes : sequence
        Those with a method `further_speakers` make the copies, the others are passed over.
    """

    def __init__(self, frames: Frames, changes: Sequence[Any]) -> None:
        self.frames = frames
        self._copies: list[tuple[Any, int]] = []  # which change, which of what it makes
        for change in changes:
            if hasattr(change, "further_speakers"):
                n_copies = len(list(change.further_speakers(_as_tensor(frames[0]))))
                self._copies += [(change, which) for which in range(n_copies)]

    def __len__(self) -> int:
        return len(self.frames) * (1 + len(self._copies))

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return [self[i] for i in range(len(self))[index]]
        copy, row = divmod(range(len(self))[index], len(self.frames))
        recording = self.frames[row]
        if copy == 0:
            return recording
        change, which = self._copies[copy - 1]
        copies = change.further_speakers(_as_tensor(recording))
        return next(islice(copies, which, None)).numpy()

    def speakers(self, speakers: NDArray[np.intp]) -> NDArray[np.intp]:
        """Return the speakers of all, with those of the recordings as 0 .. n_speakers - 1."""
        n_speakers = 1 + speakers.max()
        return np.concatenate([speakers + n_speakers * i for i in range(1 + len(self._copies))])


def _as_tensor(recording: NDArray[np.float32]) -> torch.Tensor:
    return torch.from_numpy(np.array(recording))


class Batches:
    """The batches of an epoch, in the shape of a skorch iterator (``iterator_train``).

    Parameters
    ----------
    dataset : Recordings
        Where the crops come from.
    sampler : iterable of lists of int
        The recordings of each batch.
    generator : torch.Generator
        Draws the crops and the augmentation.
    batch_size : int
        Passed by skorch; the sampler knows it already.
    """

    def __init__(
        self,
        dataset: Recordings,
        sampler: Iterable[list[int]],
        generator: torch.Generator,
        batch_size: int | None = None,
    ) -> None:
        self.dataset = dataset
        self.sampler = sampler
        self.generator = generator

    def __iter__(self) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        for indices in self.sampler:
            yield self.dataset.batch(indices, self.generator)
