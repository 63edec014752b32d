"""Bad inputs and bad parameters: each is refused by a sentence of a check, or is valid."""

import os
import re
import tempfile
import traceback
import warnings
from functools import partial
from pathlib import Path

import numpy as np
import soundfile
from sklearn.base import clone
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import make_pipeline

import sklearn_siamese_speaker
from sklearn_siamese_speaker import (
    MFCC,
    FramePooling,
    LogMelSpectrogram,
    OneShotClassifier,
    RawAudio,
    SpeakerVerifier,
    metrics,
    model_selection,
)
from sklearn_siamese_speaker.datasets import make_speakers, split_into_fragments

from .models import make_encoder, make_frames
from .outcomes import LONGEST, REFUSAL, Tally

CHECKS = (str(Path(sklearn_siamese_speaker.__file__).parent), f"{os.sep}sklearn{os.sep}")
FOREIGN = re.compile(r"parameter of (gen_batches|check_array|check_X_y)")

VALUES = (None, -1, 0, np.nan, 1e9, "nonsense", object(), [], {})
UNTRIED = {"n_jobs", "verbose", "memory"}  # any number of processes, any text, any folder are valid
CHECKED_ELSEWHERE = ("net__", "optimizer__", "schedule__")  # by skorch and torch, not by us

# Of the inputs below some turn out to be valid, such as a stereo recording. These must not.
MUST_BE_REFUSED = {
    "SpeakerVerifier.predict, other dimensions",
    "SpeakerVerifier.predict, threes",
    "SpeakerVerifier.predict, scores",
    "RawAudio(duration=1000000000.0)",
    "LogMelSpectrogram(duration=1000000000.0)",
    "MFCC(duration=1000000000.0)",
}

WAVE = np.sin(np.arange(16000) / 5).astype(np.float32)
RECORDINGS = {
    "None": None,
    "a number": 3.0,
    "a path instead of a list": "voice.wav",
    "bytes": b"voice.wav",
    "an empty list": [],
    "an empty array": np.zeros((0, 16000)),
    "no samples": np.zeros((3, 0)),
    "one axis": WAVE,
    "four axes": np.zeros((2, 1, 1, 16000)),
    "missing files": ["missing.wav", "missing too.wav"],
    "one missing file": ["missing.wav"],
    "a folder": ["."],
    "a text file": ["text.wav"],
    "an empty file": ["empty.wav"],
    "not a number": np.full((3, 16000), np.nan),
    "infinite": np.full((3, 16000), np.inf),
    "complex": np.full((3, 16000), 1j),
    "truth values": np.ones((3, 16000), dtype=bool),
    "strings": np.full((3, 16000), "a"),
    "a list of None": [None, None, None],
    "a list of numbers": [1.0, 2.0, 3.0],
    "a list of silence": [np.zeros(16000)] * 3,
    "a list of short ones": [WAVE[:10]] * 3,
    "a list of empty ones": [WAVE[:0]] * 3,
    "beyond full scale": [1e5 * WAVE] * 3,
    "a list with NaN": [WAVE, np.full(16000, np.nan), WAVE],
    "a dict": {"a": WAVE},
    "a set of paths": {"voice.wav"},
    "huge values": [1e30 * WAVE] * 3,
    "stereo the other way round": [np.stack([WAVE, WAVE], axis=1)] * 3,
}
LABELS = {
    "None": None,
    "too few": ["a", "b"],
    "one speaker": ["a"] * 80,
    "each once": [str(i) for i in range(80)],
    "fractions": np.arange(80) / 3,
    "not a number": np.full(80, np.nan),
    "bytes": [b"a"] * 40 + [b"b"] * 40,
    "mixed": ["a"] * 40 + [1] * 40,
    "None among them": ["a"] * 79 + [None],
    "two axes": np.zeros((80, 2)),
}


def front_ends():
    """Return the estimators that take recordings, fitted where they must be."""
    pooled = make_pipeline(MFCC(), FramePooling()).fit(np.tile(WAVE, (3, 1)))
    return [RawAudio(), LogMelSpectrogram(), MFCC(), pooled]


def calls(quick):
    """Yield each bad input in words, and the call that has it."""
    yield from _bad_recordings()
    yield from _bad_labels()
    yield from _bad_parameters(quick)
    yield from _bad_embeddings()
    yield from _bad_arguments()


