"""Tests of the metrics against numbers by hand and against slow, direct computations."""

from functools import cache

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import make_scorer
from sklearn.model_selection import cross_val_score

from sklearn_siamese_speaker.metrics import (
    actual_dcf,
    bayes_threshold,
    cllr,
    equal_error_rate,
    equal_error_threshold,
    false_accept_threshold,
    false_reject_rate_at,
    min_cllr,
    min_dcf,
    min_dcf_threshold,
)

METRICS = [equal_error_rate, false_reject_rate_at, min_dcf, actual_dcf, cllr, min_cllr]
THRESHOLDS = [equal_error_threshold, false_accept_threshold, min_dcf_threshold]
SEPARATED = ([0, 0, 1, 1], [1.0, 1.0, 2.0, 2.0])
TIED = ([0, 1, 0, 1, 1], [3.0] * 5)
REVERSED = ([0, 0, 1, 1, 1], [3.0, 4.0, 0.0, 1.0, 2.0])


@cache
def random_cases(n_cases=1000):
    """Draw labels and scores, with and without ties, of all sizes from 2 to 30."""
    rng = np.random.default_rng(0)
    cases = []
    for _ in range(n_cases):
        y_true = rng.integers(0, 2, rng.integers(2, 31))
        y_true[:2] = 0, 1
        scores = 3 * rng.normal(size=len(y_true)) + rng.uniform(0, 4) * y_true
        cases.append((y_true, np.round(scores, rng.integers(0, 3))))
    return cases


def rates_of_all_decisions(y_true, y_score):
    """Count the errors at every threshold, from accepting all to rejecting all."""
    accepted = y_score > np.append(-np.inf, np.sort(y_score))[:, np.newaxis]
    return accepted[:, y_true == 0].mean(axis=1), 1 - accepted[:, y_true == 1].mean(axis=1)


