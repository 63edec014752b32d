import numpy as np
import pytest
from sklearn.base import BaseEstimator

from sklearn_siamese_speaker.features.frames import check_frames


class Learner(BaseEstimator):
    """Anything that learns from frames."""


@pytest.fixture
def frames():
    return np.random.default_rng(0).normal(size=(3, 4, 9))


def ragged(frames, kind=list):
    pieces = [recording[:, : 9 - index] for index, recording in enumerate(frames)]
    if kind is list:
        return pieces
    array = np.empty(len(pieces), dtype=object)
    array[:] = pieces
    return array


def test_three_axes_stay_and_become_float32(frames):
    learner = Learner()
    checked = check_frames(learner, frames, reset=True)
    np.testing.assert_array_equal(checked, frames.astype(np.float32))
    assert checked.dtype == np.float32
    assert learner.n_features_in_ == 4


def test_rows_are_one_frame_each(frames):
    assert check_frames(Learner(), frames[:, :, 0], reset=True).shape == (3, 4, 1)


@pytest.mark.parametrize("kind", [list, np.ndarray])
def test_recordings_of_several_lengths_become_a_list(frames, kind):
    learner = Learner()
    checked = check_frames(learner, ragged(frames, kind), reset=True)
    assert [recording.shape for recording in checked] == [(4, 9), (4, 8), (4, 7)]
    assert learner.n_features_in_ == 4


def test_a_list_of_recordings_of_one_length_becomes_three_axes(frames):
    assert check_frames(Learner(), list(frames), reset=True).shape == (3, 4, 9)


@pytest.mark.parametrize("wrap", [np.asarray, ragged])
def test_another_number_of_features_is_refused_in_the_words_of_scikit_learn(frames, wrap):
    learner = Learner()
    check_frames(learner, wrap(frames), reset=True)
    message = "X has 3 features, but Learner is expecting 4 features as input"
    with pytest.raises(ValueError, match=message):
        check_frames(learner, wrap(frames[:, :3]), reset=False)


@pytest.mark.parametrize("wrap", [np.asarray, ragged])
def test_too_few_samples_are_refused_in_the_words_of_scikit_learn(frames, wrap):
    with pytest.raises(ValueError, match="1 sample"):
        check_frames(Learner(), wrap(frames[:1]), reset=True, ensure_min_samples=2)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_values_that_are_not_finite_are_refused(frames, value):
    frames[1, 2, 3] = value
    with pytest.raises(ValueError, match=r"contains (NaN|infinity)"):
        check_frames(Learner(), frames, reset=True)
    message = r"X\[1\] contains NaN or infinity; leave the recording out"
    with pytest.raises(ValueError, match=message):
        check_frames(Learner(), ragged(frames), reset=True)


@pytest.mark.parametrize("X", [np.zeros((2, 3, 0)), np.zeros((2, 3, 4, 5))])
def test_arrays_of_another_shape_are_refused(X):
    message = "Learner takes frames of shape .n_samples, n_features, n_frames. with at least one"
    with pytest.raises(ValueError, match=message):
        check_frames(Learner(), X, reset=True)


def test_recordings_of_another_shape_are_refused(frames):
    with pytest.raises(ValueError, match=r"X\[3\] has shape \(4, 0\); a recording in a list is an"):
        check_frames(Learner(), [*frames, np.zeros((4, 0))], reset=True)


def test_recordings_of_two_front_ends_are_refused(frames):
    message = r"X\[3\] has 5 features where X\[0\] has 4; all recordings must come from one front"
    with pytest.raises(ValueError, match=message):
        check_frames(Learner(), [*frames, np.zeros((5, 9))], reset=True)
