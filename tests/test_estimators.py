"""What is inside an estimator: its steps, what its encoder publishes, the rate of its arrays."""

import pytest
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from sklearn_siamese_speaker import MFCC, FramePooling, SpeedPerturbation
from sklearn_siamese_speaker._estimators import (
    encoder_inside,
    find_sample_rate,
    find_threshold,
    published_threshold,
    steps_of,
    unwrap,
    was_trained,
)


def searched(estimator):
    """Return a search as it is after a fit that found `estimator`."""
    search = GridSearchCV(FunctionTransformer(), {})
    search.best_estimator_ = estimator
    return search


def published(metric="cosine", threshold=0.4):
    encoder = FunctionTransformer()
    encoder.embedding_metric_, encoder.threshold_ = metric, threshold
    return encoder


WRAPPERS = [
    lambda encoder: encoder,
    FrozenEstimator,
    searched,
    lambda encoder: make_pipeline(StandardScaler(), encoder, "passthrough"),
    lambda encoder: make_pipeline(make_pipeline(StandardScaler(), FrozenEstimator(encoder)), None),
    lambda encoder: FrozenEstimator(searched(make_pipeline(StandardScaler(), encoder))),
    lambda encoder: make_pipeline(StandardScaler(), searched(encoder)),
]


@pytest.mark.parametrize("wrap", WRAPPERS)
def test_what_an_encoder_publishes_is_found_through_whatever_holds_it(wrap):
    encoder = published()
    assert encoder_inside(wrap(encoder)) is encoder
    assert published_threshold(wrap(encoder), "cosine") == find_threshold(wrap(encoder), "cosine")
    assert published_threshold(wrap(encoder), "cosine") == 0.4
    assert published_threshold(wrap(encoder), "euclidean") is None  # it is for another scale


def test_a_transformer_behind_the_encoder_makes_a_space_of_its_own():
    assert published_threshold(make_pipeline(published(), StandardScaler()), "cosine") is None


def test_a_pipeline_without_a_step_that_does_something_holds_no_encoder():
    assert encoder_inside(make_pipeline("passthrough")) is None
    assert steps_of(make_pipeline("passthrough", None)) == []


def test_a_frozen_step_stays_frozen_and_what_it_holds_can_be_asked_for():
    frozen = FrozenEstimator(StandardScaler())
    assert steps_of(make_pipeline(frozen, None)) == [frozen]
    assert unwrap(FrozenEstimator(frozen)) is frozen.estimator


PIPELINE = make_pipeline(MFCC(input_sample_rate=8000), FramePooling())


@pytest.mark.parametrize(
    "estimator",
    [
        PIPELINE,
        FrozenEstimator(PIPELINE),
        GridSearchCV(PIPELINE, {}),
        SpeedPerturbation(PIPELINE),
        GridSearchCV(SpeedPerturbation(make_pipeline(None, PIPELINE)), {}),
    ],
    ids=lambda estimator: type(estimator).__name__,
)
def test_the_rate_of_arrays_is_that_of_the_front_end(estimator):
    assert find_sample_rate(estimator, default=16000) == 8000


def test_an_estimator_that_names_no_rate_has_the_default():
    assert find_sample_rate(StandardScaler(), default=16000) == 16000


def test_what_was_fitted_would_be_lost_unless_it_is_frozen():
    scaler = StandardScaler().fit([[0.0], [1.0]])
    assert was_trained(scaler)
    assert was_trained(make_pipeline(FunctionTransformer(), scaler))
    assert not was_trained(FrozenEstimator(scaler))
    assert not was_trained(StandardScaler())
