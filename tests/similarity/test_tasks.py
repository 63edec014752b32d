"""Tests of the vectorized recognition against brute force, and of ties."""

import numpy as np
import pytest
from scipy.spatial.distance import cdist
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from sklearn_siamese_speaker.model_selection import NShotKWaySplit, find_embedding_metric
from sklearn_siamese_speaker.similarity import (
    AGGREGATIONS,
    METRICS,
    _tasks,
    nearest_speakers,
    task_similarities,
)


def make_embeddings(n_speakers=8, n_recordings=7, n_dims=5, seed=0):
    rng = np.random.default_rng(seed)
    y = np.repeat(np.arange(n_speakers), n_recordings)
    E = 3 + rng.normal(size=(n_speakers, n_dims))[y] + rng.normal(size=(len(y), n_dims))
    return E * rng.uniform(0.5, 2, size=(len(y), 1)), y


def similarities_by_brute_force(E, shots, queries, metric, aggregation):
    """Compare the queries (n_queries,) with one speaker's shots (n_shots,)."""
    name = {"manhattan": "cityblock"}.get(metric, metric)
    distances = cdist(E[queries], E[shots], name)
    if aggregation == "nearest":
        distances = distances.min(axis=1)
    elif aggregation == "medoid":
        to_others = cdist(E[shots], E[shots], name)
        np.fill_diagonal(to_others, 0)
        # Added one after another: of four points on a line the middle two tie but for rounding.
        medoid = sum(to_others.T).argmin()
        distances = distances[:, medoid]
    else:
        prototype = E[shots].mean(axis=0, keepdims=True)
        distances = cdist(E[queries], prototype, name)[:, 0]
    return 1 - distances if metric == "cosine" else -distances


# With 3 tasks pairs are computed for each task, with 100 they come from a matrix of all pairs.
@pytest.mark.parametrize("n_tasks", [3, 100])
@pytest.mark.parametrize("n_shots", [1, 2, 4])
@pytest.mark.parametrize("aggregation", AGGREGATIONS)
@pytest.mark.parametrize("metric", METRICS)
def test_similarities_and_predictions_equal_brute_force(metric, aggregation, n_shots, n_tasks):
    E, y = make_embeddings()
    tasks = NShotKWaySplit(n_shots, 4, 2, n_tasks=n_tasks, random_state=0)
    support, query = tasks.tasks(y)
    arguments = {"metric": metric, "aggregation": aggregation}
    blocks = list(task_similarities(E, support, query, **arguments))
    similarities = np.concatenate([block for _, block in blocks])
    expected = np.empty_like(similarities)
    for t in range(n_tasks):
        for c in range(4):
            expected[t, :, :, c] = similarities_by_brute_force(
                E, support[t, c], query[t].ravel(), **arguments
            ).reshape(4, 2)
    np.testing.assert_allclose(similarities, expected, rtol=1e-9, atol=1e-9)
    recognized = nearest_speakers(E, support, query, **arguments)
    assert np.array_equal(recognized, expected.argmax(axis=-1))


def test_three_numbers_by_hand():
    E = np.array([[0.0], [4.0], [5.0], [10.0], [4.4]])
    support = np.array([[[0, 1], [2, 3]]])  # means 2 and 7.5, nearest to 4.4: 0.4 and 0.6
    query = np.array([[[4], [3]]])
    assert nearest_speakers(E, support, query).tolist() == [[[0], [1]]]
    ((_, similarities),) = task_similarities(E, support, query, aggregation="nearest")
    np.testing.assert_allclose(similarities[0, :, 0], [[-0.4, -0.6], [-6, 0]])
    # Of two recordings both are medoids: the first stands for the speaker.
    ((_, similarities),) = task_similarities(E, support, query, aggregation="medoid")
    np.testing.assert_allclose(similarities[0, :, 0], [[-4.4, -0.6], [-10, -5]])


@pytest.mark.parametrize("n_tasks", [3, 500])
@pytest.mark.parametrize("n_shots", [1, 3])
@pytest.mark.parametrize("aggregation", AGGREGATIONS)
@pytest.mark.parametrize("metric", METRICS)
def test_an_encoder_that_maps_everything_to_one_point_scores_chance(
    metric, aggregation, n_shots, n_tasks
):
    y = np.repeat(np.arange(25), 5)
    tasks = NShotKWaySplit(n_shots, 20, 2, n_tasks=n_tasks, random_state=0)
    support, query = tasks.tasks(y)
    for point in (np.zeros(33), np.random.default_rng(0).normal(size=33) * 1e3):
        E = np.tile(point, (len(y), 1))
        recognized = nearest_speakers(E, support, query, metric=metric, aggregation=aggregation)
        correct = recognized == np.arange(20)[:, np.newaxis]
        assert (correct.mean(axis=(1, 2)) == 1 / 20).all()


@pytest.mark.parametrize("metric", METRICS)
def test_an_encoder_that_tells_two_halves_apart_scores_no_more_than_that(metric):
    # 20 speakers at 2 points: a query is recognized among those at its point by order alone.
    y = np.repeat(np.arange(20), 2)
    points = np.random.default_rng(0).normal(size=(2, 65))
    E = points[y % 2]
    support, query = NShotKWaySplit(1, 20, n_tasks=200, random_state=0).tasks(y)
    recognized = nearest_speakers(E, support, query, metric=metric)
    correct = recognized == np.arange(20)[:, np.newaxis]
    assert (correct.mean(axis=(1, 2)) == 2 / 20).all()


def test_blocks_cover_all_tasks_in_order(monkeypatch):
    monkeypatch.setattr(_tasks, "_BLOCK_ENTRIES", 8 * 8 * 5 * 7)  # 7 tasks
    E, y = make_embeddings()
    support, query = NShotKWaySplit(5, 8, n_tasks=60, random_state=0).tasks(y)
    slices = [block for block, _ in task_similarities(E, support, query)]
    assert len(slices) == 9
    assert np.array_equal(np.concatenate([np.arange(60)[block] for block in slices]), np.arange(60))


class Encoder(TransformerMixin, BaseEstimator):
    def fit(self, X, y=None):
        self.embedding_metric_ = "cosine"
        return self

    def transform(self, X):
        return X


def test_embedding_metric_is_read_through_pipelines_and_frozen_estimators():
    encoder = Encoder().fit(None)
    pipeline = make_pipeline(StandardScaler(), encoder)
    for estimator in (
        encoder,
        FrozenEstimator(encoder),
        pipeline,
        FrozenEstimator(pipeline),
        make_pipeline(StandardScaler(), FrozenEstimator(pipeline), "passthrough"),
    ):
        assert find_embedding_metric(estimator) == "cosine"


def test_embedding_metric_is_euclidean_where_none_is_published():
    encoder = Encoder().fit(None)
    for estimator in (
        StandardScaler(),
        make_pipeline(encoder, StandardScaler()),
        make_pipeline("passthrough"),
    ):
        assert find_embedding_metric(estimator) == "euclidean"


def test_an_unknown_embedding_metric_is_named():
    encoder = FunctionTransformer()
    encoder.embedding_metric_ = "chebyshev"
    with pytest.raises(
        ValueError,
        match="embedding_metric_ of FunctionTransformer must be one of "
        r".*, got 'chebyshev'",
    ):
        find_embedding_metric(encoder)
