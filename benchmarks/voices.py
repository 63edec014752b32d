"""What the coding of the packaged voices costs: k-NN and a discriminant, beside the originals.

    SKLEARN_SIAMESE_SPEAKER_SPEECH=folder python benchmarks/voices.py [--quick]

Both learn on the train speakers of `load_voices` and recognize its test speakers, 20-way 1-shot.
The originals are the same recordings without loss, in the folder that is named by the environment
variable.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

import numpy as np
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.frozen import FrozenEstimator
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline

from sklearn_siamese_speaker import MFCC, FramePooling
from sklearn_siamese_speaker.datasets import load_voices
from sklearn_siamese_speaker.model_selection import n_shot_k_way_curve, paired_difference


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="1,000 tasks instead of 10,000")
    n_tasks = 1000 if parser.parse_args().quick else 10_000
    if "SKLEARN_SIAMESE_SPEAKER_SPEECH" not in os.environ:
        parser.error("set SKLEARN_SIAMESE_SPEAKER_SPEECH to the folder that holds speechocean762")
    voices = load_voices()
    corpus = Path(os.environ["SKLEARN_SIAMESE_SPEAKER_SPEECH"], "speechocean762")
    originals = [str(corpus / Path(*Path(p).parts[-2:]).with_suffix(".flac")) for p in voices.data]
    print(f"20-way 1-shot, {n_tasks:,} tasks, with the 95 % interval over speakers")
    before, after = (
        evaluate(MFCC().fit_transform(paths), voices.target, voices.split, n_tasks)
        for paths in (originals, voices.data)
    )
    for system in before:
        difference = paired_difference(after[system], before[system])
        print(f"{system:12} originals  {describe(before[system], before[system].mean)}")
        print(f"{system:12} packaged   {describe(after[system], after[system].mean)}")
        print(f"{system:12} difference {describe(difference, difference.difference)}", flush=True)


def evaluate(frames, y, split, n_tasks):
    """Return the curve of each system."""
    train, test = (np.flatnonzero(split == name) for name in ("train", "test"))
    pooling = FramePooling().fit([frames[i] for i in train])
    E = pooling.transform(frames)
    discriminant = LinearDiscriminantAnalysis(solver="eigen", shrinkage="auto", n_components=20)
    systems = {
        "k-NN": KNeighborsClassifier(1),
        "discriminant": make_pipeline(
            FrozenEstimator(discriminant.fit(E[train], y[train])), KNeighborsClassifier(1)
        ),
    }
    tasks = {"k_ways": [20], "n_shots": [1], "n_tasks": n_tasks, "random_state": 0}
    return {
        name: n_shot_k_way_curve(system, E[test], y[test], **tasks)
        for name, system in systems.items()
    }


def describe(result, values) -> str:
    return f"{values[0, 0]:.3f} [{result.lower[0, 0]:.3f}, {result.upper[0, 0]:.3f}]"


if __name__ == "__main__":
    main()
