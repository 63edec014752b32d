"""Tests of intervals and of curves over k."""

import warnings
from functools import partial

import conftest
import numpy as np
import pytest
from scipy import stats
from sklearn.decomposition import PCA
from sklearn.neighbors import KNeighborsClassifier
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from sklearn_siamese_speaker.model_selection import (
    NShotKWaySplit,
    n_shot_k_way_curve,
    n_shot_k_way_score,
    open_set_score,
    paired_difference,
)
from sklearn_siamese_speaker.model_selection._intervals import (
    accuracy_interval,
    bootstrap_p_value,
    bootstrap_shares,
    compare_paired,
    count_recognized,
    same_speakers_interval,
)

ARRAYS = ["mean", "lower", "upper", "same_speakers_lower", "same_speakers_upper", "chance"]


make_recordings = partial(conftest.make_recordings, n_recordings=7)


def test_counts_of_one_task_by_hand():
    # Speakers 3, 0, 2 in a task of two queries each; -1 is a rejected one.
    recognized = np.array([[[0, 1], [1, 1], [0, -1]]])
    n_queries, n_right = count_recognized(np.array([[3, 0, 2]]), recognized, n_speakers=4)
    assert n_queries.tolist() == [2, 0, 2, 2]
    assert n_right.tolist() == [2, 0, 0, 1]


def test_each_draw_is_the_accuracy_of_the_speakers_drawn():
    n_queries, n_right = np.array([4, 8, 2, 6]), np.array([4, 2, 1, 3])
    draws = bootstrap_shares(n_queries, n_right, n_draws=20)
    weights = np.random.RandomState(0).multinomial(4, np.full(4, 0.25), 20)
    for draw, weight in zip(draws, weights, strict=True):
        drawn = np.repeat(np.arange(4), weight)
        assert draw == pytest.approx(n_right[drawn].sum() / n_queries[drawn].sum())


def test_an_interval_is_as_much_wider_than_the_draws_as_student_s_t():
    # Deviations of 5, five times each way: 10 squares that are all equal, so 9 degrees of freedom.
    n_queries, n_right = np.full(10, 20), np.repeat([5, 15], 5)
    plain = np.quantile(bootstrap_shares(n_queries, n_right), [0.025, 0.975])
    widening = 2.262157 / 1.959964 * np.sqrt(10 / 9)
    expected = 0.5 + widening * (plain - 0.5)
    assert accuracy_interval(n_queries, n_right) == pytest.approx(expected, abs=1e-6)


def test_few_speakers_who_make_the_errors_widen_the_interval():
    # Of 40 speakers one makes all errors: nearly as little is known as if speakers decided alone.
    n_queries, n_right = np.full(40, 10), np.repeat([10, 0], [39, 1])
    lower, upper = accuracy_interval(n_queries, n_right)
    assert lower == pytest.approx(1 - stats.beta.ppf(0.975, 2, 39))
    assert upper == pytest.approx(stats.beta.ppf(0.975, 40, 1))


def test_speakers_who_make_no_error_give_the_interval_of_as_many_queries():
    lower, upper = accuracy_interval(np.full(49, 10), np.full(49, 10))
    assert lower == pytest.approx(0.025 ** (1 / 49))
    assert upper == 1


@pytest.mark.parametrize("n_right", [[0, 30], [15, 30], [0, 1], [29, 30], [30, 30], [0, 0]])
@pytest.mark.parametrize("n_hard", [1, 5, 9])
def test_intervals_stay_in_range(n_right, n_hard):
    n_queries, counts = np.full(10, 30), np.repeat(n_right, [n_hard, 10 - n_hard])
    accuracy = counts.sum() / n_queries.sum()
    lower, upper = accuracy_interval(n_queries, counts)
    assert 0 <= lower <= accuracy <= upper <= 1
    for one, other in [(counts, 30 - counts), (30 - counts, counts), (counts, n_queries)]:
        compared = compare_paired(n_queries, one, other)
        difference = (one - other).sum() / n_queries.sum()
        assert -1 <= compared.lower <= difference <= compared.upper <= 1


