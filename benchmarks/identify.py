"""OneShotClassifier beside a bare matrix product and scikit-learn's brute-force nearest neighbor.

One embedding of each of many speakers is enrolled, and queries are recognized. The ratios are of
the median times. Usage: OMP_NUM_THREADS=1 python benchmarks/identify.py [repetitions]
"""

import resource
import sys
import time

import numpy as np
from sklearn.neighbors import KNeighborsClassifier

from sklearn_siamese_speaker import OneShotClassifier

N_QUERIES, N_DIMS = 200, 128


def make_speakers(n_speakers, seed=0):
    """Return unit embeddings of speakers, and queries near the first of them."""
    rng = np.random.default_rng(seed)
    gallery = rng.standard_normal((n_speakers, N_DIMS), dtype=np.float32)
    gallery /= np.linalg.norm(gallery, axis=1, keepdims=True)
    noise = rng.standard_normal((N_QUERIES, N_DIMS), dtype=np.float32)
    return gallery, gallery[:N_QUERIES] + np.float32(0.05) * noise


def median_times(functions, repetitions):
    """Return the median time of each function in seconds, taking turns."""
    times = {name: [] for name in functions}
    for _ in range(repetitions):
        for name, function in functions.items():
            start = time.perf_counter()
            function()
            times[name].append(time.perf_counter() - start)
    return {name: np.median(own) for name, own in times.items()}


def compare(n_speakers=100_000, repetitions=9):
    gallery, queries = make_speakers(n_speakers)
    labels = np.arange(n_speakers)
    cosine = OneShotClassifier(metric="cosine").fit(gallery, labels)
    euclidean = OneShotClassifier().fit(gallery, labels)
    knn = KNeighborsClassifier(1, algorithm="brute").fit(gallery, labels)
    functions = {
        "(Q @ G.T).argmax(1)": lambda: (queries @ gallery.T).argmax(1),
        "OneShotClassifier, cosine": lambda: cosine.predict(queries),
        "OneShotClassifier, Euclidean": lambda: euclidean.predict(queries),
        "KNeighborsClassifier, brute": lambda: knn.predict(queries),
    }
    for function in functions.values():
        assert (function() == labels[:N_QUERIES]).all()
    times = median_times(functions, repetitions)
    product = times["(Q @ G.T).argmax(1)"]
    print(f"{n_speakers:,} enrolled, {N_QUERIES} queries, {N_DIMS} dimensions, float32")
    for name, seconds in times.items():
        print(f"{name:30}{1000 * seconds:8.1f} ms  {seconds / product:6.2f} x the product")


def enrol_many(n_speakers=1_000_000):
    gallery, queries = make_speakers(n_speakers)
    start = time.perf_counter()
    who = OneShotClassifier(metric="cosine").fit(gallery, np.arange(n_speakers))
    enrolled = time.perf_counter()
    assert (who.predict(queries) == np.arange(N_QUERIES)).all()
    end = time.perf_counter()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(
        f"{n_speakers:,} enrolled in {enrolled - start:.1f} s, {N_QUERIES} queries in "
        f"{end - enrolled:.2f} s, peak {peak:.1f} GiB, embeddings {gallery.nbytes / 2**30:.2f} GiB"
    )


if __name__ == "__main__":
    compare(repetitions=int(sys.argv[1]) if sys.argv[1:] else 9)
    enrol_many()
