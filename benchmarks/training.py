"""How much training each loss and each network needs, and how far the recommended recipes get.

    SIAMESE_SPEAKER_SPEECH=folder python benchmarks/training.py [--quick] [--stage STAGE ...]

On the 151 train speakers of speechocean762, a fifth of them held out to choose on:

* losses: seconds and recordings encoded until 20-way 1-shot accuracy on the held-out speakers
  reaches 0.50, 0.60, 0.65 and 0.80, with the case study's network;
* networks: accuracy on the held-out speakers after the same minutes each, with the best loss;
* test: the recipes, trained on all 151 speakers, on the 49 test speakers, beside k-NN.

``--features FILE`` keeps the extracted MFCCs (float16) for another machine.
"""

from __future__ import annotations

import argparse
import csv
import os
import time
from pathlib import Path

import numpy as np
import torch
from sklearn.frozen import FrozenEstimator
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from skorch.callbacks import Callback

from sklearn_siamese_speaker import MFCC, FramePooling, SiameseSpeakerEncoder
from sklearn_siamese_speaker._torch import embed, random_guard, resolve_device, use_whole_machine
from sklearn_siamese_speaker.metrics import equal_error_rate, make_trials
from sklearn_siamese_speaker.model_selection import (
    NShotKWaySplit,
    n_shot_k_way_curve,
    paired_difference,
)
from sklearn_siamese_speaker.model_selection._episodes import nearest_prototypes
from sklearn_siamese_speaker.nn import FeatureMask, RandomChannel, TimeMask
from sklearn_siamese_speaker.training import StopTraining, Training

LEVELS = (0.50, 0.60, 0.65, 0.80)
MASKS = [TimeMask(), FeatureMask()]

# What is raced in the first stage; the rate is the best of 0.001, 0.003, 0.01 on held-out speakers.
LOSSES = {
    "bce, random pairs": {"loss": "bce", "pairs": "random", "lr": 1e-3},
    "bce, all pairs": {"loss": "bce", "lr": 3e-3},
    "contrastive": {"loss": "contrastive", "lr": 3e-3},
    "triplet": {"loss": "triplet", "lr": 3e-3},
    "prototypical": {"loss": "prototypical", "lr": 1e-2},
    "aam, cosine": {"loss": "aam", "metric": "cosine", "lr": 3e-3},
}
NETWORKS = {
    "cnn2d": {},
    "cnn1d": {},
    "lstm": {"lr": 3e-3},
    "cnn_lstm": {"lr": 3e-3},
    "tdnn": {"filters": (256, 256, 768), "embedding_dim": 192},
}
RECIPES = {
    "default": {},
    "tdnn, aam, masks": {
        "network": "tdnn",
        "filters": (256, 256, 768),
        "embedding_dim": 192,
        "loss": "aam",
        "metric": "cosine",
        "augment": [*MASKS, RandomChannel(max_db=1.0)],
        "lr": 3e-3,
        "max_epochs": 120,
    },
}


def load_features(folder, file):
    """Return frames, speakers and split of speechocean762, extracted once."""
    if file is not None and Path(file).exists():
        kept = np.load(file, allow_pickle=False)
        ends = np.cumsum(kept["n_frames"])[:-1]
        frames = np.split(kept["frames"].astype(np.float32), ends, axis=1)
        return frames, kept["speakers"], kept["split"]
    with open(folder / "speechocean762.csv", newline="") as lines:
        rows = list(csv.DictReader(lines))
    frames = list(MFCC().fit_transform([str(folder / row["path"]) for row in rows]))
    speakers = np.array([row["speaker"] for row in rows])
    split = np.array([row["split"] for row in rows])
    if file is not None:
        n_frames = [f.shape[1] for f in frames]
        joined = np.concatenate(frames, axis=1).astype(np.float16)
        np.savez_compressed(file, frames=joined, n_frames=n_frames, speakers=speakers, split=split)
    return frames, speakers, split


class Race(Callback):
    """Accuracy on held-out speakers against training time and recordings encoded."""

    def __init__(self, frames, y, metric, *, every, budget, goal):
        self.frames = frames
        self.metric = metric
        self.every = every
        self.budget = budget
        self.goal = goal
        self.tasks = NShotKWaySplit(1, 20, n_tasks=1000, random_state=0).tasks(y)
        self.rows = []

    def on_train_begin(self, net, **kwargs):
        self.seconds, self.recordings, self.n_batches = 0.0, 0, 0
        self.started = time.perf_counter()

    def on_batch_end(self, net, batch=None, **kwargs):
        self.seconds += time.perf_counter() - self.started
        self.recordings += len(batch[0])
        self.n_batches += 1
        if self.n_batches % self.every == 0 or self.seconds > self.budget:
            self._judge(net)
            if self.rows[-1][2] >= self.goal or self.seconds > self.budget:
                raise StopTraining
        self.started = time.perf_counter()

    def on_train_end(self, net, **kwargs):
        if not self.rows or self.rows[-1][1] < self.recordings:
            self._judge(net)

    def _judge(self, net):
        self.rows.append((self.seconds, self.recordings, self._accuracy(net)))

    def _accuracy(self, net):
        embeddings = embed(net.module_, self.frames, torch.device(net.device))
        recognised = nearest_prototypes(embeddings, *self.tasks, metric=self.metric)
        return float((recognised == np.arange(20)[:, np.newaxis]).mean())


