"""Pure functions from waveforms to spectra, mel bands and cepstra, one recording at a time.

Nothing here looks at more than one recording, and no result depends on the number of threads:
Fourier transforms are NumPy's, cosine transforms scipy's, the mel filters librosa's, and the mel
bands are a sparse product.
"""

from __future__ import annotations

import warnings
from functools import lru_cache

import numpy as np
import scipy.fft
import scipy.signal
import scipy.sparse
from numpy.typing import NDArray

from .._docs import substitute

__all__ = [
    "cepstra",
    "deltas",
    "frame",
    "hann_window",
    "htk_filters",
    "mel_filters",
    "mel_spectrum",
    "normalize",
    "power_spectrum",
    "power_to_db",
    "vggish_log_mel",
    "vggish_patches",
]

_FILTERS = """
    sample_rate : float
        In Hz.

    n_fft : int
        Length of the Fourier transform, in samples.

    n_mels : int
        Number of filters.

    fmin, fmax : float
        Lowest and highest frequency, in Hz.

    Returns
    -------
    filters : csr_array of shape (n_mels, 1 + n_fft // 2), float32
"""
_BLOCK = 64  # frames transformed at a time: they stay in the processor's cache


def frame(waveform: NDArray, frame_length: int, hop_length: int, *, center: bool = True) -> NDArray:
    """Return overlapping frames of a waveform.

    Parameters
    ----------
    waveform : ndarray of shape (n_times,)

    frame_length, hop_length : int
        In samples.

    center : bool, default=True
        Frame t is centered on sample t * hop_length; the ends are padded with zeros. Otherwise
        frame t starts there, and only whole frames are returned.

    Returns
    -------
    frames : ndarray of shape (n_frames, frame_length)
        A read-only view; n_frames is 1 + n_times // hop_length where `center` and
        `frame_length` is even.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_siamese_speaker.features.spectral import frame
    >>> frame(np.arange(1, 6), 4, 2)
    array([[0, 0, 1, 2],
           [1, 2, 3, 4],
           [3, 4, 5, 0]])
    >>> frame(np.arange(1, 6), 4, 2, center=False)
    array([[1, 2, 3, 4]])
    """
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
    """Return the squared magnitude of the Fourier transform of windowed frames.

    Computed in float64: in float32 a band 80 dB below the loudest would be off by 0.001 dB.

    Parameters
    ----------
    frames : ndarray of shape (n_frames, n_fft)

    window : ndarray of shape (n_fft,), float64

    Returns
    -------
    power : ndarray of shape (n_bins, n_frames), float32
        n_bins is 1 + n_fft // 2.
    """
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
    """Return the Fourier transform of a windowed frame as a matrix.

    Parameters
    ----------
    window : ndarray of shape (n_fft,)

    Returns
    -------
    kernels : ndarray of shape (2 * n_bins, n_fft)
        Real parts, then imaginary parts, of each frequency bin.
    """
    spectrum = scipy.fft.rfft(np.diag(window))
    return np.concatenate([spectrum.real.T, spectrum.imag.T])


@substitute(filters=_FILTERS)
@lru_cache(maxsize=32)
def mel_filters(
    sample_rate: float, n_fft: int, n_mels: int, fmin: float, fmax: float
) -> scipy.sparse.csr_array:
    """Return the filters of `librosa.filters.mel`, equally spaced in mel, as a sparse matrix.

    The mel scale is Slaney's [1]_, linear below 1 kHz; the triangles are linear in Hz and have an
    area of one.

    Parameters
    ----------
    %(filters)s

    References
    ----------
    .. [1] M. Slaney, "Auditory Toolbox, version 2", Interval Research Corporation, 1998.

    Examples
    --------
    >>> from sklearn_siamese_speaker.features.spectral import mel_filters
    >>> mel_filters(16000, 512, 64, 20.0, 8000.0).shape
    (64, 257)
    """
    import librosa.filters

    with warnings.catch_warnings():  # the front ends have a warning for empty bands that says more
        warnings.filterwarnings("ignore", message="Empty filters detected")
        filters = librosa.filters.mel(
            sr=sample_rate, n_fft=n_fft, n_mels=n_mels, fmin=fmin, fmax=fmax
        )
    return scipy.sparse.csr_array(filters)


