"""Synthetic speech of many speakers, recorded on several occasions.

A source-filter voice: a `Voice` is who speaks, `speak` draws what is said, a session is a channel
and its noise.
"""

from __future__ import annotations

from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy import fft
from scipy.ndimage import gaussian_filter1d
from sklearn.utils import check_random_state, check_scalar

# Formants F1, F2, F3 (Hz), strength of voicing, strength of friction, center and half width of the
# friction (Hz), duration (s), silence before it (s). The vowels are the averages of men in Peterson
# and Barney (1952); the consonants are typical values of our own in the manner of Klatt (1980).
PHONES = np.array(
    [
        (500, 1500, 2500, 0.00, 0.00, 3000, 1000, 0.00, 0.00),  # silence
        (270, 2290, 3010, 1.00, 0.00, 3000, 1000, 0.13, 0.00),  # heed
        (390, 1990, 2550, 1.00, 0.00, 3000, 1000, 0.11, 0.00),  # hid
        (530, 1840, 2480, 1.00, 0.00, 3000, 1000, 0.12, 0.00),  # head
        (660, 1720, 2410, 1.00, 0.00, 3000, 1000, 0.15, 0.00),  # had
        (730, 1090, 2440, 1.00, 0.00, 3000, 1000, 0.15, 0.00),  # hod
        (570, 840, 2410, 1.00, 0.00, 3000, 1000, 0.15, 0.00),  # hawed
        (440, 1020, 2240, 1.00, 0.00, 3000, 1000, 0.11, 0.00),  # hood
        (300, 870, 2240, 1.00, 0.00, 3000, 1000, 0.13, 0.00),  # who'd
        (640, 1190, 2390, 1.00, 0.00, 3000, 1000, 0.11, 0.00),  # hud
        (490, 1350, 1690, 1.00, 0.00, 3000, 1000, 0.13, 0.00),  # heard
        (280, 1100, 2300, 0.40, 0.00, 3000, 1000, 0.07, 0.00),  # m
        (280, 1600, 2600, 0.40, 0.00, 3000, 1000, 0.06, 0.00),  # n
        (340, 1100, 2800, 0.55, 0.00, 3000, 1000, 0.06, 0.00),  # l
        (320, 1250, 1600, 0.55, 0.00, 3000, 1000, 0.06, 0.00),  # r
        (290, 700, 2200, 0.50, 0.00, 3000, 1000, 0.06, 0.00),  # w
        (330, 1400, 2550, 0.00, 0.25, 5800, 1300, 0.11, 0.00),  # s
        (300, 1800, 2600, 0.00, 0.30, 3200, 1000, 0.11, 0.00),  # sh
        (340, 1100, 2100, 0.00, 0.10, 5000, 5000, 0.09, 0.00),  # f
        (300, 1350, 2500, 0.30, 0.12, 5500, 1300, 0.08, 0.00),  # z
        (350, 1000, 2200, 0.00, 0.15, 1200, 1500, 0.02, 0.07),  # p
        (380, 1700, 2600, 0.00, 0.30, 4500, 1800, 0.03, 0.06),  # t
        (320, 1900, 2600, 0.00, 0.25, 2200, 900, 0.03, 0.06),  # k
    ]
)
SILENCE, FIRST_VOWEL, FIRST_CONSONANT = 0, 1, 11
FORMANTS, VOICING, FRICTION = slice(0, 3), 3, 4
FRICTION_CENTER, FRICTION_WIDTH, SECONDS, CLOSURE = 5, 6, 7, 8

PAUSE_CHANCE, PAUSE_SECONDS = 0.12, 0.25
SHORTEST_SYLLABLE = 0.05  # seconds

HOP_SECONDS = 0.008
HOPS_PER_WINDOW = 2  # Hann windows at this overlap add up to one
HOPS_PER_FFT = 6  # the resonances ring out behind the window

VOICE, SESSION, RECORDING = range(3)  # streams of random numbers of a speaker

Floats: TypeAlias = NDArray[np.floating]
Complexes: TypeAlias = NDArray[np.complexfloating]


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
    of the tract, a shift of each formant, an accent in each phone, bandwidths, pitch and its range,
    open quotient, tilt, breath, jitter, shimmer and speaking rate. The **recording** has its own
    random syllables, melody and level. The **session** has its own channel and noise, which say
    nothing about the speaker and hide the voice, most of all from averages of the spectrum.

    The sound is for tests, examples and benchmarks of the machinery. A ranking of methods on it
    may reverse on real speech.

    Parameters
    ----------
    n_speakers : int, default=20
        Number of speakers. The first voices are the same whatever this number.

    n_recordings : int, default=10
        Recordings of each speaker. The first ones are the same whatever this number.

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
    """Return the generator of one thing, which does not depend on how many others there are."""
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


