"""Tests of the interval by resampling speakers and of the bound of an error rate."""

import numpy as np
import pytest
from scipy import stats

from sklearn_siamese_speaker.metrics import (
    bootstrap_interval,
    equal_error_rate,
    error_rate_bound,
)
from sklearn_siamese_speaker.metrics.uncertainty import (
    _least_effective_number,
    _squared_deviations,
)


def all_pairs(n_speakers, n_recordings=1):
    speaker = np.repeat(np.arange(n_speakers), n_recordings)
    return np.column_stack([speaker[i] for i in np.triu_indices(len(speaker), k=1)])


def scored_trials(n_speakers=10, n_recordings=3, seed=0):
    rng = np.random.default_rng(seed)
    X = np.repeat(2 * rng.normal(size=n_speakers), n_recordings)
    X = X + rng.normal(size=len(X))
    i, j = np.triu_indices(len(X), k=1)
    speakers = all_pairs(n_speakers, n_recordings)
    return (speakers[:, 0] == speakers[:, 1]).astype(int), -abs(X[i] - X[j]), speakers


def test_each_draw_counts_trials_as_often_as_their_speakers_were_drawn():
    y_true, y_score, speakers = scored_trials(n_speakers=4)
    seen = []

    def count(y_true, y_score):
        seen.append((y_true.sum(), (~y_true).sum()))
        return 0.0

    bootstrap_interval(count, y_true, y_score, speakers, n_draws=50, random_state=3)
    expected = []
    for drawn in np.random.RandomState(3).multinomial(4, np.full(4, 1 / 4), 50):
        # 3 target trials a speaker, and 9 trials between any two different ones drawn.
        non_targets = 9 * (drawn.sum() ** 2 - (drawn**2).sum()) // 2
        if non_targets:
            expected.append((3 * drawn.sum(), non_targets))
    assert seen == expected
    assert len(seen) < 50


def test_the_interval_contains_the_metric_and_widens_with_confidence():
    y_true, y_score, speakers = scored_trials()
    eer = equal_error_rate(y_true, y_score)
    narrow = bootstrap_interval(equal_error_rate, y_true, y_score, speakers, confidence=0.5)
    wide = bootstrap_interval(equal_error_rate, y_true, y_score, speakers)
    assert wide[0] < narrow[0] < eer < narrow[1] < wide[1]


def test_the_interval_does_not_depend_on_the_names_of_the_speakers():
    y_true, y_score, speakers = scored_trials()
    names = np.array(list("abcdefghij"))[speakers]
    by_number = bootstrap_interval(equal_error_rate, y_true, y_score, speakers, n_draws=50)
    by_name = bootstrap_interval(equal_error_rate, y_true, y_score, names, n_draws=50)
    assert by_number == by_name


def test_copies_of_trials_do_not_narrow_the_interval():
    # They are no new speakers; resampled trials would take them for such.
    y_true, y_score, speakers = scored_trials()
    once = bootstrap_interval(equal_error_rate, y_true, y_score, speakers, n_draws=200)
    copies = (np.tile(y_true, 10), np.tile(y_score, 10), np.tile(speakers, (10, 1)))
    assert bootstrap_interval(equal_error_rate, *copies, n_draws=200) == pytest.approx(once)


def test_speakers_that_contradict_the_labels_are_refused():
    y_true, y_score, speakers = [1, 0, 0], [0.0, 1.0, 2.0], [[0, 0], [0, 1], [2, 2]]
    with pytest.raises(ValueError, match="Trial 2 is labeled 0 but its two speakers are the same"):
        bootstrap_interval(equal_error_rate, y_true, y_score, speakers)
    speakers = [[0, 1], [0, 1], [1, 2]]
    with pytest.raises(ValueError, match="Trial 0 is labeled 1 but its two speakers are diff"):
        bootstrap_interval(equal_error_rate, y_true, y_score, speakers)
    with pytest.raises(ValueError, match=r"shape \(n_trials, 2\) = \(3, 2\), .* got \(3,\)"):
        bootstrap_interval(equal_error_rate, y_true, y_score, [0, 0, 1])


def test_two_speakers_are_too_few_to_resample():
    with pytest.raises(ValueError, match="needs at least 3 of them, got 2"):
        bootstrap_interval(equal_error_rate, *scored_trials(n_speakers=2))


def test_the_bound_for_independent_trials_is_clopper_and_pearsons():
    # The rate at which so few errors have a probability of 5 %.
    errors = np.arange(80) < 7
    assert stats.binom.cdf(7, 80, error_rate_bound(errors)) == pytest.approx(0.05)
    assert stats.binom.cdf(7, 80, error_rate_bound(errors, confidence=0.8)) == pytest.approx(0.2)
    assert error_rate_bound(np.zeros(80)) == pytest.approx(1 - 0.05 ** (1 / 80))
    assert error_rate_bound(np.ones(80)) == 1.0


