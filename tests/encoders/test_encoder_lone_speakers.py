"""Speakers with one recording: used where there are others with more, named where there are not."""

import re

import numpy as np
import pytest
import torch
from numpy.testing import assert_array_equal

from sklearn_siamese_speaker import SiameseSpeakerEncoder
from sklearn_siamese_speaker.nn import LOSSES

N_FEATURES = 6
WAYS = [
    *({"loss": loss} for loss in LOSSES if loss != "aam"),
    {"loss": "aam", "metric": "cosine"},
    *({"loss": loss, "pairs": "random"} for loss, kind in LOSSES.items() if kind.takes_pairs),
]


class LastFrame(torch.nn.Module):
    """Linear on the last frame: recordings of a batch meet in the loss and nowhere else."""

    def __init__(self, n_features, embedding_dim):
        super().__init__()
        self.linear = torch.nn.Linear(n_features, embedding_dim)

    def forward(self, frames):
        return self.linear(frames[:, :, -1])


def make_recordings(counts):
    rng = np.random.default_rng(0)
    y = np.repeat([f"speaker {i}" for i in range(len(counts))], counts)
    return rng.normal(size=(len(y), N_FEATURES, 10)).astype(np.float32), y


@pytest.mark.parametrize("params", WAYS, ids=str)
def test_a_lone_recording_takes_part_in_the_training_with_every_loss(params):
    X, y = make_recordings([4, 4, 4, 1, 1, 1])
    backwards = X.copy()
    backwards[12:] = X[12:, :, ::-1]  # the lone ones; the statistics of the frames stay
    encoder = SiameseSpeakerEncoder(
        LastFrame, network__embedding_dim=8, max_epochs=3, random_state=0, **params
    )
    first = encoder.fit(X, y)
    assert first.classes_.tolist() == [f"speaker {i}" for i in range(6)]
    mean, embeddings = first.state_["mean"], first.transform(X[:12])
    second = encoder.fit(backwards, y)
    assert_array_equal(second.state_["mean"], mean)
    assert not np.array_equal(second.transform(X[:12]), embeddings)


@pytest.mark.parametrize("params", WAYS, ids=str)
@pytest.mark.parametrize(
    ("n_speakers", "names"),
    [
        (2, "speaker 0, speaker 1."),
        (7, "speaker 0, speaker 1, speaker 2, speaker 3, speaker 4, ..."),
    ],
)
def test_lone_speakers_alone_are_named(params, n_speakers, names):
    X, y = make_recordings([1] * n_speakers)
    sentence = (
        "SiameseSpeakerEncoder needs speakers with at least 2 recordings; y holds one recording of "
        f"each of {n_speakers} speakers: {names}"
    )
    with pytest.raises(ValueError, match=f"^{re.escape(sentence)}"):
        SiameseSpeakerEncoder(LastFrame, network__embedding_dim=8, max_epochs=1, **params).fit(X, y)
