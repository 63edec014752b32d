"""Whoever recognizes agrees to the bit: one by one, in tasks, by search, in cross-validation."""

import itertools
from collections import Counter

import numpy as np
import pytest
from sklearn.base import BaseEstimator, TransformerMixin, clone
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import cross_val_score

from sklearn_siamese_speaker import OneShotClassifier
from sklearn_siamese_speaker.model_selection import NShotKWaySplit, n_shot_k_way_score
from sklearn_siamese_speaker.similarity import (
    AGGREGATIONS,
    METRICS,
    most_similar,
    similarity,
    task_similarities,
)

N_CASES = 112  # of each of the 9 pairs of metric and aggregation: 1,008 in all


class Encoder(TransformerMixin, BaseEstimator):
    """Embeddings as they are, in the metric they are meant for."""

    def __init__(self, metric):
        self.metric = metric

    def fit(self, X, y=None):
        self.embedding_metric_ = self.metric
        return self

    def transform(self, X):
        return X


def draw_embeddings(rng, n_samples):
    """Draw embeddings, many of them copies, mirror images and near copies of others."""
    n_dims, dtype = int(rng.integers(1, 10)), rng.choice(["f4", "f8"])
    if rng.random() < 0.5:
        E = rng.integers(-2, 3, size=(n_samples, n_dims)).astype(dtype)
    else:
        E = rng.normal(size=(n_samples, n_dims)).astype(dtype)
    for i in np.flatnonzero(rng.random(n_samples) < rng.random()):
        other = E[rng.integers(3)]
        changed = [
            other,
            -other,
            3 * other,
            0 * other,
            np.nextafter(other, other + 1),
            np.where(np.arange(n_dims) == 0, np.nextafter(other, other - 1), other),
        ]
        E[i] = changed[rng.integers(len(changed))]
    return E


def draw_case(rng):
    n_shots, n_queries = int(rng.integers(1, 6)), int(rng.integers(1, 3))
    k_way, n_speakers = int(rng.integers(2, 5)), int(rng.integers(5, 7))
    y = rng.permutation(np.repeat(np.arange(n_speakers), n_shots + n_queries))
    # Two tasks compare fewer pairs than there are, fifty more.
    n_tasks = int(rng.choice([2, 50]))
    tasks = NShotKWaySplit(n_shots, k_way, n_queries, n_tasks, random_state=int(rng.integers(99)))
    return draw_embeddings(rng, len(y)), y, tasks


def similarities_one_by_one(E, support, query, metric, aggregation):
    """Compare each query with each speaker of one task by nothing but `similarity` of two rows."""

    def compare(a, b):
        return similarity(a[np.newaxis], b[np.newaxis], metric)[0, 0]

    def compare_with_speaker(query, recordings):
        if aggregation == "nearest":
            return max(compare(query, recording) for recording in recordings)
        if aggregation == "mean":
            total = sum(recordings[1:].astype(float), recordings[0].astype(float))
            return compare(query, (total / len(recordings)).astype(E.dtype))
        to_others = [
            sum(compare(a, b) for j, b in enumerate(recordings) if j != i)
            for i, a in enumerate(recordings)
        ]
        return compare(query, recordings[int(np.argmax(to_others))])

    return [[compare_with_speaker(E[i], E[own]) for own in support] for i in query.ravel()]


@pytest.mark.filterwarnings("ignore:X.* is the same recording")
@pytest.mark.parametrize("aggregation", AGGREGATIONS)
@pytest.mark.parametrize("metric", METRICS)
def test_all_ways_to_recognize_agree_to_the_bit(metric, aggregation):
    rng = np.random.default_rng([METRICS.index(metric), list(AGGREGATIONS).index(aggregation)])
    who = OneShotClassifier(metric=metric, aggregation=aggregation)
    seen = Counter()
    for _ in range(N_CASES):
        E, y, tasks = draw_case(rng)
        support, query = tasks.tasks(y)
        recognized = who.predict_tasks(E, support, query)
        blocks = task_similarities(E, support, query, metric=metric, aggregation=aggregation)
        compared = np.concatenate([block for _, block in blocks])[0].reshape(-1, tasks.k_way)

        expected = np.array(similarities_one_by_one(E, support[0], query[0], metric, aggregation))
        np.testing.assert_array_equal(compared, expected)
        np.testing.assert_array_equal(recognized[0].ravel(), expected.argmax(axis=1))

        enrolled = clone(who).fit(E[support[0].ravel()], y[support[0].ravel()])
        queries = E[query[0].ravel()]
        speakers = enrolled.classes_[recognized[0].ravel()]
        np.testing.assert_array_equal(enrolled.similarities(queries), expected)
        np.testing.assert_array_equal(enrolled.predict(queries), speakers)
        np.testing.assert_array_equal(enrolled.rank(queries, k=1)[:, 0], speakers)
        np.testing.assert_array_equal(
            clone(enrolled)
            .set_params(margin=0.0)
            .fit(E[support[0].ravel()], y[support[0].ravel()])
            .predict(queries),
            speakers,
        )

        settings = {key: getattr(tasks, key) for key in tasks.__dict__}
        accuracies = (recognized == np.arange(tasks.k_way)[:, np.newaxis]).mean(axis=(1, 2))
        np.testing.assert_array_equal(n_shot_k_way_score(who, E, y, **settings), accuracies)
        first = list(itertools.islice(tasks.split(E, y), 1))
        np.testing.assert_array_equal(cross_val_score(who, E, y, cv=first), accuracies[:1])
        if aggregation == "mean":
            encoder = Encoder(metric).fit(E)
            behind = OneShotClassifier(FrozenEstimator(encoder))
            for estimator in (encoder, behind):
                scored = n_shot_k_way_score(estimator, E, y, **settings)
                np.testing.assert_array_equal(scored, accuracies)
            np.testing.assert_array_equal(cross_val_score(behind, E, y, cv=first), accuracies[:1])

        best = np.sort(expected, axis=1)[:, -2:]
        seen["exact ties"] += (best[:, 0] == best[:, 1]).any()
        seen["near ties"] += (np.abs(np.diff(best[best[:, 0] < best[:, 1]])) < 1e-6).any()
    assert min(seen.values()) >= 5, seen


def test_a_near_tie_is_decided_alike_by_predict_and_in_tasks():
    # The second speaker is nearer by one unit in the last place.
    E = np.array([[1.0], [np.nextafter(1.0, 0.0)], [0.0]])
    who = OneShotClassifier().fit(E[:2], [0, 1])
    support, query = np.array([[[0], [1]]]), np.array([[[2], [2]]])
    assert who.predict(E[2:]) == [1]
    assert who.predict_tasks(E, support, query).tolist() == [[[1], [1]]]


@pytest.mark.parametrize("metric", METRICS)
def test_the_search_among_many_near_ties_is_that_of_all_similarities(metric):
    rng = np.random.default_rng(0)
    for _ in range(20):
        E = draw_embeddings(rng, 300)
        position, best = most_similar(E, E[:200], metric)
        expected = similarity(E, E[:200], metric)
        np.testing.assert_array_equal(position, expected.argmax(axis=1))
        np.testing.assert_array_equal(best, expected.max(axis=1))
