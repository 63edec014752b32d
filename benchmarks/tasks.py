"""n-shot k-way tasks all at once beside cross_val_score, a task at a time.

Usage: OMP_NUM_THREADS=1 python benchmarks/tasks.py
"""

import time

import numpy as np
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import cross_val_score
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_siamese_speaker import OneShotClassifier
from sklearn_siamese_speaker.model_selection import NShotKWaySplit, n_shot_k_way_score

N_SPEAKERS, N_RECORDINGS, N_DIMS = 100, 10, 128


def make_embeddings():
    rng = np.random.default_rng(0)
    y = np.repeat(np.arange(N_SPEAKERS), N_RECORDINGS)
    speakers = rng.normal(size=(N_SPEAKERS, N_DIMS))[y]
    return speakers + 2 * rng.normal(size=(len(y), N_DIMS)), y


def seconds_and_result(function):
    start = time.perf_counter()
    result = function()
    return time.perf_counter() - start, result


def compare(name, estimator, peer, X, y, n_tasks, n_peer_tasks=100, n_shots=1):
    """Time the same tasks; the slow peer on the first of them, its time scaled by their number."""
    parameters = {"n_shots": n_shots, "k_way": 5, "random_state": 0}
    fast, accuracies = seconds_and_result(
        lambda: n_shot_k_way_score(estimator, X, y, n_tasks=n_tasks, **parameters)
    )
    tasks = NShotKWaySplit(n_tasks=n_peer_tasks, **parameters)
    slow, expected = seconds_and_result(lambda: cross_val_score(peer, X, y, cv=tasks))
    np.testing.assert_allclose(accuracies[:n_peer_tasks], expected)
    fast, slow = fast / n_tasks, slow / n_peer_tasks
    print(
        f"{name:42}{1e6 * fast:9.1f} us a task, cross_val_score {1e6 * slow:9.1f} us, "
        f"{slow / fast:7.1f} x faster",
        flush=True,
    )


def main():
    X, y = make_embeddings()
    scaler = StandardScaler().fit(X)
    frozen = FrozenEstimator(scaler)
    who, lda = OneShotClassifier(frozen), make_pipeline(frozen, LinearDiscriminantAnalysis())
    compare("transformer", scaler, make_pipeline(frozen, KNeighborsClassifier(1)), X, y, 10_000)
    compare("OneShotClassifier", who, who, X, y, 10_000)
    compare("another classifier (LDA, 3 shots)", lda, lda, X, y, 100, n_shots=3)
    score = {"k_way": 20, "n_tasks": 10_000, "random_state": 0}
    seconds, _ = seconds_and_result(lambda: n_shot_k_way_score(scaler, X, y, **score))
    print(f"10,000 tasks of 20-way 1-shot on {len(y):,} embeddings: {seconds:.2f} s")


if __name__ == "__main__":
    main()
