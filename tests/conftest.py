"""Recordings of made-up speakers, as embeddings and as frames; a count of what is extracted."""

import numpy as np
import pytest

from sklearn_siamese_speaker import MFCC


def make_recordings(
    n_speakers=10, n_recordings=6, n_dims=6, *, spread=1.0, names=None, seed=0, dtype=float
):
    """Return embeddings of shape (n_speakers * n_recordings, n_dims) and their speakers.

    Recordings have a standard deviation of 1 around their speaker in each dimension, and speakers
    one of `spread`. Speakers are numbers, or `names` such as "s{:02}" of these numbers.
    """
    rng = np.random.default_rng(seed)
    y = np.repeat(np.arange(n_speakers), n_recordings)
    X = spread * rng.normal(size=(n_speakers, n_dims))[y] + rng.normal(size=(len(y), n_dims))
    speakers = y if names is None else np.array([names.format(i) for i in range(n_speakers)])[y]
    return X.astype(dtype), speakers


def make_frames(
    n_speakers=8,
    n_recordings=4,
    n_features=5,
    n_frames=20,
    *,
    noise=1.0,
    nuisance=0.0,
    with_nuisance=slice(2),
    seed=0,
):
    """Return frames of shape (n_speakers * n_recordings, n_features, n_frames) and their speakers.

    Speakers differ in the level of each feature. `nuisance` is the standard deviation of what
    each recording adds to the features `with_nuisance`, and `noise` that of each frame.
    """
    rng = np.random.default_rng(seed)
    y = np.repeat(np.arange(n_speakers), n_recordings)
    X = rng.normal(size=(n_speakers, n_features, 1))[y]
    X = X + noise * rng.normal(size=(len(y), n_features, n_frames))
    X[:, with_nuisance] += nuisance * rng.normal(size=X[:, with_nuisance, :1].shape)
    return X.astype(np.float32), y


@pytest.fixture
def extractions(monkeypatch):
    """Return the list of extracted waveforms."""
    extracted = []
    original = MFCC._extract

    def count(self, waveform):
        extracted.append(waveform)
        return original(self, waveform)

    monkeypatch.setattr(MFCC, "_extract", count)
    return extracted
