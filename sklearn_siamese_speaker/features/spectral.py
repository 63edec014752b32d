"""The mathematics of frames: from a waveform to spectra, mel bands and cepstra."""

from __future__ import annotations

import warnings
from functools import lru_cache

import numpy as np
import scipy.fft
import scipy.signal
import scipy.sparse
from numpy.typing import NDArray

# No result here depends on the number of threads: Fourier transforms are NumPy's, cosine transforms
# scipy's, and the mel bands are a sparse product.

_BLOCK = 64  # frames transformed at a time: they stay in the processor's cache


def frame(waveform: NDArray, frame_length: int, hop_length: int, *, center: bool = True) -> NDArray:
    """Return overlapping frames of a waveform, (n_frames, frame_length), as a read-only view."""
    # Frame t begins at sample t * hop_length, or has its center there; lengths are in samples.
    if center:  # np.pad takes ten times as long
        n_before = frame_length // 2
        padded = np.zeros(len(waveform) + 2 * n_before, dtype=waveform.dtype)
        padded[n_before : n_before + len(waveform)] = waveform
        waveform = padded
    return np.lib.stride_tricks.sliding_window_view(waveform, frame_length)[::hop_length]


@lru_cache(maxsize=32)
def hann_window(length: int, n_fft: int) -> NDArray[np.float64]:
    """Return the periodic Hann window of `length` samples in the middle of `n_fft`, float64."""
    window = scipy.signal.get_window("hann", length)
    before = (n_fft - length) // 2
    window = np.pad(window, (before, n_fft - length - before))
    window.flags.writeable = False
    return window


