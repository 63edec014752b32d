"""Simulated channels: what a telephone, a room and a noise make of a recording."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.signal import butter, fftconvolve, sosfilt

from ..._audio import resample

Waveform = NDArray[np.float32]
# A waveform (n_times,), its sample rate in Hz and what draws the channel, to a waveform (n_times,).
Channel = Callable[[Waveform, float, np.random.Generator], Waveform]

_TELEPHONE_RATE = 8000  # Hz
_MU = 255.0


def telephone(waveform: Waveform, sample_rate: float, rng: np.random.Generator) -> Waveform:
    """Pass a recording through a telephone line: a band, a slope, noise, 8 bits at 8 kHz."""
    band = rng.uniform(200, 400), rng.uniform(3000, 3600)
    line = resample(waveform, sample_rate, _TELEPHONE_RATE)
    line = sosfilt(butter(4, band, "bandpass", fs=_TELEPHONE_RATE, output="sos"), line)
    # Up to 6 dB an octave either way, and noise 20 to 40 dB below the speech.
    line = add_noise(_tilt(line, rng.uniform(-1, 1)), rng.uniform(20, 40), rng)
    back = resample(mu_law(line).astype(np.float32), _TELEPHONE_RATE, sample_rate)
    return np.resize(back, len(waveform))


def room(waveform: Waveform, sample_rate: float, rng: np.random.Generator) -> Waveform:
    """Let a recording sound in a room, whose echoes are noise that dies away exponentially."""
    # J. D. Polack, "Playing billiards in the concert hall: the mathematical foundations of
    # geometrical room acoustics", Applied Acoustics 38, 1993.
    reverberation_time = rng.uniform(0.2, 0.8)  # seconds until the echoes have lost 60 dB
    times = np.arange(int(reverberation_time * sample_rate)) / sample_rate
    echoes = rng.standard_normal(len(times)) * 10 ** (-3 * times / reverberation_time)
    # The direct sound is -3 to 12 dB above the echoes.
    echoes *= 10 ** (-rng.uniform(-3, 12) / 20) / np.linalg.norm(echoes)
    echoes[0] = 1.0
    return _at_level_of(waveform, fftconvolve(waveform, echoes)[: len(waveform)])


def noise(waveform: Waveform, sample_rate: float, rng: np.random.Generator) -> Waveform:
    """Add noise between white and pink, 5 to 30 dB below the speech."""
    return add_noise(waveform, rng.uniform(5, 30), rng).astype(np.float32)


CHANNELS: dict[str, Channel] = {"telephone": telephone, "room": room, "noise": noise}


def add_noise(waveform: NDArray, snr: float, rng: np.random.Generator) -> NDArray:
    """Return a recording with noise `snr` dB below it."""
    spectrum = np.fft.rfft(rng.standard_normal(len(waveform)))
    # The power falls like 1 / f ** a, with a between 0 (white) and 1 (pink).
    spectrum /= np.arange(1, len(spectrum) + 1) ** rng.uniform(0, 0.5)
    hiss = np.fft.irfft(spectrum, len(waveform))
    power = np.mean(np.square(waveform)) / max(np.mean(hiss**2), 1e-20)
    return waveform + hiss * np.sqrt(power) * 10 ** (-snr / 20)


def mu_law(waveform: NDArray) -> NDArray:
    """Return a recording after 8 bits of ITU-T G.711 mu-law: 255 steps, finer for small samples."""
    peak = max(np.abs(waveform).max(), 1e-10)
    compressed = np.sign(waveform) * np.log1p(_MU * np.abs(waveform) / peak) / np.log1p(_MU)
    steps = np.round(compressed * 127) / 127
    return np.sign(steps) * np.expm1(np.abs(steps) * np.log1p(_MU)) / _MU * peak


def _tilt(waveform: NDArray, octave_slope: float) -> NDArray:
    """Return a recording whose spectrum rises by `octave_slope` times 6 dB an octave."""
    spectrum = np.fft.rfft(waveform)
    spectrum *= np.maximum(np.arange(len(spectrum)) / len(spectrum), 0.01) ** octave_slope
    return _at_level_of(waveform, np.fft.irfft(spectrum, len(waveform)))


def _at_level_of(waveform: NDArray, changed: NDArray) -> Waveform:
    """Return `changed` as loud as `waveform`, and never beyond full scale."""
    loudness = np.sqrt(np.mean(np.square(waveform)) / max(np.mean(np.square(changed)), 1e-20))
    peak = max(np.abs(changed).max() * loudness, 1.0)
    return (changed * (loudness / peak)).astype(np.float32)
