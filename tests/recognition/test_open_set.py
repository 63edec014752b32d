"""Unknown speakers: thresholds, probabilities and reports keep what they promise."""

import pickle
from functools import partial

import conftest
import numpy as np
import pytest
from sklearn.base import BaseEstimator, TransformerMixin, clone
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_siamese_speaker import OneShotClassifier, _progress
from sklearn_siamese_speaker.model_selection import open_set_score
from sklearn_siamese_speaker.model_selection.open_set import ERRORS, draw_enrolments
from sklearn_siamese_speaker.recognition._threshold import choose_threshold, learn_scale

make_recordings = partial(
    conftest.make_recordings, n_speakers=60, n_recordings=6, n_dims=8, spread=2, names="s{:03}"
)


def enrol(n_speakers=10, n_shots=1, **parameters):
    X, y = make_recordings(n_speakers=n_speakers, n_recordings=n_shots, seed=99)
    return OneShotClassifier(**parameters).fit(X, y)


def count_false_accepts(who, X, y, n_enrolled, n_shots):
    """Enrol and predict with the classifier itself, as the calibration says it does."""
    speakers = np.unique(y, return_inverse=True)[1]
    enrolments = draw_enrolments(speakers, n_enrolled, n_shots, 100, random_state=0)
    accepted = []
    for drawn in enrolments:
        again = clone(who).fit(X[drawn.ravel()], y[drawn.ravel()])
        unknown = ~np.isin(y, y[drawn.ravel()])
        accepted.append(again.predict(X[unknown]) != "unknown")
    return np.concatenate(accepted)


# Thresholds


@pytest.mark.parametrize(
    ("leading", "target_far", "lowest", "highest"),
    [
        ([1, 1, 1, 1], 0.5, 2.0, 3.0),
        ([1, 1, 1, 1], 0.49, 3.0, 4.0),
        ([1, 1, 1, 1], 0.25, 3.0, 4.0),
        ([1, 1, 1, 0], 0.25, 2.0, 3.0),  # the margin rejects the highest anyway
        ([1, 1, 1, 1], 0.1, 4.0, 5.0),
        ([0, 0, 0, 0], 0.1, -np.inf, 1.0),
    ],
)
def test_the_threshold_is_the_lowest_that_keeps_the_share(leading, target_far, lowest, highest):
    best = np.array([1.0, 2.0, 3.0, 4.0])
    assert lowest < choose_threshold(best, np.array(leading, bool), target_far) <= highest


def test_a_threshold_for_equal_similarities_accepts_none_of_them():
    assert choose_threshold(np.full(9, -2.0), np.ones(9, bool), 0.1) > -2.0


@pytest.mark.parametrize("metric", ["euclidean", "cosine", "manhattan"])
@pytest.mark.parametrize("aggregation", ["mean", "nearest", "medoid"])
@pytest.mark.parametrize("margin", [None, 0.05])
def test_imitated_enrolments_give_the_false_accepts_of_the_classifier(metric, aggregation, margin):
    X, y = make_recordings(n_speakers=40, n_recordings=4)
    who = enrol(n_shots=2, metric=metric, aggregation=aggregation, margin=margin)
    who.calibrate_threshold(X, y, target_far=0.2, n_enrolled=5)
    accepted = count_false_accepts(who, X, y, 5, 2)
    assert who.calibration_["false_accept_rate"] == pytest.approx(accepted.mean(), abs=1e-12)
    assert 0.195 < accepted.mean() <= 0.2


def test_a_threshold_holds_for_speakers_it_was_not_calibrated_on():
    who = enrol().calibrate_threshold(*make_recordings(n_speakers=150), target_far=0.05)
    report = open_set_score(
        who, *make_recordings(n_speakers=150, seed=1), n_enrolled=[10], n_shots=[1], n_repeats=50
    )
    assert 0.03 < report.false_accept_rate[0, 0] < who.calibration_["false_accept_bound"]
    assert who.calibration_["false_accept_bound"] < 0.08


def draw_uneven_speakers(rng, n_speakers, n_recordings):
    """Draw speakers of whom 15 % are close together: each is often taken for another of them."""
    y = np.repeat(np.arange(n_speakers), n_recordings)
    close = rng.random(n_speakers) < 0.15
    speakers = rng.normal(size=(n_speakers, 8)) * np.where(close, 0.2, 1.0)[:, np.newaxis]
    return speakers[y] + 0.5 * rng.normal(size=(len(y), 8)), y


def highest_similarities_of_unknown(rng, n_enrolled, n_draws):
    highest = []
    for _ in range(n_draws):
        X, _ = draw_uneven_speakers(rng, n_enrolled + 200, 1)
        distances = np.linalg.norm(X[n_enrolled:, np.newaxis] - X[:n_enrolled], axis=2)
        highest.append(-distances.min(axis=1))
    return np.sort(np.concatenate(highest))


