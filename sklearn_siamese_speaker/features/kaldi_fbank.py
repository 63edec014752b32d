"""Kaldi's filter bank: the log-mel frames that most public speaker encoders were trained on."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import scipy.fft
import scipy.signal
import scipy.sparse
from numpy.typing import NDArray

from .spectral import htk_filters, mel_filters

WINDOW, HOP = 0.025, 0.010  # seconds
_PREEMPHASIS = 0.97
_FMIN = 20.0  # Hz; the highest is half of the sample rate
_SMALLEST_POWER = np.finfo(np.float32).eps
_BLOCK = 64  # frames transformed at a time: they stay in the processor's cache


def kaldi_fbank(
    waveform: NDArray, *, n_mels: int = 80, window: str = "povey", sample_rate: int = 16000
) -> NDArray[np.float32]:
    """Return the logarithm of the power in mel bands as Kaldi computes it, (n_mels, n_frames)."""
    # The waveform is (n_times,), 25 ms or more; the logarithm is natural.
    # D. Povey et al., "The Kaldi speech recognition toolkit", ASRU, 2011; feat/feature-window.cc,
    # feat/mel-computations.cc. Nothing random is added (its "dither" is 0). Kaldi's programs have
    # samples of 16-bit size, most encoders samples in [-1, 1]: the smallest power of the logarithm,
    # 1.2e-7, lies at another loudness then.
    filters = htk_filters(sample_rate, _n_fft(sample_rate), n_mels, _FMIN, sample_rate / 2)
    return _log_mel(waveform, filters, _window(window, sample_rate), sample_rate, remove_mean=True)


def nemo_fbank(
    waveform: NDArray, *, n_mels: int = 80, sample_rate: int = 16000
) -> NDArray[np.float32]:
    """Return the filter bank of NeMo's speaker encoders, (n_mels, n_frames), of a waveform."""
    # As sherpa-onnx computes it, https://github.com/k2-fsa/sherpa-onnx, scripts/nemo/
    # speaker-verification. It differs from Kaldi's in three ways: frames keep their mean, the Hann
    # window is periodic, and the bands are librosa's, from 0 Hz.
    filters = mel_filters(sample_rate, _n_fft(sample_rate), n_mels, 0.0, sample_rate / 2)
    window = _window("hann", sample_rate)
    return _log_mel(waveform, filters, window, sample_rate, remove_mean=False)


def kaldi_kernels(sample_rate: int) -> NDArray[np.float64]:
    """Return all that `kaldi_fbank` does to a frame before the power, (2 * n_bins, n_taps)."""
    window = _window("povey", sample_rate)
    frames = np.eye(len(window))
    spectrum = _spectrum(frames - frames.mean(axis=1, keepdims=True), window, _n_fft(sample_rate))
    return np.concatenate([spectrum.real.T, spectrum.imag.T])  # all real parts first


def _log_mel(
    waveform: NDArray,
    filters: scipy.sparse.csr_array,
    window: NDArray[np.float64],
    sample_rate: int,
    *,
    remove_mean: bool,
) -> NDArray[np.float32]:
    # Frames of 25 ms every 10 ms, only whole ones and nothing centered.
    frames = np.lib.stride_tricks.sliding_window_view(waveform, len(window))
    frames = frames[:: round(HOP * sample_rate)]
    power = np.empty((len(frames), filters.shape[1]), dtype=np.float32)
    for start in range(0, len(frames), _BLOCK):
        block = frames[start : start + _BLOCK].astype(np.float64)
        if remove_mean:
            block -= block.mean(axis=1, keepdims=True)
        power[start : start + _BLOCK] = _power(block, window, _n_fft(sample_rate))
    return np.log(np.maximum(filters @ power.T, _SMALLEST_POWER))


def _power(frames: NDArray[np.float64], window: NDArray[np.float64], n_fft: int) -> NDArray:
    """Return the power spectrum of each frame, ``(n_frames, 1 + n_fft / 2)``."""
    spectrum = _spectrum(frames, window, n_fft)
    return spectrum.real**2 + spectrum.imag**2


def _spectrum(frames: NDArray[np.float64], window: NDArray[np.float64], n_fft: int) -> NDArray:
    before = np.concatenate([frames[:, :1], frames[:, :-1]], axis=1)  # the first stands for its own
    return scipy.fft.rfft((frames - _PREEMPHASIS * before) * window, n_fft)


def _n_fft(sample_rate: int) -> int:
    """Return the first power of two that a frame fits in."""
    return 2 ** (round(WINDOW * sample_rate) - 1).bit_length()


@lru_cache(maxsize=8)
def _window(name: str, sample_rate: int) -> NDArray[np.float64]:
    length = round(WINDOW * sample_rate)
    if name == "povey":  # Kaldi's own; like its Hamming window it is symmetric
        return scipy.signal.windows.hann(length) ** 0.85
    if name == "hamming":
        return scipy.signal.windows.hamming(length)
    return scipy.signal.windows.hann(length, sym=False)
