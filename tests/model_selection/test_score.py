"""Tests of scoring estimators by tasks: against scikit-learn's own cross-validation."""

import pickle
import re
import warnings

import conftest
import numpy as np
import pytest
from scipy.spatial.distance import cdist
from sklearn import config_context
from sklearn.base import BaseEstimator, ClassifierMixin, TransformerMixin, clone
from sklearn.decomposition import PCA
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import Ridge
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.neighbors import KNeighborsClassifier, NearestCentroid
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import Normalizer, StandardScaler

from sklearn_siamese_speaker import _progress
from sklearn_siamese_speaker.model_selection import (
    NShotKWayScorer,
    NShotKWaySplit,
    SeenUnseenSplit,
    SpeakerKFold,
    n_shot_k_way_curve,
    n_shot_k_way_score,
    open_set_score,
    seen_unseen_score,
)
from sklearn_siamese_speaker.similarity import nearest_speakers


def make_recordings(n_speakers=10, n_recordings=6):
    """Return X, speakers and sessions; speakers overlap, so that no score is perfect."""
    X, y = conftest.make_recordings(n_speakers, n_recordings, names="speaker{}")
    return X, y, np.tile(np.arange(n_recordings) % 3, n_speakers)


class CountingEncoder(TransformerMixin, BaseEstimator):
    """Center, and count the recordings that are transformed."""

    def __init__(self, metric="euclidean"):
        self.metric = metric

    def fit(self, X, y=None):
        self.mean_ = X.mean(axis=0)
        self.embedding_metric_ = self.metric
        self.counts_ = []
        return self

    def transform(self, X):
        self.counts_.append(len(X))
        return X - self.mean_


class NearestMean(ClassifierMixin, BaseEstimator):
    """A classifier with an encoder, a metric and the fast path; far queries are unknown."""

    def __init__(self, encoder=None, metric="auto", radius=np.inf):
        self.encoder = encoder
        self.metric = metric
        self.radius = radius

    def _embed(self, X):
        return X if self.encoder is None else self.encoder.transform(X)

    def _metric(self):
        auto = getattr(self.encoder, "embedding_metric_", "euclidean")
        return auto if self.metric == "auto" else self.metric

    def fit(self, X, y):
        self.classes_ = np.unique(y)
        E = self._embed(X)
        self.means_ = np.array([E[y == label].mean(axis=0) for label in self.classes_])
        return self

    def predict(self, X):
        distances = cdist(self._embed(X), self.means_, self._metric())
        nearest = self.classes_[distances.argmin(axis=1)].astype(object)
        return np.where(distances.min(axis=1) < self.radius, nearest, "unknown")


class FastNearestMean(NearestMean):
    def predict_tasks(self, E, support, query):
        assert self.encoder is None
        nearest = nearest_speakers(E, support, query, metric=self._metric())
        if np.isfinite(self.radius):
            for t, k, q in np.ndindex(*query.shape):
                mean = E[support[t, nearest[t, k, q]]].mean(axis=0, keepdims=True)
                if cdist(E[query[t, k, [q]]], mean, self._metric())[0, 0] >= self.radius:
                    nearest[t, k, q] = -1
        return nearest


CLASSIFIERS = {
    "nearest neighbor": KNeighborsClassifier(1),
    "discriminant analysis": LinearDiscriminantAnalysis(),
    "nearest mean": NearestMean(),
    "nearest mean, fast": FastNearestMean(),
    "nearest mean that rejects": NearestMean(radius=2.0),
    "nearest mean that rejects, fast": FastNearestMean(radius=2.0),
}