def power_spectrum(frames: NDArray, window: NDArray[np.float64]) -> NDArray[np.float32]:
    """Return the power, (n_bins, n_frames), of frames, (n_frames, n_fft), in a window, (n_fft,)."""
    # In float64: in float32 a band 80 dB below the loudest would be off by 0.001 dB.
    power = np.empty((len(frames), 1 + len(window) // 2), dtype=np.float32)
    # One block's memory serves for all: to allocate it anew costs as much as to fill it.
    windowed = np.empty((_BLOCK, len(window)))
    spectrum = np.empty((_BLOCK, power.shape[1]), dtype=complex)
    squares = spectrum.view(float)  # of real parts and, between them, of imaginary parts
    for start in range(0, len(frames), _BLOCK):
        block = frames[start : start + _BLOCK]
        n = len(block)
        np.multiply(block, window, out=windowed[:n])
        np.fft.rfft(windowed[:n], out=spectrum[:n])
        np.square(squares[:n], out=squares[:n])
        rows = power[start : start + n]
        np.add(squares[:n, ::2], squares[:n, 1::2], out=rows, casting="same_kind")
    return power.T


def fourier_kernels(window: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the Fourier transform of a windowed frame as a matrix, (2 * n_bins, n_fft)."""
    spectrum = scipy.fft.rfft(np.diag(window))
    return np.concatenate([spectrum.real.T, spectrum.imag.T])  # all real parts first


@lru_cache(maxsize=32)
def mel_filters(
    sample_rate: float, n_fft: int, n_mels: int, fmin: float, fmax: float
) -> scipy.sparse.csr_array:
    """Return the filters of `librosa.filters.mel`, (n_mels, 1 + n_fft // 2); frequencies in Hz."""
    # The mel scale is M. Slaney's ("Auditory Toolbox, version 2", Interval Research Corporation,
    # 1998), linear below 1 kHz; the triangles are linear in Hz and have an area of one.
    import librosa.filters  # slow to import

    with warnings.catch_warnings():  # the front ends have a warning for empty bands that says more
        warnings.filterwarnings("ignore", message="Empty filters detected")
        filters = librosa.filters.mel(
            sr=sample_rate, n_fft=n_fft, n_mels=n_mels, fmin=fmin, fmax=fmax
        )
    return scipy.sparse.csr_array(filters)


@lru_cache(maxsize=32)
def htk_filters(
    sample_rate: float, n_fft: int, n_mels: int, fmin: float, fmax: float
) -> scipy.sparse.csr_array:
    """Return triangular filters of height one, linear in mel: (n_mels, 1 + n_fft // 2); in Hz."""
    # As in HTK (S. Young et al., "The HTK Book", Cambridge University, 2006, section 5.4), in Kaldi
    # and in VGGish. librosa has none: its triangles are linear in Hz on every mel scale.
    edges = np.linspace(_hz_to_mel(fmin), _hz_to_mel(fmax), n_mels + 2)
    bins = _hz_to_mel(np.fft.rfftfreq(n_fft, 1 / sample_rate))
    low, peak, high = edges[:-2, np.newaxis], edges[1:-1, np.newaxis], edges[2:, np.newaxis]
    weights = np.minimum((bins - low) / (peak - low), (high - bins) / (high - peak)).clip(min=0)
    weights[:, 0] = 0  # no constant component
    return scipy.sparse.csr_array(weights.astype(np.float32))


def _hz_to_mel(frequencies: NDArray | float) -> NDArray:
    # librosa writes 2595 log10 for these 1127 ln, which is off in the fourth digit.
    return 1127 * np.log1p(frequencies / 700)


def mel_spectrum(
    waveform: NDArray,
    filters: scipy.sparse.csr_array,
    window: NDArray[np.float64],
    hop_length: int,
) -> NDArray[np.float32]:
    """Return the power in mel bands of one recording, (n_mels, 1 + n_times // hop_length)."""
    return filters @ power_spectrum(frame(waveform, len(window), hop_length), window)


def power_to_db(
    power: NDArray[np.float32], *, amin: float = 1e-10, top_db: float | None = 80.0
) -> NDArray[np.float32]:
    """Return 10 log10 of the power of one recording, raised to `amin` and to maximum - top_db."""
    decibels = np.float32(10 / np.log(10)) * np.log(np.maximum(power, np.float32(amin)))
    if top_db is None:
        return decibels
    return np.maximum(decibels, decibels.max() - np.float32(top_db))


def cepstra(log_spectrum: NDArray, n_cepstra: int) -> NDArray:
    """Return the first coefficients of the orthonormal DCT-II over bands, (n_cepstra, n_frames)."""
    return scipy.fft.dct(log_spectrum, type=2, norm="ortho", axis=0)[:n_cepstra]


def deltas(frames: NDArray, width: int = 9) -> NDArray:
    """Return the slope per frame of each feature: of a straight line fitted to `width` frames."""
    reach = width // 2
    lags = np.arange(-reach, reach + 1, dtype=frames.dtype)
    # The first and the last frame are repeated beyond the ends.
    padded = np.pad(frames, ((0, 0), (reach, reach)), mode="edge")
    n_frames = frames.shape[1]
    slopes = sum(lag * padded[:, i : i + n_frames] for i, lag in enumerate(lags))
    return slopes / np.sum(lags**2)


def normalize(frames: NDArray, kind: str | None) -> NDArray:
    """Return frames of one recording without the mean, or mean and scale, of each feature."""
    if kind is None:
        return frames
    centered = frames - frames.mean(axis=1, keepdims=True, dtype=float)
    if kind == "mean_variance":
        # A constant feature is left at zero.
        scale = centered.std(axis=1, keepdims=True)
        centered /= np.where(np.ptp(frames, axis=1, keepdims=True) > 0, scale, 1)
    return centered.astype(frames.dtype)


# VGGish has its own analysis; these numbers belong to its weights: S. Hershey et al., "CNN
# architectures for large-scale audio classification", ICASSP, 2017, and the published code,
# tensorflow/models, research/audioset/vggish/vggish_params.py.

VGGISH_SAMPLE_RATE = 16000  # Hz
VGGISH_PATCH_FRAMES = 96  # 0.96 s
_VGGISH_WINDOW, _VGGISH_HOP, _VGGISH_N_FFT = 400, 160, 512  # samples
VGGISH_PATCH_TIMES = _VGGISH_HOP * (VGGISH_PATCH_FRAMES - 1) + _VGGISH_WINDOW  # samples


def vggish_log_mel(waveform: NDArray) -> NDArray[np.float32]:
    """Return VGGish's log-mel spectrum, (64, n_frames), of a waveform at 16 kHz in [-1, 1]."""
    # Windows of 25 ms every 10 ms; only whole ones count, and nothing is centered. The natural
    # logarithm of 0.01 more than the magnitude, not the power, in bands from 125 to 7500 Hz.
    # The published transform has its zeros behind the window. With half of them before it, the
    # phases are others and the magnitudes the same.
    waveform = np.pad(waveform, (_VGGISH_N_FFT - _VGGISH_WINDOW) // 2)
    frames = frame(waveform, _VGGISH_N_FFT, _VGGISH_HOP, center=False)
    power = power_spectrum(frames, hann_window(_VGGISH_WINDOW, _VGGISH_N_FFT))
    filters = htk_filters(VGGISH_SAMPLE_RATE, _VGGISH_N_FFT, 64, 125.0, 7500.0)
    return np.log(filters @ np.sqrt(power) + np.float32(0.01))


def vggish_patches(log_mel: NDArray, hop_length: int = VGGISH_PATCH_FRAMES) -> NDArray:
    """Return the whole patches of 0.96 s in a log-mel spectrum, (n_patches, 96, n_mels), a view."""
    # With 96 frames from one start to the next, patches lie side by side.
    patches = np.lib.stride_tricks.sliding_window_view(log_mel, VGGISH_PATCH_FRAMES, axis=1)
    return patches[:, ::hop_length].transpose(1, 2, 0)
