import re

import numpy as np
import pytest
import soundfile
from numpy.testing import assert_allclose, assert_array_equal

from sklearn_siamese_speaker._audio import AudioError
from sklearn_siamese_speaker.datasets import split_into_fragments


def make_ramp(n_times):
    """Return a waveform of which every sample tells its place."""
    return np.linspace(0.0, 0.9, n_times, dtype=np.float32)


def test_fragments_touch_by_default_and_the_rest_is_left_out():
    X = np.stack([make_ramp(3500), -make_ramp(3500)])
    fragments, labels, recordings = split_into_fragments(X, ["ana", "ben"], 1.0, sample_rate=1000)
    assert fragments.dtype == np.float32
    assert_array_equal(fragments, X[:, :3000].reshape(6, 1000))
    assert_array_equal(labels, ["ana"] * 3 + ["ben"] * 3)
    assert_array_equal(recordings, [0, 0, 0, 1, 1, 1])


def test_hop_is_the_time_between_starts():
    x = make_ramp(2000)
    fragments, *_ = split_into_fragments([x], [0], 1.0, hop=0.25, sample_rate=1000)
    assert_array_equal(fragments, [x[i : i + 1000] for i in (0, 250, 500, 750, 1000)])


def test_starts_of_a_fractional_hop_are_rounded_one_by_one():
    x = make_ramp(1000)
    fragments, *_ = split_into_fragments([x], [0], 0.99, hop=0.0025, sample_rate=1000)
    assert_array_equal(fragments, [x[i : i + 990] for i in (0, 2, 5, 8, 10)])


def test_n_fragments_are_evenly_spaced_from_the_start_to_the_end():
    x = make_ramp(2000)
    fragments, *_ = split_into_fragments([x], [0], 1.0, n_fragments=3, sample_rate=1000)
    assert_array_equal(fragments, [x[:1000], x[500:1500], x[1000:]])


def test_recordings_of_different_lengths_give_different_numbers_of_fragments():
    X = [make_ramp(1000), make_ramp(2999), make_ramp(2000)]
    fragments, labels, recordings = split_into_fragments(X, [7, 8, 7], 1.0, sample_rate=1000)
    assert fragments.shape == (5, 1000)
    assert_array_equal(labels, [7, 8, 8, 7, 7])
    assert_array_equal(recordings, [0, 1, 1, 2, 2])


def test_fragments_are_copies_and_the_recordings_are_untouched():
    x = make_ramp(2000)
    fragments, *_ = split_into_fragments([x], [0], 1.0, sample_rate=1000)
    fragments[:] = 0
    assert_array_equal(x, make_ramp(2000))


def test_files_are_resampled_and_cut(tmp_path):
    paths = [tmp_path / "a.wav", tmp_path / "b.wav"]
    tone = 0.5 * np.sin(2 * np.pi * 100 * np.arange(8000) / 8000).astype(np.float32)
    soundfile.write(paths[0], tone, 8000, subtype="FLOAT")
    soundfile.write(paths[1], tone[:4000], 4000, subtype="FLOAT")
    fragments, labels, recordings = split_into_fragments(paths, ["a", "b"], 0.5, sample_rate=4000)
    assert fragments.shape == (4, 2000)
    expected = 0.5 * np.sin(2 * np.pi * 100 * np.arange(2000) / 4000)
    assert_allclose(fragments[0, 200:-200], expected[200:-200], atol=1e-3)
    assert_array_equal(fragments[2], tone[:2000])
    assert_array_equal(labels, ["a", "a", "b", "b"])
    assert_array_equal(recordings, [0, 0, 1, 1])


def test_short_recordings_are_all_named_with_their_lengths():
    X = [make_ramp(1000), make_ramp(2000), make_ramp(900)]
    message = (
        "2 of 3 recordings cannot be used:\n"
        "X[0] lasts 1 s, too short for 1 fragment of 1.5 s; leave it out or lower duration.\n"
        "X[2] lasts 0.9 s, too short"
    )
    with pytest.raises(AudioError, match=re.escape(message)):
        split_into_fragments(X, [0, 1, 2], 1.5, sample_rate=1000)


def test_a_short_file_is_named(tmp_path):
    soundfile.write(tmp_path / "short.wav", make_ramp(4000), 8000)
    with pytest.raises(AudioError, match=r"short\.wav' lasts 0\.5 s, too short") as caught:
        split_into_fragments([tmp_path / "short.wav"], ["ana"], 1.0)
    assert caught.value.index == 0


def test_fragments_that_would_be_copies_of_each_other_are_refused():
    with pytest.raises(AudioError, match="lasts 1 s, too short for 3 fragments of 1 s"):
        split_into_fragments([make_ramp(1000)], [0], 1.0, n_fragments=3, sample_rate=1000)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"hop": 0.5, "n_fragments": 2}, r"Pass hop=0\.5 or n_fragments=2, not both\."),
        ({"hop": 0.0}, r"hop == 0\.0, must be >= 0\.001"),
        ({"n_fragments": 0}, "n_fragments == 0, must be >= 1"),
        ({"duration": 0.0}, r"duration == 0\.0, must be >= 0\.001"),
        ({"sample_rate": 0}, "sample_rate == 0, must be > 0"),
        ({"y": [0, 1]}, "inconsistent numbers of samples"),
    ],
)
def test_parameters_out_of_range_are_named(parameters, message):
    arguments = {"X": [make_ramp(1000)], "y": [0], "duration": 0.5, "sample_rate": 1000}
    with pytest.raises(ValueError, match=message):
        split_into_fragments(**(arguments | parameters))
