"""Representations of a voice beside each other: learned, trained by others, and plain statistics.

    SKLEARN_SIAMESE_SPEAKER_SPEECH=folder OMP_NUM_THREADS=1 python benchmarks/representations.py
        [NAME ...]

What learns does so from the 151 train speakers of speechocean762; all are tested by the same 10,000
tasks of 20 of its 49 test speakers, with one recording each. In brackets are 95 % intervals over
speakers. Encoders whose weights are not at hand are left out.
"""

import sys
import warnings

import numpy as np
from accuracy import join, load
from sklearn.pipeline import make_pipeline

from sklearn_siamese_speaker import (
    MFCC,
    FramePooling,
    PretrainedSpeakerEncoder,
    SiameseSpeakerEncoder,
    VGGish,
)
from sklearn_siamese_speaker.model_selection import compare_representations


def make_pipelines(some):
    """Return a pipeline for each representation that is asked for and can be loaded here."""
    pipelines = {
        "MFCC, mean and deviation": make_pipeline(MFCC(), FramePooling()),
        "default": make_pipeline(MFCC(), SiameseSpeakerEncoder(random_state=0)),
        "box": make_pipeline(PretrainedSpeakerEncoder()),
        "CAM++": make_pipeline(PretrainedSpeakerEncoder("campplus")),
        "d-vector": make_pipeline(PretrainedSpeakerEncoder("dvector")),
        "VGGish": make_pipeline(VGGish(), FramePooling()),
    }
    for name in ("CAM++", "d-vector", "VGGish"):
        try:
            pipelines[name][:1].fit(some)
        except OSError as error:
            print(f"{name} is left out: {error}")
            del pipelines[name]
    asked = sys.argv[1:] or list(pipelines)
    return {name: pipeline for name, pipeline in pipelines.items() if name in asked}


def main():
    train, test = load("speechocean762", "train"), load("speechocean762", "test")
    X, y = join([train, test])
    with warnings.catch_warnings():  # so many tasks ask each speaker more than a thousand times
        warnings.simplefilter("ignore", UserWarning)
        c = compare_representations(
            make_pipelines(X[:1]), X, y, unseen=np.unique(test[1]), k_way=20, n_tasks=10_000
        )
    print("dimensions, bytes, 20-way accuracy, difference to the best, training, embedding")
    for i, name in enumerate(c.names):
        n_dims = c.estimators[name].transform(test[0][:1]).shape[1]
        print(
            f"{name:26}{n_dims:6,} {4 * n_dims:7,}  "
            f"{c.mean[i]:.3f} [{c.lower[i]:.3f}, {c.upper[i]:.3f}]  "
            f"{c.difference[i]:+.3f} [{c.difference_lower[i]:+.3f}, {c.difference_upper[i]:+.3f}]  "
            f"{c.fit_seconds[i]:4.0f} s  {c.embed_milliseconds[i]:5.1f} ms"
        )


if __name__ == "__main__":
    main()