def race(params, train, held_out, *, budget, goal=1.1, every=25):
    """Train until the budget is spent or the goal reached: rows (seconds, recordings, accuracy)."""
    encoder = SiameseSpeakerEncoder(random_state=0, **params)
    metric = "cosine" if encoder.metric == "cosine" else "euclidean"
    watch = Race(*held_out, metric, every=every, budget=budget, goal=goal)
    device = resolve_device("auto")
    with random_guard(0, device):
        Training(
            encoder.get_params(deep=False),
            *train,
            metric=metric,
            seed=0,
            device=device,
            bridge=lambda learned: watch,
        ).run()
    return watch.rows


def race_losses(train, held_out, budget):
    print(f"\n{'loss':20}" + "".join(f"{level:>20.2f}" for level in LEVELS) + f"{'spent':>20}")
    for name, params in LOSSES.items():
        params = {"schedule": "constant", "max_epochs": 10_000, **params}
        limit = budget if params.get("pairs") == "random" else budget / 3
        rows = race(params, train, held_out, budget=limit, goal=LEVELS[-1], every=10)
        spent = f"{rows[-1][0]:.0f} s {rows[-1][1]:,}"
        cells = []
        for level in LEVELS:
            reached = [row for row in rows if row[2] >= level]
            cells.append(f"{reached[0][0]:.0f} s {reached[0][1]:,}" if reached else f"> {spent}")
        print(f"{name:20}" + "".join(f"{cell:>20}" for cell in [*cells, spent]), flush=True)


def race_networks(train, held_out, budget):
    print(f"\n{'network':12}{'recordings':>12}{'20-way after ' + format(budget, '.0f') + ' s':>24}")
    for name, params in NETWORKS.items():
        params = {"network": name, "loss": "prototypical", **params}
        trial = race({**params, "max_epochs": 10_000}, train, held_out, budget=15, every=10_000)
        seconds_an_epoch = trial[-1][0] / trial[-1][1] * len(train[1])
        params["max_epochs"] = max(1, int(budget / seconds_an_epoch))
        rows = race(params, train, held_out, budget=1.5 * budget, every=100)
        print(f"{name:12}{rows[-1][1]:>12,}{rows[-1][2]:>24.3f}", flush=True)


def judge_recipes(frames, y, is_test, quick):
    train = [frames[i] for i in np.flatnonzero(~is_test)]
    test = [frames[i] for i in np.flatnonzero(is_test)]
    knn = make_pipeline(FrozenEstimator(FramePooling().fit(train)), KNeighborsClassifier(1))
    baseline = n_shot_k_way_curve(knn, test, y[is_test], k_ways=[5, 20], n_shots=[1])
    print_judgement("k-NN", baseline, baseline, float("nan"), 0)
    for name, params in RECIPES.items():
        params = {**params, "max_epochs": 1} if quick else params
        start = time.perf_counter()
        encoder = SiameseSpeakerEncoder(random_state=0, **params).fit(train, y[~is_test])
        seconds = time.perf_counter() - start
        curve = n_shot_k_way_curve(encoder, test, y[is_test], k_ways=[5, 20], n_shots=[1])
        trials = make_trials(encoder.transform(test), y[is_test])
        a, b = trials.data[:, 0], trials.data[:, 1]
        scores = -np.linalg.norm(a - b, axis=1)
        print_judgement(name, curve, baseline, equal_error_rate(trials.target, scores), seconds)


def print_judgement(name, curve, baseline, eer, seconds):
    paired = paired_difference(curve, baseline)
    cells = [
        f"{curve.mean[0, j]:.3f} [{curve.lower[0, j]:.3f}, {curve.upper[0, j]:.3f}] "
        f"({paired.difference[0, j]:+.3f} [{paired.lower[0, j]:+.3f}, {paired.upper[0, j]:+.3f}])"
        for j in range(2)
    ]
    print(
        f"{name:20} 5-way {cells[0]}  20-way {cells[1]}  EER {eer:.3f}  {seconds:.0f} s", flush=True
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="a few minutes, to see that it runs")
    parser.add_argument("--features", metavar="FILE", help="where extracted features are kept")
    parser.add_argument("--budget", type=float, default=900, help="seconds for random pairs")
    parser.add_argument(
        "--stage", nargs="+", choices=("losses", "networks", "test"), default=("losses", "networks")
    )
    options = parser.parse_args()
    use_whole_machine()
    folder = os.environ.get("SIAMESE_SPEAKER_SPEECH", ".")
    frames, y, split = load_features(Path(folder), options.features)
    is_test = split == "test"
    names = np.random.RandomState(0).permutation(np.unique(y[~is_test]))
    is_held_out = np.isin(y, names[: len(names) // 5])
    is_train = ~is_test & ~is_held_out
    train = [frames[i] for i in np.flatnonzero(is_train)], y[is_train]
    held_out = [frames[i] for i in np.flatnonzero(is_held_out)], y[is_held_out]
    budget = 30 if options.quick else options.budget
    if "losses" in options.stage:
        race_losses(train, held_out, budget)
    if "networks" in options.stage:
        race_networks(train, held_out, budget / 3)
    if "test" in options.stage:
        judge_recipes(frames, y, is_test, options.quick)


if __name__ == "__main__":
    main()
