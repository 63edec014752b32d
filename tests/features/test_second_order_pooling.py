"""Covariance and mixture statistics of FramePooling, against formulas written out another way."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.linalg import logm
from sklearn.mixture import GaussianMixture

from sklearn_siamese_speaker import FramePooling

SECOND_ORDER = ("covariance", "slope_covariance", "mixture")


@pytest.fixture(scope="module")
def frames():
    rng = np.random.default_rng(0)
    means = 2 * rng.normal(size=(12, 5, 1))
    return [means[i] + rng.normal(size=(5, n)) for i, n in enumerate(rng.integers(20, 60, 12))]


def pooling(*statistics, **params):
    return FramePooling(statistics, n_mixtures=3, random_state=0, **params)


def log_covariance(values):
    matrix = logm(np.cov(values, bias=True) + 0.05 * np.eye(len(values)))
    row, column = np.triu_indices(len(matrix))
    return matrix[row, column] * np.where(row == column, 1, np.sqrt(2))


def test_covariance_is_the_upper_triangle_of_its_matrix_logarithm(frames):
    pooled = pooling("covariance", standardize=False).fit_transform(frames)
    assert_allclose(pooled, [log_covariance(f) for f in frames], rtol=1e-5, atol=1e-5)


def test_distances_of_covariances_are_those_of_the_logarithms(frames):
    a, b = pooling("covariance").fit_transform(frames)[:2].astype(float)
    fitted = pooling("mean").fit(frames)
    standard = [(f - fitted.mean_[:, None]) / fitted.scale_[:, None] for f in frames[:2]]
    A, B = (logm(np.cov(f, bias=True) + 0.05 * np.eye(5)) for f in standard)
    assert_allclose(np.linalg.norm(a - b), np.linalg.norm(A - B), rtol=1e-5)


def test_slope_covariance_is_that_of_differences_over_four_frames(frames):
    fitted = pooling("slope_covariance", standardize=False).fit(frames)
    padded = [np.hstack([f[:, :1], f[:, :1], f, f[:, -1:], f[:, -1:]]) for f in frames]
    slopes = [p[:, 4:] - p[:, :-4] for p in padded]
    scale = np.sqrt(np.mean(np.hstack(slopes) ** 2, axis=1))
    assert_allclose(fitted.slope_scale_, scale)
    expected = [0.7 * log_covariance(s / scale[:, None]) for s in slopes]
    assert_allclose(fitted.transform(frames), expected, rtol=1e-5, atol=1e-5)


def test_mixture_is_the_shift_of_the_adapted_means(frames):
    fitted = pooling("mixture", standardize=False).fit(frames)
    mixture = GaussianMixture(3, covariance_type="diag")
    mixture.weights_, mixture.means_ = fitted.mixture_weights_, fitted.mixture_means_
    mixture.covariances_ = fitted.mixture_variances_
    mixture.precisions_cholesky_ = 1 / np.sqrt(mixture.covariances_)
    posteriors = mixture.predict_proba(frames[0].T)  # (n_frames, n_mixtures)
    counts = posteriors.sum(axis=0)
    share = counts / (counts + 6)
    centers = posteriors.T @ frames[0].T / counts[:, None]
    adapted = share[:, None] * centers + (1 - share)[:, None] * mixture.means_
    shifts = (adapted - mixture.means_) * np.sqrt(mixture.weights_)[:, None]
    expected = 4 * (shifts / np.sqrt(mixture.covariances_)).ravel()
    assert_allclose(fitted.transform(frames[:1])[0], expected, rtol=1e-4, atol=1e-5)


def test_the_same_bits_alone_and_among_others(frames):
    fitted = pooling(*SECOND_ORDER).fit(frames)
    together = fitted.transform(frames)
    for i, recording in enumerate(frames):
        assert_array_equal(fitted.transform([recording])[0], together[i])


def test_the_same_seed_gives_the_same_mixture_and_another_one_another(frames):
    first, again = (pooling("mixture").fit_transform(frames) for _ in range(2))
    assert_array_equal(first, again)
    other = pooling("mixture").set_params(random_state=1).fit_transform(frames)
    assert np.abs(first - other).max() > 0.01


@pytest.mark.parametrize("statistic", SECOND_ORDER)
def test_one_frame_and_constant_features_are_finite(frames, statistic):
    fitted = pooling(statistic).fit([*frames, np.ones((5, 9))])
    assert np.isfinite(fitted.transform([frames[0][:, :1], np.ones((5, 30))])).all()
    constant = pooling(statistic).fit_transform([np.ones((5, 4)), np.ones((5, 1))])
    assert np.isfinite(constant).all()


def test_fewer_frames_than_components_leave_components_without_weight():
    fitted = FramePooling(["mixture"], n_mixtures=8, random_state=0).fit(np.eye(3))
    assert (fitted.mixture_weights_ > 0).sum() == 3
    assert np.isfinite(fitted.transform(np.eye(3))).all()


def test_names_of_columns(frames):
    fitted = pooling("mean", *SECOND_ORDER).fit(frames)
    names = fitted.get_feature_names_out(["a", "b", "c", "d", "e"])
    assert len(names) == fitted.transform(frames).shape[1] == 5 + 15 + 15 + 15
    assert names[[5, 6, 20, 35]].tolist() == [
        "a_a_covariance",
        "a_b_covariance",
        "a_a_slope_covariance",
        "a_mixture0",
    ]
