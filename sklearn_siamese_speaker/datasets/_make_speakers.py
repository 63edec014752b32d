"""Synthetic speech of many speakers, recorded on several occasions."""

from __future__ import annotations

from numbers import Integral, Real
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import fft
from sklearn.utils import check_random_state, check_scalar

from ._voice import draw_voice, speak

VOICE, SESSION, RECORDING = range(3)  # streams of random numbers of a speaker


def make_speakers(
    n_speakers: int = 20,
    n_recordings: int = 10,
    duration: float = 3.0,
    *,
    n_sessions: int = 2,
    sample_rate: float = 16000,
    channel_std: float = 4.0,
    snr: float = 25.0,
    random_state: int | np.random.RandomState | None = None,
    return_sessions: bool = False,
) -> tuple[NDArray[Any], ...]:
    """Synthesize recordings of speakers who do not exist.

    A source-filter model: a voiced source, pulses of the vocal folds and breath, and the noise of
    friction pass through the moving resonances of a vocal tract. The **speaker** fixes the length
    of the tract, an own place of each formant and an accent of each phone, bandwidths, pitch and
    its range, open quotient, tilt, breath, jitter, shimmer and speaking rate. The **recording**
    has its own random syllables, melody and level. The **session** has its own channel and noise:
    they tell nothing of the speaker and hide much of it, from averages of the spectrum most of all.

    The sound is for tests, examples and benchmarks of the machinery. What wins here need not win
    on real speech.

    Parameters
    ----------
    n_speakers : int, default=20
        Number of speakers. The voices of the first ones do not depend on it.

    n_recordings : int, default=10
        Recordings of each speaker. The first ones do not depend on it.

    duration : float, default=3.0
        Length of each recording, in seconds, at least 0.1.

    n_sessions : int, default=2
        Occasions on which each speaker is recorded. Recording `i` of a speaker belongs to session
        `i % n_sessions`.

    sample_rate : float, default=16000
        Samples a second, in Hz, at least 8000.

    channel_std : float, default=4.0
        Standard deviation of a session's smooth random frequency response, in dB.

    snr : float, default=25.0
        Mean signal-to-noise ratio, in dB. Sessions differ from it by 4 dB and recordings by
        another 1.5 dB (standard deviations). `numpy.inf` is speech without noise.

    random_state : int, RandomState instance or None, default=None
        Seed of everything; an int gives the same sound again.

    return_sessions : bool, default=False
        Whether to return the sessions too.

    Returns
    -------
    X : ndarray of shape (n_speakers * n_recordings, n_times), float32
        Waveforms within [-1, 1], speaker after speaker.

    y : ndarray of shape (n_speakers * n_recordings,), str
        Speakers: "speaker00", "speaker01", ..., with three digits from 101 speakers on.

    sessions : ndarray of shape (n_speakers * n_recordings,), str
        Sessions: "speaker00/session0", ... Only if `return_sessions=True`. They are the `groups`
        that keep the support and the queries of a task apart.

    Raises
    ------
    TypeError, ValueError
        If a parameter is of another kind or out of its range.

    See Also
    --------
    load_speaker_folder : Recordings of real speakers.

    Notes
    -----
    With 80 speakers and the other defaults, the nearest neighbor on means and standard deviations
    of 40 cepstral coefficients, given one recording each, finds the speaker among 20 in about 2 of
    3 trials. Linear discriminant analysis of the same statistics, learned on 60 of the speakers,
    does so for the 20 others in about 5 of 6.

    References
    ----------
    .. [1] G. Fant (1960). "Acoustic Theory of Speech Production". Mouton. The source-filter model.
    .. [2] A. E. Rosenberg (1971). "Effect of glottal pulse shape on the quality of natural vowels".
       Journal of the Acoustical Society of America 49(2B), 583-590. The glottal pulse.
    .. [3] D. H. Klatt (1980). "Software for a cascade/parallel formant synthesizer". Journal of the
       Acoustical Society of America 67(3), 971-995. The resonators.
    .. [4] G. E. Peterson and H. L. Barney (1952). "Control methods used in a study of the vowels".
       Journal of the Acoustical Society of America 24(2), 175-184. The formants of the vowels.

    Examples
    --------
    >>> from sklearn_siamese_speaker.datasets import make_speakers
    >>> X, y = make_speakers(n_speakers=2, n_recordings=3, duration=0.5, random_state=0)
    >>> X.shape, X.dtype
    ((6, 8000), dtype('float32'))
    >>> print(*y)
    speaker00 speaker00 speaker00 speaker01 speaker01 speaker01

    Sessions keep the support and the queries of a task apart:

    >>> X, y, sessions = make_speakers(1, 4, 0.5, random_state=0, return_sessions=True)
    >>> print(*sessions)
    speaker00/session0 speaker00/session1 speaker00/session0 speaker00/session1
    """
    check_scalar(n_speakers, "n_speakers", Integral, min_val=1)
    check_scalar(n_recordings, "n_recordings", Integral, min_val=1)
    check_scalar(duration, "duration", Real, min_val=0.1)
    check_scalar(n_sessions, "n_sessions", Integral, min_val=1)
    check_scalar(sample_rate, "sample_rate", Real, min_val=8000)
    check_scalar(channel_std, "channel_std", Real, min_val=0)
    check_scalar(snr, "snr", Real)
    entropy = check_random_state(random_state).randint(2**31 - 1)
    n_times = round(duration * sample_rate)
    session_of = np.arange(n_recordings) % n_sessions

    waveforms = np.empty((n_speakers * n_recordings, n_times), dtype=np.float32)
    for speaker in range(n_speakers):
        voice = draw_voice(_generator(entropy, speaker, VOICE), sample_rate)
        sessions = [
            _draw_session(_generator(entropy, speaker, SESSION, i), n_times, channel_std, snr)
            for i in range(session_of.max() + 1)
        ]
        for i, session in enumerate(session_of):
            rng = _generator(entropy, speaker, RECORDING, i)
            speech = speak(voice, n_times, sample_rate, rng)
            waveforms[speaker * n_recordings + i] = _record(speech, sessions[session], rng)

    n_digits = max(2, len(str(n_speakers - 1)))
    names = [f"speaker{speaker:0{n_digits}}" for speaker in range(n_speakers)]
    y = np.repeat(names, n_recordings)
    if not return_sessions:
        return waveforms, y
    return waveforms, y, np.array([f"{name}/session{i}" for name in names for i in session_of])