@dataclass(frozen=True)
class Voice:
    """What stays the same in all recordings of a speaker."""

    tract: float  # factor of all resonances; 1 is an average man, more is a shorter vocal tract
    formants: Floats  # F1, F2, F3 of each phone, Hz, (n_phones, 3)
    high_formants: Floats  # those that do not move, Hz, (n_high_formants,)
    bandwidth: float  # factor of all bandwidths
    pitch: float  # mean, Hz
    pitch_range: float  # standard deviation, semitones
    open_quotient: float  # share of a period during which the vocal folds are open
    tilt: float  # fall of the voice above 500 Hz, dB per octave, on top of the pulse's own
    breath: float  # amplitude of the aspiration noise, relative to the glottal flow
    jitter: float  # relative standard deviation of the pitch, from frame to frame
    shimmer: float  # that of the amplitude
    rate: float  # factor of the speaking rate


def draw_voice(rng: np.random.Generator, sample_rate: float) -> Voice:
    """Draw a speaker; half of them have a short vocal tract and a high pitch."""
    is_high = rng.random() < 0.5
    tract = rng.normal(1.15 if is_high else 1.0, 0.05)
    own_offsets = rng.lognormal(0.0, 0.03, 3)
    accent = rng.lognormal(0.0, 0.03, (len(PHONES), 3))
    formants = PHONES[:, FORMANTS] * tract * own_offsets * accent
    neutral = 1000.0 * tract * np.arange(3.5, sample_rate / 2000 / tract)  # a uniform tube's, in Hz
    return Voice(
        tract=tract,
        formants=np.minimum(formants, 0.49 * sample_rate),
        bandwidth=rng.lognormal(0.0, 0.2),
        pitch=rng.lognormal(np.log(205.0 if is_high else 118.0), 0.15),
        pitch_range=rng.uniform(1.0, 3.0),
        open_quotient=rng.uniform(0.45, 0.75),
        tilt=rng.uniform(-1.0, 4.0),
        breath=rng.lognormal(np.log(0.01), 0.8),
        jitter=rng.uniform(0.002, 0.008),
        shimmer=rng.uniform(0.02, 0.10),
        rate=rng.lognormal(0.0, 0.15),
        # Drawn last: their number depends on the sample rate, the rest of the voice does not.
        high_formants=neutral * rng.lognormal(0.0, 0.03, len(neutral)),
    )


def speak(voice: Voice, n_times: int, sample_rate: float, rng: np.random.Generator) -> Floats:
    """Say random syllables, at a level of their own: (n_times,), float32."""
    hop = round(HOP_SECONDS * sample_rate)
    n_frames = n_times // hop + HOPS_PER_WINDOW
    phones = _draw_phones(voice, n_frames, rng)
    tracks = gaussian_filter1d(PHONES[phones], 1.5, axis=0)
    formants = gaussian_filter1d(voice.formants[phones], 3.0, axis=0)
    noise = rng.standard_normal((n_frames + HOPS_PER_WINDOW) * hop, dtype=np.float32)
    source = _glottal_source(voice, noise, hop, sample_rate, rng)

    frequencies = fft.rfftfreq(HOPS_PER_FFT * hop, 1 / sample_rate)
    voicing = tracks[:, VOICING] * rng.lognormal(0.0, voice.shimmer, n_frames)
    spectra = _spectra(source, n_frames, hop) * _tract(voice, formants, frequencies, sample_rate)
    spectra *= voicing[:, None].astype(np.float32)
    spectra += _spectra(noise, n_frames, hop) * _friction(voice, tracks, frequencies)
    return _overlap_add(spectra, hop)[hop : hop + n_times]


def _draw_phones(voice: Voice, n_frames: int, rng: np.random.Generator) -> NDArray[np.integer]:
    """Draw silence-consonant-vowel syllables; returns the phone of each frame."""
    n_syllables = int(np.ceil(n_frames * HOP_SECONDS * voice.rate / SHORTEST_SYLLABLE))
    consonants = rng.integers(FIRST_CONSONANT, len(PHONES), n_syllables)
    vowels = rng.integers(FIRST_VOWEL, FIRST_CONSONANT, n_syllables)
    syllables = np.column_stack([np.full(n_syllables, SILENCE), consonants, vowels])
    seconds = PHONES[syllables, SECONDS]
    seconds[:, 0] = PHONES[consonants, CLOSURE]
    seconds[:, 0] += PAUSE_SECONDS * (rng.random(n_syllables) < PAUSE_CHANCE)
    seconds[0, 0] = 0.0  # the shortest recording holds speech
    seconds *= rng.lognormal(0.0, 0.2, seconds.shape) / voice.rate
    ends = np.rint(np.cumsum(seconds) / HOP_SECONDS).astype(int)
    return np.resize(np.repeat(syllables.ravel(), np.diff(ends, prepend=0)), n_frames)


