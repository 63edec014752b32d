"""Augmentation: small seeded callables ``(batch, generator) -> batch``.

=======================  =====================================================
what                     front ends (the attribute `domains`)
=======================  =====================================================
:class:`TimeMask`        any
:class:`FeatureMask`     MFCC, LogMelSpectrogram
:class:`RandomChannel`   MFCC or LogMelSpectrogram (``front_end=``)
:class:`BandLimit`       LogMelSpectrogram
:class:`AdditiveNoise`   LogMelSpectrogram or RawAudio (``front_end=``)
=======================  =====================================================

All take ``(batch, n_features, n_frames)`` as the front end gives it, before any standardization,
never change it in place, draw from the given generator only, and are equal when their parameters
are.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Generator, Tensor

from .._docs import substitute

__all__ = ["AdditiveNoise", "BandLimit", "FeatureMask", "RandomChannel", "TimeMask"]

_MASK = """\
Parameters
----------
max_share : float, default=0.2
    Longest stretch, as a share of the {axis}; lengths are uniform between 0 and it.
n_masks : int, default=2
    Stretches in a recording; they may overlap.

References
----------
.. [1] D. S. Park, W. Chan, Y. Zhang, C.-C. Chiu, B. Zoph, E. D. Cubuk, Q. V. Le, "SpecAugment:
   a simple data augmentation method for automatic speech recognition", Interspeech, 2019.
