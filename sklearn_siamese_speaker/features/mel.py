"""Mel bands of a waveform: in decibels, and as cepstral coefficients."""

from __future__ import annotations

from numbers import Integral, Real
from typing import Any, ClassVar

import numpy as np
import scipy.sparse
from numpy.typing import NDArray

from .._audio import AudioQualityWarning, warn_caller
from .._compat import Interval, StrOptions
from .._docs import substitute
from .base import TEXTS, Frames, FrontEnd
from .spectral import (
    cepstra,
    deltas,
    hann_window,
    mel_filters,
    mel_spectrum,
    normalize,
    power_to_db,
)

__all__ = ["MFCC", "LogMelSpectrogram"]

MAX_MELS = 1024
MAX_WINDOW = 1.0  # seconds
_LARGE_EXPONENT = 20  # of two: samples of a million times full scale

MEL_TEXTS = {
    **TEXTS,
    "bands": """
        n_mels : int, default=64
            Number of mel bands, at most 1024.

        window : float, default=0.025
            Length of the Hann window, in seconds, at most 1. The Fourier transform has the next
            power of two of it in samples: 512 at 16 kHz.

        hop : float, default=0.010
            Time between the centers of two frames, in seconds.

        fmin : float, default=20.0
            Lowest frequency, in Hz.

        fmax : float, default=None
            Highest frequency, in Hz. None is half of `sample_rate`.

        deltas : {0, 1, 2}, default=0
            How often slopes over 9 frames, and slopes of the slopes, are appended as features.

        normalize : {None, "mean", "mean_variance"}, default=None
            What is removed from each feature of a recording: nothing, its mean over frames, or its
            mean and its standard deviation.
        """,
}


class MelFrontEnd(FrontEnd):
    """Base class of the front ends that look at mel bands."""

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **FrontEnd._parameter_constraints,
        "n_mels": [Interval(Integral, 1, MAX_MELS, closed="both")],
        "window": [Interval(Real, 0, MAX_WINDOW, closed="right")],
        "hop": [Interval(Real, 0, None, closed="neither")],
        "fmin": [Interval(Real, 0, None, closed="left")],
        "fmax": [Interval(Real, 0, None, closed="neither"), None],
        "deltas": [Interval(Integral, 0, 2, closed="both")],
        "normalize": [StrOptions({"mean", "mean_variance"}), None],
    }

    n_mels: int
    window: float
    hop: float
    fmin: float
    fmax: float | None
    deltas: int
    normalize: str | None

    def _check_parameters(self) -> None:
        half_rate = self.sample_rate / 2
        fmax = half_rate if self.fmax is None else self.fmax
        if not self.fmin < fmax <= half_rate:
            raise ValueError(
                f"fmin={self.fmin} Hz and fmax={fmax} Hz must be in order and at most half of "
                f"sample_rate={self.sample_rate} Hz."
            )
        empty = int(np.sum(np.diff(self._filters().indptr) == 0))
        if empty:
            warn_caller(
                f"{empty} of n_mels={self.n_mels} mel bands are narrower than the frequency "
                f"resolution at sample_rate={self.sample_rate} Hz and stay empty; lower n_mels or "
                "lengthen window.",
                AudioQualityWarning,
            )

    def _n_fft(self) -> int:
        """Return the next power of two of the window, in samples."""
        return 1 << (self._window_length() - 1).bit_length()

    def _window_length(self) -> int:
        return max(2, round(self.window * self.sample_rate))

    def _filters(self) -> scipy.sparse.csr_array:
        fmax = self.sample_rate / 2 if self.fmax is None else self.fmax
        return mel_filters(self.sample_rate, self._n_fft(), self.n_mels, self.fmin, fmax)

    def _log_mel(self, waveform: NDArray[np.float32]) -> Frames:
        """Return decibels of shape (n_mels, n_frames)."""
        window = hann_window(self._window_length(), self._n_fft())
        hop = max(1, round(self.hop * self.sample_rate))
        # The power of samples far beyond full scale is beyond float32. To divide by a power of two
        # changes no digit of a sample.
        exponent = max(0, int(np.frexp(max(waveform.max(), -waveform.min()))[1]) - _LARGE_EXPONENT)
        scaled = np.ldexp(waveform, -exponent) if exponent else waveform
        decibels = power_to_db(mel_spectrum(scaled, self._filters(), window, hop))
        return decibels + np.float32(20 * np.log10(2) * exponent) if exponent else decibels

    def _finish(self, features: Frames) -> Frames:
        """Append slopes and remove the mean and scale of the recording, as asked."""
        orders = [features]
        for _ in range(self.deltas):
            orders.append(deltas(orders[-1]))
        return normalize(np.concatenate(orders), self.normalize)


