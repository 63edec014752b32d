"""Enrolment on clean recordings, recognition through another channel: what helps, what it costs.

    SKLEARN_SIAMESE_SPEAKER_SPEECH=folder python benchmarks/channels.py [--choose] [--quick]
        [--system NAME ...]

The speakers are the test speakers of speechocean762. Each is enrolled with clean recordings; a
recording to recognize has passed a simulated channel. The error rate is over all pairs of
different recordings, one of each side. The tasks are 10,000 of 20 speakers with one clean
recording each. In brackets are 95 % intervals over speakers. Beside the embeddings as they are:

centered     less the mean of 20 unlabeled recordings of the channel, which are not tested in any
            column; the clean side less its own mean
cohort      adaptive s-norm with the 20 most alike of the clean train speakers
both        one after the other

With --choose recipes are compared on 50 train speakers that they do not learn from, with every
second recording of these: what copies through channels cost on clean speech, and silence. Weights
of public encoders are taken where they are found.
"""

import argparse
import io
import os
import time
from pathlib import Path

import joblib
import numpy as np
import soundfile
from _speech import list_recordings
from scipy.signal import butter, fftconvolve, resample_poly, sosfilt
from sklearn.metrics.pairwise import euclidean_distances
from sklearn.pipeline import make_pipeline

from sklearn_siamese_speaker import (
    MFCC,
    ChannelPerturbation,
    FramePooling,
    PretrainedSpeakerEncoder,
    SiameseSpeakerEncoder,
)
from sklearn_siamese_speaker._torch import use_whole_machine
from sklearn_siamese_speaker.metrics.score_norm import standardize, summarize_cohort
from sklearn_siamese_speaker.model_selection import find_embedding_metric
from sklearn_siamese_speaker.model_selection._intervals import accuracy_interval

RATE, TELEPHONE_RATE = 16000, 8000  # Hz
N_HELD_OUT, N_UNLABELLED, N_COHORT_RECORDINGS, N_TOP = 50, 20, 4, 20
K_WAY, N_TASKS, N_DRAWS, N_THRESHOLDS = 20, 10_000, 200, 500


def read(paths):
    return [soundfile.read(path, dtype="float32")[0] for path in paths]


def decode_after(waveform, rate, **encoding):
    """Return what is left of a waveform after libsndfile has encoded it."""
    file = io.BytesIO()
    soundfile.write(file, waveform / max(1, np.abs(waveform).max()), rate, **encoding)
    file.seek(0)
    return soundfile.read(file, dtype="float32")[0]


def telephone(waveform, rng, subtype="ULAW"):
    """Pass 300 to 3,400 Hz, sampled at 8 kHz and encoded."""
    band = butter(4, (300, 3400), "bandpass", fs=TELEPHONE_RATE, output="sos")
    line = sosfilt(band, resample_poly(waveform, 1, 2))
    decoded = decode_after(line, TELEPHONE_RATE, format="WAV", subtype=subtype)
    return resample_poly(decoded, 2, 1)[: len(waveform)].astype(np.float32)


def mobile(waveform, rng):
    return telephone(waveform, rng, subtype="GSM610")


def opus(waveform, rng):
    """Encode as Opus at the lowest rate that libsndfile offers."""
    return decode_after(waveform, RATE, format="OGG", subtype="OPUS", compression_level=1.0)


def room(waveform, rng):
    """Add echoes as loud as the direct sound: noise that loses 60 dB in 0.4 to 0.8 s."""
    seconds = rng.uniform(0.4, 0.8)
    times = np.arange(int(seconds * RATE)) / RATE
    echoes = rng.standard_normal(len(times)) * 10 ** (-3 * times / seconds)
    echoes /= np.linalg.norm(echoes)
    echoes[0] = 1
    return at_level(fftconvolve(waveform, echoes)[: len(waveform)], level(waveform))


def babble(waveform, rng, others):
    """Add four other speakers, together 10 dB below the speech."""
    chosen = rng.choice(len(others), 4, replace=False)
    voices = sum(np.resize(at_level(others[i], 1.0), len(waveform)) for i in chosen)
    return waveform + at_level(voices, level(waveform) / 10**0.5)


def level(waveform):
    return max(np.sqrt(np.mean(np.square(waveform))), 1e-6)


def at_level(waveform, target):
    return (waveform * (target / level(waveform))).astype(np.float32)


CHANNELS = {"telephone": telephone, "mobile": mobile, "opus": opus, "room": room}


