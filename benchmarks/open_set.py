"""Enrolled recordings that are not recognized, at a threshold that few strangers pass.

    SKLEARN_SIAMESE_SPEAKER_SPEECH=folder python benchmarks/open_set.py [--quick]
        [--system NAME ...] [--without SPEAKER] [--choose]

20 of the 49 test speakers of speechocean762 enrol with 1 or 5 recordings, 50 times over; all
recordings of the other 29 are strangers'. Printed is the share of the other recordings of enrolled
speakers that are not recognized, rejected or taken for another, with its 95 % interval over
speakers, where 1 % and 5 % of the strangers' recordings are accepted as anybody:

* "own": the threshold is the quantile of these strangers themselves. The encoder is trained on the
  151 train speakers.
* "calibrated": the threshold is chosen on 50 train speakers as `calibrate_threshold` does, and the
  encoder is trained on the other 101. Beside it is the share of strangers' recordings that are
  accepted then. For 1 %, `calibrate_threshold` asks for 111 speakers; here it is not asked.

Each is repeated with similarities normalized against a cohort: four recordings of each speaker the
encoder is trained on. "campplus" and "dvector" are public encoders, trained on others, whose files
must be at hand. Nothing is chosen on the test speakers.

`--choose` compares ways of normalizing on train speakers alone: four times, 50 of them are held out
and take the place of the test speakers. Printed are the means of the four, where the strangers'
own 1 % are accepted.
"""

import argparse
import csv
import os
from pathlib import Path

import numpy as np
from accuracy import SYSTEMS
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.preprocessing import Normalizer

from sklearn_siamese_speaker import OneShotClassifier, PretrainedSpeakerEncoder
from sklearn_siamese_speaker._torch import use_whole_machine
from sklearn_siamese_speaker.metrics.score_norm import standardize, summarize_cohort
from sklearn_siamese_speaker.model_selection import open_set_score
from sklearn_siamese_speaker.model_selection.open_set import draw_enrolments
from sklearn_siamese_speaker.recognition._acceptance import N_TOP, WEIGHT
from sklearn_siamese_speaker.recognition._threshold import calibrate
from sklearn_siamese_speaker.similarity import similarity

N_ENROLLED, N_SHOTS, TARGETS = 20, (1, 5), (0.01, 0.05)
N_CALIBRATION_SPEAKERS, N_COHORT_RECORDINGS = 50, 4
BESIDE = "default beside campplus"
NAMES = ("k-NN", "discriminant", "default", "best recipe", "campplus", "dvector", BESIDE)
N_FOLDS = 4


def make_system(name, n_speakers, max_epochs):
    """Return the unfitted encoder of so many train speakers; all are compared by the distance."""
    if name in ("campplus", "dvector"):
        return make_pipeline(PretrainedSpeakerEncoder(name), Normalizer())
    if name == BESIDE:
        public, own = (make_system(one, n_speakers, max_epochs) for one in ("campplus", "default"))
        return FeatureUnion([("public", public), ("own", own)])
    if name == "discriminant":
        return SYSTEMS[name](n_components=min(140, n_speakers - 1))
    return SYSTEMS[name](**({} if name == "k-NN" else {"max_epochs": max_epochs}))


def load(n_recordings):
    """Return the paths of at most so many recordings a speaker, the speakers, and the test mask."""
    folder = Path(os.environ["SKLEARN_SIAMESE_SPEAKER_SPEECH"])
    with open(folder / "speechocean762.csv", newline="") as lines:
        rows = list(csv.DictReader(lines))
    speakers = np.array([row["speaker"] for row in rows])
    kept = first_recordings(speakers, n_recordings)
    paths = np.array([str(folder / row["path"]) for row in rows])[kept]
    return paths, speakers[kept], np.array([row["split"] == "test" for row in rows])[kept]


def first_recordings(speakers, n_recordings):
    """Return where the first recordings of each speaker are, ascending."""
    rows = [np.flatnonzero(speakers == name)[:n_recordings] for name in np.unique(speakers)]
    return np.sort(np.concatenate(rows))


def embed(name, paths, y, is_train, max_epochs):
    """Return the embeddings of all recordings, by an encoder trained on some of them."""
    encoder = make_system(name, len(np.unique(y[is_train])), max_epochs)
    return encoder.fit(list(paths[is_train]), y[is_train]).transform(list(paths))


def choose_threshold(E, y, cohort, n_shots, target_far, n_repeats):
    """Return the threshold of `calibrate_threshold`, however few the speakers."""
    enrolments = draw_enrolments(y, N_ENROLLED, n_shots, n_repeats, random_state=0)
    speakers = np.unique(y, return_inverse=True)[1]
    settings = {"metric": "euclidean", "aggregation": "mean", "margin": None, "cohort": cohort}
    return calibrate(E, speakers, enrolments, target_far=target_far, **settings)["threshold"]


def take_cohort(E, y, is_train):
    rows = np.flatnonzero(is_train)
    return E[rows[first_recordings(y[rows], N_COHORT_RECORDINGS)]]


def evaluate(E, y, is_train, is_test, chosen_on, n_repeats):
    """Print a row for each number of shots and target, with and without the cohort."""
    cohort = take_cohort(E, y, is_train)
    for normalized in (None, cohort):
        for n_shots in N_SHOTS:
            for target in TARGETS:
                threshold = choose_threshold(
                    E[chosen_on], y[chosen_on], normalized, n_shots, target, n_repeats
                )
                who = OneShotClassifier(threshold=threshold, cohort=normalized)
                scores = open_set_score(
                    who,
                    E[is_test],
                    y[is_test],
                    n_enrolled=[N_ENROLLED],
                    n_shots=[n_shots],
                    n_repeats=n_repeats,
                )
                print(
                    f"    {n_shots} recordings, target {target:.0%}, "
                    f"{'no cohort' if normalized is None else 'cohort   '}  "
                    f"not recognized {percent(scores, 'not_recognized')}  "
                    f"strangers accepted {percent(scores, 'false_accept')}",
                    flush=True,
                )


