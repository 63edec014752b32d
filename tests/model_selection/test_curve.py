"""Tests of intervals and of curves over k."""

import numpy as np
import pytest
from sklearn.decomposition import PCA
from sklearn.preprocessing import StandardScaler

from sklearn_siamese_speaker.model_selection import (
    NShotKWaySplit,
    n_shot_k_way_curve,
    n_shot_k_way_score,
    paired_difference,
)
from sklearn_siamese_speaker.model_selection._intervals import (
    bootstrap_accuracies,
    bootstrap_p_value,
    count_confusions,
    percentile_interval,
    same_speakers_interval,
)

ARRAYS = ["mean", "lower", "upper", "same_speakers_lower", "same_speakers_upper", "chance"]


def make_recordings(n_speakers=12, n_recordings=7, n_dims=6):
    rng = np.random.default_rng(0)
    y = np.repeat(np.arange(n_speakers), n_recordings)
    X = rng.normal(size=(n_speakers, n_dims))[y] + rng.normal(size=(len(y), n_dims))
    return X, y


def test_confusions_of_one_task_by_hand():
    # Speakers 3, 0, 2 in a task of two queries each; -1 is split between the two others.
    recognised = np.array([[[0, 1], [1, 1], [0, -1]]])
    trials, errors = count_confusions(np.array([[3, 0, 2]]), recognised, n_speakers=4)
    assert trials.tolist() == [[0, 0, 2, 2], [0, 0, 0, 0], [2, 0, 0, 2], [2, 0, 2, 0]]
    assert errors.tolist() == [[0, 0, 0, 0], [0, 0, 0, 0], [0.5, 0, 0, 1.5], [1, 0, 0, 0]]
    assert 1 - 2 * errors.sum() / trials.sum() == 3 / 6


def test_each_draw_is_the_accuracy_among_the_speakers_drawn():
    # A draw that has speaker s w_s times has each pair (s, c) w_s * w_c times.
    rng = np.random.default_rng(0)
    trials = rng.integers(1, 9, size=(5, 5)) * (1 - np.eye(5, dtype=int))
    errors = np.floor(trials * rng.random((5, 5)) / 2)
    draws = bootstrap_accuracies(trials, errors, k_way=3, n_draws=20)
    weights = np.random.RandomState(0).multinomial(5, np.full(5, 0.2), 20)
    for draw, weight in zip(draws, weights, strict=True):
        drawn = np.repeat(np.arange(5), weight)
        pairs = [(s, c) for s in drawn for c in drawn]
        n_errors, n_trials = (sum(counts[pair] for pair in pairs) for counts in (errors, trials))
        assert draw == pytest.approx(1 - 2 * n_errors / n_trials)


def test_speakers_in_no_task_do_not_change_the_draws():
    rng = np.random.default_rng(0)
    trials = rng.integers(1, 9, size=(4, 4)) * (1 - np.eye(4, dtype=int))
    errors = trials / 4
    errors[0] = 0
    padded = [np.pad(counts, (0, 2)) for counts in (trials, errors)]
    expected = bootstrap_accuracies(trials, errors, k_way=2)
    assert np.array_equal(bootstrap_accuracies(*padded, k_way=2), expected, equal_nan=True)


def test_the_interval_for_other_speakers_covers_the_truth():
    # Errors of s against c depend on both: some speakers are hard, some are often confused with.
    rng = np.random.default_rng(0)

    def error_rates(n_speakers):
        hard, confusable = 0.8 * rng.normal(size=(2, n_speakers))
        return 1 / (1 + np.exp(2 - hard[:, np.newaxis] - confusable))

    rates = error_rates(3000)
    truth = 1 - rates[~np.eye(3000, dtype=bool)].mean()
    trials = 4 * (1 - np.eye(25, dtype=int))
    covered, normal_covered = [], []
    for _ in range(200):
        errors = rng.binomial(trials, error_rates(25))
        draws = bootstrap_accuracies(trials, errors, k_way=2, n_draws=400)
        lower, upper = percentile_interval(draws)
        covered.append(lower <= truth <= upper)
        answers = np.repeat([0.0, 1.0], [errors.sum(), trials.sum() - errors.sum()])
        lower, upper = same_speakers_interval(answers)
        normal_covered.append(lower <= truth <= upper)
    assert 0.88 <= np.mean(covered) < 1
    assert np.mean(normal_covered) < 0.7  # why the other interval is the one to report


def test_same_speakers_interval_by_hand():
    lower, upper = same_speakers_interval(np.array([0.4, 0.6] * 50))
    half = 1.96 * 0.1005 / 10  # standard deviation 0.1005 with n - 1
    assert (lower, upper) == pytest.approx((0.5 - half, 0.5 + half), abs=1e-5)
    assert same_speakers_interval(np.ones(10)) == (1, 1)
    assert np.isnan(same_speakers_interval(np.ones(1))).all()


def test_p_value_by_hand():
    assert bootstrap_p_value(np.zeros(99)) == 1
    assert bootstrap_p_value(np.full(99, 0.1)) == pytest.approx(2 * 1 / 100)
    assert bootstrap_p_value(np.array([-1.0] * 9 + [1.0] * 90)) == pytest.approx(2 * 10 / 100)


