"""A waveform gets its length: silence left out, cropped, padded."""

import numpy as np
import pytest

from sklearn_siamese_speaker._audio import find_speech
from sklearn_siamese_speaker.features import MFCC
from sklearn_siamese_speaker.features.length import (
    leave_out_silence,
    set_length,
    trim_silent_ends,
)


@pytest.mark.parametrize(
    ("crop", "expected"), [("start", [1, 0, 3]), ("center", [0, 3, 5]), ("loudest", [3, 5, 1])]
)
def test_crop_keeps_the_part_it_names(crop, expected):
    np.testing.assert_array_equal(set_length(np.array([1, 0, 3, 5, 1]), 3, crop), expected)


@pytest.mark.parametrize(
    ("pad", "expected"), [("zero", [1, 2, 0, 0, 0]), ("repeat", [1, 2, 1, 2, 1])]
)
def test_pad_fills_the_end_as_it_says(pad, expected):
    np.testing.assert_array_equal(set_length(np.array([1, 2]), 5, pad=pad), expected)


def test_a_waveform_of_the_right_length_stays():
    waveform = np.arange(4.0)
    np.testing.assert_array_equal(set_length(waveform, 4, "loudest", "repeat"), waveform)


def test_silent_ends_are_trimmed_to_the_frames_that_touch_sound():
    waveform = np.zeros(16000)
    waveform[4000:8000] = 0.5
    trimmed = trim_silent_ends(waveform, 16000)
    assert 4000 <= len(trimmed) <= 4000 + 2 * 400
    assert np.count_nonzero(trimmed) == 4000


def test_pauses_inside_are_kept():
    waveform = np.zeros(16000)
    waveform[:1000] = waveform[15000:] = 0.5
    assert len(trim_silent_ends(waveform, 16000)) == 16000


@pytest.mark.parametrize("waveform", [np.zeros(8000), np.ones(8000), np.ones(1)])
def test_what_is_silent_or_loud_throughout_stays_whole(waveform):
    assert len(trim_silent_ends(waveform, 16000)) == len(waveform)


# Frames without speech


def speech_with_pauses(rate=16000, level=1.0):
    """Bursts of 0.2 s at 0.3 to 0.5 s and 0.8 to 1 s, 40 dB above the noise of 1.2 s."""
    rng = np.random.default_rng(0)
    waveform = 0.001 * rng.standard_normal(round(1.2 * rate))
    for start in (0.3, 0.8):
        burst = slice(round(start * rate), round((start + 0.2) * rate))
        waveform[burst] += 0.1 * rng.standard_normal(burst.stop - burst.start)
    return level * waveform


@pytest.mark.parametrize("rate", [8000, 11025, 16000])
@pytest.mark.parametrize("level", [1.0, 1e-3])
def test_speech_is_found_to_the_step_at_any_rate_and_level(rate, level):
    is_speech = find_speech(speech_with_pauses(rate, level), rate)
    assert len(is_speech) == 120 if rate != 11025 else 121
    expected = np.zeros(len(is_speech), dtype=bool)
    expected[30:50] = expected[80:100] = True
    wrong = np.flatnonzero(is_speech != expected)
    assert all(min(abs(step - edge) for edge in (30, 50, 80, 100)) <= 1 for step in wrong)


def test_silence_is_left_out_and_speech_joined():
    waveform = speech_with_pauses()
    left = leave_out_silence(waveform, 16000)
    assert len(left) == pytest.approx(0.4 * 16000, abs=4 * 160)
    kept = np.repeat(find_speech(waveform, 16000), 160)
    np.testing.assert_array_equal(left, waveform[kept])


def test_digital_silence_between_words_does_not_make_noise_speech():
    waveform = speech_with_pauses()
    waveform[:3200] = 0
    is_speech = find_speech(waveform, 16000)
    assert not is_speech[:20].any()
    assert is_speech.sum() == pytest.approx(40, abs=4)


@pytest.mark.parametrize("waveform", [np.zeros(8000), np.ones(8001), np.ones(1), np.ones(200)])
def test_what_is_alike_throughout_is_kept(waveform):
    np.testing.assert_array_equal(leave_out_silence(waveform, 16000), waveform)


def test_speech_of_the_last_short_step_is_kept():
    waveform = np.concatenate([np.full(1600, 1e-3), np.ones(50)])
    assert find_speech(waveform, 16000).tolist() == [False] * 9 + [True] * 2


def test_speech_is_where_the_first_cepstrum_finds_it():
    waveform = speech_with_pauses()
    levels = MFCC(1).fit_transform([waveform])[0, 0]  # a frame has its middle where a step begins
    by_cepstrum = levels >= np.percentile(levels, [5, 95]).mean()
    assert np.mean(by_cepstrum[1:] == find_speech(waveform, 16000)) > 0.95
