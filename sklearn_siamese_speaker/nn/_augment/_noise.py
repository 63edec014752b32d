"""AdditiveNoise: a steady noise of a random colour and strength behind each recording."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from ._channel import cosines
from ._draw import check_front_end, normal, uniform


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

    def __post_init__(self):
        check_front_end(self, ("log_mel", "raw_audio"))

    @property
    def domains(self):
        """The front ends whose output this may change."""
        return frozenset({self.front_end})

    def __call__(self, batch, generator):
        """Return a changed copy of a batch ``(batch, n_features, n_frames)``."""
        snr = uniform(batch, (len(batch), 1, 1), self.min_snr, self.max_snr, generator)
        if self.front_end == "log_mel":
            # Relative to the loudest value, so that no power overflows.
            loudest = batch.amax((1, 2), keepdim=True)
            power = _power(batch - loudest)
            noise = _smooth_spectrum(batch, generator)
            noise = noise * _mean(power) / _mean(noise) / _power(snr)
            return loudest + 10 * torch.log10(power + noise)
        noise = _coloured(batch, generator)
        loudness = _mean(batch**2) / _mean(noise**2) / _power(snr)
        return batch + noise * loudness.sqrt()


def _mean(values):
    return values.mean((1, 2), keepdim=True)


def _power(decibels):
    return 10 ** (decibels / 10)


def _smooth_spectrum(batch, generator):
    """Return the power ``(batch, n_mels, 1)`` of a noise in each band."""
    amplitudes = uniform(batch, (len(batch), 3), -6, 6, generator)
    return _power(amplitudes @ cosines(3, batch.shape[1]).to(batch))[:, :, None]


def _coloured(batch, generator):
    """Return noise of the shape of raw audio ``(batch, 1, n_times)``."""
    spectrum = torch.fft.rfft(normal(batch, generator))
    frequencies = torch.arange(1, spectrum.shape[2] + 1).to(batch)
    exponents = uniform(batch, (len(batch), 1, 1), 0, 1, generator)
    return torch.fft.irfft(spectrum / frequencies**exponents, n=batch.shape[2])
