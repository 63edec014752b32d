"""Mel-frequency cepstral coefficients."""

from __future__ import annotations

from numbers import Integral
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from .._compat import Interval
from .._docs import substitute
from .base import Frames
from .log_mel import MEL_TEXTS, MelFrontEnd
from .spectral import cepstra


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
