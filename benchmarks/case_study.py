"""The case study on real speech: trained as its slides say, then with each of our changes.

    SKLEARN_SIAMESE_SPEAKER_SPEECH=folder python benchmarks/case_study.py [RUN ...]
    python benchmarks/case_study.py --quick

A run trains on 121 of the 151 train speakers of speechocean762, validates on the other 30, and is
tested on the 49 test speakers. It has a fixed number of epochs, so that a second run gives the same
bits: as many as half an hour of one core allows for the training of the slides, and for the others
as many as their validation rises, or what their time allows. Its result stays in the folder
`--output`, and a run whose result is there is not repeated. Table and figures show what is there.
All runs take two hours of one core.

``--vggish FILE`` adds the embeddings of VGGish with its published weights as a representation.
``--quick`` takes one epoch a run on a few recordings inside the package, to see that all of it
works.
"""

from __future__ import annotations

import argparse
import json
import time
import warnings
from pathlib import Path
from tempfile import TemporaryDirectory

import matplotlib.pyplot as plt
import numpy as np
import torch
from _speech import list_recordings
from sklearn.preprocessing import FunctionTransformer

from sklearn_siamese_speaker import (
    MFCC,
    FramePooling,
    LogMelSpectrogram,
    RawAudio,
    SiameseSpeakerEncoder,
    VGGish,
)
from sklearn_siamese_speaker.datasets import load_voices
from sklearn_siamese_speaker.inspection import (
    EmbeddingDisplay,
    NShotKWayDisplay,
    TrainingHistoryDisplay,
)
from sklearn_siamese_speaker.model_selection import n_shot_k_way_curve, paired_difference

# What the slides say of the training. They leave the learning rate open; this is RAdam's own.
TRAINING = {
    "loss": "bce",
    "pairs": "random",
    "optimizer": "radam",
    "lr": 1e-3,
    "schedule": "constant",
    "batch_size": 64,
    "validation_fraction": 0.2,
    "validate_every": 25,
    "random_state": 0,
}
# The slides say "Stride: 3 x 3" and "max pooling", but not whose stride, and not what is pooled.
READINGS = {
    "stride 3 x 3, pooling 2 x 2": {"network__stride": 3, "network__pool_size": 2},
    "stride 1, pooling 3 x 3": {"network__stride": 1, "network__pool_size": 3},
    "stride 3 x 3, no pooling": {"network__stride": 3, "network__pool_size": 1},
}
STUDY = {**TRAINING, "network": "cnn2d"}
OURS = {**STUDY, **READINGS["stride 3 x 3, pooling 2 x 2"]}
EVERY_PAIR = {**OURS, "pairs": "all"}
PROTOTYPES = {**EVERY_PAIR, "loss": "prototypical"}
FALLING = {**PROTOTYPES, "lr": 1e-2, "schedule": "cosine"}
DEFAULT = {"validation_fraction": 0.2, "random_state": 0}
ALONG_TIME = {**TRAINING, "network": "cnn1d"}  # the one network that takes samples and features

# The front end, the parameters and the epochs of each run.
RUNS = {
    "stride 3 x 3, pooling 2 x 2": ("MFCC", OURS, 250),
    "stride 1, pooling 3 x 3": ("MFCC", {**STUDY, **READINGS["stride 1, pooling 3 x 3"]}, 12),
    "stride 3 x 3, no pooling": ("MFCC", {**STUDY, **READINGS["stride 3 x 3, no pooling"]}, 40),
    "raw audio, 4 kHz": ("raw audio, 4 kHz", ALONG_TIME, 100),
    "MFCC": ("MFCC", ALONG_TIME, 100),
    "log-mel": ("log-mel", ALONG_TIME, 100),
    "VGGish": ("VGGish", ALONG_TIME, 100),
    "every pair of a batch": ("MFCC", EVERY_PAIR, 150),
    "prototypical loss": ("MFCC", PROTOTYPES, 150),
    "falling learning rate": ("MFCC", FALLING, 150),
    "default network": ("MFCC", DEFAULT, 12),
}
STUDY_RUN, BASELINE = "stride 3 x 3, pooling 2 x 2", "k-NN"
DRAWN = (STUDY_RUN, "every pair of a batch", "prototypical loss", "default network")


