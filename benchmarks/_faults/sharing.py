"""One classifier in several threads; one cache and one checkpoint in two processes."""

import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import numpy as np

from sklearn_siamese_speaker import MFCC, OneShotClassifier
from sklearn_siamese_speaker.datasets import make_speakers

from .models import make_encoder, make_frames
from .outcomes import Tally

# A process that extracts frames through a cache and trains with a checkpoint, both shared.
WORKER = """
import sys
import numpy as np
from _faults.models import make_encoder, make_frames
from _faults.sharing import cached_frames

folder, name = sys.argv[1:]
frames = cached_frames(f"{folder}/cache")
X, y = make_frames()
embeddings = make_encoder(f"{folder}/checkpoints", max_epochs=20).fit(X, y).transform(X)
np.savez(f"{folder}/{name}.npz", frames=frames, embeddings=embeddings)
"""


def reading_and_writing_threads(quick):
    """One thread enrols and forgets a speaker while others ask for those who stay."""
    rng = np.random.default_rng(0)
    speakers = np.array([f"speaker {i:02}" for i in range(50)])
    embeddings = rng.normal(size=(50, 16))
    who = OneShotClassifier().fit(embeddings, speakers)
    tally, lock, ended = Tally(), threading.Lock(), threading.Event()

    def write():
        while not ended.is_set():
            # Before all others in the alphabet, so that everybody's position changes.
            who.partial_fit(10 + embeddings[:1], ["aaa"]).forget(["aaa"])

    def ask(n_calls):
        for call in range(n_calls):
            try:
                is_right = who.predict(embeddings).tolist() == speakers.tolist()
                outcome = "right" if is_right else "wrong answer"
            except Exception:
                outcome = "unnamed error"
            with lock:
                tally.add(outcome, f"call {call}")

    writer = threading.Thread(target=write)
    readers = [threading.Thread(target=ask, args=(200 if quick else 1500,)) for _ in range(2)]
    _run(readers, writer, ended)
    return tally


def _run(readers, writer, ended):
    for thread in [writer, *readers]:
        thread.start()
    for thread in readers:
        thread.join()
    ended.set()
    writer.join()


def enrolling_threads(quick):
    """Two threads enrol 100 speakers each: all 200 are there, each with its own embedding."""
    tally = Tally()
    embeddings = np.random.default_rng(0).normal(size=(201, 16))
    names = [f"speaker {i:03}" for i in range(201)]
    for repetition in range(1 if quick else 10):
        who = OneShotClassifier().fit(embeddings[200:], names[200:])

        def enrol(first, who=who):
            for i in range(first, 200, 2):
                who.partial_fit(embeddings[i : i + 1], [names[i]])

        threads = [threading.Thread(target=enrol, args=(first,)) for first in (0, 1)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        found = who.predict(embeddings[:200]).tolist()
        for i in range(200):
            outcome = "enrolled" if found[i] == names[i] else "wrong answer"
            tally.add(outcome, f"{names[i]} in repetition {repetition}")
    return tally


def cached_frames(folder):
    """Return frames of recordings through a cache."""
    X, _ = make_speakers(n_speakers=20, n_recordings=4, duration=0.5, random_state=0)
    return MFCC(memory=folder).fit_transform(X)


def two_processes(quick):
    """Two processes share a cache and a checkpoint: both end with the results of one alone."""
    tally = Tally()
    X, y = make_frames()
    frames = cached_frames(None)
    embeddings = make_encoder(None, max_epochs=20).fit(X, y).transform(X)
    for _ in range(1 if quick else 5):
        with tempfile.TemporaryDirectory() as folder:
            command = [sys.executable, "-c", WORKER, folder]
            here = str(Path(__file__).parents[1])
            processes = [
                subprocess.Popen([*command, name], cwd=here, stderr=subprocess.PIPE)
                for name in "ab"
            ]
            for process, name in zip(processes, "ab", strict=True):
                errors = process.communicate()[1].decode()
                if process.returncode:
                    tally.add("unnamed error", errors[-500:])
                    continue
                with np.load(f"{folder}/{name}.npz") as result:
                    for part, expected in [("frames", frames), ("embeddings", embeddings)]:
                        is_equal = np.array_equal(result[part], expected)
                        tally.add("equal to the bit" if is_equal else "wrong answer", part)
    return tally