@pytest.mark.parametrize("n_errors", [0, 1, 5, 40])
def test_speakers_that_share_no_trial_give_nearly_the_bound_for_independent_trials(n_errors):
    errors = np.arange(100) < n_errors
    independent = error_rate_bound(errors)
    same = np.repeat(np.arange(100), 2).reshape(-1, 2)
    assert independent - 1e-12 <= error_rate_bound(errors, same) < 1.02 * independent
    pairs = np.arange(200).reshape(-1, 2)
    assert independent - 1e-12 <= error_rate_bound(errors, pairs) < 1.02 * independent


def test_copies_of_trials_do_not_lower_the_bound():
    speakers = np.repeat(np.arange(30), 2).reshape(-1, 2)
    errors = np.arange(30) % 5 == 0
    copied = error_rate_bound(np.tile(errors, 10), np.tile(speakers, (10, 1)))
    assert copied == pytest.approx(error_rate_bound(errors, speakers), rel=0.02)
    assert error_rate_bound(np.tile(errors, 10)) < 0.8 * copied


def test_without_errors_the_bound_is_that_of_separate_speakers_or_pairs():
    # 12 speakers, or 6 pairs that share none; one enrolled speaker says nothing about others.
    pairs = all_pairs(12)
    assert error_rate_bound(np.zeros(66), pairs) == pytest.approx(1 - 0.05 ** (1 / 6))
    targets = np.repeat(np.arange(12), 20).reshape(-1, 2)
    assert error_rate_bound(np.zeros(120), targets) == pytest.approx(1 - 0.05 ** (1 / 12))
    one_enrolled = np.column_stack([np.zeros(50, int), np.arange(1, 51)])
    assert error_rate_bound(np.zeros(50), one_enrolled) == pytest.approx(0.95)


def test_the_least_effective_number_of_all_pairs_is_half_the_speakers():
    assert _least_effective_number(all_pairs(20)) == pytest.approx(10)
    assert _least_effective_number(all_pairs(20)[::7]) < 19


def test_the_jackknife_variance_equals_leaving_speakers_out_one_by_one():
    rng = np.random.default_rng(0)
    speakers = all_pairs(8, 3)
    errors = rng.random(len(speakers)) < 0.2
    without = [errors[(speakers != s).all(axis=1)].mean() for s in range(8)]
    expected = 7 / 8 * ((np.array(without) - np.mean(without)) ** 2).sum()
    assert _squared_deviations(errors, speakers).sum() == pytest.approx(expected)


def test_the_bound_covers_the_truth_where_some_speakers_are_confused_with_everybody():
    # A share of speakers is easily imitated: pairs with one of them err with 0.4, others with 0.02.
    rng = np.random.default_rng(0)
    truth = 0.85**2 * 0.02 + (1 - 0.85**2) * 0.4
    speakers = all_pairs(20, 3)
    speakers = speakers[speakers[:, 0] != speakers[:, 1]]
    covered, independent = [], []
    for _ in range(300):
        easy = (rng.random(20) < 0.15)[speakers].any(axis=1)
        errors = rng.random(len(speakers)) < np.where(easy, 0.4, 0.02)
        covered.append(error_rate_bound(errors, speakers) >= truth)
        independent.append(error_rate_bound(errors) >= truth)
    assert np.mean(covered) > 0.91
    assert np.mean(independent) < 0.7


def test_the_bound_covers_the_truth_where_a_few_speakers_are_close_together():
    # 15 % of the speakers are close together: only pairs of two of them are often confused.
    rng = np.random.default_rng(0)
    truth = 0.15**2 * 0.3 + (1 - 0.15**2) * 0.01
    speakers = all_pairs(30, 2)
    speakers = speakers[speakers[:, 0] != speakers[:, 1]]
    covered = []
    for _ in range(400):
        close = (rng.random(30) < 0.15)[speakers].all(axis=1)
        errors = rng.random(len(speakers)) < np.where(close, 0.3, 0.01)
        covered.append(error_rate_bound(errors, speakers) >= truth)
    assert np.mean(covered) > 0.94


def test_the_bound_is_never_above_that_of_speakers_who_decide_everything():
    speakers = all_pairs(30)
    errors = (speakers == 0).any(axis=1)  # one speaker is taken for everybody
    rate = errors.mean()
    worst = stats.beta.ppf(0.95, 15 * rate + 1, 15 * (1 - rate))
    assert error_rate_bound(errors, speakers) == pytest.approx(worst)