@substitute(**MEL_TEXTS)
class LogMelSpectrogram(MelFrontEnd):
    """Logarithm of the energy in mel bands, in dB.

    With the default parameters, `deltas` and `normalize` apart, equal to
    ``librosa.power_to_db(librosa.feature.melspectrogram(...))`` of each recording alone [1]_:
    values are raised to 80 dB below the maximum of the recording, never of the other recordings.

    Read more in the :ref:`User Guide <front_ends>`.

    Parameters
    ----------
    %(bands)s

    %(parameters)s

    Attributes
    ----------
    %(columns)s

    See Also
    --------
    MFCC : Their cosine transform, which is shorter and decorrelated.

    References
    ----------
    .. [1] B. McFee et al., "librosa: Audio and Music Signal Analysis in Python", SciPy 2015.

    Examples
    --------
    >>> from sklearn_siamese_speaker import LogMelSpectrogram
    >>> from sklearn_siamese_speaker.datasets import make_speakers
    >>> X, y = make_speakers(n_speakers=2, n_recordings=1, duration=3.0, random_state=0)
    >>> LogMelSpectrogram().fit_transform(X).shape
    (2, 64, 301)
    >>> LogMelSpectrogram(n_mels=40, hop=0.02, normalize="mean").fit_transform(X).shape
    (2, 40, 151)
    """

    def __init__(
        self,
        n_mels: int = 64,
        *,
        window: float = 0.025,
        hop: float = 0.010,
        fmin: float = 20.0,
        fmax: float | None = None,
        deltas: int = 0,
        normalize: str | None = None,
        sample_rate: float = 16000,
        input_sample_rate: float = 16000,
        duration: float | None = None,
        crop: str = "center",
        pad: str = "zero",
        trim_silence: bool = False,
        drop_silence: bool = False,
        memory: Any = None,
        n_jobs: int | None = None,
    ) -> None:
        self.n_mels = n_mels
        self.window = window
        self.hop = hop
        self.fmin = fmin
        self.fmax = fmax
        self.deltas = deltas
        self.normalize = normalize
        self.sample_rate = sample_rate
        self.input_sample_rate = input_sample_rate
        self.duration = duration
        self.crop = crop
        self.pad = pad
        self.trim_silence = trim_silence
        self.drop_silence = drop_silence
        self.memory = memory
        self.n_jobs = n_jobs

    def _extract(self, waveform: NDArray[np.float32]) -> Frames:
        return self._finish(self._log_mel(waveform))

    def _count_features(self) -> int:
        return self.n_mels * (1 + self.deltas)


@substitute(**MEL_TEXTS)
class MFCC(MelFrontEnd):
    """Mel-frequency cepstral coefficients of each frame.

    Source: [1]_.

    The first coefficients of the orthonormal cosine transform of `LogMelSpectrogram`. Equal to
    ``librosa.feature.mfcc`` of each recording alone, with n_fft=512, hop_length=160 and
    win_length=400 at 16 kHz: values in dB are raised to 80 dB below the maximum of the recording,
    never of the other recordings.

    Read more in the :ref:`User Guide <front_ends>`.

    Parameters
    ----------
    n_mfcc : int, default=40
        Number of coefficients, at most `n_mels`. The first one is the level.

    %(bands)s

    %(parameters)s

    Attributes
    ----------
    %(columns)s

    See Also
    --------
    FramePooling : Statistics of frames, for classifiers that take vectors.
    LogMelSpectrogram : The bands before the cosine transform.

    References
    ----------
    .. [1] S. Davis and P. Mermelstein, "Comparison of parametric representations for monosyllabic
       word recognition in continuously spoken sentences", IEEE Transactions on Acoustics, Speech,
       and Signal Processing 28(4), 1980.

    Examples
    --------
    >>> from sklearn_siamese_speaker import MFCC
    >>> from sklearn_siamese_speaker.datasets import make_speakers
    >>> X, y = make_speakers(n_speakers=2, n_recordings=1, duration=3.0, random_state=0)
    >>> MFCC().fit_transform(X).shape
    (2, 40, 301)

    Recordings of different lengths stay different:

    >>> [frames.shape for frames in MFCC(n_mfcc=13).fit_transform([X[0], X[1, :16000]])]
    [(13, 301), (13, 101)]

    A pipeline from recordings to decisions:

    >>> from sklearn.neighbors import KNeighborsClassifier
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn_siamese_speaker import FramePooling
    >>> model = make_pipeline(MFCC(), FramePooling(), KNeighborsClassifier(1)).fit(X, y)
    >>> bool((model.predict(X) == y).all())
    True
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **MelFrontEnd._parameter_constraints,
        "n_mfcc": [Interval(Integral, 1, None, closed="left")],
    }

    def __init__(
        self,
        n_mfcc: int = 40,
        *,
        n_mels: int = 64,
        window: float = 0.025,
        hop: float = 0.010,
        fmin: float = 20.0,
        fmax: float | None = None,
        deltas: int = 0,
        normalize: str | None = None,
        sample_rate: float = 16000,
        input_sample_rate: float = 16000,
        duration: float | None = None,
        crop: str = "center",
        pad: str = "zero",
        trim_silence: bool = False,
        drop_silence: bool = False,
        memory: Any = None,
        n_jobs: int | None = None,
    ) -> None:
        self.n_mfcc = n_mfcc
        self.n_mels = n_mels
        self.window = window
        self.hop = hop
        self.fmin = fmin
        self.fmax = fmax
        self.deltas = deltas
        self.normalize = normalize
        self.sample_rate = sample_rate
        self.input_sample_rate = input_sample_rate
        self.duration = duration
        self.crop = crop
        self.pad = pad
        self.trim_silence = trim_silence
        self.drop_silence = drop_silence
        self.memory = memory
        self.n_jobs = n_jobs

    def _check_parameters(self) -> None:
        if self.n_mfcc > self.n_mels:
            raise ValueError(f"n_mfcc={self.n_mfcc} must be at most n_mels={self.n_mels}.")
        super()._check_parameters()

    def _extract(self, waveform: NDArray[np.float32]) -> Frames:
        return self._finish(cepstra(self._log_mel(waveform), self.n_mfcc))

    def _count_features(self) -> int:
        return self.n_mfcc * (1 + self.deltas)