@pytest.mark.parametrize("by_session", [False, True])
@pytest.mark.parametrize("name", CLASSIFIERS)
def test_scores_equal_cross_validation_of_a_frozen_front_task_for_task(name, by_session):
    X, y, sessions = make_recordings()
    groups = sessions if by_session else None
    front = make_pipeline(StandardScaler(), PCA(4)).fit(X)
    parameters = {"n_shots": 3, "k_way": 4, "n_queries": 2, "n_tasks": 30, "random_state": 0}
    expected = cross_val_score(
        make_pipeline(FrozenEstimator(front), CLASSIFIERS[name]),
        X,
        y,
        groups=groups,
        cv=NShotKWaySplit(**parameters),
        error_score="raise",
    )
    for pipeline in (
        make_pipeline(FrozenEstimator(front), CLASSIFIERS[name]),
        make_pipeline(front, "passthrough", CLASSIFIERS[name]),
    ):
        scores = n_shot_k_way_score(pipeline, X, y, groups=groups, **parameters)
        np.testing.assert_allclose(scores, expected, rtol=1e-12)
    assert 0.25 < scores.mean() < 1


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
@pytest.mark.parametrize("classifier", [NearestMean, FastNearestMean])
def test_the_encoder_of_a_classifier_is_the_front_end_and_names_the_metric(classifier, metric):
    X, y, _ = make_recordings()
    encoder = CountingEncoder(metric).fit(X)
    who = classifier(FrozenEstimator(encoder))
    tasks = NShotKWaySplit(2, 4, n_tasks=30, random_state=0)
    expected = cross_val_score(who, X, y, cv=tasks, error_score="raise")
    encoder.counts_.clear()
    scores = n_shot_k_way_score(who, X, y, n_shots=2, k_way=4, n_tasks=30, random_state=0)
    np.testing.assert_allclose(scores, expected)
    assert encoder.counts_ == [len(X)]


def test_the_fitted_encoder_of_a_classifier_goes_before_the_one_it_was_made_of():
    X, y, _ = make_recordings()
    who = FastNearestMean(CountingEncoder())
    with pytest.raises(NotFittedError):
        n_shot_k_way_score(who, X, y)
    who.encoder_ = CountingEncoder().fit(X)
    assert n_shot_k_way_score(who, X, y).shape == (100,)


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
def test_a_transformer_is_scored_by_the_nearest_mean_in_its_own_metric(metric):
    X, y, _ = make_recordings()
    encoder = make_pipeline(StandardScaler(), CountingEncoder(metric)).fit(X)
    tasks = NShotKWaySplit(2, 4, n_tasks=30, random_state=0)
    who = make_pipeline(FrozenEstimator(encoder), NearestMean(metric=metric))
    expected = cross_val_score(who, X, y, cv=tasks)
    scores = n_shot_k_way_score(encoder, X, y, n_shots=2, k_way=4, n_tasks=30, random_state=0)
    np.testing.assert_allclose(scores, expected)


def test_a_transformer_without_a_metric_is_scored_like_nearest_centroid():
    X, y, _ = make_recordings()
    scaler = StandardScaler().fit(X)
    tasks = NShotKWaySplit(3, 5, n_tasks=40, random_state=0)
    frozen = make_pipeline(FrozenEstimator(scaler), NearestCentroid())
    expected = cross_val_score(frozen, X, y, cv=tasks)
    scores = n_shot_k_way_score(scaler, X, y, n_shots=3, n_tasks=40, random_state=0)
    np.testing.assert_allclose(scores, expected)


def test_every_recording_is_embedded_once():
    X, y, _ = make_recordings()
    encoder = CountingEncoder().fit(X)
    n_shot_k_way_score(make_pipeline(encoder, KNeighborsClassifier(1)), X, y, n_tasks=10)
    assert encoder.counts_ == [len(X)]


def test_nothing_is_embedded_when_speakers_are_missing():
    X, y, _ = make_recordings(n_speakers=3)
    encoder = CountingEncoder().fit(X)
    with pytest.raises(ValueError, match=r"k_way=5 needs at least 5 speakers .* got 3 of 3"):
        n_shot_k_way_score(encoder, X, y)
    assert encoder.counts_ == []