def test_every_cell_of_a_curve_is_the_mean_score_of_its_tasks():
    X, y = make_recordings()
    pca = PCA(3).fit(X)
    curve = n_shot_k_way_curve(pca, X, y, k_ways=[2, 5, 9], n_shots=[1, 3], n_tasks=60)
    assert {curve[name].shape for name in [*ARRAYS, "fingerprint"]} == {(2, 3)}
    assert curve.bootstrap.shape == (2, 3, 2000)
    assert np.array_equal(curve.chance, [[1 / 2, 1 / 5, 1 / 9]] * 2)
    for i, n_shots in enumerate(curve.n_shots):
        for j, k_way in enumerate(curve.k_ways):
            scores = n_shot_k_way_score(
                pca, X, y, n_shots=n_shots, k_way=k_way, n_tasks=60, random_state=0
            )
            assert curve.mean[i, j] == pytest.approx(scores.mean())
            same = curve.same_speakers_lower[i, j], curve.same_speakers_upper[i, j]
            assert same == pytest.approx(same_speakers_interval(scores))
    assert (curve.lower < curve.mean).all()
    assert (curve.mean < curve.upper).all()


def test_the_intervals_of_a_curve_come_from_the_confusions_of_its_tasks():
    X, y = make_recordings()
    curve = n_shot_k_way_curve(StandardScaler().fit(X), X, y, k_ways=[4], n_shots=[1], n_tasks=300)
    support, query = NShotKWaySplit(1, 4, n_tasks=300, random_state=0).tasks(y)
    trials, errors = np.zeros((2, 12, 12))
    E = StandardScaler().fit_transform(X)
    for shots, queries in zip(support[:, :, 0], query[:, :, 0], strict=True):
        for s in queries:
            nearest = shots[((E[shots] - E[s]) ** 2).sum(axis=1).argmin()]
            trials[y[s], y[shots]] += y[s] != y[shots]
            errors[y[s], y[nearest]] += y[s] != y[nearest]
    draws = bootstrap_accuracies(trials, errors, k_way=4)
    assert curve.mean[0, 0] == pytest.approx(1 - 3 * errors.sum() / trials.sum())
    np.testing.assert_allclose(curve.bootstrap[0, 0], draws)
    assert (curve.lower[0, 0], curve.upper[0, 0]) == pytest.approx(
        np.quantile(draws, [0.025, 0.975])
    )


class CountingScaler(StandardScaler):
    n_transformed = 0

    def transform(self, X, copy=None):
        self.n_transformed += len(X)
        return super().transform(X, copy)


def test_a_curve_embeds_every_recording_once():
    X, y = make_recordings()
    scaler = CountingScaler().fit(X)
    n_shot_k_way_curve(scaler, X, y, k_ways=[2, 3], n_shots=[1, 2], n_tasks=10)
    assert scaler.n_transformed == len(X)


def test_a_curve_checks_all_cells_before_it_embeds():
    X, y = make_recordings()
    scaler = CountingScaler().fit(X)
    with pytest.raises(ValueError, match=r"k_way=20 needs at least 20 speakers .* got 12 of 12"):
        n_shot_k_way_curve(scaler, X, y)
    with pytest.raises(ValueError, match=r"\(n_shots=7 \+ n_queries=1\) each, got 0 of 12"):
        n_shot_k_way_curve(scaler, X, y, k_ways=[2], n_shots=[1, 7])
    with pytest.raises(ValueError, match="k_way must be at least 2, got 1"):
        n_shot_k_way_curve(scaler, X, y, k_ways=[1, 2])
    assert scaler.n_transformed == 0


def test_the_cells_of_a_curve_share_their_seed_even_when_it_is_drawn():
    X, y = make_recordings()
    scaler = StandardScaler().fit(X)
    arguments = {"k_ways": [2, 2], "n_shots": [1], "n_tasks": 50}
    curve = n_shot_k_way_curve(scaler, X, y, random_state=None, **arguments)
    assert curve.fingerprint[0, 0] == curve.fingerprint[0, 1]
    other = n_shot_k_way_curve(scaler, X, y, random_state=None, **arguments)
    assert curve.fingerprint[0, 0] != other.fingerprint[0, 0]


def test_a_paired_difference_uses_the_same_draws_for_both():
    X, y = make_recordings(n_speakers=30)
    arguments = {"k_ways": [2, 5], "n_shots": [1, 2], "n_tasks": 300}
    good, bad = (n_shot_k_way_curve(PCA(n).fit(X), X, y, **arguments) for n in (6, 1))
    comparison = paired_difference(good, bad)
    assert {array.shape for array in comparison.values()} == {(2, 2)}
    assert np.array_equal(comparison.difference, good.mean - bad.mean)
    lower, upper = np.quantile(good.bootstrap - bad.bootstrap, [0.025, 0.975], axis=-1)
    np.testing.assert_allclose([comparison.lower, comparison.upper], [lower, upper])
    assert (comparison.lower > 0).all()
    assert (comparison.p_value < 0.05).all()


def test_a_system_does_not_differ_from_itself():
    X, y = make_recordings()
    curve = n_shot_k_way_curve(PCA(2).fit(X), X, y, k_ways=[3], n_shots=[1], n_tasks=50)
    comparison = paired_difference(curve, curve)
    assert comparison.difference == comparison.lower == comparison.upper == 0
    assert comparison.p_value == 1


@pytest.mark.parametrize("change", [{"random_state": 1}, {"n_tasks": 30}, {"n_queries": 2}])
def test_a_paired_difference_over_other_tasks_raises(change):
    X, y = make_recordings()
    arguments = {"k_ways": [3], "n_shots": [1], "n_tasks": 20}
    scaler = StandardScaler().fit(X)
    curve = n_shot_k_way_curve(scaler, X, y, **arguments)
    other = n_shot_k_way_curve(scaler, X, y, **(arguments | change))
    with pytest.raises(ValueError, match="A paired difference needs curves over the same tasks"):
        paired_difference(curve, other)
