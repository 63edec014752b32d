"""Trainings that are killed, and saved models with a flipped bit."""

import io
import os
import pickle
import signal
import tempfile
import time
from pathlib import Path

import joblib
import numpy as np
import skops.io
from sklearn.frozen import FrozenEstimator

from sklearn_siamese_speaker import TRUSTED_TYPES, OneShotClassifier, SiameseSpeakerEncoder

from .outcomes import Tally, outcome_of


def make_frames():
    """Return frames of 10 speakers with 8 recordings each."""
    rng = np.random.default_rng(0)
    y = np.repeat(np.arange(10), 8)
    X = rng.normal(size=(10, 8, 1))[y] + rng.normal(size=(80, 8, 40))
    return X.astype(np.float32), y


def make_encoder(checkpoint_dir, max_epochs=60):
    """Return an encoder that trains for a few seconds."""
    return SiameseSpeakerEncoder(
        "cnn2d",
        network__filters=(8, 16, 16),
        network__embedding_dim=16,
        batch_size=16,
        max_epochs=max_epochs,
        validation_fraction=0.3,
        validate_every=4,
        random_state=0,
        checkpoint_dir=checkpoint_dir,
    )


def killed_trainings(quick):
    """Kill a training at random moments; the last one ends as an undisturbed one, to the bit."""
    import torch
    import torch._dynamo  # an optimizer would import it, for seconds, in every child

    torch.set_num_threads(1)
    rng = np.random.default_rng(0)
    tally = Tally()
    with tempfile.TemporaryDirectory() as folder:
        seconds = _fit_in_a_child(folder, "undisturbed")
        embeddings, validations = pickle.loads(Path(folder, "undisturbed.pkl").read_bytes())
        for training in range(1 if quick else 5):
            name = f"killed {training}"
            for share in rng.uniform(0.02, 0.3, size=5):
                tally.add(_kill(folder, name, share * seconds), name)
            _fit_in_a_child(folder, name)
            resumed = pickle.loads(Path(folder, f"{name}.pkl").read_bytes())
            is_equal = np.array_equal(resumed[0], embeddings) and resumed[1] == validations
            tally.add("equal to the bit" if is_equal else "wrong answer", name)
            for leftover in Path(folder, name).glob("*.tmp"):
                tally.add("left behind", leftover.name)
    return tally


def _fit_in_a_child(folder, name):
    start = time.perf_counter()
    os.waitpid(_start(folder, name), 0)
    return time.perf_counter() - start


def _kill(folder, name, seconds):
    child = _start(folder, name)
    time.sleep(seconds)
    os.kill(child, signal.SIGKILL)
    status = os.waitpid(child, 0)[1]
    return "killed" if os.WIFSIGNALED(status) else "finished before"


def _start(folder, name):
    """Fork a child that fits an encoder and writes what it learned."""
    child = os.fork()
    if child == 0:
        encoder = make_encoder(Path(folder, name)).fit(*make_frames())
        learned = encoder.transform(make_frames()[0]), encoder.history_["validations"]
        Path(folder, f"{name}.pkl").write_bytes(pickle.dumps(learned))
        os._exit(0)
    return child


def flipped_skops(quick):
    """Flip one bit of a classifier that skops saved: refused, or the same answers."""
    who, X = make_classifier()
    content = skops.io.dumps(who)
    return _flip(
        content, lambda data: skops.io.loads(data, trusted=TRUSTED_TYPES), who, X, quick, Tally()
    )


def flipped_joblib(quick):
    """Flip one bit of a classifier that joblib saved: it has no checksum, as the guide says."""
    who, X = make_classifier()
    buffer = io.BytesIO()
    joblib.dump(who, buffer)
    tally = _flip(
        buffer.getvalue(), lambda data: joblib.load(io.BytesIO(data)), who, X, quick, Tally()
    )
    tally["another answer, without an error"] = tally.pop("wrong answer", 0)
    tally.examples.clear()
    return tally


def make_classifier():
    """Return a classifier with a trained encoder and enrolled speakers, and frames to recognize."""
    X, y = make_frames()
    encoder = make_encoder(None, max_epochs=1).fit(X, y)
    return OneShotClassifier(FrozenEstimator(encoder)).fit(X[::8], y[::8]), X[1::8]


def _flip(content, load, who, X, quick, tally):
    expected = who.similarities(X), who.predict(X).tolist()
    for bit in np.random.default_rng(0).integers(8 * len(content), size=60 if quick else 650):
        damaged = bytearray(content)
        damaged[bit // 8] ^= 1 << (bit % 8)
        try:
            loaded = load(bytes(damaged))
            found = loaded.similarities(X), loaded.predict(X).tolist()
        except Exception:
            tally.add("refused", bit)
            continue
        is_equal = np.array_equal(found[0], expected[0]) and found[1] == expected[1]
        tally.add("the same answers" if is_equal else "wrong answer", f"bit {bit}")
    return tally


def flipped_checkpoint(quick):
    """Flip one bit of a checkpoint: the training that would continue from it names the file."""
    X, y = make_frames()
    tally = Tally()
    with tempfile.TemporaryDirectory() as folder:
        make_encoder(folder, max_epochs=2).fit(X, y)
        (path,) = Path(folder).glob("*.ckpt")
        content = path.read_bytes()
        for bit in np.random.default_rng(0).integers(8 * len(content), size=60 if quick else 650):
            damaged = bytearray(content)
            damaged[bit // 8] ^= 1 << (bit % 8)
            path.write_bytes(damaged)
            outcome = outcome_of(lambda: make_encoder(folder, max_epochs=2).fit(X, y), str(path))
            tally.add("accepted" if outcome == "read" else outcome, f"bit {bit}")
    return tally