def _glottal_source(
    voice: Voice, noise: Floats, hop: int, sample_rate: float, rng: np.random.Generator
) -> Floats:
    """Rosenberg's pulse C (1971) and breath at a wandering pitch, as the lips radiate them."""
    n_frames = len(noise) // hop
    melody = gaussian_filter1d(rng.standard_normal(n_frames), 15.0)
    melody *= voice.pitch_range / 12 / max(melody.std(), 1e-9)
    mood = rng.normal(0.0, 0.08)
    jitter = rng.normal(0.0, voice.jitter, n_frames)
    pitch = voice.pitch * 2.0 ** (melody - melody.mean() + mood) * (1.0 + jitter)
    period = np.cumsum(np.repeat(pitch, hop) / sample_rate) % 1.0  # in cycles, within [0, 1)

    opening, closing = np.array([0.7, 0.3]) * voice.open_quotient
    grid = np.linspace(0.0, 1.0, 513)
    pulse = np.where(
        grid < opening,
        0.5 - 0.5 * np.cos(np.pi * grid / opening),
        np.cos(np.pi / 2 * np.minimum((grid - opening) / closing, 1.0)),
    )
    flow = np.interp(period, grid, pulse).astype(np.float32)
    flow += np.float32(voice.breath) * noise * (0.2 + flow)
    return np.diff(flow, prepend=flow[:1])


def _tract(voice: Voice, formants: Floats, frequencies: Floats, sample_rate: float) -> Complexes:
    """Frequency response of the voice and the vocal tract (n_frames, n_bins), Klatt's cascade."""
    octaves = np.log2(np.maximum(frequencies, 500.0) / 500.0)
    response: Complexes = (10.0 ** (-voice.tilt * octaves / 20)).astype(np.complex64)
    for formant in [*voice.high_formants[:, None], *formants.T]:
        bandwidth = voice.bandwidth * (50.0 + 0.05 * formant)
        response = response * _resonator(formant, bandwidth, frequencies, sample_rate)
    return response


def _resonator(
    formant: Floats, bandwidth: Floats, frequencies: Floats, sample_rate: float
) -> Complexes:
    """Klatt's digital resonator (1980, eq. 1 and 2), one row for each formant; gain 1 at 0 Hz."""
    delay = np.exp(-2j * np.pi * frequencies / sample_rate).astype(np.complex64)
    radius = np.exp(-np.pi * bandwidth / sample_rate)
    b = (2.0 * radius * np.cos(2 * np.pi * formant / sample_rate)).astype(np.float32)[:, None]
    c = -(radius**2).astype(np.float32)[:, None]
    response = c * delay
    response += b
    response *= -delay
    response += 1
    return np.divide(1 - b - c, response, out=response)


def _friction(voice: Voice, tracks: Floats, frequencies: Floats) -> Floats:
    """Gain of the friction noise (n_frames, n_bins), a broad hill for each fricative and burst."""
    level, center, width = tracks[:, [FRICTION, FRICTION_CENTER, FRICTION_WIDTH]].T[..., None]
    slope = np.float32(1.0) / width.astype(np.float32)
    distance = frequencies.astype(np.float32) * slope
    distance -= (voice.tract * center).astype(np.float32) * slope
    return (0.3 * level).astype(np.float32) / (1 + distance**2)


def _spectra(signal: Floats, n_frames: int, hop: int) -> Complexes:
    """Hann-windowed spectra (n_frames, n_bins) of a signal."""
    width = HOPS_PER_WINDOW * hop
    window = np.hanning(width + 1)[:-1].astype(np.float32)
    frames = np.lib.stride_tricks.sliding_window_view(signal, width)[::hop][:n_frames]
    return fft.rfft(frames * window, HOPS_PER_FFT * hop)


def _overlap_add(spectra: Complexes, hop: int) -> Floats:
    """Signal (n_samples,) of filtered frames, the inverse of `_spectra`."""
    pieces = fft.irfft(spectra, HOPS_PER_FFT * hop).reshape(len(spectra), HOPS_PER_FFT, hop)
    signal = np.zeros((len(spectra) + HOPS_PER_FFT, hop), dtype=np.float32)
    for i in range(HOPS_PER_FFT):
        signal[i : i + len(spectra)] += pieces[:, i]
    return signal.ravel()
