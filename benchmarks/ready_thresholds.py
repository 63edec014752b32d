"""The thresholds that PretrainedSpeakerEncoder comes with.

    SKLEARN_SIAMESE_SPEAKER_SPEECH=folder OMP_NUM_THREADS=1 python benchmarks/ready_thresholds.py
        [campplus] [dvector] [box]

Each is calibrated on the 151 train speakers of speechocean762: some are enrolled with one recording
each, a hundred times over, and 1 % of the recordings of the others are accepted as anybody. The box
was trained on these speakers. So two twins are trained as it was, each without one half of them,
and calibrated on that half; the mean of the two thresholds is taken.
"""

from __future__ import annotations

import sys

import numpy as np
from accuracy import CORPORA, join, load
from train_box import train

from sklearn_siamese_speaker import PretrainedSpeakerEncoder
from sklearn_siamese_speaker.model_selection.open_set import draw_enrolments
from sklearn_siamese_speaker.recognition._threshold import N_ENROLMENTS, calibrate

TARGET, N_ENROLLED = 0.01, (1, 2, 5, 10, 20)


def thresholds(embeddings, y, metric):
    """Return the threshold for each number of enrolled speakers."""
    speakers = np.unique(y, return_inverse=True)[1]
    return [
        calibrate(
            embeddings,
            speakers,
            draw_enrolments(speakers, n, 1, N_ENROLMENTS, random_state=0),
            metric=metric,
            aggregation="mean",
            margin=None,
            cohort=None,
            target_far=TARGET,
        )["threshold"]
        for n in N_ENROLLED
    ]


def of_twins(recordings, y):
    """Return the thresholds of twins of the box, each among the speakers it was trained without."""
    others = [load(corpus, "train") for corpus in CORPORA[1:]]
    in_first_half = np.isin(y, np.random.default_rng(0).permutation(np.unique(y))[:75])
    rows = []
    for known in (in_first_half, ~in_first_half):
        kept, left = ([recordings[i] for i in np.flatnonzero(chosen)] for chosen in (known, ~known))
        twin = train(*join([(kept, y[known]), *others]))
        rows.append(thresholds(twin.transform(left), y[~known], "euclidean"))
        print("  a twin:", np.round(rows[-1], 3), flush=True)
    return np.mean(rows, axis=0)


def main():
    recordings, y = load("speechocean762", "train")
    print("enrolled:", *N_ENROLLED)
    for name in sys.argv[1:] or ("campplus", "dvector", "box"):
        if name == "box":
            found = of_twins(recordings, y)
        else:
            embeddings = PretrainedSpeakerEncoder(name).fit_transform(recordings)
            found = thresholds(embeddings, y, "cosine")
        print(name, np.round(found, 3), flush=True)


if __name__ == "__main__":
    main()