@pytest.mark.parametrize(
    "estimator",
    [
        StandardScaler(),
        make_pipeline(StandardScaler(), Normalizer()),
        make_pipeline(StandardScaler(), KNeighborsClassifier(1)),
        NearestMean(StandardScaler()),
    ],
)
def test_an_unfitted_front_end_is_named(estimator):
    X, y, _ = make_recordings()
    with pytest.raises(NotFittedError) as error:
        n_shot_k_way_score(estimator, X, y)
    assert str(error.value) == (
        "StandardScaler is not fitted: n-shot k-way tasks use everything before the classifier "
        "as it is, fit it on background speakers first."
    )


def test_a_regressor_is_refused():
    X, y, _ = make_recordings()
    message = "n-shot k-way tasks need a classifier or a transformer, got Ridge."
    with pytest.raises(TypeError, match=message):
        n_shot_k_way_score(Ridge(), X, y)


def test_lengths_that_differ_raise():
    X, y, _ = make_recordings()
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        n_shot_k_way_score(StandardScaler().fit(X), X[1:], y)


def test_same_random_state_gives_the_same_scores():
    X, y, _ = make_recordings()
    scaler = StandardScaler().fit(X)
    first, again, other = (n_shot_k_way_score(scaler, X, y, random_state=s) for s in (0, 0, 1))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


class Collapsed(TransformerMixin, BaseEstimator):
    def __sklearn_is_fitted__(self):
        return True

    def fit(self, X, y=None):
        return self

    def transform(self, X):
        return np.full((len(X), 40), 0.1)


def test_an_encoder_that_maps_everything_to_one_point_scores_chance():
    X, y, _ = make_recordings()
    scores = n_shot_k_way_score(Collapsed(), X, y, n_shots=3, k_way=10, n_queries=2)
    assert (scores == 1 / 10).all()


class RecordLabels(CountingEncoder):
    """Remember which recordings (numbered in the first column) were seen by fit."""

    def fit(self, X, y=None):
        self.trained_ = X[:, 0].astype(int)
        return super().fit(X, y)

    def transform(self, X):
        return super().transform(X)[:, 1:]


def test_seen_and_unseen_speakers_are_evaluated_after_one_fit():
    X, y, _ = make_recordings(n_speakers=20, n_recordings=12)
    X = np.column_stack([np.arange(len(X)), X])
    cv = SeenUnseenSplit(0.5, 0.5, random_state=3)
    (train, seen), (_, unseen) = cv.split(X, y)
    parameters = {"n_shots": 2, "k_way": 5, "n_tasks": 50, "random_state": 0}
    scores = seen_unseen_score(RecordLabels(), X, y, cv=cv, **parameters)
    assert np.array_equal(scores.estimator.trained_, train)
    for name, test in {"seen": seen, "unseen": unseen}.items():
        expected = n_shot_k_way_score(scores.estimator, X[test], y[test], **parameters)
        assert np.array_equal(scores[name].accuracies, expected)
        assert scores[name].mean == expected.mean()
        assert scores[name].lower < scores[name].mean < scores[name].upper
        assert scores[name].same_speakers_lower < expected.mean() < scores[name].same_speakers_upper


def test_seen_and_unseen_tasks_respect_sessions():
    X, y, sessions = make_recordings(n_speakers=20, n_recordings=12)
    cv = SeenUnseenSplit(0.5, 0.7, random_state=3)  # two of three sessions are held out
    scores = seen_unseen_score(StandardScaler(), X, y, cv=cv, groups=sessions, random_state=0)
    (_, seen), _ = cv.split(X, y, sessions)
    expected = n_shot_k_way_score(
        scores.estimator, X[seen], y[seen], groups=sessions[seen], random_state=0
    )
    assert np.array_equal(scores.seen.accuracies, expected)


def test_a_test_set_that_is_too_small_is_named_before_the_fit():
    X, y, _ = make_recordings(n_speakers=12)
    message = r"The unseen test set is too small: k_way=5 needs at least 5 speakers .* got 3 of 3"
    with pytest.raises(ValueError, match=message):
        seen_unseen_score("never fitted", X, y, random_state=0)


