"""Every network with every metric and every loss: what goes together fits, the rest is refused."""

import pickle
import re

import conftest
import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.base import clone

from sklearn_siamese_speaker import SiameseSpeakerEncoder
from sklearn_siamese_speaker.nn import LOSSES, NETWORKS, SPACES

TRAINING = {"network__embedding_dim": 8, "max_epochs": 1, "random_state": 0}
TINY = {"network": "cnn2d", "network__filters": (4, 4, 4), **TRAINING}
ALLOWED = [(loss, metric) for loss, kind in LOSSES.items() for metric in kind.metrics]
PAIR_LOSSES = [loss for loss, kind in LOSSES.items() if kind.takes_pairs]


def tiny(network):
    """Return the arguments that make a network small, those of them that it has."""
    known = SiameseSpeakerEncoder(network).get_params()
    sizes = {"network__filters": (4, 4, 4), "network__n_units": 4, "network__n_mixtures": 3}
    return {name: size for name, size in sizes.items() if name in known}


def make_recordings():
    """Speakers that differ in the level of each feature; lengths of 14, 13, 12, 14 ... frames."""
    X, y = conftest.make_frames(3, 3, 6, 14)
    return [frames[:, : 14 - i % 3] for i, frames in enumerate(X)], y


def test_the_table_of_losses_and_metrics_is_the_documented_one():
    anything = {(loss, metric) for loss in LOSSES if loss != "aam" for metric in SPACES}
    assert set(ALLOWED) == anything | {("aam", "cosine"), ("aam", "euclidean")}
    assert PAIR_LOSSES == ["bce", "contrastive"]


@pytest.mark.parametrize(("loss", "metric"), ALLOWED)
@pytest.mark.parametrize("network", NETWORKS)
def test_an_allowed_combination_learns_transforms_clones_and_pickles(network, loss, metric):
    X, y = make_recordings()
    encoder = SiameseSpeakerEncoder(
        network, loss=loss, metric=metric, lr=1e-3, **tiny(network), **TRAINING
    ).fit(X, y)
    embeddings = encoder.transform(X)
    assert embeddings.shape == (9, 8)
    assert embeddings.std(axis=0).max() > 0
    assert encoder.embedding_metric_ == SPACES[metric].plain_metric
    assert np.isfinite(encoder.history_["epochs"][0]["train_loss"])
    assert_array_equal(pickle.loads(pickle.dumps(encoder)).transform(X), embeddings)
    copy = clone(encoder)
    assert not hasattr(copy, "state_")
    assert_array_equal(copy.fit(X, y).transform(X), embeddings)


@pytest.mark.parametrize("loss", PAIR_LOSSES)
@pytest.mark.parametrize("metric", SPACES)
def test_random_pairs_go_with_the_losses_on_pairs_in_every_metric(loss, metric):
    X, y = make_recordings()
    encoder = SiameseSpeakerEncoder(loss=loss, metric=metric, pairs="random", **TINY).fit(X, y)
    assert_array_equal(pickle.loads(pickle.dumps(encoder)).transform(X), encoder.transform(X))
    every_pair = clone(encoder).set_params(pairs="all").fit(X, y)
    assert not np.array_equal(every_pair.transform(X), encoder.transform(X))


def mean_square(embeddings, labels):
    return (embeddings**2).mean()


@pytest.mark.parametrize(
    "loss", [*(loss for loss in LOSSES if loss not in PAIR_LOSSES), mean_square]
)
def test_random_pairs_are_refused_by_a_loss_that_is_not_on_pairs(loss):
    X, y = make_recordings()
    sentence = "pairs='random' goes with loss='bce' or loss='contrastive' only; use pairs='all'."
    with pytest.raises(ValueError, match=f"^{re.escape(sentence)}$"):
        SiameseSpeakerEncoder(loss=loss, metric="cosine", pairs="random", **TINY).fit(X, y)


@pytest.mark.parametrize("network", NETWORKS)
@pytest.mark.parametrize("metric", ["manhattan", "weighted_manhattan"])
def test_aam_is_refused_where_angles_mean_nothing(network, metric):
    X, y = make_recordings()
    sentence = (
        f"loss='aam' goes with metric='cosine' or metric='euclidean' only, got metric='{metric}'."
    )
    with pytest.raises(ValueError, match=f"^{re.escape(sentence)}$"):
        SiameseSpeakerEncoder(network, loss="aam", metric=metric, **tiny(network), **TRAINING).fit(
            X, y
        )