def _generator(entropy: int, *key: int) -> np.random.Generator:
    """Return the generator of one thing alone, which no number of other things can move."""
    return np.random.default_rng(np.random.SeedSequence(entropy, spawn_key=key))


class _Session(NamedTuple):
    channel: NDArray[np.float32]  # gain of the speech, (n_bins,)
    noise: NDArray[np.float32]  # gain of white noise, (n_bins,)
    snr: float  # dB


def _draw_session(
    rng: np.random.Generator, n_times: int, channel_std: float, snr: float
) -> _Session:
    return _Session(
        channel=_draw_smooth_gain(rng, n_times, channel_std),
        noise=_draw_smooth_gain(rng, n_times, 6.0),
        snr=rng.normal(snr, 4.0),
    )


def _draw_smooth_gain(rng: np.random.Generator, n_times: int, std: float) -> NDArray[np.float32]:
    """Gain (n_bins,) of a sum of five slow cosines over a warped frequency axis, `std` in dB."""
    fraction = np.linspace(0.0, 1.0, n_times // 2 + 1)
    warped = np.log1p(11.0 * fraction) / np.log(12.0)  # the mel scale of 0 to 8 kHz, nearly
    order = np.arange(1, 6)
    weights = rng.standard_normal(len(order)) / np.sqrt(np.sum(0.5 / order) * order)
    curve = sum(w * np.cos(np.pi * k * warped) for k, w in zip(order, weights, strict=True))
    return (10.0 ** (std * curve / 20)).astype(np.float32)


def _record(
    speech: NDArray[np.floating], session: _Session, rng: np.random.Generator
) -> NDArray[np.floating]:
    """Pass speech through the session's channel, add its noise, and set a level."""
    spectrum = fft.rfft(speech) * session.channel
    noise = fft.rfft(rng.standard_normal(len(speech), dtype=np.float32)) * session.noise
    snr = rng.normal(session.snr, 1.5)
    noise *= np.linalg.norm(spectrum) / np.linalg.norm(noise) * 10.0 ** (-snr / 20)
    waveform = fft.irfft(spectrum + noise, len(speech))
    return waveform * (rng.uniform(0.1, 0.9) / np.abs(waveform).max())