def test_the_scorer_searches_a_pipeline_that_ends_in_a_transformer():
    X, y, _ = make_recordings(n_speakers=15)
    search = GridSearchCV(
        Pipeline([("scale", StandardScaler()), ("encoder", PCA())]),
        {"encoder__n_components": [1, 4]},
        scoring=NShotKWayScorer(n_shots=1, k_way=5, n_tasks=50),
        cv=SpeakerKFold(3),
        error_score="raise",
    ).fit(X, y)
    train, test = next(iter(SpeakerKFold(3).split(X, y)))
    fitted = clone(search.estimator).set_params(encoder__n_components=4).fit(X[train])
    expected = n_shot_k_way_score(fitted, X[test], y[test], n_tasks=50, random_state=0).mean()
    assert search.best_params_ == {"encoder__n_components": 4}
    assert search.cv_results_["split0_test_score"][1] == expected
    assert clone(search).scoring.get_params() == search.scoring.get_params()


def test_several_scorers_serve_one_search():
    X, y, _ = make_recordings(n_speakers=15)
    scoring = {"2-way": NShotKWayScorer(k_way=2), "5-way": NShotKWayScorer(k_way=5)}
    search = GridSearchCV(
        PCA(), {"n_components": [2]}, scoring=scoring, cv=SpeakerKFold(3), refit="5-way"
    ).fit(X, y)
    two, five = search.cv_results_["mean_test_2-way"], search.cv_results_["mean_test_5-way"]
    assert 1 >= two[0] > five[0] > 0.2


def test_groups_reach_the_scorer_through_metadata_routing():
    X, y, sessions = make_recordings(n_speakers=15)
    scorer = NShotKWayScorer(n_tasks=50)
    search = GridSearchCV(PCA(2), {"whiten": [False]}, scoring=scorer, cv=SpeakerKFold(3))
    with config_context(enable_metadata_routing=True):
        assert scorer.get_metadata_routing().score.requests == {"groups": True}
        routed = search.fit(X, y, groups=sessions).cv_results_["split0_test_score"][0]
        unrouted = search.fit(X, y).cv_results_["split0_test_score"][0]
    train, test = next(iter(SpeakerKFold(3).split(X, y)))
    pca = PCA(2).fit(X[train])
    assert routed == scorer(pca, X[test], y[test], groups=sessions[test])
    assert unrouted == scorer(pca, X[test], y[test])
    assert routed != unrouted


def test_the_scorer_survives_pickling_and_has_a_repr():
    scorer = NShotKWayScorer(5, k_way=3)
    copy = pickle.loads(pickle.dumps(scorer))
    assert copy.get_params() == scorer.get_params()
    assert repr(copy) == "NShotKWayScorer(k_way=3, n_shots=5)"


def test_a_scorer_whose_tasks_would_change_between_candidates_is_refused():
    X, y, _ = make_recordings()
    message = "random_state of NShotKWayScorer must be an integer, .* got None"
    with pytest.raises(ValueError, match=message):
        NShotKWayScorer(random_state=None)(StandardScaler().fit(X), X, y)


def test_a_neighbor_with_weighted_features_is_not_mistaken_for_the_plain_one():
    rng = np.random.default_rng(0)
    y = np.repeat(np.arange(6), 4)
    X = np.column_stack([y + 0.01 * rng.normal(size=24), 100 * rng.normal(size=24)])
    weighted = KNeighborsClassifier(1, metric_params={"w": np.array([1.0, 0.0])})
    assert n_shot_k_way_score(weighted, X, y, k_way=5, n_tasks=20, random_state=0).mean() == 1


def test_copies_of_a_recording_are_said():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(12, 3)), np.repeat([0, 1, 2], 4)
    X[7], X[9] = X[5], X[5]
    knn = KNeighborsClassifier(1)
    with pytest.warns(UserWarning, match=r"X\[7\] is the same recording as X\[5\], one of 2 cop"):
        n_shot_k_way_score(knn, X, y, k_way=2, n_tasks=5)


class Trained(PCA):
    classes_ = ("speaker1",)  # as an encoder publishes whom it was trained on


