"""RandomChannel: another microphone, as a smooth random tilt of the spectrum."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch

from ._draw import check_front_end, uniform


@dataclass(frozen=True)
class RandomChannel:
    """Add to each recording a smooth random frequency response in dB.

    A response is a sum of cosines over the mel bands: term k has k half waves and an amplitude
    uniform within +- `max_db` / k. In the log-mel domain it is added to the bands; the orthonormal
    cosine transform takes it to coefficients 1 .. `n_terms` and no other, so behind an MFCC front
    end the same response is added to these coefficients. The front end must be without slopes
    (``deltas=0``).

    Parameters
    ----------
    max_db : float, default=6.0
        Largest amplitude of the first term, in dB.
    n_terms : int, default=3
        Terms.
    front_end : {"mfcc", "log_mel"}, default="mfcc"
        Whether the batches are coefficients of MFCC or dB of LogMelSpectrogram.
    n_mels : int, default=64
        Mel bands behind the coefficients; the log-mel domain shows its own number.

    Examples
    --------
    >>> import torch
    >>> from sklearn_siamese_speaker.nn import RandomChannel
    >>> frames = torch.randn(4, 40, 100)
    >>> changed = RandomChannel(max_db=3.0, n_terms=2)(frames, torch.Generator().manual_seed(0))
    >>> (changed != frames).any(2).nonzero()[:, 1].unique()
    tensor([1, 2])
    """

    max_db: float = 6.0
    n_terms: int = 3
    front_end: str = "mfcc"
    n_mels: int = 64

    def __post_init__(self):
        check_front_end(self, ("mfcc", "log_mel"))

    @property
    def domains(self):
        """The front ends whose output this may change."""
        return frozenset({self.front_end})

    def __call__(self, batch, generator):
        """Return a changed copy of a batch ``(batch, n_features, n_frames)``."""
        amplitudes = self._amplitudes(batch, generator)  # (batch, n_terms), in dB
        if self.front_end == "log_mel":
            response = amplitudes @ cosines(self.n_terms, batch.shape[1]).to(batch)
            return batch + response[:, :, None]
        changed = batch.clone()
        low = changed[:, 1 : 1 + self.n_terms]  # fewer than n_terms when fewer coefficients exist
        # A basis function of the orthonormal transform is sqrt(2 / n_mels) times such a cosine.
        low += amplitudes[:, : low.shape[1], None] * math.sqrt(self.n_mels / 2)
        return changed

    def _amplitudes(self, batch, generator):
        shares = uniform(batch, (len(batch), self.n_terms), -1, 1, generator)
        return self.max_db * shares / torch.arange(1, self.n_terms + 1).to(batch)


def cosines(n_terms, n_bands):
    """Return ``cos(pi k (m + 1/2) / n_bands)`` for k = 1 .. n_terms, shape (n_terms, n_bands)."""
    bands = torch.arange(n_bands, dtype=torch.float64) + 0.5
    return torch.cos(torch.outer(torch.arange(1, n_terms + 1), bands) * math.pi / n_bands)
