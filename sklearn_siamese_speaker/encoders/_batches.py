"""Batches of equally long crops, drawn by a sampler of our own."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch.utils.data import Dataset

from ._settings import Augmentation


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


def add_further_speakers(
    frames: Sequence[NDArray[np.float32]],
    speakers: NDArray[np.intp],
    changes: Sequence[Any],
) -> tuple[list[NDArray[np.float32]], NDArray[np.intp]]:
    """Return the recordings and their copies of further speakers, and the speakers of all.

    Parameters
    ----------
    frames : sequence of ndarray of shape (n_features, n_frames_i)
        The recordings.
    speakers : ndarray of shape (n_samples,)
        Their speakers as 0 .. n_speakers - 1.
    changes : sequence
        Those with a method `further_speakers` make the copies, the others are passed over.
    """
    everybody, owners = [*frames], [speakers]
    for change in changes:
        if hasattr(change, "further_speakers"):
            copies = [list(change.further_speakers(torch.from_numpy(f))) for f in frames]
            for of_one_kind in zip(*copies, strict=True):
                everybody += [copy.numpy() for copy in of_one_kind]
                owners.append(speakers + (1 + speakers.max()) * len(owners))
    return everybody, np.concatenate(owners)


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
