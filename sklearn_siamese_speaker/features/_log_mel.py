"""Log-mel spectrograms, and the band analysis they share with cepstra."""

from __future__ import annotations

import warnings
from numbers import Integral, Real
from typing import ClassVar

import numpy as np

from .._audio import AudioQualityWarning
from .._compat import Interval, StrOptions
from ._base import FrontEnd
from ._spectral import (
    deltas,
    hann_window,
    mel_filters,
    mel_spectrum,
    normalize,
    power_to_db,
)


class MelFrontEnd(FrontEnd):
    """Base class of the front ends that look at mel bands."""

    _parameter_constraints: ClassVar[dict] = {
        **FrontEnd._parameter_constraints,
        "n_mels": [Interval(Integral, 1, None, closed="left")],
        "window": [Interval(Real, 0, None, closed="neither")],
        "hop": [Interval(Real, 0, None, closed="neither")],
        "fmin": [Interval(Real, 0, None, closed="left")],
        "fmax": [Interval(Real, 0, None, closed="neither"), None],
        "deltas": [Interval(Integral, 0, 2, closed="both")],
        "normalize": [StrOptions({"mean", "mean_variance"}), None],
    }

    def _check_parameters(self):
        half_rate = self.sample_rate / 2
        fmax = half_rate if self.fmax is None else self.fmax
        if not self.fmin < fmax <= half_rate:
            raise ValueError(
                f"fmin={self.fmin} Hz and fmax={fmax} Hz must be in order and at most half of "
                f"sample_rate={self.sample_rate} Hz."
            )
        empty = int(np.sum(np.diff(self._filters().indptr) == 0))
        if empty:
            warnings.warn(
                f"{empty} of n_mels={self.n_mels} mel bands are narrower than the frequency "
                f"resolution at sample_rate={self.sample_rate} Hz and stay empty; lower n_mels or "
                "lengthen window.",
                AudioQualityWarning,
                stacklevel=5,
            )

    def _n_fft(self):
        """Return the next power of two of the window, in samples."""
        return 1 << (self._window_length() - 1).bit_length()

    def _window_length(self):
        return max(2, round(self.window * self.sample_rate))

    def _filters(self):
        fmax = self.sample_rate / 2 if self.fmax is None else self.fmax
        return mel_filters(self.sample_rate, self._n_fft(), self.n_mels, self.fmin, fmax)

    def _log_mel(self, waveform):
        """Return decibels of shape (n_mels, n_frames)."""
        window = hann_window(self._window_length(), self._n_fft())
        hop = max(1, round(self.hop * self.sample_rate))
        return power_to_db(mel_spectrum(waveform, self._filters(), window, hop))

    def _finish(self, features):
        """Append slopes and remove the mean and scale of the recording, as asked."""
        orders = [features]
        for _ in range(self.deltas):
            orders.append(deltas(orders[-1]))
        return normalize(np.concatenate(orders), self.normalize)


class LogMelSpectrogram(MelFrontEnd):
    """Logarithm of the energy in mel bands, in dB.

    With the default parameters, `deltas` and `normalize` apart, equal to
    ``librosa.power_to_db(librosa.feature.melspectrogram(...))`` of each recording alone [1]_: the
    floor of 80 dB below the maximum is that of the recording, never that of its neighbours.

    Read more in the :ref:`User Guide <front_ends>`.

    Parameters
    ----------
    n_mels : int, default=64
        Number of mel bands.

    window : float, default=0.025
        Length of the Hann window, in seconds. The Fourier transform has the next power of two of
        it in samples: 512 at 16 kHz.

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

    sample_rate : float, default=16000
        Sample rate of the analysis, in Hz. Files are resampled from the rate in their header,
        arrays from `input_sample_rate`.

    input_sample_rate : float, default=16000
        Sample rate of arrays, in Hz.

    duration : float, default=None
        Length all recordings are brought to, in seconds. None keeps theirs.

    crop : {"start", "center", "loudest"}, default="center"
        The part that is kept of a recording longer than `duration`; "loudest" has the largest
        energy.

    pad : {"zero", "repeat"}, default="zero"
        What follows a recording shorter than `duration`: zeros, or the recording again.

    trim_silence : bool, default=False
        Whether to cut the ends of a recording that are 40 dB or more below its loudest 25 ms.

    memory : str or object with the joblib.Memory interface, default=None
        Where to keep the frames of each recording: the folder of a cache, or the cache. They are
        found again by the content of the recording and the parameters.

    n_jobs : int, default=None
        Number of jobs, see the scikit-learn glossary.

    Attributes
    ----------
    n_features_in_ : int
        n_times, if `X` in `fit` was an array of shape (n_samples, n_times).

    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the columns, if `X` in `fit` was a data frame with names.

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
        n_mels=64,
        *,
        window=0.025,
        hop=0.010,
        fmin=20.0,
        fmax=None,
        deltas=0,
        normalize=None,
        sample_rate=16000,
        input_sample_rate=16000,
        duration=None,
        crop="center",
        pad="zero",
        trim_silence=False,
        memory=None,
        n_jobs=None,
    ):
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
        self.memory = memory
        self.n_jobs = n_jobs

    def _extract(self, waveform):
        return self._finish(self._log_mel(waveform))

    def _count_features(self):
        return self.n_mels * (1 + self.deltas)
