"""Losses and miners of pytorch-metric-learning as the encoder's loss."""

import pickle

import conftest
import numpy as np
import pytest
import torch
from numpy.testing import assert_array_equal
from sklearn.base import clone

from sklearn_siamese_speaker import SiameseSpeakerEncoder

losses = pytest.importorskip("pytorch_metric_learning.losses")
miners = pytest.importorskip("pytorch_metric_learning.miners")

TINY = {"network__embedding_dim": 8, "batch_size": 16, "random_state": 0}
N_SPEAKERS = 6


class Linear(torch.nn.Module):
    """A network that learns fast: linear on the mean over frames."""

    def __init__(self, n_features, embedding_dim):
        super().__init__()
        self.linear = torch.nn.Linear(n_features, embedding_dim)

    def forward(self, frames):
        return self.linear(frames.mean(2))


class Mined(torch.nn.Module):
    """A loss on what a miner picks from a batch."""

    def __init__(self, loss, miner):
        super().__init__()
        self.loss = loss
        self.miner = miner

    def forward(self, embeddings, labels):
        return self.loss(embeddings, labels, self.miner(embeddings, labels))


def make_frames(n_recordings=6):
    """Speakers in two of the features, a louder nuisance of each recording in the other four."""
    return conftest.make_frames(
        N_SPEAKERS, n_recordings, 6, 10, noise=0.1, nuisance=3, with_nuisance=slice(2, None)
    )


def separation(encoder, X, y):
    """Return how much farther apart different speakers are than recordings of one."""
    embeddings = encoder.transform(X)
    distances = np.linalg.norm(embeddings[:, np.newaxis] - embeddings, axis=2)
    same = y[:, np.newaxis] == y
    return distances[~same].mean() / distances[same].mean()


def mined_triplets():
    return Mined(losses.TripletMarginLoss(margin=0.3), miners.MultiSimilarityMiner())


def proxies():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return losses.ProxyAnchorLoss(num_classes=N_SPEAKERS, embedding_size=8)


@pytest.mark.parametrize("loss", [losses.ContrastiveLoss, mined_triplets])
def test_a_loss_of_pytorch_metric_learning_brings_speakers_apart(loss):
    X, y = make_frames()
    untrained = SiameseSpeakerEncoder(
        Linear, loss=loss(), metric="cosine", max_epochs=1, lr=1e-12, **TINY
    ).fit(X, y)
    trained = clone(untrained).set_params(max_epochs=30, lr=0.1).fit(X, y)
    assert separation(trained, X, y) > 1.5 * separation(untrained, X, y)
    assert_array_equal(pickle.loads(pickle.dumps(trained)).transform(X), trained.transform(X))


def test_the_miner_decides_what_the_loss_sees():
    X, y = make_frames()
    mined = SiameseSpeakerEncoder(
        Linear, loss=mined_triplets(), metric="cosine", max_epochs=3, **TINY
    ).fit(X, y)
    plain = clone(mined).set_params(loss=losses.TripletMarginLoss(margin=0.3)).fit(X, y)
    assert not np.array_equal(mined.transform(X), plain.transform(X))


def test_the_parameters_of_a_loss_are_trained_and_kept_with_the_encoder():
    X, y = make_frames()
    loss = proxies()
    given = loss.proxies.detach().clone()
    encoder = SiameseSpeakerEncoder(Linear, loss=loss, max_epochs=30, lr=0.1, **TINY).fit(X, y)
    learned = encoder.loss_state_["function.proxies"]
    assert learned.shape == (N_SPEAKERS, 8)
    assert np.abs(learned - given.numpy()).min() > 0
    assert torch.equal(loss.proxies, given)  # a copy is trained, the loss of the user is not
    course = [epoch["train_loss"] for epoch in encoder.history_["epochs"]]
    assert np.mean(course[-3:]) < 0.8 * np.mean(course[:3])
    assert_array_equal(encoder.net_.criterion_.function.proxies.detach().numpy(), learned)
