import numpy as np
import pytest
from sklearn.pipeline import make_pipeline

from sklearn_siamese_speaker.features import MFCC, FramePooling


@pytest.fixture
def frames():
    return np.random.default_rng(0).normal(3, 2, (5, 4, 30)).astype(np.float32)


@pytest.fixture
def ragged(frames):
    return [recording[:, : 30 - 4 * index] for index, recording in enumerate(frames)]


def test_statistics_follow_one_another():
    frames = np.array([[[1, 2, 6], [0, 0, 3]]])
    pooling = FramePooling(("mean", "std", "min", "max", "median"), standardize=False)
    expected = [[3, 1, np.sqrt(14 / 3), np.sqrt(2), 1, 0, 6, 3, 2, 0]]
    np.testing.assert_allclose(pooling.fit_transform(frames), expected, rtol=1e-6)


def test_features_are_standardized_over_the_frames_of_all_recordings(ragged):
    pooling = FramePooling().fit(ragged)
    every_frame = np.concatenate(ragged, axis=1)
    np.testing.assert_allclose(pooling.mean_, every_frame.mean(axis=1), rtol=1e-5)
    np.testing.assert_allclose(pooling.scale_, every_frame.std(axis=1), rtol=1e-5)
    standard = (ragged[2] - pooling.mean_[:, None]) / pooling.scale_[:, None]
    expected = np.concatenate([standard.mean(axis=1), standard.std(axis=1)])
    np.testing.assert_allclose(pooling.transform(ragged)[2], expected, rtol=1e-5, atol=1e-6)


def test_a_constant_feature_becomes_zero_and_stays_finite():
    frames = np.full((3, 2, 7), 0.1)
    np.testing.assert_array_equal(FramePooling().fit_transform(frames), np.zeros((3, 4)))


def test_a_recording_has_the_same_bits_alone_and_in_any_container(frames, ragged):
    for X in (frames, ragged, np.asfortranarray(frames)):
        pooling = FramePooling(("mean", "std", "median")).fit(X)
        alone = [pooling.transform([recording])[0] for recording in X]
        np.testing.assert_array_equal(pooling.transform(X), alone)


def test_flatten_puts_all_frames_in_a_row(frames):
    pooling = FramePooling("flatten", standardize=False)
    np.testing.assert_array_equal(pooling.fit_transform(frames), frames.reshape(5, -1))
    assert pooling.get_feature_names_out()[28:32].tolist() == [
        "x0_frame28",
        "x0_frame29",
        "x1_frame0",
        "x1_frame1",
    ]


def test_flatten_needs_recordings_of_one_length(frames, ragged):
    expected = (
        r"statistics='flatten' needs 30 frames of every recording, X\[1\] has 26; set duration in "
        "the front end"
    )
    with pytest.raises(ValueError, match=expected):
        FramePooling("flatten").fit(ragged)
    with pytest.raises(ValueError, match=r"needs 30 frames of every recording, X\[0\] has 20"):
        FramePooling("flatten").fit(frames).transform(frames[:, :, :20])


@pytest.mark.parametrize("statistics", [(), ("mean", "kurtosis")])
def test_unknown_statistics_are_refused_with_the_known_ones(frames, statistics):
    with pytest.raises(ValueError, match="must be 'flatten' or name at least one of mean, std, mi"):
        FramePooling(statistics).fit(frames)


def test_a_pipeline_from_waveforms_ends_in_a_data_frame():
    X = np.random.default_rng(0).uniform(-0.5, 0.5, (3, 4000))
    pipeline = make_pipeline(MFCC(2), FramePooling()).set_output(transform="pandas")
    table = pipeline.fit_transform(X)
    assert list(table.columns) == ["x0_mean", "x1_mean", "x0_std", "x1_std"]
    names = ["mfcc0_mean", "mfcc1_mean", "mfcc0_std", "mfcc1_std"]
    assert list(pipeline.get_feature_names_out()) == names
    assert table.shape == (3, 4)
