"""An aggregation is one entry: what is registered works wherever speakers are compared."""

import numpy as np
import pytest
from sklearn.base import clone

from sklearn_siamese_speaker import OneShotClassifier
from sklearn_siamese_speaker.similarity import (
    AGGREGATIONS,
    METRICS,
    Aggregation,
    task_similarities,
)


def median(E, support, metric):
    return np.median(E[support].astype(np.float64), axis=1)


def last(similarities):
    return np.full(similarities.shape[:-2], similarities.shape[-1] - 1)


ENTRIES = {"median": Aggregation(combine=median), "last": Aggregation(choose=last)}
BY_HAND = {"median": lambda own: np.median(own, axis=0), "last": lambda own: own[-1]}


@pytest.fixture(params=list(ENTRIES))
def fourth(request, monkeypatch):
    """Register another aggregation and return its name."""
    monkeypatch.setitem(AGGREGATIONS, request.param, ENTRIES[request.param])
    return request.param


def draw_tasks(n_tasks, n_shots):
    rng = np.random.default_rng(n_tasks + n_shots)
    E = rng.normal(size=(24, 5)).astype(np.float32)
    rows = np.array([rng.permutation(len(E))[: 4 * (n_shots + 2)] for _ in range(n_tasks)])
    rows = rows.reshape(n_tasks, 4, n_shots + 2)
    return E, rows[..., :n_shots], rows[..., n_shots:]


# With 2 tasks pairs are computed for each task, with 60 they come from a matrix of all pairs.
@pytest.mark.parametrize("n_tasks", [2, 60])
@pytest.mark.parametrize("n_shots", [1, 3])
@pytest.mark.parametrize("metric", METRICS)
def test_another_aggregation_is_the_same_in_tasks_and_enrolled_to_the_bit(
    fourth, metric, n_shots, n_tasks
):
    E, support, query = draw_tasks(n_tasks, n_shots)
    who = OneShotClassifier(metric=metric, aggregation=fourth)
    blocks = task_similarities(E, support, query, metric=metric, aggregation=fourth)
    compared = np.concatenate([block for _, block in blocks])
    recognized = who.predict_tasks(E, support, query)
    for task in range(n_tasks):
        enrolled = clone(who).fit(E[support[task].ravel()], np.repeat(np.arange(4), n_shots))
        expected = [BY_HAND[fourth](E[own]) for own in support[task]]
        np.testing.assert_array_equal(enrolled.prototypes_, np.array(expected, dtype=E.dtype))
        queries = E[query[task].ravel()]
        np.testing.assert_array_equal(enrolled.similarities(queries), compared[task].reshape(8, 4))
        np.testing.assert_array_equal(enrolled.predict(queries), recognized[task].ravel())


def test_an_aggregation_that_is_not_registered_is_refused_everywhere():
    E, support, query = draw_tasks(2, 3)
    with pytest.raises(ValueError, match="'aggregation' parameter of OneShotClassifier must be"):
        OneShotClassifier(aggregation="mode").fit(E, np.arange(len(E)))
    for n_tasks in (2, 60):
        E, support, query = draw_tasks(n_tasks, 3)
        with pytest.raises(KeyError, match="mode"):
            list(task_similarities(E, support, query, aggregation="mode"))