@pytest.mark.slow
def test_the_bound_holds_where_some_speakers_are_close_together():
    rng = np.random.default_rng(0)
    highest = highest_similarities_of_unknown(rng, n_enrolled=5, n_draws=300)
    who = OneShotClassifier().fit(np.zeros((5, 8)), np.arange(5))
    covered = []
    for _ in range(300):
        who.calibrate_threshold(*draw_uneven_speakers(rng, 30, 4), target_far=0.05)
        rate = 1 - np.searchsorted(highest, who.threshold) / len(highest)
        covered.append(rate <= who.calibration_["false_accept_bound"])
    assert np.mean(covered) > 0.95


def test_more_enrolled_speakers_need_a_higher_threshold():
    X, y = make_recordings()
    few, many = (
        enrol().calibrate_threshold(X, y, target_far=0.05, n_enrolled=n).threshold for n in (2, 20)
    )
    assert few < many


def test_the_defaults_are_the_numbers_enrolled():
    X, y = make_recordings()
    who = enrol(n_speakers=7, n_shots=3).calibrate_threshold(X, y, target_far=0.1)
    assert (who.calibration_["n_enrolled"], who.calibration_["n_shots"]) == (7, 3)
    given = enrol(n_speakers=2).calibrate_threshold(X, y, 0.1, n_enrolled=7, n_shots=3)
    assert given.threshold == who.threshold


def test_the_threshold_survives_clone_and_a_new_fit():
    X, y = make_recordings()
    who = enrol().calibrate_threshold(X, y, target_far=0.05)
    threshold = who.threshold
    assert clone(who).threshold == threshold
    assert who.partial_fit(X[:1], y[:1]).calibration_ is not None
    assert who.fit(X[:4], y[:4]).threshold == threshold
    assert who.calibration_ is None


TOO_MANY = (
    r"17 speakers are enrolled, but threshold=-\d\.\d+ was calibrated for 7: more than "
    r"target_far=0.1 of unknown recordings may pass\. Call calibrate_threshold again\."
)


@pytest.mark.parametrize("reload", [lambda who: who, lambda who: pickle.loads(pickle.dumps(who))])
def test_more_people_than_the_threshold_was_calibrated_for_warn(reload):
    who = reload(enrol(7).calibrate_threshold(*make_recordings(), 0.1))
    team = make_recordings(n_speakers=17, n_recordings=1, seed=99)
    with pytest.warns(UserWarning, match=TOO_MANY) as seen:
        who.partial_fit(team[0][7:], team[1][7:])
    assert seen[0].filename == __file__
    with pytest.warns(UserWarning, match=TOO_MANY):
        reload(enrol(7).calibrate_threshold(*make_recordings(), 0.1)).fit(*team)


def test_a_threshold_that_still_holds_does_not_warn(recwarn):
    X, y = make_recordings()
    who = enrol(7).calibrate_threshold(X, y, 0.1, n_enrolled=10)
    who.partial_fit(X[:12:6], y[:12:6]).partial_fit(X[1:13:6], y[1:13:6])  # 9 people, twice
    own = enrol(7).calibrate_threshold(X, y, 0.1).set_params(threshold=-3.0)
    own.partial_fit(X[-1:], y[-1:])
    for_fewer = enrol(7).calibrate_threshold(X, y, 0.1, n_enrolled=2)
    for_fewer.partial_fit(X[:1], ["s000"]).forget("s001")  # nobody joins
    assert not recwarn.list


def test_neither_the_order_of_the_labels_nor_another_run_changes_the_calibration():
    X, y = make_recordings()
    first = enrol().calibrate_threshold(X, y, 0.05)
    again = enrol().calibrate_threshold(X, np.unique(y, return_inverse=True)[1], 0.05)
    assert first.calibration_ == again.calibration_


def test_a_calibration_that_takes_long_says_so(capsys, monkeypatch):
    monkeypatch.setattr(_progress, "QUIET_SECONDS", 0.0)
    enrol().calibrate_threshold(*make_recordings(), target_far=0.1)
    assert capsys.readouterr().err.startswith("Calibrating the threshold: 1 of 100, ")


def test_a_target_that_the_speakers_cannot_support_is_refused_before_anything_is_embedded():
    _, y = make_recordings(n_speakers=40)
    message = (
        r"target_far=0.01 at n_enrolled=20 needs at least 111 calibration speakers, got 40: no "
        r"false accept among their 780 pairs would still allow a rate of 0.077\. Take more"
    )
    who = enrol()
    with pytest.raises(ValueError, match=message):
        who.calibrate_threshold(["never"] * len(y), y, 0.01, n_enrolled=20)
    assert who.threshold is None
    # 111 * 110 / 2 = 6105 pairs are enough for 3 * 20 / 0.01 = 6000, 110 * 109 / 2 = 5995 are not.
    who.calibrate_threshold(*make_recordings(n_speakers=111, n_recordings=2), 0.01, n_enrolled=20)
    with pytest.raises(ValueError, match="got 110"):
        who.calibrate_threshold(
            *make_recordings(n_speakers=110, n_recordings=2), 0.01, n_enrolled=20
        )


