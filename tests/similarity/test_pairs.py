"""Two embeddings compared."""

import numpy as np
import pytest

from sklearn_siamese_speaker.similarity import (
    METRICS,
    check_embeddings,
    paired_similarity,
    similarity,
)


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


def test_cosine_similarity_of_a_zero_embedding_is_the_lowest_there_is():
    E = np.array([[0.0, 0.0], [1.0, 2.0]])
    np.testing.assert_array_equal(similarity(E, E[:1], "cosine"), [[-1.0], [-1.0]])
    np.testing.assert_array_equal(similarity(E[:1], E[1:], "cosine"), [[-1.0]])


@pytest.mark.parametrize("n_dims", [1, 3, 40, 129])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("metric", METRICS)
def test_a_similarity_has_the_same_bits_in_any_matrix(metric, dtype, n_dims):
    Q, P = make_embeddings(23, n_dims, 1, dtype), make_embeddings(41, n_dims, 2, dtype)
    whole = similarity(Q, P, metric)
    for n_queries, n_prototypes in [(1, 1), (1, 41), (23, 1), (2, 3), (7, 5), (16, 33)]:
        part = similarity(Q[-n_queries:], P[-n_prototypes:], metric)
        np.testing.assert_array_equal(part, whole[-n_queries:, -n_prototypes:])


@pytest.mark.parametrize("n_dims", [1, 3, 40, 129])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("metric", METRICS)
def test_a_similarity_does_not_depend_on_which_of_the_two_comes_first(metric, dtype, n_dims):
    Q, P = make_embeddings(23, n_dims, 1, dtype), make_embeddings(41, n_dims, 2, dtype)
    np.testing.assert_array_equal(similarity(Q, P, metric), similarity(P, Q, metric).T)


@pytest.mark.parametrize("n_pairs", [1, 16, 53])
@pytest.mark.parametrize("metric", METRICS)
def test_paired_similarities_are_the_diagonal_of_all_similarities(metric, n_pairs):
    A, B = make_embeddings(n_pairs, seed=1), make_embeddings(n_pairs, seed=2, dtype=np.float32)
    diagonal = similarity(A, B, metric).diagonal()
    np.testing.assert_array_equal(paired_similarity(A, B, metric), diagonal)


@pytest.mark.parametrize(
    ("dtype", "expected"), [("f4", "f4"), ("f8", "f8"), ("f2", "f8"), ("i4", "f8")]
)
def test_checked_embeddings_are_float32_or_float64(dtype, expected):
    checked = check_embeddings(np.asfortranarray(np.ones((3, 2), dtype=dtype)))
    assert checked.dtype == expected
    assert checked.flags.c_contiguous


@pytest.mark.parametrize("value", [1e200, -1e200])
def test_an_embedding_whose_squares_overflow_is_named(value):
    E = np.ones((3, 2))
    E[1] = value
    message = r"X\[1\] holds values up to 1e\+200, whose squares cannot be summed: scale the embed"
    with pytest.raises(ValueError, match=message):
        check_embeddings(E, "X")


@pytest.mark.parametrize("scale", [1e-30, 1e-100, 1e-150, 1e-200, 1e-300])
def test_the_cosine_does_not_see_how_short_embeddings_are(scale):
    E = make_embeddings(20)
    expected = similarity(E, E, "cosine")
    np.testing.assert_allclose(similarity(E * scale, E, "cosine"), expected, atol=1e-7)
    mixed = np.where(np.arange(20)[:, np.newaxis] % 3, E, E * scale)
    for i in range(20):  # the same bits alone and among others
        alone = similarity(mixed[i : i + 1], E, "cosine")
        np.testing.assert_array_equal(similarity(mixed, E, "cosine")[i], alone[0])


def test_zeros_among_embeddings_are_allowed():
    E = np.array([[0.0, 0.0], [1.0, 0.0], [1e99, 1e-200]])
    np.testing.assert_array_equal(check_embeddings(E), E)


def test_embeddings_that_are_not_finite_are_refused_by_name():
    with pytest.raises(ValueError, match="Input embeddings contains NaN"):
        check_embeddings([[np.nan]])
