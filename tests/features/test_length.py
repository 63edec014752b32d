import numpy as np
import pytest

from sklearn_siamese_speaker.features._length import set_length, trim_silent_ends


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