def percent(scores, error):
    rate, lower, upper = (scores[f"{error}_{key}"][0, 0] for key in ("rate", "lower", "upper"))
    return f"{rate:6.1%} [{lower:.1%}, {upper:.1%}]"


# Functions of the similarities (n_queries, n_enrolled) of recordings to enrolled speakers, and of
# the similarities of either to the cohort.
def subtract(n_top, of_recordings, of_speakers=0.0):
    def normalize(similarities, recordings, speakers):
        usual_of_recordings, usual_of_speakers = (
            summarize_cohort(side, n_top)[0] for side in (recordings, speakers)
        )
        usual = of_recordings * usual_of_recordings[:, np.newaxis]
        return similarities - usual - of_speakers * usual_of_speakers

    return normalize


def adaptive_s_norm(n_top):
    def normalize(similarities, recordings, speakers):
        of_recordings, of_speakers = (
            summarize_cohort(side, n_top) for side in (recordings, speakers)
        )
        return standardize(similarities, [of_recordings[:, :, np.newaxis], of_speakers])

    return normalize


WAYS = {
    "as it is": subtract(N_TOP, 0.0),
    "adaptive s-norm, 20": adaptive_s_norm(20),
    "adaptive s-norm, 200": adaptive_s_norm(200),
    f"{N_TOP} highest x {WEIGHT}": subtract(N_TOP, WEIGHT),
    "10 highest x 0.25": subtract(10, 0.25),
    "10 highest x 0.75": subtract(10, 0.75),
    "10 highest x 1": subtract(10, 1.0),
    "5 highest x 0.5": subtract(5, 0.5),
    "20 highest x 0.5": subtract(20, 0.5),
    "10 highest x 0.25 of both": subtract(10, 0.25, 0.25),
}


def lost(E, y, cohort, n_shots, normalize, n_repeats):
    """Return the share of enrolled recordings not recognized at the strangers' own 1 %."""
    strangers, own = [], []
    for enrolment in draw_enrolments(y, N_ENROLLED, n_shots, n_repeats, random_state=0):
        speakers = E[enrolment].mean(axis=1)
        asked = np.setdiff1d(np.arange(len(y)), enrolment)
        normalized = normalize(
            similarity(E[asked], speakers, "euclidean"),
            similarity(E[asked], cohort, "euclidean"),
            similarity(speakers, cohort, "euclidean"),
        )
        best, names = normalized.max(axis=1), y[enrolment[:, 0]]
        is_right = names[normalized.argmax(axis=1)] == y[asked]
        is_own = np.isin(y[asked], names)
        strangers.append(best[~is_own])
        own.append(np.where(is_right, best, -np.inf)[is_own])
    return np.mean(np.concatenate(own) <= np.quantile(np.concatenate(strangers), 0.99))


def choose(name, paths, y, max_epochs, n_repeats):
    """Compare ways of normalizing on held-out train speakers."""
    results = {way: np.zeros(len(N_SHOTS)) for way in WAYS}
    for fold in range(N_FOLDS):
        names = np.random.RandomState(fold).permutation(np.unique(y))
        is_held = np.isin(y, names[:N_CALIBRATION_SPEAKERS])
        E = embed(name, paths, y, ~is_held, max_epochs)
        held = E[is_held], y[is_held], take_cohort(E, y, ~is_held)
        for way, normalize in WAYS.items():
            results[way] += [lost(*held, n_shots, normalize, n_repeats) for n_shots in N_SHOTS]
    print(f"\n{name}, held-out train speakers: one recording, five recordings")
    for way, totals in results.items():
        print(f"    {way:26}", *(f"{total / N_FOLDS:6.1%}" for total in totals), flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="a smoke run: figures mean nothing")
    parser.add_argument("--system", nargs="+", choices=NAMES, default=list(NAMES[:4]))
    parser.add_argument("--choose", action="store_true", help="on train speakers alone")
    parser.add_argument("--without", metavar="SPEAKER", help="leave a test speaker out")
    options = parser.parse_args()
    if "SKLEARN_SIAMESE_SPEAKER_SPEECH" not in os.environ:
        parser.error("set SKLEARN_SIAMESE_SPEAKER_SPEECH to the folder with speechocean762.csv")
    use_whole_machine()
    n_recordings, max_epochs, n_repeats = (7, 1, 2) if options.quick else (None, "auto", 50)
    paths, y, is_test = load(n_recordings)
    if options.choose:
        for name in options.system:
            choose(name, paths[~is_test], y[~is_test], max_epochs, n_repeats)
        return
    is_asked = is_test & (y != options.without)
    names = np.random.RandomState(0).permutation(np.unique(y[~is_test]))
    calibrates = np.isin(y, names[:N_CALIBRATION_SPEAKERS])
    for name in options.system:
        for kind, chosen_on, is_train in (
            ("own", is_asked, ~is_test),
            ("calibrated", calibrates, ~is_test & ~calibrates),
        ):
            print(f"\n{name}, {kind}", flush=True)
            E = embed(name, paths, y, is_train, max_epochs)
            evaluate(E, y, is_train, is_asked, chosen_on, n_repeats)


if __name__ == "__main__":
    main()
