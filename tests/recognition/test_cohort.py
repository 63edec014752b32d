"""A cohort normalizes the similarity that a threshold is compared with, and nothing else."""

import pickle
from functools import partial

import conftest
import numpy as np
import pytest
import skops.io
from sklearn.base import clone
from sklearn.frozen import FrozenEstimator
from sklearn.preprocessing import StandardScaler

from sklearn_siamese_speaker import TRUSTED_TYPES, OneShotClassifier
from sklearn_siamese_speaker.model_selection import NShotKWaySplit, open_set_score
from sklearn_siamese_speaker.model_selection.open_set import draw_enrolments
from sklearn_siamese_speaker.recognition._acceptance import usual_similarity
from sklearn_siamese_speaker.similarity import similarity

make_recordings = partial(
    conftest.make_recordings, n_speakers=60, n_recordings=6, n_dims=8, spread=2, names="s{:03}"
)
COHORT = make_recordings(n_speakers=50, n_recordings=2, seed=7)[0]


def stand_for_speaker(recordings, metric, aggregation):
    """Return the embeddings that stand for a speaker, as the class describes them."""
    if aggregation == "mean":
        return recordings.mean(axis=0, keepdims=True)
    if aggregation == "nearest":
        return recordings
    alike = similarity(recordings, recordings, metric)
    np.fill_diagonal(alike, 0.0)
    return recordings[[alike.sum(axis=1).argmax()]]


def normalize_best(X, enrolled, y, cohort, metric, aggregation):
    """Return the best speaker of each recording, and the normalized similarity, from the text."""
    classes = np.unique(y)
    stands = [stand_for_speaker(enrolled[y == name], metric, aggregation) for name in classes]
    compared = np.array([similarity(X, own, metric).max(axis=1) for own in stands]).T
    best = compared.argmax(axis=1)
    usual = np.sort(similarity(X, cohort, metric), axis=1)[:, -10:].mean(axis=1)
    return classes[best], compared.max(axis=1) - usual / 2


@pytest.mark.parametrize("metric", ["euclidean", "cosine", "manhattan"])
@pytest.mark.parametrize("aggregation", ["mean", "nearest", "medoid"])
@pytest.mark.parametrize("margin", [None, 0.3])
def test_predict_accepts_by_the_normalized_similarity_of_the_best_speaker(
    metric, aggregation, margin
):
    X, y = make_recordings(n_speakers=12)
    enrolled = np.arange(len(y)) % 6 < 3
    enrolled[y >= "s008"] = False
    names, normalized = normalize_best(
        X[~enrolled], X[enrolled], y[enrolled], COHORT, metric, aggregation
    )
    threshold = float(np.median(normalized))
    who = OneShotClassifier(
        metric=metric, aggregation=aggregation, margin=margin, threshold=threshold, cohort=COHORT
    ).fit(X[enrolled], y[enrolled])
    accepted = normalized >= threshold
    if margin is not None:
        best = np.sort(who.similarities(X[~enrolled]), axis=1)
        accepted &= best[:, -1] - best[:, -2] >= margin
    assert 0 < accepted.sum() <= (len(accepted) + 1) // 2
    np.testing.assert_array_equal(who.predict(X[~enrolled]), np.where(accepted, names, "unknown"))


