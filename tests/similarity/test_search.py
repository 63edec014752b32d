"""The screened search finds what comparing everything finds."""

import numpy as np
import pytest

from sklearn_siamese_speaker.similarity import METRICS, _search, most_similar, similarity


def make_embeddings(n_samples, n_dims=16, seed=0, dtype=np.float64):
    return np.random.default_rng(seed).normal(size=(n_samples, n_dims)).astype(dtype)


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
    monkeypatch.setattr(_search, "_PROTOTYPES", 256)  # several blocks, the last not full
    P = EMBEDDINGS[kind](dtype).astype(dtype)
    noise = np.abs(P).mean() * make_embeddings(60, seed=12)
    for Q in (P[:260], (P[-60:] + 0.1 * noise).astype(dtype), make_embeddings(5, seed=13)):
        position, best = most_similar(Q, P, metric)
        expected = similarity(Q, P, metric)
        np.testing.assert_array_equal(position, expected.argmax(axis=1))
        np.testing.assert_array_equal(best, expected.max(axis=1))