def _bad_recordings():
    for estimator in front_ends():
        name = type(estimator).__name__
        for what, X in RECORDINGS.items():
            yield f"{name}.fit, {what}", partial(clone(estimator).fit, X)
            if name == "Pipeline":
                who = OneShotClassifier(FrozenEstimator(estimator)).fit([WAVE], ["a"])
                yield f"OneShotClassifier.fit, {what}", partial(clone(who).fit, X, ["a", "b", "c"])
                yield f"OneShotClassifier.predict, {what}", partial(who.predict, X)
                yield f"OneShotClassifier.partial_fit, {what}", partial(who.partial_fit, X, ["b"])
            else:
                yield f"{name}.fit_transform, {what}", partial(estimator.fit_transform, X)


def _bad_labels():
    X, _ = make_frames()
    for what, y in LABELS.items():
        yield f"SiameseSpeakerEncoder.fit, labels: {what}", partial(make_encoder(None, 1).fit, X, y)
        if what not in ("each once", "one speaker"):
            embeddings = X.mean(2)
            yield (
                f"OneShotClassifier.fit, labels: {what}",
                partial(OneShotClassifier().fit, embeddings, y),
            )


def _bad_parameters(quick):
    X, y = make_frames()
    waves = np.tile(WAVE, (3, 1))
    pairs = np.random.default_rng(0).normal(size=(40, 2, 3))
    fits = [
        (RawAudio(), (waves,)),
        (LogMelSpectrogram(), (waves,)),
        (MFCC(), (waves,)),
        (FramePooling(), (X,)),
        (make_encoder(None, 1), (X, y)),
        (OneShotClassifier(), (X.mean(2)[::8], y[::8])),
        (SpeakerVerifier(), (pairs, np.arange(40) % 2)),
    ]
    tried = [
        (estimator, data, name, value)
        for estimator, data in fits
        for name in estimator.get_params()
        if name not in UNTRIED and not name.startswith(CHECKED_ELSEWHERE)
        for value in VALUES
    ]
    for estimator, data, name, value in tried[:: 4 if quick else 1]:
        what = f"{type(estimator).__name__}({name}={value!r})"
        yield what, partial(_fit_with, estimator, data, name, value)


def _fit_with(estimator, data, name, value):
    clone(estimator).set_params(**{name: value}).fit(*data)


def _bad_embeddings():
    rng = np.random.default_rng(0)
    E, y = rng.normal(size=(6, 3)), ["a", "b", "c", "d", "e", "f"]
    who = OneShotClassifier().fit(E, y)
    yield "predict, other dimensions", partial(who.predict, E[:, :2])
    yield "partial_fit, other dimensions", partial(who.partial_fit, E[:, :2], y)
    yield "partial_fit, other labels", partial(who.partial_fit, E[:1], [1])
    yield "forget, nobody", partial(who.forget, ["nobody"])
    yield "forget, a string", partial(who.forget, "a")
    yield "forget, everybody", partial(clone(who).fit(E, y).forget, y)
    yield "rank, k=0", partial(who.rank, E, k=0)
    yield "rank, k=7", partial(who.rank, E, k=7)
    yield "rank, k=1.5", partial(who.rank, E, k=1.5)
    yield "calibrate_threshold, one speaker", partial(who.calibrate_threshold, E, ["a"] * 6)
    yield "calibrate_threshold, target_far=2", partial(who.calibrate_threshold, E, y, target_far=2)
    yield "not fitted", partial(OneShotClassifier().predict, E)
    pairs = rng.normal(size=(40, 2, 3))
    verifier = SpeakerVerifier().fit(pairs, np.arange(40) % 2)
    yield "SpeakerVerifier.fit, paths", partial(SpeakerVerifier().fit, ["a.wav", "b.wav"], [0, 1])
    yield "SpeakerVerifier.fit, one class", partial(SpeakerVerifier().fit, pairs, [1] * 40)
    yield (
        "SpeakerVerifier.fit, labels 0 to 2",
        partial(SpeakerVerifier().fit, pairs, np.arange(40) % 3),
    )
    yield "SpeakerVerifier.predict, other dimensions", partial(verifier.predict, pairs[:, :, :2])
    yield "SpeakerVerifier.predict, threes", partial(verifier.predict, rng.normal(size=(4, 3, 3)))
    yield "SpeakerVerifier.predict, scores", partial(verifier.predict, rng.normal(size=(4, 1)))
    yield "SpeakerVerifier.verify, paths", partial(verifier.verify, "a.wav", "b.wav")