@pytest.mark.parametrize(("n_speakers", "is_given"), [(2, False), (9, False), (10, True)])
def test_too_few_speakers_have_no_interval_over_speakers(n_speakers, is_given):
    X, y = make_recordings(n_speakers=n_speakers)
    systems = PCA(4).fit(X), PCA(1).fit(X)
    arguments = {"k_ways": [2], "n_shots": [1], "n_tasks": 50}
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        curve, other = (n_shot_k_way_curve(system, X, y, **arguments) for system in systems)
    comparison = paired_difference(curve, other)
    for bounds in (curve.lower, curve.upper, comparison.lower, comparison.upper):
        assert np.isfinite(bounds).all() == is_given
    assert np.isfinite(curve.same_speakers_lower).all()
    assert 0 <= curve.bootstrap.min() <= curve.bootstrap.max() <= 1
    expected = [
        f"y has {n_speakers} speakers in its tasks, too few for an interval over speakers, which "
        "takes at least 10. Evaluate on more speakers."
    ]
    assert [str(warning.message) for warning in caught] == ([] if is_given else 2 * expected)


def test_speakers_in_no_task_do_not_change_the_draws():
    counts = np.array([4, 8, 2, 6]), np.array([4, 2, 1, 3])
    padded = [np.pad(count, (0, 2)) for count in counts]
    assert np.array_equal(bootstrap_shares(*padded), bootstrap_shares(*counts))
    counts = np.full(12, 8), np.arange(12) % 9
    padded = [np.pad(count, (0, 2)) for count in counts]
    assert accuracy_interval(*padded) == accuracy_interval(*counts)


def draw_world(seed, n_speakers=20):
    """Recordings of new speakers, some of them harder, seen by two systems of unequal noise."""
    rng = np.random.default_rng(seed)
    y = np.repeat(np.arange(n_speakers), 6)
    voices, spread = rng.normal(size=(n_speakers, 6)), np.exp(0.4 * rng.normal(size=n_speakers))
    noise = [rng.normal(size=(len(y), 6)) * spread[y, np.newaxis] for _ in range(2)]
    return [voices[y] + scale * n for scale, n in zip((1.0, 0.8), noise, strict=True)], y


@pytest.mark.parametrize("k_way", [5, 20])
def test_the_intervals_for_other_speakers_cover_the_truth(k_way):
    means, intervals, differences, naive = [], [], [], []
    for seed in range(150):
        systems, y = draw_world(seed)
        identity = FunctionTransformer().fit(systems[0])
        first, second = (
            n_shot_k_way_curve(identity, X, y, k_ways=[k_way], n_shots=[1], n_tasks=100)
            for X in systems
        )
        paired = paired_difference(second, first)
        means.append([first.mean.item(), second.mean.item()])
        intervals.append([first.lower.item(), first.upper.item()])
        differences.append([paired.lower.item(), paired.upper.item()])
        naive.append([first.same_speakers_lower.item(), first.same_speakers_upper.item()])
    truth = np.mean(means, axis=0)

    def coverage(bounds, value):
        lower, upper = np.transpose(bounds)
        return np.mean((lower <= value) & (value <= upper))

    assert coverage(intervals, truth[0]) >= 0.9
    assert coverage(differences, truth[1] - truth[0]) >= 0.9
    assert coverage(naive, truth[0]) < 0.75  # why the other interval is the one to report


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
    X, y = make_recordings(n_speakers=12)
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


def test_the_interval_of_a_curve_comes_from_the_counts_of_its_speakers():
    X, y = make_recordings(n_speakers=12)
    curve = n_shot_k_way_curve(StandardScaler().fit(X), X, y, k_ways=[4], n_shots=[1], n_tasks=300)
    support, query = NShotKWaySplit(1, 4, n_tasks=300, random_state=0).tasks(y)
    n_queries, n_right = np.zeros((2, 12))
    E = StandardScaler().fit_transform(X)
    for shots, queries in zip(support[:, :, 0], query[:, :, 0], strict=True):
        for s in queries:
            nearest = shots[((E[shots] - E[s]) ** 2).sum(axis=1).argmin()]
            n_queries[y[s]] += 1
            n_right[y[s]] += y[s] == y[nearest]
    assert curve.mean[0, 0] == pytest.approx(n_right.sum() / n_queries.sum())
    assert curve.speakers.tolist() == list(range(12))
    assert np.array_equal(curve.queries[0, 0], n_queries)
    assert np.array_equal(curve.recognized[0, 0], n_right)
    np.testing.assert_allclose(curve.bootstrap[0, 0], bootstrap_shares(n_queries, n_right))
    interval = accuracy_interval(n_queries, n_right)
    assert (curve.lower[0, 0], curve.upper[0, 0]) == pytest.approx(interval)


