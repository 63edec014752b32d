"""The recorded speech the benchmarks run on: MFCC frames, speakers and splits.

The folder is that of the environment variable SKLEARN_SIAMESE_SPEAKER_SPEECH. It holds a table for
each corpus, ``<corpus>.csv``, with columns path, speaker and split.
"""

from __future__ import annotations

import csv
import os
from pathlib import Path

import numpy as np

from sklearn_siamese_speaker import MFCC


def load_frames(corpus, file=None):
    """Return the MFCC frames of all recordings, their speakers, and "train" or "test" for each.

    With `file`, they are read from it, or left there for a machine without the recordings.
    """
    if file is not None and Path(file).exists():
        return _read(file)
    paths, speakers, split = list_recordings(corpus)
    frames = list(MFCC().fit_transform(paths))
    if file is not None:
        _write(file, frames, speakers, split)
    return frames, speakers, split


def select(frames, y, chosen):
    """Return the frames and the speakers where the mask `chosen` is true."""
    return [frames[i] for i in np.flatnonzero(chosen)], y[chosen]


def list_recordings(corpus):
    """Return paths, speakers, and "train" or "test" for each."""
    folder = Path(os.environ["SKLEARN_SIAMESE_SPEAKER_SPEECH"])
    with open(folder / f"{corpus}.csv", newline="") as lines:
        rows = list(csv.DictReader(lines))
    paths = [str(folder / row["path"]) for row in rows]
    return paths, *(np.array([row[name] for row in rows]) for name in ("speaker", "split"))


def _write(file, frames, speakers, split):
    # Rounded to a tenth, a hundredth of a coefficient's spread, they compress to 46 MiB, not 65.
    joined = np.round(np.concatenate(frames, axis=1), 1).astype(np.float16)
    n_frames = [recording.shape[1] for recording in frames]
    np.savez_compressed(file, frames=joined, n_frames=n_frames, speakers=speakers, split=split)


def _read(file):
    kept = np.load(file, allow_pickle=False)
    ends = np.cumsum(kept["n_frames"])[:-1]
    frames = np.split(kept["frames"].astype(np.float32), ends, axis=1)
    return frames, kept["speakers"], kept["split"]
