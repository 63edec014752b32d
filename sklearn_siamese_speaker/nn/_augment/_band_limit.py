"""BandLimit: a line that passes only the middle of the spectrum."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch

from ._draw import uniform


@dataclass(frozen=True)
class BandLimit:
    """Attenuate the lowest and the highest mel bands of each recording.

    Needs LogMelSpectrogram, in dB. How many bands is drawn for each recording, and an attenuated
    value never falls below the smallest of its recording. With 64 bands up to 8 kHz, a telephone's
    300 to 3,400 Hz leaves out the lowest 0.1 and the highest 0.3 of the bands.

    Parameters
    ----------
    max_low, max_high : float, defaults=0.1, 0.3
        Largest share of the bands that is attenuated at the low and at the high end; shares are
        uniform between 0 and it.
    attenuation : float, default=40.0
        In dB.

    Examples
    --------
    >>> import torch
    >>> from sklearn_siamese_speaker.nn import BandLimit
    >>> frames = -80.0 * torch.rand(4, 64, 100)
    >>> BandLimit(max_high=0.5)(frames, torch.Generator().manual_seed(0)).shape
    torch.Size([4, 64, 100])
    """

    max_low: float = 0.1
    max_high: float = 0.3
    attenuation: float = 40.0
    domains: ClassVar[frozenset] = frozenset({"log_mel"})

    def __call__(self, batch, generator):
        """Return a changed copy of a batch ``(batch, n_mels, n_frames)``."""
        n_mels = batch.shape[1]
        low = uniform(batch, (len(batch), 1), 0, self.max_low, generator)
        high = 1 - uniform(batch, (len(batch), 1), 0, self.max_high, generator)
        bands = (torch.arange(n_mels).to(batch) + 0.5) / n_mels
        outside = (bands < low) | (bands > high)  # (batch, n_mels)
        attenuated = torch.maximum(batch - self.attenuation, batch.amin((1, 2), keepdim=True))
        return torch.where(outside[:, :, None], attenuated, batch)
