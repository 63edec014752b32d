"""What speakers of one's own add to an encoder that comes trained: a table and a figure.

    SKLEARN_SIAMESE_SPEAKER_SPEECH=folder OMP_NUM_THREADS=1 python benchmarks/adaptation.py
        [--choose]

One's own speakers are 20, 50 and 150 train speakers of speechocean762; its 49 test speakers are
recognized: 10,000 tasks of 20 with one recording each; the equal error rate over all pairs of
recordings; the share not recognized with 20 enrolled by one recording each, where 1 % of strangers'
recordings are accepted. In brackets are 95 % intervals over speakers.

The box was trained on these train speakers, so they have nothing to add to it; it is there as it
is. CAM++ must be at hand. It takes about 7 minutes on one core and leaves ``adaptation.png``. With
--choose, weights and shrinkage are compared on 51 train speakers, with the other 100 as one's own,
and no test speaker is looked at.
"""

from __future__ import annotations

import sys
import warnings

import matplotlib.pyplot as plt
import numpy as np
from accuracy import load
from open_set import choose_threshold, percent
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, Normalizer, normalize

from sklearn_siamese_speaker import (
    MFCC,
    OneShotClassifier,
    PretrainedSpeakerEncoder,
    SiameseSpeakerEncoder,
)
from sklearn_siamese_speaker.metrics import bootstrap_interval, equal_error_rate
from sklearn_siamese_speaker.model_selection import n_shot_k_way_curve, open_set_score

N_OWN = (20, 50, 150)
SHRINKAGE, WEIGHT = 0.5, 1.0
SYSTEMS = (
    "box",
    "CAM++",
    "box beside CAM++",
    "discriminant behind CAM++",
    "network alone",
    "network beside CAM++",
)


def embed_all(recordings):
    """Return frames, and what the encoders that come trained make of all recordings."""
    box = PretrainedSpeakerEncoder().fit_transform(recordings)
    campplus = normalize(PretrainedSpeakerEncoder("campplus").fit_transform(recordings))
    embeddings = {
        "box": box,
        "CAM++": campplus,
        "box beside CAM++": np.hstack([campplus, WEIGHT * box]),
    }
    return MFCC().fit_transform(recordings), embeddings


def discriminate(E, y, own, shrinkage=SHRINKAGE):
    """Return the embeddings in the directions in which one's own speakers differ."""
    n_components = min(140, len(np.unique(y[own])) - 1)
    lda = LinearDiscriminantAnalysis(solver="eigen", shrinkage=shrinkage, n_components=n_components)
    return make_pipeline(lda, Normalizer()).fit(E[own], y[own]).transform(E)


def adapt(frames, embeddings, y, own):
    """Return the embeddings of all recordings by each system that learns from one's own."""
    rows = np.flatnonzero(own)
    network = SiameseSpeakerEncoder(random_state=0)
    alone = network.fit([frames[i] for i in rows], y[rows]).transform(frames)
    return {
        "discriminant behind CAM++": discriminate(embeddings["CAM++"], y, own),
        "network alone": alone,
        "network beside CAM++": np.hstack([embeddings["CAM++"], WEIGHT * alone]),
    }


def evaluate(E, y):
    """Return the curve at 20 speakers, the equal error rate and its interval, open-set scores."""
    with warnings.catch_warnings():  # so many tasks ask each speaker more than a thousand times
        warnings.simplefilter("ignore", UserWarning)
        curve = n_shot_k_way_curve(
            FunctionTransformer().fit(E), E, y, k_ways=[20], n_shots=[1], n_tasks=10_000
        )
    first, second = np.triu_indices(len(y), k=1)
    scores = -np.linalg.norm(E[first] - E[second], axis=1)
    trials = y[first] == y[second], scores, np.column_stack([y[first], y[second]])
    interval = bootstrap_interval(equal_error_rate, *trials, n_draws=200)
    who = OneShotClassifier(threshold=choose_threshold(E, y, None, 1, 0.01, 50))
    strangers = open_set_score(who, E, y, n_enrolled=[20], n_shots=[1], n_repeats=50)
    return curve, (equal_error_rate(*trials[:2]), *interval), strangers


def print_row(name, n_own, result):
    curve, (eer, lower, upper), strangers = result
    accuracy = f"{curve.mean[0, 0]:.4f} [{curve.lower[0, 0]:.3f}, {curve.upper[0, 0]:.3f}]"
    print(
        f"{name:26}{n_own:4} own  20-way {accuracy}  EER {eer:.2%} [{lower:.1%}, {upper:.1%}]  "
        f"not recognized {percent(strangers, 'not_recognized')}",
        flush=True,
    )


def draw(results):
    """Plot the accuracy against the number of one's own speakers; without any, at the left."""
    _, ax = plt.subplots(figsize=(7, 4.5))
    for place, name in enumerate(SYSTEMS):
        points = [(n, curve) for (system, n), (curve, *_) in results.items() if system == name]
        x = [max(n, 10) * 1.03 ** (place - 2) for n, _ in points]
        mean = np.array([curve.mean[0, 0] for _, curve in points])
        low = mean - [curve.lower[0, 0] for _, curve in points]
        high = [curve.upper[0, 0] for _, curve in points] - mean
        ax.errorbar(x, mean, [low, high], fmt="o-", capsize=3, label=name)
    ax.set(xscale="log", xlabel="speakers of one's own", ylabel="1-shot 20-way accuracy")
    ax.set_xticks([10, *N_OWN], ["none", *map(str, N_OWN)])
    ax.minorticks_off()
    ax.legend()
    plt.savefig("adaptation.png", dpi=150, bbox_inches="tight")


def choose(frames, embeddings, y):
    """Compare weights and shrinkage on train speakers who are not one's own."""
    names = np.random.default_rng(0).permutation(np.unique(y))
    own = np.isin(y, names[:100])
    alone = adapt(frames, embeddings, y, own)["network alone"]
    for shrinkage in (0.3, 0.5, 0.7, 0.9):
        projected = discriminate(embeddings["CAM++"], y, own, shrinkage)
        print_row(f"shrinkage {shrinkage}", 100, evaluate(projected[~own], y[~own]))
    for weight in (0.3, 0.5, 0.7, 1.0, 1.4):
        beside = np.hstack([embeddings["CAM++"], weight * alone])
        print_row(f"beside, {weight}", 100, evaluate(beside[~own], y[~own]))


def main():
    X, y = load("speechocean762", "train")
    if "--choose" in sys.argv:
        choose(*embed_all(X), y)
        return
    frames, embeddings = embed_all(X + load("speechocean762", "test")[0])
    y = np.concatenate([y, load("speechocean762", "test")[1]])
    is_test = np.isin(y, load("speechocean762", "test")[1])
    names = np.random.default_rng(0).permutation(np.unique(y[~is_test]))
    results = {(name, 0): evaluate(E[is_test], y[is_test]) for name, E in embeddings.items()}
    for n_own in N_OWN:
        adapted = adapt(frames, embeddings, y, np.isin(y, names[:n_own]))
        for name, E in adapted.items():
            results[name, n_own] = evaluate(E[is_test], y[is_test])
    for (name, n_own), result in results.items():
        print_row(name, n_own, result)
    draw(results)


if __name__ == "__main__":
    main()
