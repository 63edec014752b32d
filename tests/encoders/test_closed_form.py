"""The discriminant a statistics network starts from, against its definition."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from scipy.linalg import eigh
from sklearn.covariance import shrunk_covariance
from sklearn.preprocessing import FunctionTransformer

from sklearn_siamese_speaker import FramePooling, SiameseSpeakerEncoder
from sklearn_siamese_speaker.encoders.training._closed_form import Scatter, start_in_closed_form
from sklearn_siamese_speaker.model_selection import n_shot_k_way_score
from sklearn_siamese_speaker.nn import EuclideanSpace, Siamese, StatisticsNetwork, frame_statistics

STATISTICS = ("mean", "std", "covariance", "slope_covariance", "mixture")


def make_samples(n_speakers=6, n_each=7, n_statistics=12, seed=0):
    rng = np.random.default_rng(seed)
    speakers = np.repeat(np.arange(n_speakers), n_each)
    means = 2 * rng.normal(size=(n_speakers, n_statistics))
    return means[speakers] + rng.normal(size=(len(speakers), n_statistics)), speakers


def add_in_blocks(X, speakers, size):
    scatter = Scatter(X.shape[1], speakers.max() + 1)
    for start in range(0, len(X), size):
        scatter.add(X[start : start + size], speakers[start : start + size])
    return scatter


@pytest.mark.parametrize(("n_speakers", "n_statistics"), [(6, 12), (15, 4)])
@pytest.mark.parametrize("shrinkage", [0.1, 0.7, 1.0])
def test_directions_are_generalized_eigenvectors(n_speakers, n_statistics, shrinkage):
    X, speakers = make_samples(n_speakers, n_statistics=n_statistics)
    n_directions = min(n_speakers - 1, n_statistics)
    order = np.random.default_rng(1).permutation(len(X))
    directions, mean_square = add_in_blocks(X[order], speakers[order], 10).discriminate(
        shrinkage, 200
    )
    means = np.array([X[speakers == s].mean(axis=0) for s in range(n_speakers)])[speakers]
    within = shrunk_covariance(np.cov((X - means).T, bias=True), shrinkage)
    theirs = eigh(np.cov(means.T, bias=True), within)[1][:, ::-1][:, :n_directions]
    assert_allclose(np.abs(np.einsum("ij,ij->j", directions, within @ theirs)), 1, rtol=1e-6)
    assert_allclose(directions.T @ within @ directions, np.eye(n_directions), atol=1e-10)
    projected = (X - X.mean(axis=0)) @ directions
    assert_allclose(mean_square, np.mean(np.sum(projected**2, axis=1)))


def test_speakers_that_never_vary_are_told_apart_all_the_same():
    X, speakers = make_samples(n_each=1)
    directions, mean_square = add_in_blocks(X, speakers, 100).discriminate(0.7, 200)
    assert np.isfinite(directions).all()
    assert mean_square > 0


@pytest.fixture(scope="module")
def started():
    rng = np.random.default_rng(0)
    speakers = np.repeat(np.arange(5), 6)
    means = rng.normal(size=(5, 4, 1))
    frames = [
        (means[s] + rng.normal(size=(4, rng.integers(40, 80)))).astype(np.float32) for s in speakers
    ]
    network = StatisticsNetwork(4, embedding_dim=6, n_mixtures=3)
    siamese = Siamese(network, EuclideanSpace(), *frame_statistics(frames)).eval()
    loss = torch.nn.Module()
    loss.directions = torch.nn.Parameter(torch.ones(5, 6))
    start_in_closed_form(siamese, loss, frames, speakers, seed=0)
    return siamese, loss, frames, speakers


def test_the_network_pools_what_frame_pooling_does(started):
    siamese, _, frames, _ = started
    with torch.no_grad():
        pooled = [
            siamese.network.statistics(siamese.standardize(torch.from_numpy(f[None])))[0].numpy()
            for f in frames
        ]
    pooling = FramePooling(STATISTICS, n_mixtures=3, random_state=0).fit(frames)
    mixture = siamese.network.statistics.mixture
    pooling.mixture_weights_, pooling.mixture_means_, pooling.mixture_variances_ = (
        buffer.double().numpy() for buffer in mixture.buffers()
    )
    assert_allclose(pooled, pooling.transform(frames), rtol=1e-3, atol=1e-4)


def test_it_starts_at_the_discriminant_with_embeddings_shorter_than_one(started):
    siamese, _, frames, speakers = started
    with torch.no_grad():
        E = torch.cat([siamese(torch.from_numpy(f[None])) for f in frames]).numpy()
    assert (np.linalg.norm(E, axis=1) < 1).all()
    assert_allclose(E[:, 4:], 0)  # five speakers differ in four directions
    means = np.array([E[speakers == s].mean(axis=0) for s in range(5)])
    nearest = np.linalg.norm(E[:, None] - means, axis=2).argmin(axis=1)
    assert (nearest == speakers).mean() > 0.9


def test_the_directions_of_the_loss_start_at_the_means_of_the_speakers(started):
    siamese, loss, frames, speakers = started
    network = siamese.network
    with torch.no_grad():
        pooled = [
            network.statistics(siamese.standardize(torch.from_numpy(f[None]))) for f in frames
        ]
        projected = (torch.cat(pooled) - network.center) @ network.directions
    means = [projected[speakers == s].mean(0) for s in range(5)]
    cosines = torch.cosine_similarity(torch.stack(means), loss.directions)
    assert (cosines > 0.95).all()  # the directions know parts of the recordings too


def make_vectors(n_speakers, seed):
    """Return 8 embeddings of each speaker; what one speaker varies is large in a tenth of them."""
    rng = np.random.default_rng(seed)
    y = np.repeat(np.arange(n_speakers), 8)
    varies = np.where(np.arange(120) % 10 == 0, 5.0, 1.0)
    X = rng.normal(size=(n_speakers, 120))[y] + varies * rng.normal(size=(len(y), 120))
    return X.astype(np.float32), y


def test_vectors_keep_the_proportions_of_their_dimensions():
    X, y = make_vectors(30, seed=0)
    encoder = SiameseSpeakerEncoder(max_epochs=1, random_state=0).fit(X, y)
    assert encoder.net_.module_.scale.unique().numel() == 1
    assert_allclose(encoder.net_.module_.scale[0], np.sqrt(X.var(axis=0).mean()), rtol=1e-5)


def test_embeddings_of_another_encoder_are_better_behind_the_default():
    known, unknown = make_vectors(60, seed=0), make_vectors(20, seed=1)
    encoder = SiameseSpeakerEncoder(random_state=0).fit(*known)
    tasks = {"n_shots": 1, "k_way": 10, "n_tasks": 500, "random_state": 0}
    learned = n_shot_k_way_score(encoder, *unknown, **tasks).mean()
    as_they_are = n_shot_k_way_score(
        FunctionTransformer().fit(unknown[0]), *unknown, **tasks
    ).mean()
    assert learned > as_they_are + 0.05
