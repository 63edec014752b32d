"""Samplers: which recordings make a batch, batch after batch.

``SiameseSpeakerEncoder(pairs=...)`` takes the name by which a sampler is in ``SAMPLERS``. It is
built as ``cls(labels, batch_size, generator=generator, **arguments)``; its other arguments are the
encoder's ``pairs__<argument>``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator
from math import ceil
from typing import Any, ClassVar

import torch

from .protocols import Registry, check_sizes

__all__ = ["SAMPLERS", "RandomPairSampler", "SpeakerBatchSampler"]

SAMPLERS: Registry[Callable[..., Any]] = Registry()


Take = Callable[[Collection[int]], int | None]  # the next item that is not to be avoided


def shuffled_queue(items: Iterable[int], generator: torch.Generator) -> Take:
    """Return a function that takes the next of shuffled items; taken ones are shuffled anew."""
    items = list(items)
    waiting: list[int] = []

    def next_but(avoid: Collection[int]) -> int | None:
        for position, item in enumerate(waiting):
            if item not in avoid:
                return waiting.pop(position)
        return None

    def take(avoid: Collection[int]) -> int | None:
        item = next_but(avoid)
        if item is not None:
            return item
        # Those that are waiting still come first.
        left = set(waiting)
        taken = [item for item in items if item not in left]
        order = torch.randperm(len(taken), generator=generator).tolist()
        waiting.extend(taken[i] for i in order)
        return next_but(avoid)

    return take


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
        speakers = shuffled_queue(recordings, self.generator)
        for _ in range(len(self)):
            yield self._batch(speakers, recordings)

    def _batch(self, speakers: Take, recordings: dict[int, Take]) -> list[int]:
        batch: list[int] = []
        present: set[int] = set()
        size = min(self.batch_size, len(self.labels))
        while len(batch) < size:
            if len(present) == len(recordings):
                present.clear()
            speaker = _some(speakers, present)
            present.add(speaker)
            for _ in range(min(self.recordings_per_speaker, size - len(batch))):
                recording = recordings[speaker](batch)
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
        anyone = shuffled_queue(recordings, self.generator)
        counts = Counter(self.labels)
        repeated = [speaker for speaker in recordings if counts[speaker] > 1]
        pairable = shuffled_queue(repeated, self.generator)
        for _ in range(len(self)):
            pairs = [
                _same_pair(pairable, recordings)
                if i < self.batch_size // 2
                else _different_pair(anyone, recordings)
                for i in range(self.batch_size)
            ]
            first, second = zip(*pairs, strict=True)
            yield [*first, *second]


def _same_pair(speakers: Take, recordings: dict[int, Take]) -> tuple[int, int]:
    queue = recordings[_some(speakers)]
    first = _some(queue)
    return first, _some(queue, [first])


def _different_pair(speakers: Take, recordings: dict[int, Take]) -> tuple[int, int]:
    first = _some(speakers)
    second = _some(speakers, [first])
    return _some(recordings[first]), _some(recordings[second])


def _some(take: Take, avoid: Collection[int] = ()) -> int:
    """Return the next item where there is one."""
    item = take(avoid)
    assert item is not None
    return item


def _queues_of_recordings(labels: list[int], generator: torch.Generator) -> dict[int, Take]:
    """Return for each speaker the queue of its recordings."""
    recordings: dict[int, list[int]] = {}
    for recording, speaker in enumerate(labels):
        recordings.setdefault(speaker, []).append(recording)
    return {speaker: shuffled_queue(own, generator) for speaker, own in recordings.items()}