"""


@dataclass(frozen=True)
class _Mask:
    """Replace stretches along an axis of the recordings by the mean of each feature."""

    max_share: float = 0.2
    n_masks: int = 2
    axis: ClassVar[int]  # 1 for features, 2 for frames

    def __call__(self, batch: Tensor, generator: Generator) -> Tensor:
        """Return a changed copy of a batch ``(batch, n_features, n_frames)``."""
        length = batch.shape[self.axis]
        hidden = _stretches(batch, length, self.max_share, self.n_masks, generator)
        hidden = hidden.unsqueeze(3 - self.axis)  # the same for all of the other axis
        return torch.where(hidden, batch.mean(2, keepdim=True), batch)


@substitute(mask=_MASK.format(axis="frames"))
@dataclass(frozen=True)
class TimeMask(_Mask):
    """Replace stretches of frames by the mean of each feature over the recording.

    Source: [1]_.

    Works behind every front end. Every recording has stretches of its own.

    %(mask)s

    Examples
    --------
    >>> import torch
    >>> from sklearn_siamese_speaker.nn import TimeMask
    >>> frames = torch.arange(50.0).reshape(1, 1, 50)
    >>> int((TimeMask()(frames, torch.Generator().manual_seed(0)) != frames).sum())
    9
    """

    axis: ClassVar[int] = 2
    domains: ClassVar[frozenset[str]] = frozenset({"any"})


@substitute(mask=_MASK.format(axis="features"))
@dataclass(frozen=True)
class FeatureMask(_Mask):
    """Replace neighboring features by their mean over the recording.

    Source: [1]_.

    Needs a front end whose features have an order: MFCC or LogMelSpectrogram. Every recording has
    stretches of its own.

    %(mask)s

    Examples
    --------
    >>> import torch
    >>> from sklearn_siamese_speaker.nn import FeatureMask
    >>> FeatureMask(max_share=0.1)
    FeatureMask(max_share=0.1, n_masks=2)
    >>> FeatureMask()(torch.randn(4, 40, 100), torch.Generator().manual_seed(0)).shape
    torch.Size([4, 40, 100])
    """

    axis: ClassVar[int] = 1
    domains: ClassVar[frozenset[str]] = frozenset({"mfcc", "log_mel"})


def _stretches(
    batch: Tensor, length: int, max_share: float, n_masks: int, generator: Generator
) -> Tensor:
    """Return which places ``(batch, length)`` lie in one of the stretches of a recording."""
    shape = (len(batch), n_masks, 1)
    # Whole numbers 0 .. max_share * length, all equally likely.
    widths = _uniform(batch, shape, 0, int(max_share * length) + 1, generator).floor()
    starts = (_uniform(batch, shape, 0, 1, generator) * (length - widths + 1)).floor()
    places = torch.arange(length, device=batch.device)
    return ((places >= starts) & (places < starts + widths)).any(1)


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

    def __post_init__(self) -> None:
        _check_front_end(self, ("mfcc", "log_mel"))

    @property
    def domains(self) -> frozenset[str]:
        """The front ends whose output this may change."""
        return frozenset({self.front_end})

    def __call__(self, batch: Tensor, generator: Generator) -> Tensor:
        """Return a changed copy of a batch ``(batch, n_features, n_frames)``."""
        amplitudes = self._amplitudes(batch, generator)  # (batch, n_terms), in dB
        if self.front_end == "log_mel":
            response = amplitudes @ _cosines(self.n_terms, batch.shape[1]).to(batch)
            return batch + response[:, :, None]
        changed = batch.clone()
        low = changed[:, 1 : 1 + self.n_terms]  # fewer than n_terms when fewer coefficients exist
        # A basis function of the orthonormal transform is sqrt(2 / n_mels) times such a cosine.
        low += amplitudes[:, : low.shape[1], None] * math.sqrt(self.n_mels / 2)
        return changed

    def _amplitudes(self, batch: Tensor, generator: Generator) -> Tensor:
        shares = _uniform(batch, (len(batch), self.n_terms), -1, 1, generator)
        return self.max_db * shares / torch.arange(1, self.n_terms + 1).to(batch)


def _cosines(n_terms: int, n_bands: int) -> Tensor:
    """Return ``cos(pi k (m + 1/2) / n_bands)`` for k = 1 .. n_terms, shape (n_terms, n_bands)."""
    bands = torch.arange(n_bands, dtype=torch.float64) + 0.5
    return torch.cos(torch.outer(torch.arange(1, n_terms + 1), bands) * math.pi / n_bands)


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
    domains: ClassVar[frozenset[str]] = frozenset({"log_mel"})

    def __call__(self, batch: Tensor, generator: Generator) -> Tensor:
        """Return a changed copy of a batch ``(batch, n_mels, n_frames)``."""
        n_mels = batch.shape[1]
        low = _uniform(batch, (len(batch), 1), 0, self.max_low, generator)
        high = 1 - _uniform(batch, (len(batch), 1), 0, self.max_high, generator)
        bands = (torch.arange(n_mels).to(batch) + 0.5) / n_mels
        outside = (bands < low) | (bands > high)  # (batch, n_mels)
        attenuated = torch.maximum(batch - self.attenuation, batch.amin((1, 2), keepdim=True))
        return torch.where(outside[:, :, None], attenuated, batch)


@dataclass(frozen=True)
class AdditiveNoise:
    """Add a steady noise at a random signal-to-noise ratio.

    In the log-mel domain the powers of speech and noise are added band by band; the noise has a
    smooth random spectrum, three cosines over the bands of up to 6 dB each. In raw audio it is
    normal noise whose spectrum falls like 1 / frequency ** a, with a uniform between 0 (white) and
    1. Both ratios are of mean powers over the recording.

    Parameters
    ----------
    min_snr, max_snr : float, defaults=8.0, 45.0
        Range of the signal-to-noise ratio, in dB; uniform between them.
    front_end : {"log_mel", "raw_audio"}, default="log_mel"
        Whether the batches are dB of LogMelSpectrogram or samples of RawAudio.

    Examples
    --------
    >>> import torch
    >>> from sklearn_siamese_speaker.nn import AdditiveNoise
    >>> waveforms = torch.sin(torch.arange(16000) / 10).repeat(4, 1, 1)
    >>> change = AdditiveNoise(min_snr=20.0, max_snr=20.0, front_end="raw_audio")
    >>> noise = change(waveforms, torch.Generator().manual_seed(0)) - waveforms
    >>> print(f"{10 * torch.log10((waveforms**2).mean() / (noise**2).mean()):.1f} dB")
    20.0 dB
    """

    min_snr: float = 8.0
    max_snr: float = 45.0
    front_end: str = "log_mel"

    def __post_init__(self) -> None:
        _check_front_end(self, ("log_mel", "raw_audio"))

    @property
    def domains(self) -> frozenset[str]:
        """The front ends whose output this may change."""
        return frozenset({self.front_end})

    def __call__(self, batch: Tensor, generator: Generator) -> Tensor:
        """Return a changed copy of a batch ``(batch, n_features, n_frames)``."""
        snr = _uniform(batch, (len(batch), 1, 1), self.min_snr, self.max_snr, generator)
        if self.front_end == "log_mel":
            # Relative to the loudest value, so that no power overflows.
            loudest = batch.amax((1, 2), keepdim=True)
            power = _power(batch - loudest)
            noise = _smooth_spectrum(batch, generator)
            noise = noise * _mean(power) / _mean(noise) / _power(snr)
            return loudest + 10 * torch.log10(power + noise)
        noise = _colored(batch, generator)
        loudness = _mean(batch**2) / _mean(noise**2) / _power(snr)
        return batch + noise * loudness.sqrt()


def _mean(values: Tensor) -> Tensor:
    return values.mean((1, 2), keepdim=True)


def _power(decibels: Tensor) -> Tensor:
    return 10 ** (decibels / 10)


def _smooth_spectrum(batch: Tensor, generator: Generator) -> Tensor:
    """Return the power ``(batch, n_mels, 1)`` of a noise in each band."""
    amplitudes = _uniform(batch, (len(batch), 3), -6, 6, generator)
    return _power(amplitudes @ _cosines(3, batch.shape[1]).to(batch))[:, :, None]


def _colored(batch: Tensor, generator: Generator) -> Tensor:
    """Return noise of the shape of raw audio ``(batch, 1, n_times)``."""
    spectrum = torch.fft.rfft(_normal(batch, generator))
    frequencies = torch.arange(1, spectrum.shape[2] + 1).to(batch)
    exponents = _uniform(batch, (len(batch), 1, 1), 0, 1, generator)
    return torch.fft.irfft(spectrum / frequencies**exponents, n=batch.shape[2])


def _uniform(
    batch: Tensor, shape: tuple[int, ...], low: float, high: float, generator: Generator
) -> Tensor:
    """Return numbers between `low` and `high` of the dtype and on the device of `batch`."""
    numbers = torch.rand(shape, generator=generator, device=generator.device)
    return low + (high - low) * numbers.to(batch)


def _normal(batch: Tensor, generator: Generator) -> Tensor:
    """Return normal numbers of the shape, the dtype and on the device of `batch`."""
    return torch.randn(batch.shape, generator=generator, device=generator.device).to(batch)


def _check_front_end(change: RandomChannel | AdditiveNoise, known: tuple[str, ...]) -> None:
    """Raise a ValueError when a change was made for a front end it does not know."""
    if change.front_end not in known:
        names = " or ".join(map(repr, known))
        raise ValueError(
            f"{type(change).__name__} works on front_end={names}, got {change.front_end!r}."
        )