def simulate(waveforms, others):
    """Return the recordings through each channel, by its name."""
    channels = {**CHANNELS, "babble": lambda waveform, rng: babble(waveform, rng, others)}
    return {"clean": waveforms} | {
        name: [channel(w, np.random.default_rng([7, i])) for i, w in enumerate(waveforms)]
        for name, channel in channels.items()
    }


def make_systems(max_epochs, cache):
    """Return the systems to compare, and those to choose the robust one from, by name."""

    def network(network="auto", augment="auto", **front_end):
        encoder = SiameseSpeakerEncoder(
            network, augment=augment, max_epochs=max_epochs, random_state=0
        )
        return make_pipeline(MFCC(memory=cache, **front_end), encoder)

    def robust(channels, **parameters):
        return ChannelPerturbation(network(**parameters), channels, random_state=0)

    systems = {
        "k-NN": make_pipeline(MFCC(memory=cache), FramePooling()),
        "case study's network": network("cnn2d"),
        "default": network(),
        "robust": robust(["telephone"]),
        "CAM++": PretrainedSpeakerEncoder("campplus", memory=cache),
        "d-vector": PretrainedSpeakerEncoder("dvector", memory=cache),
    }
    every = ("telephone", "room", "noise")
    candidates = {
        "default": network(),
        "telephone": robust(["telephone"]),
        "every channel, no warp": robust(every, augment=None),
        "the same, no silence": robust(every, augment=None, drop_silence=True),
    }
    return systems, candidates


def fit(name, system, paths, y, models):
    """Fit a system, or load it from the folder `models`; None where there are no weights."""
    file = models and Path(models) / f"{name}, {len(paths)} recordings.joblib"
    if file and file.exists():
        return joblib.load(file)
    try:
        system.fit(paths, y)
    except OSError as error:
        print(f"{name} is left out: {error}")
        return None
    if file:
        joblib.dump(system, file)
    return system


def compare(A, B, metric):
    """Return the similarities of all embeddings A with all B."""
    if metric == "cosine":
        A, B = (E / np.linalg.norm(E, axis=1, keepdims=True) for E in (A, B))
        return A @ B.T
    return -euclidean_distances(A, B)


def normalize(scores, enrolment, test, cohort, metric):
    """Return scores after adaptive s-norm: (n_enrolment, n_test)."""
    rows, columns = (summarize_cohort(compare(E, cohort, metric), N_TOP) for E in (enrolment, test))
    return standardize(scores, [rows[:, :, np.newaxis], columns[:, np.newaxis]])


def error_rate(scores, y, tested):
    """Return the equal error rate over pairs of different recordings, and its interval."""
    speakers = np.unique(y, return_inverse=True)[1]
    n = speakers.max() + 1
    is_trial = np.arange(len(y))[:, np.newaxis] != tested
    first, second = np.broadcast_arrays(speakers[:, np.newaxis], speakers[tested])
    first, second, scores = first[is_trial], second[is_trial], scores[is_trial]
    steps = np.linspace(0, 1, N_THRESHOLDS)
    same = first == second
    limits = np.unique([np.quantile(scores[kind], steps) for kind in (same, ~same)])
    bins = np.searchsorted(limits, scores, side="right")
    shape = n, n, len(limits) + 1
    counts = np.bincount(
        np.ravel_multi_index((first, second, bins), shape), minlength=np.prod(shape)
    )
    counts = counts.reshape(shape).astype(float)  # trials of two speakers below each threshold
    own = np.diagonal(counts).T
    strangers = counts * (1 - np.eye(n))[:, :, np.newaxis]

    def rate(times):
        """Return the rate when each speaker counts so many times."""
        missed = np.cumsum(times @ own)
        rejected = np.cumsum(np.einsum("a,b,abt->t", times, times, strangers, optimize=True))
        missed, accepted = missed / missed[-1], 1 - rejected / rejected[-1]
        at = np.abs(missed - accepted).argmin()
        return (missed[at] + accepted[at]) / 2

    draws = np.random.default_rng(0).multinomial(n, np.full(n, 1 / n), N_DRAWS)
    limits = np.quantile([rate(times) for times in draws], [0.025, 0.975])
    return rate(np.ones(n)), *limits


def draw_tasks(y, tested):
    """Return the enrolled recordings of each task, and of the first one's speaker a test.

    Tests are positions in `tested`.
    """
    rng = np.random.default_rng(0)
    recordings = {speaker: np.flatnonzero(y == speaker) for speaker in np.unique(y)}
    enrolled, tests = np.empty((N_TASKS, K_WAY), int), np.empty(N_TASKS, int)
    for task in range(N_TASKS):
        chosen = rng.choice(list(recordings), K_WAY, replace=False)
        enrolled[task] = [rng.choice(recordings[speaker]) for speaker in chosen]
        others = (y[tested] == chosen[0]) & (tested != enrolled[task, 0])
        tests[task] = rng.choice(np.flatnonzero(others))
    return enrolled, tests


