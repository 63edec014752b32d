"""Waveforms as frames of one feature."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._docs import substitute
from .base import TEXTS, Frames, FrontEnd

__all__ = ["RawAudio"]


@substitute(**TEXTS)
class RawAudio(FrontEnd):
    """Checked waveforms at one sample rate, for networks that learn from the samples.

    Read more in the :ref:`User Guide <front_ends>`.

    Parameters
    ----------
    %(parameters)s

    Attributes
    ----------
    %(columns)s

    See Also
    --------
    MFCC : Mel-frequency cepstral coefficients.
    LogMelSpectrogram : Energy in mel bands.

    Examples
    --------
    >>> from sklearn_siamese_speaker import RawAudio
    >>> from sklearn_siamese_speaker.datasets import make_speakers
    >>> X, y = make_speakers(n_speakers=2, n_recordings=1, duration=3.0, random_state=0)
    >>> RawAudio(sample_rate=4000).fit_transform(X).shape
    (2, 1, 12000)

    Recordings of different lengths stay different unless `duration` is given:

    >>> voices = [X[0], X[1, :16000]]
    >>> [frames.shape for frames in RawAudio().fit_transform(voices)]
    [(1, 48000), (1, 16000)]
    >>> RawAudio(duration=2.0).fit_transform(voices).shape
    (2, 1, 32000)
    """

    def __init__(
        self,
        sample_rate: float = 16000,
        *,
        input_sample_rate: float = 16000,
        duration: float | None = None,
        crop: str = "center",
        pad: str = "zero",
        trim_silence: bool = False,
        drop_silence: bool = False,
        memory: Any = None,
        n_jobs: int | None = None,
    ) -> None:
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
        return np.ascontiguousarray(waveform)[np.newaxis]

    def _count_features(self) -> int:
        return 1
