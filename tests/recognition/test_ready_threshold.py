"""The threshold that an encoder comes with, in the classifier, the verifier and evaluations."""

import numpy as np
import pytest
from sklearn.exceptions import NotFittedError
from sklearn.feature_selection import SelectFromModel
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from sklearn_siamese_speaker import OneShotClassifier, SpeakerVerifier
from sklearn_siamese_speaker.model_selection import n_shot_k_way_score


def make_encoder(metric="euclidean", threshold=-1.0):
    encoder = FunctionTransformer().fit([[0.0]])
    encoder.embedding_metric_, encoder.threshold_ = metric, threshold
    return FrozenEstimator(encoder)


ENROLLED = [[0.0, 0.0], [4.0, 0.0]], ["ana", "ben"]


@pytest.mark.parametrize("wrap", [lambda e: e, lambda e: make_pipeline("passthrough", e)])
def test_a_classifier_takes_the_threshold_of_its_encoder(wrap):
    who = OneShotClassifier(FrozenEstimator(wrap(make_encoder())), threshold="encoder")
    who.fit(*ENROLLED)
    # Distances to the nearer speaker: 1 is still accepted.
    recognized = who.predict([[1.0, 0.0], [1.01, 0.0], [4.0, 0.9]])
    assert recognized.tolist() == ["ana", "unknown", "ben"]


def test_a_classifier_with_the_threshold_of_its_encoder_is_evaluated_with_it():
    rng = np.random.default_rng(0)
    y = np.repeat(np.arange(12), 4)
    X = 5 * rng.normal(size=(12, 2))[y] + 0.1 * rng.normal(size=(48, 2))
    tasks = {"k_way": 3, "n_tasks": 50, "random_state": 0}
    for threshold, expected in [(-2.0, 1.0), (-1e-9, 0.0)]:
        encoder = make_encoder(threshold=threshold)
        who = OneShotClassifier(encoder, threshold="encoder")
        mean = n_shot_k_way_score(who, X, y, **tasks).mean()
        by_number = n_shot_k_way_score(
            OneShotClassifier(encoder, threshold=threshold), X, y, **tasks
        ).mean()
        assert mean == by_number == pytest.approx(expected, abs=0.02)


@pytest.mark.parametrize(
    ("encoder", "params", "name"),
    [
        (None, {}, "None"),
        (FrozenEstimator(FunctionTransformer()), {}, "FrozenEstimator"),
        (make_encoder(threshold=None), {}, "FrozenEstimator"),
        (make_encoder(), {"metric": "cosine"}, "FrozenEstimator"),
        (FrozenEstimator(make_pipeline(make_encoder(), FunctionTransformer())), {}, "Frozen"),
    ],
)
def test_an_encoder_without_a_threshold_for_this_metric_is_refused_in_fit(encoder, params, name):
    who = OneShotClassifier(encoder, threshold="encoder", **params)
    expected = (
        r"threshold='encoder' needs an encoder that comes with a threshold, such as "
        rf"PretrainedSpeakerEncoder\(\); encoder={name}\w* has none for the metric '\w+'. Give a "
        r"number, or call calibrate_threshold\.$"
    )
    with pytest.raises(ValueError, match=expected):
        who.fit(*ENROLLED)
    assert not hasattr(who, "classes_")


def test_the_threshold_of_a_feature_selector_is_not_taken():
    selector = SelectFromModel(LinearRegression(), threshold=-1.0)
    selector.fit([[0.0, 1.0], [1.0, 0.0]], [0, 1])
    assert selector.threshold_ == -1.0
    with pytest.raises(ValueError, match="has none for the metric 'euclidean'"):
        OneShotClassifier(FrozenEstimator(selector), threshold="encoder").fit(*ENROLLED)


def test_a_cohort_and_the_threshold_of_an_encoder_are_refused_together():
    who = OneShotClassifier(make_encoder(), threshold="encoder", cohort=[[1.0, 1.0], [2.0, 2.0]])
    with pytest.raises(ValueError, match=r"cohort normalizes them; set cohort=None, or call"):
        who.fit(*ENROLLED)


def test_calibration_replaces_the_threshold_of_the_encoder():
    rng = np.random.default_rng(0)
    y = np.repeat(np.arange(60), 4)
    X = 3 * rng.normal(size=(60, 8))[y] + rng.normal(size=(240, 8))
    who = OneShotClassifier(make_encoder(), threshold="encoder").fit(X[:8:4], y[:8:4])
    who.calibrate_threshold(X, y, target_far=0.05)
    assert who.threshold == who.calibration_["threshold"] < 0


def test_a_verifier_without_a_fit_decides_by_the_threshold_of_its_encoder():
    verifier = SpeakerVerifier(make_encoder("cosine", 0.5))
    decided = verifier.verify([[1.0, 0.0]] * 3, [[2.0, 0.0], [1.0, 1.7], [1.0, 1.8]])
    assert decided.tolist() == [1, 1, 0]


@pytest.mark.parametrize(
    ("encoder", "params"),
    [
        (None, {}),
        (make_encoder(threshold=None), {}),
        (FrozenEstimator(FunctionTransformer()), {}),
        (make_encoder(), {"metric": "cosine"}),
    ],
)
def test_a_verifier_without_fit_and_threshold_is_not_fitted(encoder, params):
    with pytest.raises(NotFittedError, match="SpeakerVerifier instance is not fitted"):
        SpeakerVerifier(encoder, **params).verify([[1.0]], [[1.0]])


def test_a_fitted_verifier_has_a_threshold_of_its_own():
    X = [[[0.0], [0.1]], [[0.0], [0.2]], [[0.0], [5.0]], [[0.0], [6.0]]]
    verifier = SpeakerVerifier(make_encoder(threshold=-100.0)).fit(X, [1, 1, 0, 0])
    assert verifier.verify([[0.0], [0.0]], [[0.1], [6.0]]).tolist() == [1, 0]
