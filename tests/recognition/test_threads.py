"""Several threads and one classifier: readers see a whole enrolment, writers lose nothing."""

import pickle
import sys
from concurrent.futures import ThreadPoolExecutor
from threading import Event

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.utils.validation import _is_fitted

from sklearn_siamese_speaker import OneShotClassifier

N_SPEAKERS, N_DIMS = 40, 16


@pytest.fixture(autouse=True)
def _switch_often():
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


def make_team():
    X = np.random.default_rng(0).normal(size=(N_SPEAKERS, N_DIMS))
    return X, np.array([f"person {i:02}" for i in range(N_SPEAKERS)])


def read_while(read, write, n_reads=500):
    """Return what two threads read while a third writes again and again."""
    done = Event()

    def keep_writing():
        while not done.is_set():
            write()

    with ThreadPoolExecutor(3) as pool:
        writer = pool.submit(keep_writing)
        readers = [pool.submit(lambda: [read() for _ in range(n_reads)]) for _ in range(2)]
        try:
            seen = [result for reader in readers for result in reader.result()]
        finally:
            done.set()
        writer.result()
    return seen


@pytest.mark.parametrize("margin", [None, 0.0])
def test_nobody_is_taken_for_another_while_somebody_joins_and_leaves(margin):
    X, y = make_team()
    who = OneShotClassifier(margin=margin).fit(X, y)
    stranger = np.full((1, N_DIMS), 9.0)

    def join_and_leave():
        who.partial_fit(stranger, ["aaa"])  # everybody else moves up by one
        who.forget("aaa")

    seen = read_while(lambda: who.predict(X), join_and_leave)
    assert sum((names != y).any() for names in seen) == 0


@pytest.mark.parametrize(
    "method", ["similarities", "predict_proba", "decision_function", "rank", "score"]
)
def test_every_method_reads_one_enrolment(method):
    X, y = make_team()
    who = OneShotClassifier().fit(X, y)
    arguments = {"rank": {"X": X, "k": N_SPEAKERS}, "score": {"X": X, "y": y}}

    def read():
        result = getattr(who, method)(**arguments.get(method, {"X": X}))
        return np.shape(result) if method != "score" else result

    def join_and_leave():
        who.partial_fit(X[:1], ["aaa"])
        who.forget("aaa")

    allowed = {
        "rank": {(N_SPEAKERS, N_SPEAKERS)},
        "score": {1.0, 1 - 1 / N_SPEAKERS},  # "aaa" has the voice of the first of the team
    }.get(method, {(N_SPEAKERS, N_SPEAKERS), (N_SPEAKERS, N_SPEAKERS + 1)})
    assert set(read_while(read, join_and_leave, n_reads=200)) <= allowed


def test_a_new_fit_is_seen_as_a_whole():
    X, y = make_team()
    who = OneShotClassifier().fit(X, y)
    teams = [(X, y), (X[::-1][:7, :N_DIMS] + 1, y[:7])]

    def refit():
        for team in teams:
            who.fit(*team)

    def read():
        names = who.predict(X).tolist()
        return tuple(names)

    expected = {tuple(clone(who).fit(*team).predict(X).tolist()) for team in teams}
    assert set(read_while(read, refit, n_reads=300)) <= expected


def test_forgetting_everybody_is_not_fitted_and_nothing_else():
    X, y = make_team()
    who = OneShotClassifier().fit(X, y)

    def read():
        try:
            return (who.predict(X) == y).all()
        except NotFittedError:
            return True

    def leave_and_join():
        who.forget(y)
        who.fit(X, y)

    assert all(read_while(read, leave_and_join, n_reads=500))


def test_two_threads_that_enrol_lose_nobody():
    X, _ = make_team()
    who = OneShotClassifier()

    def enrol(prefix):
        for i in range(100):
            who.partial_fit(X[i % N_SPEAKERS][np.newaxis], [f"{prefix} {i:03}"])

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(enrol, ["left", "right"]))
    assert len(who.classes_) == 200


def test_scikit_learn_may_ask_whether_somebody_is_enrolled_during_the_first_fit():
    X, y = make_team()
    latest = [OneShotClassifier()]

    def fit_a_new_one():
        latest[0] = OneShotClassifier()
        latest[0].fit(X[:2], y[:2])

    seen = read_while(lambda: _is_fitted(latest[0]), fit_a_new_one, n_reads=20_000)
    assert set(seen) <= {True, False}


def test_a_file_saved_while_somebody_joins_and_leaves_is_of_one_enrolment():
    X, y = make_team()
    who = OneShotClassifier().fit(X, y)

    def join_and_leave():
        who.partial_fit(X[:1], ["aaa"])
        who.forget("aaa")

    for saved in read_while(lambda: pickle.dumps(who), join_and_leave, n_reads=300):
        copy = pickle.loads(saved)
        assert len(copy.classes_) == len(copy.labels_) == len(copy.prototypes_)


def test_settings_changed_while_somebody_enrols_are_kept():
    X, y = make_team()
    who = OneShotClassifier().fit(X, y)

    class Slow(list):
        """Recordings that take their time: meanwhile somebody sets a threshold."""

        def __array__(self, dtype=None, copy=None):
            who.set_params(threshold=-1.0)
            return np.array(list(self), dtype=dtype)

    who.partial_fit(Slow(X[:1].tolist()), ["aaa"])
    assert who.threshold == -1.0
    assert len(who.classes_) == N_SPEAKERS + 1