@pytest.mark.parametrize(("n_enrolled", "n_shots"), [(60, 1), (61, 1), (5, 7)])
def test_nobody_left_to_be_unknown_raises_with_the_numbers(n_enrolled, n_shots):
    n_able = 60 if n_shots == 1 else 0
    message = (
        rf"n_enrolled={n_enrolled} needs at least {n_enrolled} speakers with n_shots={n_shots} "
        rf"recordings, and one more who is unknown; y has 60 speakers, {n_able} of them"
    )
    X, y = make_recordings()
    with pytest.raises(ValueError, match=message):
        enrol().calibrate_threshold(X, y, 0.5, n_enrolled, n_shots)
    with pytest.raises(ValueError, match=message):
        open_set_score(OneShotClassifier(), X, y, n_enrolled=[n_enrolled], n_shots=[n_shots])


@pytest.mark.parametrize("target_far", [0, 1, -0.1])
def test_a_target_that_is_no_share_raises(target_far):
    with pytest.raises(ValueError, match=f"target_far == {target_far}, must be"):
        enrol().calibrate_threshold(*make_recordings(), target_far)


def test_a_label_for_unknown_speakers_that_is_enrolled_raises_before_the_threshold_is_set():
    who = OneShotClassifier().fit([[0.0] * 8, [1.0] * 8], ["unknown", "ana"])
    with pytest.raises(ValueError, match="unknown_label='unknown' is also an enrolled speaker"):
        who.calibrate_threshold(*make_recordings(), 0.1)
    assert who.threshold is None


def test_calibration_needs_a_fitted_classifier():
    with pytest.raises(NotFittedError):
        OneShotClassifier().calibrate_threshold(*make_recordings())


def test_recordings_go_through_the_encoder():
    X, y = make_recordings()
    scaler = StandardScaler().fit(X)
    behind = OneShotClassifier(FrozenEstimator(scaler)).fit(X[:60:6], y[:60:6])
    alone = OneShotClassifier().fit(scaler.transform(X[:60:6]), y[:60:6])
    behind.calibrate_threshold(X, y, 0.1)
    assert behind.threshold == alone.calibrate_threshold(scaler.transform(X), y, 0.1).threshold


def test_a_pickle_keeps_the_calibration():
    who = enrol().calibrate_threshold(*make_recordings(), 0.1)
    assert pickle.loads(pickle.dumps(who)).calibration_ == who.calibration_


# Probabilities


def expected_calibration_error(probabilities, y, classes, n_bins=10):
    """Mean distance between confidence and accuracy, in bins of the confidence."""
    confidence = probabilities.max(axis=1)
    right = classes[probabilities.argmax(axis=1)] == y
    bins = np.minimum((confidence * n_bins).astype(int), n_bins - 1)
    return sum(
        abs((right - confidence.astype(float))[bins == b].sum()) for b in range(n_bins)
    ) / len(y)


@pytest.mark.parametrize("metric", ["euclidean", "manhattan"])
def test_calibration_makes_the_probabilities_reliable(metric):
    X, y = make_recordings(n_speakers=150)
    X_new, y_new = make_recordings(n_speakers=20, n_recordings=101, seed=1)
    first = np.arange(len(y_new)) % 101 == 0
    who = OneShotClassifier(metric=metric).fit(X_new[first], y_new[first])
    before, after = (
        expected_calibration_error(model.predict_proba(X_new[~first]), y_new[~first], who.classes_)
        for model in (clone(who).fit(X_new[first], y_new[first]), who.calibrate_threshold(X, y))
    )
    assert before > 0.05
    assert after < 0.025


def test_the_scale_of_a_known_model_is_found():
    rng = np.random.default_rng(0)
    similarities = rng.normal(size=(20000, 5))
    exponentials = np.exp(3.0 * similarities)
    shares = np.cumsum(exponentials / exponentials.sum(axis=1, keepdims=True), axis=1)
    own = (rng.random((20000, 1)) > shares[:, :-1]).sum(axis=1)
    assert learn_scale(similarities, own) == pytest.approx(3.0, rel=0.05)


def test_the_scale_stays_finite_where_nobody_is_confused():
    # Two speakers with similarities 1 and 0, softened labels 11/12: e^s / (e^s + 1) = 11/12.
    similarities, own = np.tile(np.eye(2), (5, 1)), np.tile([0, 1], 5)
    assert learn_scale(similarities, own) == pytest.approx(np.log(11), rel=1e-4)


