"""Samplers: which recordings make a batch, batch after batch."""

from __future__ import annotations

from math import ceil

import torch


class Deck:
    """Cards dealt in random order, shuffled anew when all are dealt.

    Parameters
    ----------
    cards : sequence of int
        The cards.
    generator : torch.Generator
        Shuffles them.
    """

    def __init__(self, cards, generator):
        self.cards = list(cards)
        self.generator = generator
        self.rest = []

    def deal(self, avoid=()):
        """Return the next card that is not in `avoid`, None when there is none."""
        card = self._next(avoid)
        if card is None:
            self._add_dealt_cards()
            card = self._next(avoid)
        return card

    def _next(self, avoid):
        for position, card in enumerate(self.rest):
            if card not in avoid:
                return self.rest.pop(position)
        return None

    def _add_dealt_cards(self):
        rest = set(self.rest)
        dealt = [card for card in self.cards if card not in rest]
        order = torch.randperm(len(dealt), generator=self.generator).tolist()
        self.rest += [dealt[i] for i in order]


class SpeakerBatchSampler:
    """Batches of a few recordings each of many speakers, for losses on all pairs of a batch.

    An epoch is ``ceil(n_recordings / batch_size)`` batches in which every speaker appears. Speakers
    are dealt from a shuffled deck, and of each its next `recordings_per_speaker` recordings,
    or all that it has. When all speakers are in a batch and it is not full, they are dealt a second
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

    def __init__(self, labels, batch_size=64, recordings_per_speaker=4, *, generator):
        self.labels = torch.as_tensor(labels).tolist()
        self.batch_size = batch_size
        self.recordings_per_speaker = recordings_per_speaker
        self.generator = generator

    def __len__(self):
        return ceil(len(self.labels) / self.batch_size)

    def __iter__(self):
        recordings = _recording_decks(self.labels, self.generator)
        speakers = Deck(recordings, self.generator)
        for _ in range(len(self)):
            yield self._batch(speakers, recordings)

    def _batch(self, speakers, recordings):
        batch, present = [], set()
        size = min(self.batch_size, len(self.labels))
        while len(batch) < size:
            if len(present) == len(recordings):
                present.clear()
            speaker = speakers.deal(avoid=present)
            present.add(speaker)
            for _ in range(min(self.recordings_per_speaker, size - len(batch))):
                recording = recordings[speaker].deal(avoid=batch)
                if recording is not None:
                    batch.append(recording)
        return batch


class RandomPairSampler:
    """Batches of random pairs, half of one speaker and half of different speakers.

    Each batch is a list of ``2 * batch_size`` recordings; number i and number i + batch_size are a
    pair. An epoch is ``ceil(n_recordings / batch_size)`` batches in which every speaker appears.
    Speakers are dealt from a shuffled deck, so common and rare ones appear equally often; those
    with one recording appear in pairs of different speakers only.

    Parameters
    ----------
    labels : array-like of shape (n_recordings,), int
        The speaker of each recording.
    batch_size : int, default=64
        Pairs in a batch; of an odd number, one more is of different speakers.
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

    def __init__(self, labels, batch_size=64, *, generator):
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

    def __len__(self):
        return ceil(len(self.labels) / self.batch_size)

    def __iter__(self):
        recordings = _recording_decks(self.labels, self.generator)
        anyone = Deck(recordings, self.generator)
        repeated = [speaker for speaker, deck in recordings.items() if len(deck.cards) > 1]
        pairable = Deck(repeated, self.generator)
        for _ in range(len(self)):
            pairs = [
                _same_pair(pairable, recordings)
                if i < self.batch_size // 2
                else _different_pair(anyone, recordings)
                for i in range(self.batch_size)
            ]
            first, second = zip(*pairs, strict=True)
            yield [*first, *second]


def _same_pair(speakers, recordings):
    deck = recordings[speakers.deal()]
    first = deck.deal()
    return first, deck.deal(avoid=[first])


def _different_pair(speakers, recordings):
    first = speakers.deal()
    second = speakers.deal(avoid=[first])
    return recordings[first].deal(), recordings[second].deal()


def _recording_decks(labels, generator):
    """Return for each speaker the deck of its recordings."""
    recordings = {}
    for recording, speaker in enumerate(labels):
        recordings.setdefault(speaker, []).append(recording)
    return {speaker: Deck(cards, generator) for speaker, cards in recordings.items()}
