"""The default encoder on a store of 200,000 recordings: memory, and time beside memory.

The recordings are MFCC of 3 s of made-up voices, repeated with noise; several GB on disk. A voice
has 50 of them, and where more are asked for, several voices count as one speaker. Memory and the
time of an epoch grow with the speakers; with 200 recordings of each they are as many as in a corpus
of 1.2 million recordings of 6,000 speakers, in proportion. RssAnon is the memory of the process
without the pages of mapped files, which the kernel takes back when it needs them (Linux). Times are
those of the processor; on one that runs two threads a core, they are longer beside other programs.
Usage: OMP_NUM_THREADS=1 python benchmarks/frame_store.py folder
    [recordings [in memory [of a speaker]]]
"""

import sys
import threading
import time
from pathlib import Path

import joblib
import numpy as np

from sklearn_siamese_speaker import MFCC, SiameseSpeakerEncoder
from sklearn_siamese_speaker.datasets import make_speakers
from sklearn_siamese_speaker.encoders.training._training import Training
from sklearn_siamese_speaker.features import FrameStore
from sklearn_siamese_speaker.features.store._frame_writer import FrameWriter

RECORDINGS_OF_A_SPEAKER = 50
BATCH = 100


def noisy_copies(originals, rows):
    """Return the frames of the recordings at these rows: originals with offsets and noise."""
    rng = np.random.default_rng(0)
    n_speakers = 1 + rows[-1] // RECORDINGS_OF_A_SPEAKER
    offsets = 5 * rng.standard_normal((n_speakers, originals.shape[1], 1), dtype=np.float32)
    frames = originals[rows % len(originals)] + offsets[rows // RECORDINGS_OF_A_SPEAKER]
    rng = np.random.default_rng(1)
    noise = rng.standard_normal(frames.shape[1:], dtype=np.float32)
    return [
        frame + np.roll(noise, 7 * row, axis=1) for frame, row in zip(frames, rows, strict=True)
    ]


def write(folder, n_recordings):
    """Return a store of that many recordings; those that it has are not written again."""
    X, _ = make_speakers(n_speakers=20, n_recordings=5, duration=3.0, random_state=0)
    originals = MFCC().fit_transform(X)
    folder.mkdir(parents=True, exist_ok=True)
    sources = np.arange(n_recordings, dtype=np.uint64)
    with FrameWriter(folder, originals.shape[1], np.dtype("<f4"), sources) as writer:
        while len(writer) < n_recordings:
            rows = np.arange(len(writer), n_recordings)[:BATCH]
            writer.append(noisy_copies(originals, rows))
        writer.finish(np.arange(n_recordings) // RECORDINGS_OF_A_SPEAKER, None)
    return FrameStore(folder)


def anonymous_memory():
    """Return the anonymous memory of this process, in bytes."""
    with open("/proc/self/status") as status:
        (line,) = [line for line in status if line.startswith("RssAnon")]
    return 1024 * int(line.split()[1])


class Peak:
    """The highest anonymous memory while the body runs, looked at fifty times a second."""

    def __enter__(self):
        self.bytes, self._is_over = 0, threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()
        return self

    def _watch(self):
        while not self._is_over.wait(0.02):
            self.bytes = max(self.bytes, anonymous_memory())

    def __exit__(self, *error):
        self._is_over.set()
        self._thread.join()


def fit(frames, y, **params):
    """Return a default encoder that learned for an epoch, and the seconds this took."""
    ends = []
    run = Training.run

    def note_and_run(training):
        ends.append(time.process_time())
        run(training)
        ends.append(time.process_time())

    Training.run = note_and_run
    try:
        start = time.process_time()
        encoder = SiameseSpeakerEncoder(max_epochs=1, random_state=0, **params).fit(frames, y)
    finally:
        Training.run = run
    return encoder, {"closed form": ends[0] - start, "epoch": ends[1] - ends[0]}


def report(name, frames, y, before):
    with Peak() as peak:
        _, seconds = fit(frames, y)
    n, closed_form, epoch = len(frames), seconds["closed form"], seconds["epoch"]
    print(
        f"{name:14}{n:9,} recordings: closed form {closed_form:7.1f} s ({n / closed_form:5.0f} a "
        f"second), epoch {epoch:6.1f} s ({n / epoch:5.0f} a second), "
        f"RssAnon {(peak.bytes - before) / 2**30:.2f} GiB beyond the import",
        flush=True,
    )


def report_embedding(name, encoder, frames):
    """Print how much faster two processes embed than one, by the clock on the wall."""
    seconds = []
    for n_jobs in (1, 2):
        with joblib.parallel_config(n_jobs=n_jobs):
            encoder.transform(frames[:400])  # starts the processes
            start = time.perf_counter()
            encoder.transform(frames)
            seconds.append(time.perf_counter() - start)
    print(
        f"{name:14}{len(frames):9,} recordings: embedded in {seconds[0]:.2f} s, "
        f"by two processes in {seconds[1]:.2f} s, {seconds[0] / seconds[1]:.2f} x as fast",
        flush=True,
    )


def main(folder, n_recordings=200_000, n_in_memory=5_000, n_of_a_speaker=200):
    few = np.random.default_rng(0).standard_normal((8, 40, 20))
    SiameseSpeakerEncoder(max_epochs=1).fit(few, np.arange(8) // 2)  # imports all there is
    before = anonymous_memory()
    start = time.process_time()
    store = write(Path(folder), n_recordings)
    size = (store.path / "frames.npy").stat().st_size
    print(f"store: {size / 1e9:.2f} GB, opened or written in {time.process_time() - start:.1f} s")
    y = np.arange(n_recordings) // n_of_a_speaker
    some = np.linspace(0, n_recordings - 1, n_in_memory).astype(int)  # of all speakers
    part = store[some]
    encoder, _ = fit(store[:400], store.y[:400])
    first = store[:n_in_memory]
    report_embedding("store, part", encoder, first)
    report_embedding("in memory", encoder, [frames.copy() for frames in first])
    report("store, part", part, y[some], before)
    report("in memory", [frames.copy() for frames in part], y[some], before)
    report("store", store, y, before)


if __name__ == "__main__":
    main(sys.argv[1], *map(int, sys.argv[2:]))