def accuracy(scores, y, tasks):
    """Return the share of tests whose speaker is found, and its interval."""
    enrolled, tests = tasks
    of_task = scores[enrolled, tests[:, np.newaxis]]
    found = of_task[:, 0] > of_task[:, 1:].max(axis=1)
    speakers = np.unique(y, return_inverse=True)[1][enrolled[:, 0]]
    interval = accuracy_interval(np.bincount(speakers), np.bincount(speakers, found))
    return found.mean(), *interval


def score(enrolment, test, cohort, metric):
    """Return similarities as they are, and after cohort normalization."""
    scores = compare(enrolment, test, metric)
    return scores, normalize(scores, enrolment, test, cohort, metric)


def evaluate(name, encoder, recordings, y, cohort, cohort_y):
    """Print a line of rates for each channel."""
    metric = find_embedding_metric(encoder)
    E = encoder.transform(cohort)
    cohort = np.stack([E[cohort_y == speaker].mean(axis=0) for speaker in np.unique(cohort_y)])
    clean = encoder.transform(recordings["clean"])
    unlabeled = np.random.default_rng(0).choice(len(y), N_UNLABELLED, replace=False)
    tested = np.setdiff1d(np.arange(len(y)), unlabeled)
    tasks = draw_tasks(y, tested)
    for channel, waveforms in recordings.items():
        E = encoder.transform(waveforms)
        sides = clean, E[tested], cohort
        means = clean.mean(axis=0), E[unlabeled].mean(axis=0), cohort.mean(axis=0)
        centered = [side - mean for side, mean in zip(sides, means, strict=True)]
        ways = [*score(*centered, metric), score(*sides, metric)[1]]
        print_line(f"{name:26}{channel:10}", score(*sides, metric)[0], ways, y, tested, tasks)


def print_line(start, scores, ways, y, tested, tasks):
    """Print the rates of scores with intervals, and those of other ways to score without."""
    error, share = error_rate(scores, y, tested), accuracy(scores, y, tasks)
    print(f"{start}EER {error[0]:.1%} [{error[1]:.1%}, {error[2]:.1%}]", end="  ")
    print(f"20-way {share[0]:.3f} [{share[1]:.3f}, {share[2]:.3f}]", end="")
    for way, changed in zip(("centered", "both", "cohort"), ways, strict=True):
        error, share = error_rate(changed, y, tested)[0], accuracy(changed, y, tasks)[0]
        print(f"  {way} {error:.1%} {share:.3f}", end="")
    print(flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--choose", action="store_true", help="compare recipes on train speakers")
    parser.add_argument("--system", nargs="+", metavar="NAME", help="some of them; all")
    parser.add_argument("--quick", action="store_true", help="train one epoch, to see that it runs")
    parser.add_argument("--cache", help="folder for frames")
    parser.add_argument("--models", help="folder for fitted systems")
    options = parser.parse_args()
    if "SKLEARN_SIAMESE_SPEAKER_SPEECH" not in os.environ:
        parser.error(
            "set SKLEARN_SIAMESE_SPEAKER_SPEECH to the folder that holds speechocean762.csv"
        )
    use_whole_machine()
    paths, y, split = list_recordings("speechocean762")
    paths, is_test = np.array(paths), split == "test"
    if options.choose:
        names = np.random.RandomState(0).permutation(np.unique(y[~is_test]))
        paths, y, is_test = paths[~is_test], y[~is_test], np.isin(y[~is_test], names[:N_HELD_OUT])
    systems = make_systems(1 if options.quick else "auto", options.cache)[options.choose]
    names = options.system or systems
    if unknown := set(names) - set(systems):
        parser.error(f"there is no system {', '.join(sorted(unknown))}; of {', '.join(systems)}")
    few = [np.flatnonzero(y == name)[:N_COHORT_RECORDINGS] for name in np.unique(y[~is_test])]
    cohort = np.concatenate(few)
    others = read(paths[cohort])
    tests = np.flatnonzero(is_test)[:: 2 if options.choose else 1]
    recordings = simulate(read(paths[tests]), others)
    for name in names:
        start = time.perf_counter()
        encoder = fit(name, systems[name], list(paths[~is_test]), y[~is_test], options.models)
        print(f"{name}: {time.perf_counter() - start:.0f} s", flush=True)
        if encoder is not None:
            evaluate(name, encoder, recordings, y[tests], others, y[cohort])


if __name__ == "__main__":
    main()
