"""Mel-frequency cepstral coefficients."""

from __future__ import annotations

from numbers import Integral
from typing import ClassVar

from .._compat import Interval
from ._log_mel import MelFrontEnd
from ._spectral import cepstra


class MFCC(MelFrontEnd):
    """Mel-frequency cepstral coefficients of each frame [1]_.

    The first coefficients of the orthonormal cosine transform of `LogMelSpectrogram`. Equal to
    ``librosa.feature.mfcc`` of each recording alone, with n_fft=512, hop_length=160 and
    win_length=400 at 16 kHz: the floor of 80 dB below the maximum is that of the recording, never
    that of its neighbours.

    Read more in the :ref:`User Guide <front_ends>`.

    Parameters
    ----------
    n_mfcc : int, default=40
        Number of coefficients, at most `n_mels`. The first one is the level.

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
        What is removed from each feature of a recording: nothing, its mean over frames (cepstral
        mean normalization), or its mean and its standard deviation.

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

    _parameter_constraints: ClassVar[dict] = {
        **MelFrontEnd._parameter_constraints,
        "n_mfcc": [Interval(Integral, 1, None, closed="left")],
    }

    def __init__(
        self,
        n_mfcc=40,
        *,
        n_mels=64,
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
        self.memory = memory
        self.n_jobs = n_jobs

    def _check_parameters(self):
        if self.n_mfcc > self.n_mels:
            raise ValueError(f"n_mfcc={self.n_mfcc} must be at most n_mels={self.n_mels}.")
        super()._check_parameters()

    def _extract(self, waveform):
        return self._finish(cepstra(self._log_mel(waveform), self.n_mfcc))

    def _count_features(self):
        return self.n_mfcc * (1 + self.deltas)