@pytest.mark.parametrize("metric", ["euclidean", "cosine", "manhattan"])
@pytest.mark.parametrize("aggregation", ["mean", "nearest", "medoid"])
@pytest.mark.parametrize("n_shots", [1, 3])
def test_tasks_and_predict_agree_to_the_bit_with_a_cohort(metric, aggregation, n_shots):
    X, y = make_recordings(n_speakers=8)
    X = X.astype("f4")
    support, query = NShotKWaySplit(n_shots, 5, 2, 30, random_state=0).tasks(y)
    who = OneShotClassifier(metric=metric, aggregation=aggregation, cohort=COHORT.astype("f4"))
    # The threshold is the normalized similarity of one query, to the bit.
    for task in range(5):
        own, asked = support[task].ravel(), query[task].ravel()
        enrolled = clone(who).fit(X[own], y[own])
        best = enrolled.similarities(X[asked]).max(axis=1)
        scores = best - usual_similarity(X[asked], who.cohort, metric)
        enrolled.threshold = float(np.sort(scores)[len(scores) // 2])
        recognized = enrolled.predict_tasks(X, support, query)
        assert (recognized[task] == -1).sum() == len(scores) // 2
        predicted = enrolled.predict(X[asked])
        expected = np.append(enrolled.classes_, "unknown")[recognized[task].ravel()]
        np.testing.assert_array_equal(predicted, expected)


@pytest.mark.parametrize("metric", ["euclidean", "cosine", "manhattan"])
def test_what_is_usual_for_a_recording_depends_on_no_other_to_the_bit(metric):
    X, _ = make_recordings(n_speakers=300, n_recordings=2)
    together = usual_similarity(X, COHORT, metric)
    for i in (0, 130, 255, 256, 599):
        np.testing.assert_array_equal(together[[i]], usual_similarity(X[[i]], COHORT, metric))


@pytest.mark.parametrize("aggregation", ["mean", "nearest", "medoid"])
@pytest.mark.parametrize("margin", [None, 0.05])
def test_imitated_enrolments_give_the_false_accepts_of_the_classifier(aggregation, margin):
    X, y = make_recordings(n_speakers=40, n_recordings=4)
    who = OneShotClassifier(aggregation=aggregation, margin=margin).fit(X[::2], y[::2])
    who.calibrate_threshold(X, y, 0.2, n_enrolled=5, n_shots=2, cohort=COHORT)
    accepted = []
    for drawn in draw_enrolments(y, 5, 2, 100, random_state=0):
        again = clone(who).fit(X[drawn.ravel()], y[drawn.ravel()])
        unknown = ~np.isin(y, y[drawn.ravel()])
        accepted.append(again.predict(X[unknown]) != "unknown")
    assert who.calibration_["false_accept_rate"] == pytest.approx(np.mean(accepted), abs=1e-12)
    assert 0.195 < np.mean(accepted) <= 0.2


def test_a_normalized_threshold_holds_for_speakers_it_was_not_calibrated_on():
    X, y = make_recordings(n_speakers=150)
    who = OneShotClassifier().fit(X[:60:6], y[:60:6])
    who.calibrate_threshold(X, y, 0.05, cohort=COHORT)
    report = open_set_score(
        who, *make_recordings(n_speakers=150, seed=1), n_enrolled=[10], n_shots=[1], n_repeats=50
    )
    assert 0.03 < report.false_accept_rate[0, 0] < who.calibration_["false_accept_bound"]


def test_the_cohort_changes_nothing_but_acceptance():
    X, y = make_recordings()
    before = OneShotClassifier().fit(X[:60:6], y[:60:6])
    after = clone(before).fit(X[:60:6], y[:60:6])
    after.calibrate_threshold(X, y, 0.1, cohort=COHORT)
    np.testing.assert_array_equal(before.similarities(X), after.similarities(X))
    np.testing.assert_array_equal(before.rank(X, 3), after.rank(X, 3))
    scale = before.calibrate_threshold(X, y, 0.1).calibration_["proba_scale"]
    assert after.calibration_["proba_scale"] == scale
    np.testing.assert_array_equal(
        clone(after).set_params(threshold=None).fit(X[:60:6], y[:60:6]).predict(X),
        before.rank(X, 1)[:, 0],
    )


def test_the_cohort_survives_clone_and_fit_and_goes_with_a_calibration_without_it():
    X, y = make_recordings()
    who = OneShotClassifier().fit(X[:60:6], y[:60:6])
    who.calibrate_threshold(X, y, 0.1, cohort=np.concatenate([COHORT, COHORT[:9]]))
    np.testing.assert_array_equal(who.cohort, np.unique(COHORT, axis=0))
    np.testing.assert_array_equal(clone(who).cohort, who.cohort)
    np.testing.assert_array_equal(clone(who).fit(X[:60:6], y[:60:6]).predict(X), who.predict(X))
    assert who.calibrate_threshold(X, y, 0.1).cohort is None


def test_saved_classifiers_keep_the_cohort():
    X, y = make_recordings()
    who = OneShotClassifier().fit(X[:60:6], y[:60:6])
    who.calibrate_threshold(X, y, 0.1, cohort=COHORT)
    for again in (
        pickle.loads(pickle.dumps(who)),
        skops.io.loads(skops.io.dumps(who), trusted=TRUSTED_TYPES),
    ):
        np.testing.assert_array_equal(again.predict(X), who.predict(X))
    assert "unknown" in who.predict(X)


def test_the_cohort_goes_through_the_encoder():
    X, y = make_recordings()
    scaler = StandardScaler().fit(X)
    behind = OneShotClassifier(FrozenEstimator(scaler)).fit(X[:60:6], y[:60:6])
    behind.calibrate_threshold(X, y, 0.1, cohort=COHORT)
    np.testing.assert_array_equal(behind.cohort, np.unique(scaler.transform(COHORT), axis=0))


def test_what_has_no_direction_is_rejected_and_disturbs_nobody():
    X, y = make_recordings(n_speakers=3, n_recordings=2)
    X[0] = 0.0
    who = OneShotClassifier(metric="cosine", aggregation="nearest", cohort=COHORT)
    who.set_params(threshold=-1e300).fit(X[::2], y[::2])
    assert who.predict(X[[0, 1, 3, 0]]).tolist() == ["unknown", *who.predict(X[[1, 3]]), "unknown"]
    assert who.predict(X[[3]]) == ["s001"]


@pytest.mark.parametrize(
    ("cohort", "message"),
    [
        (COHORT[:1], "A cohort needs at least 2 different recordings, got 1"),
        (COHORT[[3, 3]], "A cohort needs at least 2 different recordings, got 1"),
        (COHORT[:0], "cohort is empty: pass at least one recording"),
    ],
)
def test_a_cohort_that_says_nothing_raises_before_the_threshold_is_set(cohort, message):
    X, y = make_recordings()
    who = OneShotClassifier().fit(X[:60:6], y[:60:6])
    with pytest.raises(ValueError, match=message):
        who.calibrate_threshold(X, y, 0.1, cohort=cohort)
    assert who.threshold is None
    assert who.cohort is None


def test_a_recording_that_calibrates_and_is_in_the_cohort_is_named():
    X, y = make_recordings()
    who = OneShotClassifier().fit(X[:60:6], y[:60:6])
    message = r"X\[17\] is in the cohort too, like 1 others of X: calibrate on recordings of"
    with pytest.raises(ValueError, match=message):
        who.calibrate_threshold(X, y, 0.1, cohort=np.concatenate([COHORT, X[[17, 20]]]))


def test_a_cohort_of_another_encoder_raises():
    X, y = make_recordings(n_speakers=3)
    who = OneShotClassifier(threshold=0.0, cohort=COHORT[:, :5]).fit(X, y)
    message = "cohort holds 5-dimensional embeddings, but the encoder makes 8 dimensions"
    with pytest.raises(ValueError, match=message):
        who.predict(X)
