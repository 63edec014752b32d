"""A threshold for unknown speakers, calibrated on some speakers and applied to others.

The threshold is to accept 1 % of unknown recordings when 20 speakers are enrolled. It is chosen on
the train speakers of speechocean762 and tried on its test speakers, of whom 20 are enrolled at a
time and the others unknown. Usage, with the folder that holds speechocean762.csv:

SIAMESE_SPEAKER_SPEECH=FOLDER python benchmarks/open_set.py [--pipeline FILE.skops]

Without a pipeline, an untrained front end: MFCC statistics. A pipeline that was trained on the
train speakers knows them too well: its threshold is too low for others. Hold speakers out for it.
"""

import argparse
import csv
import os
from pathlib import Path

import numpy as np
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import make_pipeline

from sklearn_siamese_speaker import MFCC, FramePooling, OneShotClassifier
from sklearn_siamese_speaker.model_selection import find_embedding_metric, open_set_report

TRUSTED = [
    "sklearn_siamese_speaker.features._mfcc.MFCC",
    "sklearn_siamese_speaker._encoder.SiameseSpeakerEncoder",
]
TARGET_FAR, N_ENROLLED, N_REPEATS = 0.01, 20, 50


def load_split(folder, split):
    """Return the paths and speakers of the train or test speakers."""
    with open(folder / "speechocean762.csv", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["split"] == split]
    return [str(folder / row["path"]) for row in rows], np.array([row["speaker"] for row in rows])


def load_encoder(file, X):
    """Return a fitted pipeline from recordings to embeddings."""
    if file is None:
        return make_pipeline(MFCC(), FramePooling()).fit(X)
    import skops.io

    return skops.io.load(file, trusted=TRUSTED)


def calibrate_and_apply(metric, E, y, E_new, y_new, n_shots):
    who = OneShotClassifier(metric=metric).fit(E, y)
    who.calibrate_threshold(E, y, TARGET_FAR, n_enrolled=N_ENROLLED, n_shots=n_shots)
    found = who.calibration_
    report = open_set_report(
        who, E_new, y_new, n_enrolled=[N_ENROLLED], n_shots=[n_shots], n_repeats=N_REPEATS
    )
    print(f"\n{n_shots} recordings each: threshold {who.threshold:.4g}, {metric}")
    print(
        f"  calibration, {found['n_speakers']} speakers: unknown recordings accepted "
        f"{found['false_accept_rate']:.4f}, at most {found['false_accept_bound']:.4f} (95 %)"
    )
    for error, name in [
        ("false_accept", "unknown recordings accepted"),
        ("false_reject", "enrolled speakers rejected"),
        ("misidentification", "enrolled speakers taken for another"),
    ]:
        rate, lower, upper = (report[f"{error}_{key}"][0, 0] for key in ("rate", "lower", "upper"))
        print(f"  {name:36}{rate:.4f} [{lower:.4f}, {upper:.4f}]")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pipeline", help="a fitted pipeline saved by skops")
    file = parser.parse_args().pipeline
    if "SIAMESE_SPEAKER_SPEECH" not in os.environ:
        parser.error("set SIAMESE_SPEAKER_SPEECH to the folder that holds speechocean762.csv")
    folder = Path(os.environ["SIAMESE_SPEAKER_SPEECH"])
    (X, y), (X_new, y_new) = (load_split(folder, split) for split in ("train", "test"))
    encoder = load_encoder(file, X)
    metric = find_embedding_metric(FrozenEstimator(encoder))
    E, E_new = encoder.transform(X), encoder.transform(X_new)
    n_unknown = len(np.unique(y_new)) - N_ENROLLED
    print(
        f"{len(np.unique(y))} speakers calibrate; of {len(np.unique(y_new))} others {N_ENROLLED} "
        f"enrol and {n_unknown} are unknown, {N_REPEATS} times; target {TARGET_FAR:.0%}; in "
        "brackets 95 % intervals over speakers"
    )
    for n_shots in (1, 5):
        calibrate_and_apply(metric, E, y, E_new, y_new, n_shots)


if __name__ == "__main__":
    main()
