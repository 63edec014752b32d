"""Tests of trials out of labeled embeddings."""

from itertools import combinations

import numpy as np
import pytest

from sklearn_siamese_speaker.metrics import make_trials


def make_recordings(n_samples=40, n_speakers=6, n_sessions=3, seed=0):
    rng = np.random.default_rng(seed)
    y = np.array([f"speaker{i}" for i in rng.integers(0, n_speakers, n_samples)])
    return rng.normal(size=(n_samples, 5)), y, rng.integers(0, n_sessions, n_samples)


def as_sets(indices):
    return {frozenset(pair) for pair in indices.tolist()}


def test_every_two_recordings_are_one_trial():
    X, y, _ = make_recordings()
    trials = make_trials(X, y)
    assert len(trials.indices) == 40 * 39 // 2
    assert as_sets(trials.indices) == {frozenset(pair) for pair in combinations(range(40), 2)}
    assert np.array_equal(trials.data, X[trials.indices])
    assert np.array_equal(trials.speakers, y[trials.indices])
    assert np.array_equal(trials.target, trials.speakers[:, 0] == trials.speakers[:, 1])


def test_with_sessions_target_trials_are_across_sessions_and_non_target_trials_are_all():
    X, y, sessions = make_recordings()
    trials = make_trials(X, y, sessions)
    expected = {
        frozenset((i, j))
        for i, j in combinations(range(40), 2)
        if y[i] != y[j] or sessions[i] != sessions[j]
    }
    assert as_sets(trials.indices) == expected
    assert len(trials.indices) == len(expected)


def test_a_session_name_shared_by_two_speakers_is_two_sessions():
    trials = make_trials(np.eye(4), ["a", "a", "b", "b"], groups=[1, 2, 1, 2])
    assert trials.target.tolist() == [1, 1, 0, 0, 0, 0]


def test_a_limit_keeps_as_many_trials_of_either_kind_without_repeats():
    X, y, sessions = make_recordings()
    every = as_sets(make_trials(X, y, sessions).indices)
    trials = make_trials(X, y, sessions, max_trials=50, random_state=0)
    assert np.bincount(trials.target).tolist() == [50, 50]
    assert len(as_sets(trials.indices)) == 100
    assert as_sets(trials.indices) <= every


def test_the_same_seed_draws_the_same_trials_and_another_seed_others():
    X, y, _ = make_recordings()
    first, again, other = (make_trials(X, y, max_trials=9, random_state=s) for s in (0, 0, 1))
    assert np.array_equal(first.indices, again.indices)
    assert not np.array_equal(first.indices, other.indices)


def test_every_trial_is_drawn_equally_often():
    X, y, _ = make_recordings(n_samples=8, n_speakers=3)
    counts = np.zeros((8, 8))
    for seed in range(600):
        i, j = make_trials(X, y, max_trials=4, random_state=seed).indices.T
        counts[i, j] += 1
    n_kinds = np.bincount(make_trials(X, y).target)
    same = y[:, np.newaxis] == y
    for kind in (0, 1):
        counted = counts[(same == kind) & (counts > 0)]
        expected = 600 * 4 / n_kinds[kind]
        assert len(counted) == n_kinds[kind]
        assert np.abs(counted - expected).max() < 5 * np.sqrt(expected)


def test_a_few_trials_of_a_large_collection_are_drawn_without_making_all():
    y = np.repeat(np.arange(1000), 30)  # 450 million pairs
    trials = make_trials(np.zeros((len(y), 1)), y, max_trials=20, random_state=0)
    assert np.bincount(trials.target).tolist() == [20, 20]
    assert np.array_equal(trials.target, trials.speakers[:, 0] == trials.speakers[:, 1])


def test_collections_without_either_kind_of_trial_are_refused():
    X = np.eye(3)
    with pytest.raises(ValueError, match="at least 2 recordings, got none among 3 speakers of 3"):
        make_trials(X, [0, 1, 2])
    with pytest.raises(ValueError, match="at least 2 sessions, got none among 2 speakers of 3"):
        make_trials(X, [0, 0, 1], groups=["x", "x", "y"])
    with pytest.raises(ValueError, match="recordings of at least 2 speakers, got 1"):
        make_trials(X, [0, 0, 0])
    with pytest.raises(ValueError, match="max_trials=0 must be at least 1"):
        make_trials(X, [0, 0, 1], max_trials=0)
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        make_trials(X, [0, 0])


def test_a_missing_label_is_refused_with_its_place():
    with pytest.raises(ValueError, match=r"Unknown label type: y\[1\] is None"):
        make_trials(np.eye(3), ["ana", None, "ana"])