def make_front_ends(vggish):
    front_ends = {
        "MFCC": MFCC(),
        "raw audio, 4 kHz": RawAudio(sample_rate=4000),
        "log-mel": LogMelSpectrogram(),
    }
    return front_ends | ({"VGGish": VGGish(vggish)} if vggish else {})


def load(quick):
    """Return recordings, speakers, and whether each is a test speaker."""
    if quick:
        voices = load_voices()
        some = np.isin(voices.target, np.unique(voices.target)[::3])
        return list(voices.data[some]), voices.target[some], voices.split[some] == "test"
    paths, speakers, split = list_recordings("speechocean762")
    return paths, speakers, split == "test"


def train(front_end, params, max_epochs, data):
    """Return the embeddings of the test recordings, and how the training went."""
    paths, y, is_test = data
    X = front_end.fit_transform(paths)
    encoder = SiameseSpeakerEncoder(max_epochs=max_epochs, **params)
    start = time.process_time()
    encoder.fit([X[i] for i in np.flatnonzero(~is_test)], y[~is_test])
    seconds = time.process_time() - start
    embeddings = encoder.transform([X[i] for i in np.flatnonzero(is_test)])
    n_weights = sum(weights.numel() for weights in encoder.net_.module_.parameters())
    story = {"history": encoder.history_, "seconds": seconds, "n_weights": n_weights}
    return embeddings, story


def baseline(data):
    """Return statistics of the test recordings, whose nearest neighbor is the answer of k-NN."""
    paths, _, is_test = data
    X = MFCC().fit_transform(paths)
    pooling = FramePooling().fit([X[i] for i in np.flatnonzero(~is_test)])
    return pooling.transform([X[i] for i in np.flatnonzero(is_test)]), {"seconds": 0}


def keep(folder, name, embeddings, story):
    np.save(folder / f"{name}.npy", embeddings)
    (folder / f"{name}.json").write_text(json.dumps(story))


def read(folder, names):
    """Return the embeddings and the stories of the runs that are there."""
    there = [name for name in names if (folder / f"{name}.json").exists()]
    embeddings = {name: np.load(folder / f"{name}.npy", allow_pickle=False) for name in there}
    return embeddings, {name: json.loads((folder / f"{name}.json").read_text()) for name in there}


def evaluate(embeddings, y, n_tasks):
    """Return the curve of each run, on the same tasks."""
    n_speakers = len(np.unique(y))
    tasks = {"k_ways": range(2, min(20, n_speakers) + 1), "n_shots": [1], "n_tasks": n_tasks}
    with warnings.catch_warnings():  # so many tasks ask each speaker more than a thousand times
        warnings.simplefilter("ignore", UserWarning)
        return {
            name: n_shot_k_way_curve(FunctionTransformer().fit(E), E, y, **tasks)
            for name, E in embeddings.items()
        }


def row(name, story, curve, baseline):
    """Return a line of the table."""
    parts = [f"{name:28}"]
    history = story.get("history", {"epochs": [], "validations": []})
    if history["epochs"]:
        pairs = history["epochs"][-1]["train_pair_accuracy"]
        last = [v["accuracy"] for v in history["validations"][-5:]] or [np.nan]
        parts.append(
            f"{story['n_weights']:>10,}{len(history['epochs']):>7}{story['seconds']:>7.0f}"
            f"{pairs:>9.3f}{np.mean(last):>12.3f}"
        )
    else:
        parts.append(" " * 45)
    for k in (5, curve.k_ways[-1]):
        at = 0, list(curve.k_ways).index(k)
        parts.append(f"  {curve.mean[at]:.3f} [{curve.lower[at]:.3f}, {curve.upper[at]:.3f}]")
    paired, at = paired_difference(curve, baseline), (0, -1)
    lower, upper = paired.lower[at], paired.upper[at]
    parts.append(f"  {paired.difference[at]:+.3f} [{lower:+.3f}, {upper:+.3f}]")
    return "".join(parts)


