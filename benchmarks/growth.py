"""Time and memory against the number of recordings and of enrolled people, with slopes; a figure.

Recordings are repeated with noise (see frame_store.py) and lie in a store; the encoder learns
without warped copies, which triple its time, and the one that embeds has learned from the first
1,000 recordings. What was measured is kept in FOLDER/growth.jsonl, and is not measured again. Times
are those of the processor; on one that runs two threads a core, they are longer beside other
programs. Memory is RssAnon beyond the import (Linux).

Usage: OMP_NUM_THREADS=1 python benchmarks/growth.py FOLDER measure N [N ...]
                                                            enrol N [N ...]
                                                            draw docs/images/growth.png
"""

import json
import os
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import soundfile
from frame_store import Peak, anonymous_memory, fit, write
from sklearn.preprocessing import FunctionTransformer

from sklearn_siamese_speaker import MFCC, FramePooling, OneShotClassifier, SiameseSpeakerEncoder
from sklearn_siamese_speaker.datasets import make_speakers
from sklearn_siamese_speaker.features import FrameStore
from sklearn_siamese_speaker.model_selection import n_shot_k_way_score

N_DIMS, N_QUERIES = 192, 200
STAGES = {
    "extraction": "MFCC of 3 s WAV files into a store",
    "pooling": "FramePooling, fit and transform",
    "closed form": "closed form of the default encoder",
    "epoch": "epoch of the default encoder",
    "embedding": "embeddings of the default encoder",
    "evaluation": "1,000 tasks of 20 speakers",
    "enrolment": "OneShotClassifier.fit",
    "identification": "200 queries, cosine",
}


class Results:
    """What was measured: a line of JSON for each stage and size."""

    def __init__(self, folder):
        self.path = folder / "growth.jsonl"
        self.rows = []
        if self.path.exists():
            self.rows = [json.loads(line) for line in self.path.read_text().splitlines()]

    def has(self, stage, n):
        return any((row["stage"], row["n"]) == (stage, n) for row in self.rows)

    def add(self, stage, n, seconds, memory):
        row = {"stage": stage, "n": n, "seconds": seconds, "memory": memory}
        self.rows.append(row)
        with open(self.path, "a") as file:
            print(json.dumps(row), file=file)
        print(f"{stage:16}{n:10,}{seconds:10.2f} s {memory / 2**20:8.0f} MiB", flush=True)

    def measure(self, stage, n, before, function):
        """Note the time and the memory of a function, and return what it returns."""
        with Peak() as peak:
            start = time.process_time()
            result = function()
            seconds = time.process_time() - start
        self.add(stage, n, seconds, max(0, peak.bytes - before))
        return result


def extract(n):
    """Write the frames of n files, which are 100 files again and again."""
    X, _ = make_speakers(n_speakers=20, n_recordings=5, duration=3.0, random_state=0)
    with tempfile.TemporaryDirectory() as folder:
        paths = [os.path.join(folder, f"{i}.wav") for i in range(len(X))]
        for path, waveform in zip(paths, X, strict=True):
            soundfile.write(path, waveform, 16000)
        FrameStore.write(Path(folder) / "store", MFCC(), [paths[i % 100] for i in range(n)])


def measure(results, folder, sizes):
    few = np.random.default_rng(0).standard_normal((8, 40, 20))
    SiameseSpeakerEncoder(max_epochs=1).fit(few, np.arange(8) // 2)  # imports all there is
    before = anonymous_memory()
    for n in sorted(sizes):
        part = write(folder / "store", n)
        if not results.has("extraction", n):
            results.measure("extraction", n, before, lambda n=n: extract(n))
        if not results.has("pooling", n):
            pooling = FramePooling()
            results.measure("pooling", n, before, lambda p=pooling, x=part: p.fit(x).transform(x))
        if not results.has("epoch", n):
            measure_fit(results, part, before)
        if not results.has("evaluation", n):
            measure_encoder(results, part, before)


def measure_fit(results, part, before):
    with Peak() as peak:
        _, seconds = fit(part, part.y, augment=None)
    for stage in ("closed form", "epoch"):
        results.add(stage, len(part), seconds[stage], peak.bytes - before)


def measure_encoder(results, part, before):
    n, few = len(part), part[:1000]
    encoder, _ = fit(few, few.y, augment=None)
    embeddings = results.measure("embedding", n, before, lambda: encoder.transform(part))
    identity = FunctionTransformer().fit(embeddings)
    options = {"k_way": 20, "n_tasks": 1000, "random_state": 0}
    results.measure(
        "evaluation",
        n,
        before,
        lambda: n_shot_k_way_score(identity, embeddings, part.y, **options),
    )


def enrol(results, sizes):
    rng = np.random.default_rng(0)
    queries = rng.standard_normal((N_QUERIES, N_DIMS), dtype=np.float32)
    who = OneShotClassifier(metric="cosine").fit(queries, np.arange(N_QUERIES))
    who.predict(queries)
    for n in sizes:
        gallery, before = rng.standard_normal((n, N_DIMS), dtype=np.float32), anonymous_memory()
        results.measure("enrolment", n, before, lambda g=gallery, n=n: who.fit(g, np.arange(n)))
        del gallery
        before = anonymous_memory()
        results.measure("identification", n, before, lambda: who.predict(queries))


def slope(sizes, values):
    """Return the exponent of the growth between the two largest sizes."""
    return np.log(values[-1] / values[-2]) / np.log(sizes[-1] / sizes[-2])


def by_stage(rows):
    """Yield each stage that was measured, with its sizes, seconds and bytes."""
    for stage in STAGES:
        own = sorted(
            (row["n"], row["seconds"], row["memory"]) for row in rows if row["stage"] == stage
        )
        if own:
            yield stage, *map(np.array, zip(*own, strict=True))


def print_table(rows):
    for stage, sizes, seconds, memory in by_stage(rows):
        print(f"{STAGES[stage]} ({stage})")
        for n, time_, bytes_ in zip(sizes, seconds, memory, strict=True):
            each = 1e3 * time_ / n
            print(f"{n:12,}{time_:10.2f} s {each:10.4f} ms each {bytes_ / 2**20:8.0f} MiB")
        if len(sizes) > 1:
            print(f"{'slope':>12}{slope(sizes, seconds):10.2f}")


def draw(rows, path):
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(1, 2, figsize=(10, 4.2), layout="constrained")
    for stage, sizes, seconds, memory in by_stage(rows):
        style = {"marker": "o", "markersize": 4, "label": stage}
        if stage in ("enrolment", "identification"):
            style["linestyle"] = "--"
        (line,) = axes[0].loglog(sizes, seconds, **style)
        axes[1].loglog(sizes, np.maximum(memory, 2**20) / 2**20, color=line.get_color(), **style)
    sizes = np.array([1e3, 3e6])
    axes[0].loglog(sizes, 1e-3 * sizes, color="0.7", linewidth=1, zorder=0)
    axes[0].annotate("linear", (1e6, 1.3e3), color="0.5", ha="right")
    axes[0].set(xlabel="recordings, or people enrolled", ylabel="seconds of one core")
    axes[1].set(xlabel="recordings, or people enrolled", ylabel="MiB beyond the import")
    axes[1].legend(fontsize="small")
    figure.savefig(path, dpi=110)


def main(folder, command, *arguments):
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    results = Results(folder)
    if command == "measure":
        measure(results, folder, map(int, arguments))
    elif command == "enrol":
        enrol(results, map(int, arguments))
    else:
        print_table(results.rows)
        draw(results.rows, *arguments)


if __name__ == "__main__":
    main(*sys.argv[1:])
