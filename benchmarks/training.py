"""How much training each loss and each network needs.

    python benchmarks/training.py [--quick] [--stage STAGE ...]

The environment variable SKLEARN_SIAMESE_SPEAKER_SPEECH names the folder of recordings.

On the 151 train speakers of speechocean762, a fifth of them held out to choose on:

* losses: seconds and recordings encoded until 20-way 1-shot accuracy on the held-out speakers
  reaches 0.50, 0.60, 0.65 and 0.80, with the case study's network;
* networks: accuracy on the held-out speakers after the same minutes each, with the best loss.

The stages draw their races, ``losses.png`` and ``networks.png``. ``--features FILE``
keeps the frames of speechocean762 in a file, enough for them on a machine without recordings.

It takes an hour of one core. ``accuracy.py`` tests the finished recipes on speakers never heard.
"""

from __future__ import annotations

import argparse
import os
import time
from pathlib import Path

import numpy as np
import torch
from _speech import load_frames, select
from skorch.callbacks import Callback

from sklearn_siamese_speaker import SiameseSpeakerEncoder
from sklearn_siamese_speaker._torch import embed, random_guard, resolve_device, use_whole_machine
from sklearn_siamese_speaker.encoders.training._loop import StopTraining
from sklearn_siamese_speaker.encoders.training._parts import settings_of
from sklearn_siamese_speaker.encoders.training._training import Training
from sklearn_siamese_speaker.inspection._style import PALETTE, figure_and_axes
from sklearn_siamese_speaker.model_selection import NShotKWaySplit
from sklearn_siamese_speaker.similarity import nearest_speakers

LEVELS = (0.50, 0.60, 0.65, 0.80)

# Rates of 0.001, 0.003 and 0.01 were tried on the held-out speakers: 0.01 is the best for every
# loss on all pairs.
LOSSES = {
    "bce, random pairs": {"loss": "bce", "pairs": "random", "lr": 3e-3},
    "bce, all pairs": {"loss": "bce"},
    "contrastive": {"loss": "contrastive"},
    "triplet": {"loss": "triplet"},
    "prototypical": {"loss": "prototypical"},
    "aam, cosine": {"loss": "aam", "metric": "cosine"},
}
NETWORKS = {
    "cnn2d": {},
    "cnn1d": {},
    "lstm": {"lr": 3e-3},
    "cnn_lstm": {"lr": 3e-3},
    "tdnn": {"network__filters": (256, 256, 768), "network__embedding_dim": 192},
}


class Race(Callback):
    """Accuracy on held-out speakers against training time and recordings encoded.

    It is evaluated each time the number of recordings encoded has grown by a factor, at the end of
    the budget, and after the training.
    """

    def __init__(self, frames, y, metric, *, budget, goal, growth):
        self.frames = frames
        self.metric = metric
        self.budget = budget
        self.goal = goal
        self.growth = growth
        self.tasks = NShotKWaySplit(1, 20, n_tasks=1000, random_state=0).tasks(y)
        self.rows = []

    def on_train_begin(self, net, **kwargs):
        self.seconds, self.recordings, self.next_evaluation = 0.0, 0, 640
        self.started = time.perf_counter()

    def on_batch_end(self, net, batch=None, **kwargs):
        self.seconds += time.perf_counter() - self.started
        self.recordings += len(batch[0])
        if self.recordings >= self.next_evaluation or self.seconds > self.budget:
            self._evaluate(net)
            if self.rows[-1][2] >= self.goal or self.seconds > self.budget:
                raise StopTraining
        self.started = time.perf_counter()

    def on_train_end(self, net, **kwargs):
        if self.rows[-1][1] < self.recordings:
            self._evaluate(net)

    def _evaluate(self, net):
        self.next_evaluation = self.growth * self.recordings
        self.rows.append((self.seconds, self.recordings, self._accuracy(net)))

    def _accuracy(self, net):
        embeddings = embed(net.module_, self.frames, torch.device(net.device))
        recognized = nearest_speakers(embeddings, *self.tasks, metric=self.metric)
        return float((recognized == np.arange(20)[:, np.newaxis]).mean())