class CountingScaler(StandardScaler):
    n_transformed = 0

    def transform(self, X, copy=None):
        self.n_transformed += len(X)
        return super().transform(X, copy)


def test_results_are_read_as_tables():
    pytest.importorskip("pandas")
    X, y = make_recordings()
    scaler = StandardScaler().fit(X)
    curve = n_shot_k_way_curve(scaler, X, y, k_ways=[2, 5, 9], n_shots=[1, 3], n_tasks=20)
    frame = curve.to_frame()
    assert frame["n_shots"].tolist() == [1, 1, 1, 3, 3, 3]
    assert frame["k_way"].tolist() == [2, 5, 9] * 2
    for name in ARRAYS:
        assert frame[name].tolist() == curve[name].ravel().tolist()
    assert not {"queries", "bootstrap", "speakers", "n_tasks"} & set(frame)
    knn = KNeighborsClassifier(1)
    scores = open_set_score(knn, X, y, n_enrolled=[3, 5], n_shots=[1, 2], n_repeats=2)
    frame = scores.to_frame().set_index(["n_shots", "n_enrolled"])
    assert frame.loc[(2, 3), "false_accept_rate"] == scores.false_accept_rate[1, 0]


def test_a_curve_embeds_every_recording_once():
    X, y = make_recordings(n_speakers=12)
    scaler = CountingScaler().fit(X)
    n_shot_k_way_curve(scaler, X, y, k_ways=[2, 3], n_shots=[1, 2], n_tasks=10)
    assert scaler.n_transformed == len(X)


def test_a_curve_checks_all_cells_before_it_embeds():
    X, y = make_recordings(n_speakers=12)
    scaler = CountingScaler().fit(X)
    with pytest.raises(ValueError, match=r"k_way=20 needs at least 20 speakers .* got 12 of 12"):
        n_shot_k_way_curve(scaler, X, y)
    with pytest.raises(ValueError, match=r"\(n_shots=7 \+ n_queries=1\) each, got 0 of 12"):
        n_shot_k_way_curve(scaler, X, y, k_ways=[2], n_shots=[1, 7])
    with pytest.raises(ValueError, match="k_way must be at least 2, got 1"):
        n_shot_k_way_curve(scaler, X, y, k_ways=[1, 2])
    assert scaler.n_transformed == 0


def test_the_cells_of_a_curve_share_their_seed_even_when_it_is_drawn():
    X, y = make_recordings(n_speakers=12)
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
    draws = good.bootstrap - bad.bootstrap
    lower, upper = np.quantile(draws, [0.025, 0.975], axis=-1) - comparison.difference
    wider = (comparison.lower - comparison.difference) / lower  # than the draws, by Student's t
    np.testing.assert_allclose((comparison.upper - comparison.difference) / upper, wider)
    assert (wider > 1.04).all()  # the quantile of Student's t with 29 degrees of freedom is 2.05
    assert (wider < 1.3).all()
    assert (comparison.lower > 0).all()
    assert (comparison.p_value < 0.05).all()


def test_a_system_does_not_differ_from_itself():
    X, y = make_recordings(n_speakers=12)
    curve = n_shot_k_way_curve(PCA(2).fit(X), X, y, k_ways=[3], n_shots=[1], n_tasks=50)
    comparison = paired_difference(curve, curve)
    assert comparison.difference == comparison.lower == comparison.upper == 0
    assert comparison.p_value == 1


@pytest.mark.parametrize("change", [{"random_state": 1}, {"n_tasks": 30}, {"n_queries": 2}])
def test_a_paired_difference_over_other_tasks_raises(change):
    X, y = make_recordings(n_speakers=12)
    arguments = {"k_ways": [3], "n_shots": [1], "n_tasks": 20}
    scaler = StandardScaler().fit(X)
    curve = n_shot_k_way_curve(scaler, X, y, **arguments)
    other = n_shot_k_way_curve(scaler, X, y, **(arguments | change))
    with pytest.raises(ValueError, match="A paired difference needs curves over the same tasks"):
        paired_difference(curve, other)
