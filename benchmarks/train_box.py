"""Train the weights that come with the library: PretrainedSpeakerEncoder("box").

    SKLEARN_SIAMESE_SPEAKER_SPEECH=folder OMP_NUM_THREADS=1 python benchmarks/train_box.py [box.npz]

The train speakers of four corpora: speechocean762, the Arabic speech commands, DSPSpeech-20, and
readers of LibriSpeech in fragments of three seconds. Nothing was chosen on test speakers. It takes
about two minutes on one core. On one machine, with one version of each package and one thread, the
file has the same bits each time.
"""

from __future__ import annotations

import hashlib
import os
import sys
import time

os.environ["OMP_NUM_THREADS"] = "1"  # the bits depend on it

import numpy as np
import torch
from accuracy import CORPORA, join, load
from sklearn.pipeline import make_pipeline

from sklearn_siamese_speaker import SiameseSpeakerEncoder
from sklearn_siamese_speaker.encoders.pretrained.public_models import BOX_FRAMES

LARGE = 10_000  # numbers of a tensor that is rounded to 16 bits


def train(recordings, speakers):
    """Return the trained pipeline."""
    encoder = SiameseSpeakerEncoder(random_state=0)
    return make_pipeline(BOX_FRAMES, encoder).fit(recordings, speakers)


def save(pipeline, path):
    rounded = {
        name: array.astype(np.float16) if array.size > LARGE else array
        for name, array in pipeline[-1].state_.items()
    }
    np.savez_compressed(path, **rounded)


def main():
    torch.set_num_threads(1)
    path = sys.argv[1] if len(sys.argv) > 1 else "box.npz"
    start = time.perf_counter()
    recordings, speakers = join([load(corpus, "train") for corpus in CORPORA])
    print(f"{len(np.unique(speakers))} speakers, {len(speakers)} recordings")
    save(train(recordings, speakers), path)
    with open(path, "rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    print(
        f"{path}: {os.path.getsize(path) / 2**20:.2f} MiB, SHA-256 {sha256}, "
        f"{time.perf_counter() - start:.0f} s"
    )


if __name__ == "__main__":
    main()
