from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy import fft, signal

from sklearn_siamese_speaker.datasets import _make_speakers
from sklearn_siamese_speaker.datasets._make_speakers import draw_voice, speak

SAMPLE_RATE = 16000


def voices(n_voices):
    return [draw_voice(np.random.default_rng(seed), SAMPLE_RATE) for seed in range(n_voices)]


def estimate_pitch(waveform):
    """Median over loud frames of 50 ms of the lag with the greatest autocorrelation, in Hz."""
    frames = np.lib.stride_tricks.sliding_window_view(waveform, 800)[::400]
    energy = np.mean(frames**2, axis=1)
    frames = frames[energy > np.median(energy)]
    lags = np.arange(SAMPLE_RATE // 400, SAMPLE_RATE // 70)
    correlation = fft.irfft(np.abs(fft.rfft(frames, 1600)) ** 2)[:, lags] / (800 - lags)
    # The double period correlates as well: take the first lag that is nearly the best.
    is_nearly_best = correlation > 0.9 * correlation.max(axis=1, keepdims=True)
    return SAMPLE_RATE / np.median(lags[is_nearly_best.argmax(axis=1)])


def test_the_pitch_of_the_sound_is_the_pitch_of_the_voice():
    errors = []
    for seed, voice in enumerate(voices(8)):
        rng = np.random.default_rng(seed)
        heard = [estimate_pitch(speak(voice, 16000, SAMPLE_RATE, rng)) for _ in range(3)]
        errors.append(abs(np.log(np.mean(heard) / voice.pitch)))
    assert np.median(errors) < 0.1  # 1.7 semitones; the voices spread over 20


def test_voices_are_low_or_high_and_short_tracts_go_with_high_pitch():
    drawn = voices(200)
    pitch = np.array([voice.pitch for voice in drawn])
    tract = np.array([voice.tract for voice in drawn])
    assert 60 < pitch.min() < 100 < 200 < pitch.max() < 350
    assert np.corrcoef(pitch, tract)[0, 1] > 0.5


def test_the_tract_is_the_cascade_of_second_order_filters_that_scipy_computes():
    voice = replace(voices(1)[0], tilt=0.0)
    formants = np.array([[500.0, 1500.0, 2500.0], [300.0, 2200.0, 3000.0]])
    frequencies = np.linspace(0.0, 7900.0, 80)
    response = _make_speakers._tract(voice, formants, frequencies, SAMPLE_RATE)
    for row, moving in zip(response, formants, strict=True):
        expected = np.ones(len(frequencies), dtype=complex)
        for formant in [*moving, *voice.high_formants]:
            bandwidth = voice.bandwidth * (50.0 + 0.05 * formant)
            radius = np.exp(-np.pi * bandwidth / SAMPLE_RATE)
            poles = radius * np.exp(2j * np.pi * formant / SAMPLE_RATE * np.array([1, -1]))
            denominator = np.poly(poles).real
            expected *= signal.freqz([denominator.sum()], denominator, frequencies, fs=SAMPLE_RATE)[
                1
            ]
        assert_allclose(row, expected, rtol=2e-3)


def test_tilt_is_the_fall_in_decibels_of_each_octave_above_500_hz():
    flat, tilted = (replace(voices(1)[0], tilt=tilt) for tilt in (0.0, 6.0))
    frequencies, formants = (
        np.array([100.0, 500.0, 1000.0, 4000.0]),
        np.array([[500.0, 1500, 2500]]),
    )
    fall = np.abs(
        _make_speakers._tract(tilted, formants, frequencies, SAMPLE_RATE)
        / _make_speakers._tract(flat, formants, frequencies, SAMPLE_RATE)
    )
    assert_allclose(20 * np.log10(fall), [[0.0, 0.0, -6.0, -18.0]], atol=1e-3)


def test_formants_follow_the_vowels_of_peterson_and_barney():
    mean_formants = np.mean([voice.formants / voice.tract for voice in voices(200)], axis=0)
    heed, hod = mean_formants[1], mean_formants[5]
    assert_allclose(heed, [270, 2290, 3010], rtol=0.02)
    assert_allclose(hod, [730, 1090, 2440], rtol=0.02)


def test_unfiltered_frames_overlap_and_add_to_the_signal():
    hop, n_frames = 128, 20
    x = np.random.default_rng(0).standard_normal((n_frames + 2) * hop).astype(np.float32)
    same = _make_speakers._overlap_add(_make_speakers._spectra(x, n_frames, hop), hop)
    assert_allclose(same[hop : n_frames * hop], x[hop : n_frames * hop], atol=1e-5)


def test_syllables_go_from_consonant_to_vowel_and_fill_every_frame():
    voice = voices(1)[0]
    for seed in range(20):
        phones = _make_speakers._draw_phones(voice, 500, np.random.default_rng(seed))
        assert len(phones) == 500
        spoken = phones[phones != _make_speakers.SILENCE]
        spoken = spoken[np.diff(spoken, prepend=-1) != 0]
        is_vowel = spoken < _make_speakers.FIRST_CONSONANT
        assert (is_vowel[1:] != is_vowel[:-1]).all()
        assert len(set(phones)) > 8


@pytest.mark.parametrize("sample_rate", [8000, 11025, 44100])
def test_a_voice_is_the_same_at_every_sample_rate(sample_rate):
    here, there = (draw_voice(np.random.default_rng(1), rate) for rate in (16000, sample_rate))
    assert (here.pitch, here.tract, here.rate) == (there.pitch, there.tract, there.rate)
    assert (there.high_formants < sample_rate / 2 * 1.15).all()
    waveform = speak(there, sample_rate // 2, sample_rate, np.random.default_rng(0))
    assert waveform.shape == (sample_rate // 2,)
    assert np.isfinite(waveform).all()
