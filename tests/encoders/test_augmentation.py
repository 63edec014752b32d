"""Augmentation in a training: what it changes, what it draws from, where it does not fit."""

import re

import numpy as np
import pytest
import torch
from numpy.testing import assert_array_equal
from sklearn.base import clone

from sklearn_siamese_speaker import SiameseSpeakerEncoder
from sklearn_siamese_speaker.nn import (
    AdditiveNoise,
    BandLimit,
    FeatureMask,
    RandomChannel,
    TimeMask,
)

TINY = {
    "network": "cnn2d",
    "network__filters": (4, 4, 4),
    "network__embedding_dim": 8,
    "max_epochs": 2,
    "random_state": 0,
}
FRAME_CHANGES = [
    FeatureMask(),
    RandomChannel(front_end="mfcc"),
    RandomChannel(front_end="log_mel"),
    BandLimit(),
    AdditiveNoise(front_end="log_mel"),
]
RAW_CHANGE = AdditiveNoise(front_end="raw_audio")


def make_recordings(n_features=10, n_frames=60):
    rng = np.random.default_rng(0)
    return rng.normal(size=(9, n_features, n_frames)).astype(np.float32), np.repeat([0, 1, 2], 3)


def fit(augment, X, y, **params):
    return SiameseSpeakerEncoder(augment=augment, **{**TINY, **params}).fit(X, y)


@pytest.mark.parametrize(
    ("change", "n_features"),
    [(TimeMask(), 10), (TimeMask(), 1), *((c, 10) for c in FRAME_CHANGES), (RAW_CHANGE, 1)],
    ids=repr,
)
def test_a_change_changes_the_fit_with_the_same_bits_for_the_same_seed(change, n_features):
    X, y = make_recordings(n_features)
    plain = fit(None, X, y)
    augmented = fit([change], X, y)
    assert not np.array_equal(augmented.transform(X), plain.transform(X))
    assert_array_equal(clone(augmented).fit(X, y).transform(X), augmented.transform(X))


def test_a_change_draws_what_the_seed_says_and_nothing_global():
    X, y = make_recordings()
    drawn = []

    def listen(batch, generator):
        drawn.append(torch.rand(1, generator=generator).item())
        return batch

    state = torch.get_rng_state()
    fit([listen], X, y)
    fit([listen], X, y)
    fit([listen], X, y, random_state=1)
    assert len(set(drawn[:2])) == 2  # each epoch, which is one batch here, draws anew
    assert drawn[:2] == drawn[2:4]
    assert not set(drawn[:2]) & set(drawn[4:])
    assert torch.equal(state, torch.get_rng_state())


@pytest.mark.parametrize("nothing", [(), []])
def test_an_empty_augmentation_is_none(nothing):
    X, y = make_recordings()
    assert_array_equal(fit(nothing, X, y).transform(X), fit(None, X, y).transform(X))


def test_only_the_training_is_augmented():
    X, y = make_recordings()
    batches = []

    def listen(batch, generator):
        batches.append(len(batch))
        return batch

    encoder = fit([listen], X, y)
    assert batches == [9, 9]  # two epochs of one batch
    encoder.transform(X)
    assert batches == [9, 9]


@pytest.mark.parametrize(
    ("change", "n_features", "domains"),
    [
        (RAW_CHANGE, 10, "raw_audio"),
        (FeatureMask(), 1, "log_mel or mfcc"),
        (RandomChannel(front_end="mfcc"), 1, "mfcc"),
        (BandLimit(), 1, "log_mel"),
        (AdditiveNoise(front_end="log_mel"), 1, "log_mel"),
    ],
    ids=repr,
)
def test_a_change_for_another_front_end_is_refused(change, n_features, domains):
    X, y = make_recordings(n_features)
    sentence = (
        f"augment holds {type(change).__name__}, which changes frames of {domains}, but X has "
        f"{n_features} feature(s) a frame; raw audio has 1, the other front ends have several."
    )
    with pytest.raises(ValueError, match=f"^{re.escape(sentence)}$"):
        fit([TimeMask(), change], X, y)