def search(X, y):
    cv = [(np.arange(len(y)), np.arange(len(y)))]
    GridSearchCV(Trained(), {}, scoring=NShotKWayScorer(n_tasks=5), cv=cv).fit(X, y)


@pytest.mark.parametrize(
    ("message", "evaluate"),
    [
        ("the same recording", lambda X, y: n_shot_k_way_score(PCA().fit(X), 0 * X, y)),
        ("left out of the tasks", lambda X, y: n_shot_k_way_score(PCA().fit(X), X, y)),
        ("add speakers", lambda X, y: NShotKWaySplit(n_tasks=9000).tasks(y)),
        ("too few for an interval", lambda X, y: seen_unseen_score(PCA(), X, y, k_way=2)),
        ("were trained on", search),
    ],
)
def test_a_warning_points_to_the_line_of_the_user(message, evaluate):
    X, y, _ = make_recordings()
    y[0] = "alone"  # a speaker of one recording
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        evaluate(X, y)
    pointed = {warning.filename for warning in caught if message in str(warning.message)}
    assert pointed == {__file__}


# A metric that the classifier at the end of a Pipeline cannot see


@pytest.mark.parametrize("classifier", [NearestMean(), KNeighborsClassifier(1, metric="cosine")])
@pytest.mark.parametrize(
    "freeze",
    [
        FrozenEstimator,
        lambda encoder: encoder,
        lambda encoder: FrozenEstimator(Pipeline([("e", encoder)])),
    ],
)
def test_a_classifier_that_compares_by_another_metric_than_the_encoder_is_refused(
    classifier, freeze
):
    X, y, _ = make_recordings()
    scaler = StandardScaler().fit(X)
    encoder = CountingEncoder("manhattan").fit(X)
    pipeline = make_pipeline(scaler, freeze(encoder), classifier)
    name = type(classifier).__name__
    message = (
        rf"{name} compares embeddings by '(euclidean|cosine)', but the CountingEncoder before it "
        rf"was trained for 'manhattan'. .* Set metric='manhattan' in {name}\."
    )
    with pytest.raises(ValueError, match=message):
        n_shot_k_way_score(pipeline, X, y)
    with pytest.raises(ValueError, match=message):
        n_shot_k_way_curve(pipeline, X, y, k_ways=[2], n_shots=[1])
    with pytest.raises(ValueError, match=message):
        NShotKWayScorer()(pipeline, X, y)


@pytest.mark.parametrize(
    "pipeline",
    [
        make_pipeline(CountingEncoder("cosine"), NearestMean(metric="cosine")),
        make_pipeline(CountingEncoder("cosine"), StandardScaler(), NearestMean()),
        make_pipeline(StandardScaler(), NearestMean(metric="cosine")),
        make_pipeline(CountingEncoder("cosine"), KNeighborsClassifier(1)),
    ],
    ids=["the same", "another space", "no encoder", "no metric of ours"],
)
def test_a_classifier_whose_metric_contradicts_no_encoder_is_scored(pipeline):
    X, y, _ = make_recordings()
    assert n_shot_k_way_score(pipeline[:-1].fit(X) and pipeline, X, y, n_tasks=5).shape == (5,)


def test_a_classifier_may_compare_by_another_metric_than_its_own_encoder():
    X, y, _ = make_recordings()
    encoder = CountingEncoder("cosine").fit(X)
    who = NearestMean(FrozenEstimator(encoder), metric="euclidean")
    expected = cross_val_score(who, X, y, cv=NShotKWaySplit(n_tasks=20, random_state=0))
    scores = n_shot_k_way_score(who, X, y, n_tasks=20, random_state=0)
    np.testing.assert_allclose(scores, expected)


# What fails in every task says so once


