import numpy as np
import pytest

from sklearn_siamese_speaker.similarity import _compare
from sklearn_siamese_speaker.similarity._compare import build_prototypes, most_similar, similarity

METRICS = ("euclidean", "cosine", "manhattan")


def make_embeddings(n_samples, n_dims=16, seed=0, dtype=np.float64):
    return np.random.default_rng(seed).normal(size=(n_samples, n_dims)).astype(dtype)


@pytest.mark.parametrize(
    ("metric", "expected"), [("euclidean", -5.0), ("manhattan", -7.0), ("cosine", 0.6)]
)
def test_similarity_of_a_pair_worked_out_by_hand(metric, expected):
    pairs = {"cosine": ([[1.0, 0.0]], [[3.0, 4.0]])}
    query, prototype = pairs.get(metric, ([[1.0, 1.0]], [[4.0, 5.0]]))
    similarities = similarity(np.array(query), np.array(prototype), metric)
    np.testing.assert_allclose(similarities, [[expected]], rtol=1e-15)


@pytest.mark.parametrize("metric", METRICS)
def test_similarity_of_an_embedding_to_itself_is_the_highest_there_is(metric):
    E = 1e3 + make_embeddings(5, dtype=np.float32)
    highest = 1.0 if metric == "cosine" else 0.0
    np.testing.assert_allclose(np.diag(similarity(E, E, metric)), highest, rtol=1e-14, atol=0)


def test_cosine_similarity_of_a_zero_embedding_is_zero():
    E = np.array([[0.0, 0.0], [1.0, 2.0]])
    np.testing.assert_array_equal(similarity(E, E[:1], "cosine"), [[0.0], [0.0]])


@pytest.mark.parametrize("n_dims", [1, 3, 40, 129])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("metric", METRICS)
def test_a_similarity_has_the_same_bits_in_any_matrix(metric, dtype, n_dims):
    Q, P = make_embeddings(23, n_dims, 1, dtype), make_embeddings(41, n_dims, 2, dtype)
    whole = similarity(Q, P, metric)
    for n_queries, n_prototypes in [(1, 1), (1, 41), (23, 1), (2, 3), (7, 5), (16, 33)]:
        part = similarity(Q[-n_queries:], P[-n_prototypes:], metric)
        np.testing.assert_array_equal(part, whole[-n_queries:, -n_prototypes:])


def _near_duplicates(dtype):
    E = np.repeat(make_embeddings(200, seed=3), 4, axis=0)
    return E * (1 + 1e-7 * make_embeddings(800, 1, seed=4))


def _with_zeros(dtype):
    E = make_embeddings(700, seed=5)
    E[[0, 300]] = 0
    return E


EMBEDDINGS = {
    "ordinary": lambda dtype: make_embeddings(1100, seed=6),
    "exact duplicates": lambda dtype: np.tile(make_embeddings(300, seed=7), (3, 1)),
    "near duplicates": _near_duplicates,
    "far from the origin": lambda dtype: 1e4 + make_embeddings(900, seed=8),
    "all the same": lambda dtype: np.ones((600, 16)),
    "zeros among them": _with_zeros,
    "of very different lengths": lambda dtype: (
        make_embeddings(900, seed=9) * np.logspace(-12, 12, 900)[:, np.newaxis]
    ),
    "with overflowing products": lambda dtype: (
        make_embeddings(520, seed=10) * (1e25 if dtype is np.float32 else 1e160)
    ),
    "with underflowing products": lambda dtype: (
        make_embeddings(520, seed=11) * (1e-25 if dtype is np.float32 else 1e-170)
    ),
}


@pytest.mark.parametrize("kind", EMBEDDINGS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("metric", METRICS)
def test_most_similar_is_the_argmax_of_all_similarities_to_the_bit(
    metric, dtype, kind, monkeypatch
):
    monkeypatch.setattr(_compare, "_PROTOTYPES", 256)  # several blocks, the last not full
    P = EMBEDDINGS[kind](dtype).astype(dtype)
    noise = np.abs(P).mean() * make_embeddings(60, seed=12)
    for Q in (P[:260], (P[-60:] + 0.1 * noise).astype(dtype), make_embeddings(5, seed=13)):
        position, best = most_similar(Q, P, metric)
        expected = similarity(Q, P, metric)
        np.testing.assert_array_equal(position, expected.argmax(axis=1))
        np.testing.assert_array_equal(best, expected.max(axis=1))


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


@pytest.mark.parametrize("metric", METRICS)
def test_the_medoid_of_two_recordings_is_the_first(metric):
    for seed in range(20):
        E = make_embeddings(2, seed=seed)
        medoid, _ = build_prototypes(E, np.array([0]), metric, "medoid")
        np.testing.assert_array_equal(medoid, E[:1])