def print_table(stories, curves):
    last = curves[BASELINE].k_ways[-1]
    print(
        f"{'run':28}{'weights':>10}{'epochs':>7}{'s':>7}{'pairs':>9}{'validation':>12}"
        f"  {'5-way':20}  {f'{last}-way':20}  minus k-NN, {last}-way"
    )
    for name, curve in curves.items():
        print(row(name, stories[name], curve, curves[BASELINE]))


def draw_training(stories, folder):
    """Draw the course of the study's training, and the validation of each reading."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 3.8), layout="constrained")
    TrainingHistoryDisplay(stories[STUDY_RUN]["history"]).plot(ax=left)
    for name in READINGS:
        if name in stories:
            validations = stories[name]["history"]["validations"]
            accuracies = [v["accuracy"] for v in validations]
            smooth = [np.mean(accuracies[max(0, i - 4) : i + 1]) for i in range(len(accuracies))]
            right.plot([v["batch"] for v in validations], smooth, label=name)
    right.axhline(1 / 4, linestyle=":", color="0.4", label="chance")
    right.set(xlabel="batch", ylabel="validation, 1-shot 4-way, mean of five", ylim=(0, 1.02))
    right.legend(frameon=False)
    figure.savefig(folder / "case_study_training.png", dpi=120)


def draw_test(embeddings, curves, y, folder):
    """Draw accuracy against k, and the t-SNE of the slides: 2 x 10 x 10 recordings."""
    drawn = {f"study, {name}" if name == STUDY_RUN else name: name for name in DRAWN}
    chosen = {BASELINE: BASELINE} | drawn
    display = NShotKWayDisplay({k: curves[v] for k, v in chosen.items() if v in curves}).plot()
    display.figure_.savefig(folder / "case_study_accuracy.png", dpi=120)
    display = EmbeddingDisplay.from_embeddings(embeddings[STUDY_RUN], y)
    display.figure_.savefig(folder / "case_study_embedding.png", dpi=120)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", nargs="*", metavar="RUN", help=f"of {', '.join(RUNS)}; all")
    parser.add_argument("--quick", action="store_true", help="one epoch on a few recordings")
    parser.add_argument("--vggish", metavar="FILE", help="the published weights of VGGish")
    parser.add_argument("--output", type=Path, default=Path("case_study"), help="folder of results")
    options = parser.parse_args()
    if unknown := set(options.run) - set(RUNS):
        parser.error(f"there is no run {', '.join(sorted(unknown))}")
    torch.set_num_threads(1)
    with TemporaryDirectory() as temporary:
        folder = Path(temporary) if options.quick else options.output
        folder.mkdir(parents=True, exist_ok=True)
        run_and_show(options, folder)


def run_and_show(options, folder):
    data, front_ends = load(options.quick), make_front_ends(options.vggish)
    if "VGGish" not in front_ends:
        print("VGGish is left out; --vggish FILE names its published weights.")
    for name in options.run or RUNS:
        front_end, params, epochs = RUNS[name]
        if front_end in front_ends and not (folder / f"{name}.json").exists():
            print(f"training: {name}", flush=True)
            if options.quick:
                params, epochs = params | {"validate_every": 1}, 1
            keep(folder, name, *train(front_ends[front_end], params, epochs, data))
    keep(folder, BASELINE, *baseline(data))
    embeddings, stories = read(folder, [BASELINE, *RUNS])
    y_test = data[1][data[2]]
    curves = evaluate(embeddings, y_test, n_tasks=100 if options.quick else 10_000)
    print_table(stories, curves)
    if STUDY_RUN in stories:
        draw_training(stories, folder)
        draw_test(embeddings, curves, y_test, folder)


if __name__ == "__main__":
    main()
