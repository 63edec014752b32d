"""OneShotClassifier beside a bare matrix product, scikit-learn's nearest neighbour and faiss.

One embedding of each of many speakers is enrolled, and queries are recognised. The ratios are of
the shortest times, the functions taking turns. faiss takes part where it is installed
(``pip install faiss-cpu``). Usage: OMP_NUM_THREADS=1 python benchmarks/identify.py [repetitions]
"""

import sys
import time
import tracemalloc

import numpy as np
from sklearn.neighbors import KNeighborsClassifier

from sklearn_siamese_speaker import OneShotClassifier

N_QUERIES, N_DIMS = 200, 192


def make_speakers(n_speakers, seed=0):
    """Return unit embeddings of speakers, and queries near the first of them."""
    rng = np.random.default_rng(seed)
    gallery = rng.standard_normal((n_speakers, N_DIMS), dtype=np.float32)
    gallery /= np.linalg.norm(gallery, axis=1, keepdims=True)
    noise = rng.standard_normal((N_QUERIES, N_DIMS), dtype=np.float32)
    return gallery, gallery[:N_QUERIES] + np.float32(0.02) * noise


def product(queries, gallery, n_rows=1024):
    """Return the best row for each query by products with as many rows as stay in the cache."""
    best, position = np.full(len(queries), -np.inf), np.zeros(len(queries), dtype=int)
    for start in range(0, len(gallery), n_rows):
        scores = queries @ gallery[start : start + n_rows].T
        found = scores.argmax(axis=1)
        highest = scores[np.arange(len(queries)), found]
        better = highest > best
        best[better], position[better] = highest[better], start + found[better]
    return position


def flat_indices(gallery, queries):
    """Return how faiss searches the same exactly, if it is installed."""
    try:
        import faiss
    except ImportError:
        return {}
    faiss.omp_set_num_threads(1)
    indices = {
        "faiss IndexFlatIP": faiss.IndexFlatIP(N_DIMS),
        "faiss IndexFlatL2": faiss.IndexFlatL2(N_DIMS),
    }
    for index in indices.values():
        index.add(gallery)
    return {
        name: lambda index=index: index.search(queries, 1)[1][:, 0]
        for name, index in indices.items()
    }


def shortest_times(functions, repetitions):
    times = dict.fromkeys(functions, np.inf)
    for _ in range(repetitions):
        for name, function in functions.items():
            start = time.perf_counter()
            function()
            times[name] = min(times[name], time.perf_counter() - start)
    return times


def compare(n_speakers, repetitions, with_neighbors=True):
    gallery, queries = make_speakers(n_speakers)
    labels = np.arange(n_speakers)
    tracemalloc.start()
    start = time.perf_counter()
    cosine = OneShotClassifier(metric="cosine").fit(gallery, labels)
    seconds = time.perf_counter() - start
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    euclidean = OneShotClassifier().fit(gallery, labels)
    functions = {
        "(Q @ G.T).argmax(1)": lambda: (queries @ gallery.T).argmax(1),
        "the same in blocks": lambda: product(queries, gallery),
        "OneShotClassifier, cosine": lambda: cosine.predict(queries),
        "OneShotClassifier, Euclidean": lambda: euclidean.predict(queries),
        **flat_indices(gallery, queries),
    }
    if with_neighbors:
        knn = KNeighborsClassifier(1, algorithm="brute").fit(gallery, labels)
        functions["KNeighborsClassifier, brute"] = lambda: knn.predict(queries)
    for function in functions.values():
        assert (function() == labels[:N_QUERIES]).all()
    times = shortest_times(functions, repetitions)
    alone = times["(Q @ G.T).argmax(1)"]
    print(
        f"{n_speakers:,} enrolled in {seconds:.1f} s, {N_QUERIES} queries, {N_DIMS} dimensions, "
        f"float32; enrolling takes {peak / gallery.nbytes:.2f} x the memory of the data"
    )
    for name, seconds in times.items():
        print(f"{name:30}{1000 * seconds:8.1f} ms  {seconds / alone:6.2f} x the product")


if __name__ == "__main__":
    repetitions = int(sys.argv[1]) if sys.argv[1:] else 9
    compare(100_000, repetitions)
    compare(1_000_000, max(1, repetitions // 3), with_neighbors=False)
