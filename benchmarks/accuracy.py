"""How well everything here recognizes speakers it never heard: the tables of README and guide.

    SKLEARN_SIAMESE_SPEAKER_SPEECH=folder python benchmarks/accuracy.py [--system NAME ...]

Trained on the 151 train speakers of speechocean762, tested on its 49 test speakers: 10,000 tasks
for each number of speakers to choose from, the same for all systems; the equal error rate over all
pairs of recordings; intervals of 95 % over speakers. "all corpora" is trained on the train speakers
of four corpora, and tested on the ten test speakers of the Arabic commands too.

It takes about 20 minutes on two cores and leaves ``accuracy.png`` in the working folder. Every
system was chosen on speakers held out of the 151.
"""

from __future__ import annotations

import argparse
import csv
import os
import time
import warnings
from pathlib import Path

import numpy as np
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.preprocessing import FunctionTransformer, Normalizer

from sklearn_siamese_speaker import MFCC, FramePooling, SiameseSpeakerEncoder
from sklearn_siamese_speaker._torch import use_whole_machine
from sklearn_siamese_speaker.datasets import split_into_fragments
from sklearn_siamese_speaker.inspection import NShotKWayDisplay
from sklearn_siamese_speaker.metrics import bootstrap_interval, equal_error_rate
from sklearn_siamese_speaker.model_selection import n_shot_k_way_curve, paired_difference

STATISTICS = ("mean", "std", "covariance", "slope_covariance", "mixture")
CORPORA = ("speechocean762", "arabic_speech_commands", "dspspeech20", "librispeech_readers")
K_WAYS, N_SHOTS = range(2, 21), (1, 5)
FRAGMENT = 3.0  # seconds, of corpora with one long recording a speaker


def knn():
    """Return mean and standard deviation of the frames: the nearest recording is the speaker."""
    return make_pipeline(MFCC(), FramePooling())


def discriminant(n_components=140):
    """Return scikit-learn's discriminant of the statistics that the default network starts from."""
    pooling = FramePooling(STATISTICS, random_state=0)
    lda = LinearDiscriminantAnalysis(solver="eigen", shrinkage=0.5, n_components=n_components)
    return make_pipeline(MFCC(), pooling, lda, Normalizer())


def default(**params):
    return make_pipeline(MFCC(), SiameseSpeakerEncoder(random_state=0, **params))


def best_recipe(**params):
    """Return the default beside the same network on longer windows, which resolve harmonics."""
    encoder = SiameseSpeakerEncoder(random_state=0, **params)
    long = make_pipeline(MFCC(window=0.064, n_mfcc=60, n_mels=128), encoder)
    return FeatureUnion(
        [("short windows", default(**params)), ("long windows", long)],
        transformer_weights={"long windows": 0.7},
    )


SYSTEMS = {
    "k-NN": knn,
    "discriminant": discriminant,
    "default": default,
    "best recipe": best_recipe,
    "all corpora": default,
}


def load(corpus, split):
    """Return recordings of a corpus, paths or fragments of long ones, and their speakers."""
    folder = Path(os.environ["SKLEARN_SIAMESE_SPEAKER_SPEECH"])
    with open(folder / f"{corpus}.csv", newline="") as lines:
        rows = [row for row in csv.DictReader(lines) if row["split"] == split]
    paths = [str(folder / row["path"]) for row in rows]
    speakers = np.array([row["speaker"] for row in rows])
    if corpus != "librispeech_readers":
        return paths, speakers
    long = np.array([float(row["duration_s"]) >= 2 * FRAGMENT for row in rows])
    fragments, speakers, _ = split_into_fragments(
        [path for path, is_long in zip(paths, long, strict=True) if is_long],
        speakers[long],
        duration=FRAGMENT,
    )
    return list(fragments), np.asarray(speakers)