def _bad_arguments():
    y, scores = np.array([0, 1, 0, 1]), np.array([0.1, 0.9, 0.2, 0.8])
    functions = [
        *(metrics.equal_error_rate, metrics.min_dcf, metrics.actual_dcf),
        *(metrics.cllr, metrics.min_cllr, metrics.equal_error_threshold, metrics.min_dcf_threshold),
        *(metrics.false_accept_threshold, metrics.false_reject_rate_at),
    ]
    for function in functions:
        name = function.__name__
        for what, arguments in {
            "no trials": ([], []),
            "other lengths": (y, scores[:3]),
            "one class": ([1, 1, 1, 1], scores),
            "three classes": ([0, 1, 2, 1], scores),
            "not a number": (y, scores * np.nan),
            "strings": (y, ["a", "b", "c", "d"]),
            "two axes": (y, np.stack([scores, scores], 1)),
            "None": (None, None),
        }.items():
            yield f"{name}, {what}", partial(function, *arguments)
    E, speakers = np.random.default_rng(0).normal(size=(12, 3)), np.repeat([*"abcdef"], 2)
    knn = make_pipeline(FramePooling()).fit(E)
    score = partial(model_selection.n_shot_k_way_score, knn)
    yield "n_shot_k_way_score, k_way=7", partial(score, E, speakers, k_way=7)
    yield "n_shot_k_way_score, n_shots=2", partial(score, E, speakers, n_shots=2)
    yield "n_shot_k_way_score, n_tasks=0", partial(score, E, speakers, n_tasks=0)
    yield "n_shot_k_way_score, no labels", partial(score, E, None)
    yield (
        "n_shot_k_way_score, not fitted",
        partial(model_selection.n_shot_k_way_score, make_pipeline(MFCC()), E, speakers),
    )
    splits = model_selection
    yield "SpeakerKFold(7)", lambda: list(splits.SpeakerKFold(7).split(E, speakers))
    yield "SpeakerKFold(1)", lambda: list(splits.SpeakerKFold(1).split(E, speakers))
    yield "NShotKWaySplit, no labels", lambda: list(splits.NShotKWaySplit().split(E))
    yield (
        "SeenUnseenSplit, all unseen",
        lambda: list(splits.SeenUnseenSplit(unseen_size=1.0).split(E, speakers)),
    )
    yield "make_trials, no pairs", partial(metrics.make_trials, E[:1], ["a"])
    yield "make_trials, other lengths", partial(metrics.make_trials, E, ["a"])
    yield "make_speakers, none", partial(make_speakers, n_speakers=0)
    yield "make_speakers, no time", partial(make_speakers, duration=0)
    yield (
        "split_into_fragments, too long",
        partial(split_into_fragments, [WAVE], ["a"], duration=60),
    )


def bad_inputs(quick):
    """Call the library with each input: refused by the sentence of a check, or valid after all."""
    tally = Tally()
    with tempfile.TemporaryDirectory() as folder:
        before = os.getcwd()
        os.chdir(folder)
        Path("text.wav").write_text("no sound")
        Path("empty.wav").touch()
        soundfile.write("voice.wav", WAVE, 16000)
        try:
            for what, call in calls(quick):
                tally.add(*_outcome(what, call))
        finally:
            os.chdir(before)
    return tally


def _outcome(what, call):
    """Return what became of a call, and the call with its error."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            call()
    except Exception as error:
        is_said = isinstance(error, REFUSAL) and _comes_from_a_check(error)
        return "refused" if is_said else "unnamed error", f"{what}: {error!r:.300}"
    return "accepted" if what in MUST_BE_REFUSED else "valid", what


def _comes_from_a_check(error):
    """Whether the library, or the validation of scikit-learn for it, raised an error on purpose."""
    place = traceback.extract_tb(error.__traceback__)[-1].filename
    is_sentence = 15 < len(str(error)) < LONGEST and not FOREIGN.search(str(error))
    return is_sentence and any(checks in place for checks in CHECKS)