@substitute(filters=_FILTERS)
@lru_cache(maxsize=32)
def htk_filters(
    sample_rate: float, n_fft: int, n_mels: int, fmin: float, fmax: float
) -> scipy.sparse.csr_array:
    """Return triangular filters that are linear in mel, as in HTK [1]_, Kaldi and VGGish.

    librosa has no such filters: its triangles are linear in Hz on every mel scale. Here they have
    a height of one, and no constant component.

    Parameters
    ----------
    %(filters)s

    References
    ----------
    .. [1] S. Young et al., "The HTK Book", Cambridge University, 2006, section 5.4.

    Examples
    --------
    >>> from sklearn_siamese_speaker.features.spectral import htk_filters
    >>> htk_filters(16000, 512, 64, 125.0, 7500.0).shape
    (64, 257)
    """
    edges = np.linspace(_hz_to_mel(fmin), _hz_to_mel(fmax), n_mels + 2)
    bins = _hz_to_mel(np.fft.rfftfreq(n_fft, 1 / sample_rate))
    low, peak, high = edges[:-2, np.newaxis], edges[1:-1, np.newaxis], edges[2:, np.newaxis]
    weights = np.minimum((bins - low) / (peak - low), (high - bins) / (high - peak)).clip(min=0)
    weights[:, 0] = 0
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
    """Return the power in mel bands of one recording.

    Parameters
    ----------
    waveform : ndarray of shape (n_times,)

    filters : csr_array of shape (n_mels, 1 + n_fft // 2)

    window : ndarray of shape (n_fft,)

    hop_length : int
        In samples.

    Returns
    -------
    power : ndarray of shape (n_mels, n_frames), float32
        n_frames is 1 + n_times // hop_length.
    """
    return filters @ power_spectrum(frame(waveform, len(window), hop_length), window)


def power_to_db(
    power: NDArray[np.float32], *, amin: float = 1e-10, top_db: float | None = 80.0
) -> NDArray[np.float32]:
    """Return 10 log10 of the power of one recording.

    Parameters
    ----------
    power : ndarray, float32

    amin : float, default=1e-10
        Smaller powers are raised to it.

    top_db : float or None, default=80.0
        Values further below the maximum, in dB, are raised to that distance.

    Returns
    -------
    decibels : ndarray of the shape of `power`, float32

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_siamese_speaker.features.spectral import power_to_db
    >>> power_to_db(np.float32([1, 0.1, 0])).round(3).tolist()
    [0.0, -10.0, -80.0]
    """
    decibels = np.float32(10 / np.log(10)) * np.log(np.maximum(power, np.float32(amin)))
    if top_db is None:
        return decibels
    return np.maximum(decibels, decibels.max() - np.float32(top_db))


def cepstra(log_spectrum: NDArray, n_cepstra: int) -> NDArray:
    """Return the first coefficients of the orthonormal cosine transform (DCT-II) over bands.

    Parameters
    ----------
    log_spectrum : ndarray of shape (n_mels, n_frames)

    n_cepstra : int
        At most n_mels.

    Returns
    -------
    coefficients : ndarray of shape (n_cepstra, n_frames)
    """
    return scipy.fft.dct(log_spectrum, type=2, norm="ortho", axis=0)[:n_cepstra]


def deltas(frames: NDArray, width: int = 9) -> NDArray:
    """Return the slope over time of each feature: a straight line fitted to `width` frames.

    Parameters
    ----------
    frames : ndarray of shape (n_features, n_frames)
        The first and last frame are repeated beyond the ends.

    width : int, default=9
        Odd number of frames.

    Returns
    -------
    slopes : ndarray of shape (n_features, n_frames)
        Per frame.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_siamese_speaker.features.spectral import deltas
    >>> deltas(np.arange(12.0).reshape(1, -1), width=3)
    array([[0.5, 1. , 1. , 1. , 1. , 1. , 1. , 1. , 1. , 1. , 1. , 0.5]])
    """
    reach = width // 2
    lags = np.arange(-reach, reach + 1, dtype=frames.dtype)
    padded = np.pad(frames, ((0, 0), (reach, reach)), mode="edge")
    n_frames = frames.shape[1]
    slopes = sum(lag * padded[:, i : i + n_frames] for i, lag in enumerate(lags))
    return slopes / np.sum(lags**2)