def evaluate(encoder, test, k_ways=K_WAYS):
    """Return the curve, the equal error rate and its interval."""
    X, y = test
    E = encoder.transform(X)
    tasks = {"k_ways": k_ways, "n_shots": N_SHOTS, "n_tasks": 10_000}
    with warnings.catch_warnings():  # so many tasks ask each speaker more than a thousand times
        warnings.simplefilter("ignore", UserWarning)
        curve = n_shot_k_way_curve(FunctionTransformer().fit(E), E, y, **tasks)
    first, second = np.triu_indices(len(y), k=1)
    scores = -np.linalg.norm(E[first] - E[second], axis=1)
    trials = y[first] == y[second], scores, np.column_stack([y[first], y[second]])
    interval = bootstrap_interval(equal_error_rate, *trials, n_draws=200)
    return curve, equal_error_rate(*trials[:2]), interval


def print_result(name, seconds, result, baselines):
    """Print errors and accuracies, and the paired differences to each baseline."""
    curve, eer, (lower, upper) = result
    print(f"\n{name}, trained in {seconds:.0f} s")
    print(f"  equal error rate {eer:.2%} [{lower:.2%}, {upper:.2%}]")
    for shots, k in ((1, 5), (1, 20), (5, 20)):
        if k in curve.k_ways:
            at = list(curve.n_shots).index(shots), list(curve.k_ways).index(k)
            print(f"  {k:2}-way {shots}-shot {_interval(curve.mean, curve, at)}")
    for other, (baseline, *_) in baselines.items():
        paired = paired_difference(curve, baseline)
        last, worst = (0, -1), np.unravel_index(paired.lower.argmin(), paired.lower.shape)
        print(f"  minus {other}: {_interval(paired.difference, paired, last)} at the largest k")
        print(
            f"    and at worst {_interval(paired.difference, paired, worst)}, "
            f"{curve.k_ways[worst[1]]}-way {curve.n_shots[worst[0]]}-shot; "
            f"lowest upper end {paired.upper.min():+.4f}",
            flush=True,
        )


def _interval(values, bounds, at):
    return f"{values[at]:+.4f} [{bounds.lower[at]:+.4f}, {bounds.upper[at]:+.4f}]"


def fit(name, train, quick):
    params = {"max_epochs": 1} if quick and name not in ("k-NN", "discriminant") else {}
    start = time.perf_counter()
    encoder = SYSTEMS[name](**params).fit(*train)
    return encoder, time.perf_counter() - start


def join(sets):
    recordings, speakers = zip(*sets, strict=True)
    return [one for part in recordings for one in part], np.concatenate(speakers)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="one epoch, to see that it runs")
    parser.add_argument("--system", nargs="+", choices=SYSTEMS, default=list(SYSTEMS))
    options = parser.parse_args()
    if "SKLEARN_SIAMESE_SPEAKER_SPEECH" not in os.environ:
        parser.error("set SKLEARN_SIAMESE_SPEAKER_SPEECH to the folder of recordings")
    use_whole_machine()
    own, everything = load("speechocean762", "train"), None
    tests = {"speechocean762": load("speechocean762", "test")}
    baselines, curves = {}, {}
    for name in options.system:
        train = own
        if name == "all corpora":
            train = everything = join([load(corpus, "train") for corpus in CORPORA])
        encoder, seconds = fit(name, train, options.quick)
        result = evaluate(encoder, tests["speechocean762"])
        print_result(name, seconds, result, baselines)
        curves[name] = result[0]
        if name in ("k-NN", "discriminant"):
            baselines[name] = result
    NShotKWayDisplay(curves).plot().figure_.savefig("accuracy.png", dpi=150)
    if everything is not None:
        print("\nArabic commands, ten test speakers")
        arabic = load("arabic_speech_commands", "test")
        k_ways = range(2, 11)
        knn_there, seconds = fit("k-NN", load("arabic_speech_commands", "train"), options.quick)
        there = evaluate(knn_there, arabic, k_ways)
        print_result("k-NN", seconds, there, {})
        print_result("all corpora", 0, evaluate(encoder, arabic, k_ways), {"k-NN": there})


if __name__ == "__main__":
    main()
