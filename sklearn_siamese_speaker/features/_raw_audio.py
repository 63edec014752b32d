"""Waveforms as frames of one feature."""

from __future__ import annotations

import numpy as np

from ._base import FrontEnd


class RawAudio(FrontEnd):
    """Checked waveforms at one sample rate, for networks that learn from the samples.

    Read more in the :ref:`User Guide <front_ends>`.

    Parameters
    ----------
    sample_rate : float, default=16000
        Sample rate of the output, in Hz. Files are resampled from the rate in their header,
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
        sample_rate=16000,
        *,
        input_sample_rate=16000,
        duration=None,
        crop="center",
        pad="zero",
        trim_silence=False,
        memory=None,
        n_jobs=None,
    ):
        self.sample_rate = sample_rate
        self.input_sample_rate = input_sample_rate
        self.duration = duration
        self.crop = crop
        self.pad = pad
        self.trim_silence = trim_silence
        self.memory = memory
        self.n_jobs = n_jobs

    def _extract(self, waveform):
        return np.ascontiguousarray(waveform)[np.newaxis]

    def _count_features(self):
        return 1