def test_a_classifier_that_cannot_be_fitted_on_a_task_says_what_to_do():
    X, y, _ = make_recordings()
    pipeline = make_pipeline(StandardScaler(), LinearDiscriminantAnalysis()).fit(X, y)
    message = (
        "LinearDiscriminantAnalysis failed in a task of 5 speakers with 1 recordings each: The "
        "number of samples must be more than the number of classes. It is a transformer "
        "as well: to evaluate the space that it learned on background speakers, pass "
        "make_pipeline(FrozenEstimator(estimator), KNeighborsClassifier(1))."
    )
    with pytest.raises(ValueError, match=re.escape(message)):
        n_shot_k_way_curve(pipeline, X, y, k_ways=[5], n_shots=[1], n_tasks=10)
    advised = make_pipeline(FrozenEstimator(pipeline), KNeighborsClassifier(1))
    assert n_shot_k_way_score(advised, X, y, n_tasks=10, random_state=0).mean() > 0.2
    with pytest.raises(ValueError, match=r"with 2 recordings each: Expected n_neighbors [^.]*$"):
        n_shot_k_way_score(KNeighborsClassifier(30), X, y, n_shots=2, n_tasks=10)


def test_a_search_over_the_default_folds_points_to_speaker_folds():
    X, y, _ = make_recordings(n_speakers=15)
    search = GridSearchCV(
        PCA(), {"n_components": [1, 2, 3]}, scoring=NShotKWayScorer(), error_score="raise"
    )
    sentence = (
        r"k_way=5 needs at least 5 speakers .* Give the search cv=SpeakerKFold\(n_splits\), so "
        r"that each fold has all recordings of its speakers, and so few folds that each has 5 "
        r"speakers\.$"
    )
    with pytest.raises(ValueError, match=sentence):
        search.fit(X, y)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("default")
        search.set_params(error_score=np.nan).fit(X, y)
    failures = [str(w.message) for w in caught if "Scoring failed" in str(w.message)]
    assert {failure.count("Traceback") for failure in failures} == {1}
    assert all("cv=SpeakerKFold" in failure.splitlines()[-1] for failure in failures)


class Names(CountingEncoder):
    """An encoder that publishes the speakers that it was trained on."""

    def fit(self, X, y=None):
        self.classes_ = np.unique(y)
        return super().fit(X, y)


def test_a_scorer_warns_of_speakers_that_the_encoder_was_trained_on():
    X, y, _ = make_recordings()
    known = np.isin(y, np.unique(y)[:7])
    message = (
        "2 of 5 speakers to score on were trained on, speaker5 and others: the score is too high "
        "for other speakers. Give the search cv=SpeakerKFold()."
    )
    test = np.isin(y, np.unique(y)[5:])
    encoder = Names().fit(X[known], y[known])
    with pytest.warns(UserWarning, match=re.escape(message)):
        NShotKWayScorer()(encoder, X[test], y[test])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        search = GridSearchCV(Names(), {"metric": ["cosine"]}, scoring=NShotKWayScorer(k_way=2))
        search.set_params(cv=SpeakerKFold(3)).fit(X, y)


# Progress


def test_tasks_that_take_long_say_so_in_one_line(capsys, monkeypatch):
    monkeypatch.setattr(_progress, "QUIET_SECONDS", 0.0)
    X, y, _ = make_recordings()
    n_shot_k_way_score(LinearDiscriminantAnalysis(), X, y, n_shots=2, n_tasks=20)
    assert re.fullmatch(r"Evaluating tasks: 1 of 20, \d+ s left\n", capsys.readouterr().err)
    scaler = StandardScaler().fit(X)
    n_shot_k_way_curve(scaler, X, y, k_ways=[2, 3], n_shots=[2], n_tasks=20)
    assert re.fullmatch(r"Evaluating tasks: 20 of 40, \d+ s left\n", capsys.readouterr().err)


def test_an_open_set_score_that_takes_long_says_so(capsys, monkeypatch):
    monkeypatch.setattr(_progress, "QUIET_SECONDS", 0.0)
    X, y, _ = make_recordings()
    open_set_score(NearestMean(radius=2.0), X, y, n_enrolled=[2, 3], n_shots=[1], n_repeats=3)
    assert re.fullmatch(r"Enrolling and counting errors: 1 of 6, .*\n", capsys.readouterr().err)