def normalize(frames: NDArray, kind: str | None) -> NDArray:
    """Return the frames of one recording without the mean, or mean and scale, of each feature.

    Parameters
    ----------
    frames : ndarray of shape (n_features, n_frames)

    kind : {None, "mean", "mean_variance"}
        What is removed. A constant feature is left at zero.

    Returns
    -------
    frames : ndarray of shape (n_features, n_frames)
    """
    if kind is None:
        return frames
    centered = frames - frames.mean(axis=1, keepdims=True, dtype=float)
    if kind == "mean_variance":
        scale = centered.std(axis=1, keepdims=True)
        centered /= np.where(np.ptp(frames, axis=1, keepdims=True) > 0, scale, 1)
    return centered.astype(frames.dtype)


# VGGish has its own analysis; these numbers belong to its weights.

VGGISH_SAMPLE_RATE = 16000  # Hz
VGGISH_PATCH_FRAMES = 96  # 0.96 s
_VGGISH_WINDOW, _VGGISH_HOP, _VGGISH_N_FFT = 400, 160, 512  # samples
VGGISH_PATCH_TIMES = _VGGISH_HOP * (VGGISH_PATCH_FRAMES - 1) + _VGGISH_WINDOW  # samples


def vggish_log_mel(waveform: NDArray) -> NDArray[np.float32]:
    """Return the log-mel spectrum that VGGish was trained on [1]_.

    The natural logarithm of 0.01 more than the magnitude, not the power, in 64 mel bands from 125
    to 7500 Hz, of 25 ms every 10 ms. Only whole windows count; nothing is centered.

    Parameters
    ----------
    waveform : ndarray of shape (n_times,)
        At 16 kHz, in [-1, 1], at least 400 samples.

    Returns
    -------
    log_mel : ndarray of shape (64, n_frames), float32
        n_frames is 1 + (n_times - 400) // 160.

    References
    ----------
    .. [1] S. Hershey et al., "CNN architectures for large-scale audio classification", ICASSP,
       2017; the numbers are those of the published code, tensorflow/models,
       research/audioset/vggish/vggish_params.py.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_siamese_speaker.features.spectral import vggish_log_mel, vggish_patches
    >>> log_mel = vggish_log_mel(np.sin(2 * np.pi * 1000 * np.arange(48000) / 16000))
    >>> log_mel.shape
    (64, 298)
    >>> vggish_patches(log_mel).shape
    (3, 96, 64)
    """
    # The published transform has its zeros behind the window. With half of them before it, the
    # phases are others and the magnitudes the same.
    waveform = np.pad(waveform, (_VGGISH_N_FFT - _VGGISH_WINDOW) // 2)
    frames = frame(waveform, _VGGISH_N_FFT, _VGGISH_HOP, center=False)
    power = power_spectrum(frames, hann_window(_VGGISH_WINDOW, _VGGISH_N_FFT))
    filters = htk_filters(VGGISH_SAMPLE_RATE, _VGGISH_N_FFT, 64, 125.0, 7500.0)
    return np.log(filters @ np.sqrt(power) + np.float32(0.01))


def vggish_patches(log_mel: NDArray, hop_length: int = VGGISH_PATCH_FRAMES) -> NDArray:
    """Return the patches of 0.96 s that VGGish looks at.

    Parameters
    ----------
    log_mel : ndarray of shape (n_mels, n_frames)
        At least 96 frames. Frames behind the last whole patch are left out.

    hop_length : int, default=96
        Frames from the start of one patch to the next. With 96 they lie side by side.

    Returns
    -------
    patches : ndarray of shape (n_patches, 96, n_mels)
        A read-only view; n_patches is 1 + (n_frames - 96) // hop_length.
    """
    patches = np.lib.stride_tricks.sliding_window_view(log_mel, VGGISH_PATCH_FRAMES, axis=1)
    return patches[:, ::hop_length].transpose(1, 2, 0)