@pytest.mark.parametrize("n_enrolled", [1, 2])
def test_one_speaker_alone_has_no_scale_to_learn(n_enrolled):
    who = enrol(n_speakers=1).calibrate_threshold(*make_recordings(), 0.1, n_enrolled=n_enrolled)
    assert (who.calibration_["proba_scale"] is None) == (n_enrolled == 1)


def test_without_recordings_to_learn_from_the_convention_stays():
    X, y = make_recordings(n_speakers=40, n_recordings=2)
    who = enrol(n_shots=2)
    before = who.predict_proba(X)
    who.calibrate_threshold(X, y, 0.1)
    assert who.calibration_["proba_scale"] is None
    np.testing.assert_array_equal(who.predict_proba(X), before)


# Reports


@pytest.mark.filterwarnings(r"ignore:X\[5\] is the same recording as X\[4\]")
def test_the_errors_are_counted_by_hand():
    # ana, ben and eva on a line. With two enrolled and a threshold of 1.5 the third is unknown.
    X = np.array([[0.0], [1.2], [10.0], [13.0], [2.0], [2.0]])
    y = np.array(["ana", "ana", "ben", "ben", "eva", "eva"])
    who = OneShotClassifier(threshold=-1.5)
    report = open_set_score(who, X, y, n_enrolled=[2], n_shots=[1], n_repeats=200)
    counts = {error: np.zeros(2) for error in ERRORS}
    for drawn in draw_enrolments(y, 2, 1, 200, random_state=0).reshape(200, 2):
        for i in set(range(6)) - set(drawn):
            distances = np.abs(X[i] - X[drawn].T)[0]
            accepted, nearest = distances.min() <= 1.5, y[drawn[distances.argmin()]]
            if y[i] in y[drawn]:
                counts["false_reject"] += [not accepted, 1]
                counts["misidentification"] += [accepted and nearest != y[i], 1]
                counts["not_recognized"] += [not accepted or nearest != y[i], 1]
            else:
                counts["false_accept"] += [accepted, 1]
    for error, (n_errors, n_recordings) in counts.items():
        assert report[f"{error}_rate"] == pytest.approx(n_errors / n_recordings)
        assert n_errors > 0


def test_reports_have_a_row_for_each_number_of_shots_and_intervals_around_the_rates():
    X, y = make_recordings()
    who = OneShotClassifier(threshold=-4.5)
    report = open_set_score(who, X, y, n_enrolled=[5, 20, 40], n_shots=[1, 3])
    for error in ERRORS:
        rate = report[f"{error}_rate"]
        assert rate.shape == (2, 3)
        assert (report[f"{error}_lower"] <= rate).all()
        assert (rate < report[f"{error}_upper"]).all()
    assert (np.diff(report.false_accept_rate) > 0).all()  # more enrolled
    assert (np.diff(report.false_reject_rate, axis=0) < 0).all()  # more shots


def test_no_error_among_few_speakers_is_no_proof():
    X, y = make_recordings(n_speakers=30)
    who = OneShotClassifier(threshold=-1e-9)
    report = open_set_score(who, X, y, n_enrolled=[10], n_shots=[1])
    assert report.false_accept_rate == report.false_accept_lower == 0
    # Each of 30 speakers is unknown in some repetition: 1 - 0.025 ** (1 / 30) = 0.116.
    assert report.false_accept_upper[0, 0] == pytest.approx(0.116, abs=0.005)


class CountingEncoder(TransformerMixin, BaseEstimator):
    def fit(self, X, y=None):
        self.counts_ = []
        return self

    def transform(self, X):
        self.counts_.append(len(X))
        return np.asarray(X)


def test_every_recording_is_embedded_once():
    X, y = make_recordings()
    encoder = CountingEncoder().fit(X)
    behind = OneShotClassifier(FrozenEstimator(encoder), threshold=-4.0)
    report = open_set_score(behind, X, y, n_enrolled=[5], n_shots=[1])
    assert encoder.counts_ == [len(X)]
    alone = open_set_score(
        clone(behind).set_params(encoder=None), X, y, n_enrolled=[5], n_shots=[1]
    )
    assert report.false_accept_rate == alone.false_accept_rate


def test_any_classifier_is_judged_and_one_that_never_rejects_accepts_everybody():
    X, y = make_recordings(n_speakers=20)
    knn = make_pipeline(StandardScaler().fit(X), KNeighborsClassifier(1))
    report = open_set_score(knn, X, y, n_enrolled=[5], n_shots=[2], n_repeats=3)
    assert report.false_accept_rate == report.false_accept_upper == 1
    assert report.false_reject_rate == 0


def test_a_transformer_is_refused():
    message = "needs a classifier that can reject, such as OneShotClassifier, got StandardScaler"
    with pytest.raises(TypeError, match=message):
        open_set_score(StandardScaler(), *make_recordings())