def race(params, train, held_out, *, budget, goal=1.1, growth=1.5):
    """Train until the budget is spent or the goal reached: rows (seconds, recordings, accuracy)."""
    encoder = SiameseSpeakerEncoder(random_state=0, **params)
    watch = Race(*held_out, encoder.metric, budget=budget, goal=goal, growth=growth)
    device = resolve_device("auto")
    with random_guard(0, device):
        Training(
            settings_of(encoder, encoder._checked_parts()),
            *train,
            seed=0,
            device=device,
            callback=watch,
        ).run()
    return watch.rows


def race_losses(train, held_out, budget):
    """Print what each loss needs for each level; return the rows of each race."""
    print(f"\n{'loss':20}" + "".join(f"{level:>20.2f}" for level in LEVELS) + f"{'spent':>20}")
    races = {}
    for name, params in LOSSES.items():
        params = {"network": "cnn2d", "schedule": "constant", "max_epochs": 10_000, **params}
        limit = budget if params.get("pairs") == "random" else budget / 4
        rows = races[name] = race(
            params, train, held_out, budget=limit, goal=LEVELS[-1], growth=1.15
        )
        spent = _cost(rows[-1])
        cells = [_cost_of(rows, level) or f"> {spent}" for level in LEVELS]
        print(f"{name:20}" + "".join(f"{cell:>20}" for cell in [*cells, spent]), flush=True)
    return races


def _cost(row):
    return f"{row[0]:.0f} s {row[1]:,}"


def _cost_of(rows, level):
    return next((_cost(row) for row in rows if row[2] >= level), None)


def race_networks(train, held_out, budget):
    """Print how well each network recognizes after the budget; return the rows of each race."""
    print(f"\n{'network':12}{'recordings':>12}{f'20-way after {budget:.0f} s':>24}")
    races = {}
    for name, params in NETWORKS.items():
        params = {"network": name, "loss": "aam", "metric": "cosine", **params}
        params["max_epochs"] = _epochs_within(budget, params, train, held_out)
        rows = races[name] = race(params, train, held_out, budget=1.5 * budget)
        print(f"{name:12}{rows[-1][1]:>12,}{rows[-1][2]:>24.3f}", flush=True)
    return races


def _epochs_within(budget, params, train, held_out):
    """Return how many epochs fit into the budget, so that the schedule ends with it."""
    seconds, n_recordings, _ = race({**params, "max_epochs": 99}, train, held_out, budget=10)[-1]
    return max(1, int(budget * n_recordings / seconds / len(train[1])))


def plot(races, column, xlabel, title, file):
    """Draw accuracy against a column of the rows of each race."""
    figure, (ax,) = figure_and_axes()
    for color, (name, rows) in zip(PALETTE, races.items(), strict=False):
        ax.plot([row[column] for row in rows], [row[2] for row in rows], color=color, label=name)
    ax.set(xscale="log", xlabel=xlabel, title=title, ylim=(0, 1))
    ax.set_ylabel("20-way 1-shot accuracy, held-out speakers")
    ax.legend(frameon=False)
    figure.savefig(file, dpi=150)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="a few minutes, to see that it runs")
    parser.add_argument("--features", metavar="FILE", help="where extracted frames are kept")
    parser.add_argument("--budget", type=float, default=900, help="seconds for random pairs")
    stages = ("losses", "networks")
    parser.add_argument("--stage", nargs="+", choices=stages, default=stages)
    options = parser.parse_args()
    by_file = options.features and Path(options.features).exists()
    if "SKLEARN_SIAMESE_SPEAKER_SPEECH" not in os.environ and not by_file:
        parser.error("set SKLEARN_SIAMESE_SPEAKER_SPEECH to the folder of recordings")
    use_whole_machine()
    frames, y, split = load_frames("speechocean762", options.features)
    train = select(frames, y, split == "train")
    names = np.random.RandomState(0).permutation(np.unique(train[1]))
    is_held_out = np.isin(train[1], names[: len(names) // 5])
    learn, held_out = select(*train, ~is_held_out), select(*train, is_held_out)
    budget = 30 if options.quick else options.budget
    if "losses" in options.stage:
        races = race_losses(learn, held_out, budget)
        plot(races, 1, "recordings encoded", "the case study's network", "losses.png")
    if "networks" in options.stage:
        races = race_networks(learn, held_out, budget / 3)
        plot(races, 0, "seconds of training", "the additive angular margin", "networks.png")


if __name__ == "__main__":
    main()
