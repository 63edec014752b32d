"""Samplers: which recordings make a batch, batch after batch.

``SiameseSpeakerEncoder(pairs=...)`` takes the name by which a sampler is in ``SAMPLERS``. It is
built as ``cls(labels, batch_size, generator=generator, **arguments)``; its other arguments are the
encoder's ``pairs__<argument>``.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from math import ceil
from typing import Any, ClassVar

import torch

from .protocols import Registry, check_sizes

__all__ = ["SAMPLERS", "RandomPairSampler", "SpeakerBatchSampler"]

SAMPLERS: Registry[Callable[..., Any]] = Registry()


class ShuffledQueue:
    """Items in random order; when all are taken, they are shuffled anew."""

    def __init__(self, items: Iterable[int], generator: torch.Generator) -> None:
        self.items = list(items)
        self.generator = generator
        self.waiting: list[int] = []

    def take(self, avoid: Collection[int] = ()) -> int:
        """Return the next item that is not in `avoid`; there must be one."""
        item = self.take_if_any(avoid)
        if item is None:
            raise LookupError("All items are to be avoided.")
        return item

    def take_if_any(self, avoid: Collection[int]) -> int | None:
        """Return the next item that is not in `avoid`, None when there is none."""
        item = self._next(avoid)
        if item is None:
            self._add_taken_items()
            item = self._next(avoid)
        return item

    def _next(self, avoid: Collection[int]) -> int | None:
        for position, item in enumerate(self.waiting):
            if item not in avoid:
                return self.waiting.pop(position)
        return None

    def _add_taken_items(self) -> None:
        waiting = set(self.waiting)
        taken = [item for item in self.items if item not in waiting]
        order = torch.randperm(len(taken), generator=self.generator).tolist()
        self.waiting += [taken[i] for i in order]


@SAMPLERS.add("all")
class SpeakerBatchSampler:
    """Batches of a few recordings each of many speakers, for losses on all pairs of a batch.

    An epoch is ``ceil(n_recordings / batch_size)`` batches in which every speaker appears. Speakers
    are taken from a shuffled queue, and of each its next `recordings_per_speaker` recordings,
    or all that it has. When all speakers are in a batch and it is not full, they are taken a second
    time: few speakers then give more recordings each. No recording is twice in a batch, so a batch
    is smaller than `batch_size` only when there are fewer recordings. Common and rare speakers
    appear equally often.

    Parameters
    ----------
    labels : array-like of shape (n_recordings,), int
        The speaker of each recording.
    batch_size : int, default=64
        Recordings in a batch.
    recordings_per_speaker : int, default=4
        Recordings of a speaker in a batch.
    generator : torch.Generator
        The order of an epoch depends only on its state.

    Examples
    --------
    >>> import torch
    >>> from sklearn_siamese_speaker.nn import SpeakerBatchSampler
    >>> speakers = [0, 0, 0, 1, 1, 1, 2, 2, 2]
    >>> sampler = SpeakerBatchSampler(speakers, 4, 2, generator=torch.Generator().manual_seed(0))
    >>> [sorted(speakers[i] for i in batch) for batch in sampler]
    [[0, 0, 2, 2], [1, 1, 2, 2], [0, 0, 1, 1]]
    """

    gives_pairs: ClassVar[bool] = False

    def __init__(
        self,
        labels: Iterable[int],
        batch_size: int = 64,
        recordings_per_speaker: int = 4,
        *,
        generator: torch.Generator,
    ) -> None:
        check_sizes(self, batch_size=batch_size, recordings_per_speaker=recordings_per_speaker)
        self.labels = torch.as_tensor(labels).tolist()
        self.batch_size = batch_size
        self.recordings_per_speaker = recordings_per_speaker
        self.generator = generator

    def __len__(self) -> int:
        return ceil(len(self.labels) / self.batch_size)

    def __iter__(self) -> Iterator[list[int]]:
        recordings = _queues_of_recordings(self.labels, self.generator)
        speakers = ShuffledQueue(recordings, self.generator)
        for _ in range(len(self)):
            yield self._batch(speakers, recordings)

    def _batch(self, speakers: ShuffledQueue, recordings: dict[int, ShuffledQueue]) -> list[int]:
        batch: list[int] = []
        present: set[int] = set()
        size = min(self.batch_size, len(self.labels))
        while len(batch) < size:
            if len(present) == len(recordings):
                present.clear()
            speaker = speakers.take(avoid=present)
            present.add(speaker)
            for _ in range(min(self.recordings_per_speaker, size - len(batch))):
                recording = recordings[speaker].take_if_any(avoid=batch)
                if recording is not None:
                    batch.append(recording)
        return batch


@SAMPLERS.add("random")
class RandomPairSampler:
    """Batches of random pairs, half of one speaker and half of different speakers.

    Each batch is a list of ``2 * batch_size`` recordings; number i and number i + batch_size are a
    pair. An epoch is ``ceil(n_recordings / batch_size)`` batches in which every speaker appears.
    Speakers are taken from a shuffled queue, so common and rare ones appear equally often; those
    with one recording appear in pairs of different speakers only.

    Parameters
    ----------
    labels : array-like of shape (n_recordings,), int
        The speaker of each recording.
    batch_size : int, default=64
        Pairs in a batch; an odd number has one more pair of different speakers.
    generator : torch.Generator
        The order of an epoch depends only on its state.

    Raises
    ------
    ValueError
        When there is one speaker only, or none with 2 recordings.

    Examples
    --------
    >>> import torch
    >>> from sklearn_siamese_speaker.nn import RandomPairSampler
    >>> speakers = [0, 0, 0, 1, 1, 1, 2, 2, 2]
    >>> sampler = RandomPairSampler(speakers, 4, generator=torch.Generator().manual_seed(0))
    >>> batch = next(iter(sampler))  # number i and number i + 4 are a pair
    >>> [speakers[i] == speakers[j] for i, j in zip(batch[:4], batch[4:])]
    [True, True, False, False]
    """

    gives_pairs: ClassVar[bool] = True

    def __init__(
        self, labels: Iterable[int], batch_size: int = 64, *, generator: torch.Generator
    ) -> None:
        check_sizes(self, batch_size=batch_size)
        self.labels = torch.as_tensor(labels).tolist()
        self.batch_size = batch_size
        self.generator = generator
        n_speakers = len(set(self.labels))
        if n_speakers < 2:
            raise ValueError(f"Pairs need at least 2 speakers, got {n_speakers}.")
        if n_speakers == len(self.labels):
            raise ValueError(
                f"Pairs need a speaker with at least 2 recordings, got {n_speakers} speakers with "
                "one each."
            )

    def __len__(self) -> int:
        return ceil(len(self.labels) / self.batch_size)

    def __iter__(self) -> Iterator[list[int]]:
        recordings = _queues_of_recordings(self.labels, self.generator)
        anyone = ShuffledQueue(recordings, self.generator)
        repeated = [speaker for speaker, queue in recordings.items() if len(queue.items) > 1]
        pairable = ShuffledQueue(repeated, self.generator)
        for _ in range(len(self)):
            pairs = [
                _same_pair(pairable, recordings)
                if i < self.batch_size // 2
                else _different_pair(anyone, recordings)
                for i in range(self.batch_size)
            ]
            first, second = zip(*pairs, strict=True)
            yield [*first, *second]


def _same_pair(speakers: ShuffledQueue, recordings: dict[int, ShuffledQueue]) -> tuple[int, int]:
    queue = recordings[speakers.take()]
    first = queue.take()
    return first, queue.take(avoid=[first])


def _different_pair(
    speakers: ShuffledQueue, recordings: dict[int, ShuffledQueue]
) -> tuple[int, int]:
    first = speakers.take()
    second = speakers.take(avoid=[first])
    return recordings[first].take(), recordings[second].take()


def _queues_of_recordings(
    labels: list[int], generator: torch.Generator
) -> dict[int, ShuffledQueue]:
    """Return for each speaker the queue of its recordings."""
    recordings: dict[int, list[int]] = {}
    for recording, speaker in enumerate(labels):
        recordings.setdefault(speaker, []).append(recording)
    return {speaker: ShuffledQueue(own, generator) for speaker, own in recordings.items()}