@pytest.mark.parametrize(
    ("metric", "separated", "tied", "reverse"),
    [
        (equal_error_rate, 0.0, 0.5, 1.0),
        (false_reject_rate_at, 0.0, 1.0, 1.0),
        (min_dcf, 0.0, 1.0, 1.0),
        (min_cllr, 0.0, 1.0, 1.0),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_separated_tied_and_reversed_scores_have_the_values_derived_by_hand(
    metric, separated, tied, reverse
):
    assert metric(*SEPARATED) == separated
    assert metric(*TIED) == pytest.approx(tied, abs=1e-15)
    assert metric(*REVERSED) == pytest.approx(reverse, abs=1e-15)


def test_equal_error_rate_of_four_trials_with_one_swap_is_one_half():
    assert equal_error_rate([0, 0, 1, 1], [1.0, 3.0, 2.0, 4.0]) == 0.5


def test_equal_error_rate_crosses_where_the_segment_between_two_thresholds_does():
    # Rejecting 1 and 2: FAR 1/3, FRR 0; rejecting 3 too, with both kinds: FAR 0, FRR 1/2.
    # On the segment between them FAR = (1 - s) / 3 meets FRR = s / 2 at s = 2/5.
    assert equal_error_rate([0, 0, 0, 1, 1], [1, 2, 3, 3, 4]) == pytest.approx(1 / 5)


def test_equal_error_rate_is_where_the_interpolated_rates_are_equal():
    for y_true, y_score in random_cases():
        far, frr = rates_of_all_decisions(y_true, y_score)
        expected = np.interp(0, frr - far, far)
        assert equal_error_rate(y_true, y_score) == pytest.approx(expected, abs=1e-12)


def test_error_rates_and_costs_equal_a_count_at_every_threshold():
    for y_true, y_score in random_cases():
        far, frr = rates_of_all_decisions(y_true, y_score)
        expected = pytest.approx(frr[far <= 0.1].min())
        assert false_reject_rate_at(y_true, y_score, far=0.1) == expected
        costs = (0.1 * 5 * frr + 0.9 * 2 * far) / 0.5
        cost = {"p_target": 0.1, "c_miss": 5.0, "c_fa": 2.0}
        assert min_dcf(y_true, y_score, **cost) == pytest.approx(costs.min())
        accepted = y_score > np.log(0.9 * 2 / 0.5)
        misses, false_accepts = (1 - accepted)[y_true == 1].mean(), accepted[y_true == 0].mean()
        expected = (0.5 * misses + 1.8 * false_accepts) / 0.5
        assert actual_dcf(y_true, y_score, **cost) == pytest.approx(expected)


def test_thresholds_achieve_what_their_metrics_promise():
    for y_true, y_score in random_cases():
        far, frr = rates_of_all_decisions(y_true, y_score)
        for find, loss in [
            (equal_error_threshold, lambda far, frr: np.abs(far - frr)),
            (false_accept_threshold, lambda far, frr: np.where(far <= 0.01, frr, np.inf)),
            (min_dcf_threshold, lambda far, frr: frr + 99 * far),
        ]:
            accepted = y_score > find(y_true, y_score)
            achieved = loss(accepted[y_true == 0].mean(), 1 - accepted[y_true == 1].mean())
            assert achieved == pytest.approx(loss(far, frr).min())


def test_cllr_equals_the_mean_of_single_costs():
    for y_true, y_score in random_cases():
        targets = np.log2(1 + np.exp(-y_score[y_true == 1]))
        non_targets = np.log2(1 + np.exp(y_score[y_true == 0]))
        expected = (targets.mean() + non_targets.mean()) / 2
        assert cllr(y_true, y_score) == pytest.approx(expected)


def test_min_cllr_equals_the_minimax_formula_of_isotonic_regression():
    # The isotonic fit at i is the largest over a <= i of the smallest over b >= i of the weighted
    # mean from a to b (Robertson, Wright & Dykstra 1988, theorem 1.4.4).
    for y_true, y_score in random_cases():
        weight = np.where(y_true == 1, 1 / y_true.sum(), 1 / (1 - y_true).sum())
        values = np.unique(y_score)
        total = np.array([weight[y_score == v].sum() for v in values])
        target = np.array([(weight * y_true)[y_score == v].sum() for v in values])
        sums, parts = (np.append(0, np.cumsum(array)) for array in (total, target))
        with np.errstate(divide="ignore", invalid="ignore"):
            means = (parts[np.newaxis, 1:] - parts[:-1, np.newaxis]) / (
                sums[np.newaxis, 1:] - sums[:-1, np.newaxis]
            )
        n = len(values)
        p = np.array([max(means[a, i:n].min() for a in range(i + 1)) for i in range(n)])
        p = np.clip(p, 1e-300, 1 - 1e-16)
        bits = -(target * np.log2(p) + (total - target) * np.log2(1 - p)).sum() / 2
        assert min_cllr(y_true, y_score) == pytest.approx(bits, abs=1e-12)


def test_min_cllr_and_min_dcf_are_the_lowest_of_all_increasing_functions_of_the_scores():
    for y_true, y_score in random_cases()[:200]:
        for scale, shift in [(1, 0), (0.3, 0), (0.5, -2), (2, 1)]:
            ratios = scale * y_score + shift
            assert min_cllr(y_true, y_score) <= cllr(y_true, ratios) + 1e-12
            assert min_dcf(y_true, y_score) <= actual_dcf(y_true, ratios) + 1e-12


@pytest.mark.parametrize("function", METRICS + THRESHOLDS)
def test_the_order_of_trials_does_not_matter(function):
    rng = np.random.default_rng(1)
    for y_true, y_score in random_cases()[:50]:
        order = rng.permutation(len(y_true))
        expected = function(y_true, y_score)
        assert function(y_true[order], y_score[order]) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("metric", [equal_error_rate, false_reject_rate_at, min_dcf, min_cllr])
def test_only_the_order_of_scores_matters_even_if_they_hardly_differ(metric):
    for y_true, y_score in random_cases()[:50]:
        assert metric(y_true, 1e-200 * y_score) == metric(y_true, y_score)


def test_a_threshold_between_neighboring_floats_still_separates_them():
    low, high = 1.0, np.nextafter(1.0, 2.0)
    for find in THRESHOLDS:
        assert low <= find([0, 1], [low, high]) < high


def test_thresholds_stay_finite_where_everything_is_accepted_or_rejected():
    assert min_dcf_threshold([0, 1], [2.0, 2.0]) == 2.0
    accept_all = min_dcf_threshold([0, 1], [2.0, 2.0], p_target=0.99)
    assert np.isfinite(accept_all)
    assert accept_all < 2.0


def test_bayes_threshold_of_nist_2016_is_log_99():
    assert bayes_threshold() == pytest.approx(np.log(99))
    assert bayes_threshold(p_target=0.5, c_miss=10.0, c_fa=1.0) == pytest.approx(-np.log(10))


def test_calibrated_scores_have_an_actual_cost_close_to_the_minimum():
    # Scores N(+-d^2/2, d^2) are their own log-likelihood ratios.
    rng = np.random.default_rng(0)
    y_true = rng.integers(0, 2, 40_000)
    ratios = 2.0 * rng.normal(size=len(y_true)) + np.where(y_true, 2.0, -2.0)
    assert cllr(y_true, ratios) == pytest.approx(min_cllr(y_true, ratios), abs=0.005)
    assert cllr(y_true, 3 * ratios) > min_cllr(y_true, ratios) + 0.1
    assert actual_dcf(y_true, ratios, p_target=0.3) < min_dcf(y_true, ratios, p_target=0.3) + 0.02


@pytest.mark.parametrize("metric", METRICS)
def test_a_metric_serves_as_a_scorer(metric):
    rng = np.random.default_rng(0)
    y = np.repeat([0, 1], 60)
    X = y[:, np.newaxis] + rng.normal(size=(120, 2))
    scorer = make_scorer(metric, response_method="decision_function", greater_is_better=False)
    model = LogisticRegression().fit(X, y)
    assert scorer(model, X, y) == -metric(y, model.decision_function(X))
    assert np.isfinite(cross_val_score(model, X, y, scoring=scorer, error_score="raise")).all()


@pytest.mark.parametrize("function", METRICS + THRESHOLDS)
def test_every_function_takes_booleans_and_refuses_what_is_not_a_trial(function):
    y_true, y_score = [0, 1, 1], [0.0, 1.0, 2.0]
    assert function([False, True, True], y_score) == function(y_true, y_score)
    with pytest.raises(ValueError, match=r"y_true must be 1 for trials .* got \[1, 2\]"):
        function([1, 2, 2], y_score)
    with pytest.raises(ValueError, match=r"Both kinds of trials are needed, .* got 3 and 0"):
        function([1, 1, 1], y_score)
    with pytest.raises(ValueError, match=r"finite score, got y_score\[1\]=nan"):
        function(y_true, [0.0, np.nan, 2.0])
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        function(y_true, y_score[1:])


def test_shares_and_costs_out_of_range_are_refused():
    trials = [0, 1], [0.0, 1.0]
    with pytest.raises(ValueError, match=r"far=1.5 must be a share .* from 0 to 1"):
        false_reject_rate_at(*trials, far=1.5)
    with pytest.raises(ValueError, match=r"p_target=1 must be a probability between 0 and 1"):
        min_dcf(*trials, p_target=1)
    with pytest.raises(ValueError, match=r"c_fa=0 must be a positive cost"):
        actual_dcf(*trials, c_fa=0)
