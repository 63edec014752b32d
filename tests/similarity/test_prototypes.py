"""What stands for a speaker."""

import numpy as np
import pytest

from sklearn_siamese_speaker.similarity import AGGREGATIONS, METRICS, build_prototypes


def make_embeddings(n_samples, n_dims=16, seed=0, dtype=np.float64):
    return np.random.default_rng(seed).normal(size=(n_samples, n_dims)).astype(dtype)


def test_prototypes_of_four_recordings_worked_out_by_hand():
    E = np.array([[0.0, 0.0], [1.0, 0.0], [5.0, 0.0], [7.0, 7.0]])  # 3 of one speaker, 1 of another
    first = np.array([0, 3])
    mean, _ = build_prototypes(E, first, "euclidean", "mean")
    np.testing.assert_array_equal(mean, [[2.0, 0.0], [7.0, 7.0]])
    # Summed distances to the others: 0 + 1 + 5, 1 + 0 + 4, 5 + 4 + 0.
    medoid, _ = build_prototypes(E, first, "euclidean", "medoid")
    np.testing.assert_array_equal(medoid, [[1.0, 0.0], [7.0, 7.0]])
    nearest, first_nearest = build_prototypes(E, first, "euclidean", "nearest")
    np.testing.assert_array_equal(nearest, E)
    np.testing.assert_array_equal(first_nearest, first)


@pytest.mark.parametrize("aggregation", AGGREGATIONS)
def test_one_recording_of_each_speaker_is_not_copied(aggregation):
    E = make_embeddings(30)
    prototypes, first = build_prototypes(E, np.arange(30), "cosine", aggregation)
    assert np.shares_memory(prototypes, E)
    np.testing.assert_array_equal(first, np.arange(30))


@pytest.mark.parametrize("metric", METRICS)
def test_the_medoid_of_two_recordings_is_the_first(metric):
    for seed in range(20):
        E = make_embeddings(2, seed=seed)
        medoid, _ = build_prototypes(E, np.array([0]), metric, "medoid")
        np.testing.assert_array_equal(medoid, E[:1])
