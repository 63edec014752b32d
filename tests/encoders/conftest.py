"""Small networks in the place of the public ones, and the public weights where they are."""

import dataclasses
from functools import partial

import pytest
import torch

from sklearn_siamese_speaker.encoders.pretrained import public_models as _public_models
from sklearn_siamese_speaker.features.weights import is_at_hand
from sklearn_siamese_speaker.nn.campplus import CAMPlusPlus
from sklearn_siamese_speaker.nn.dvector import DVector

SMALL_NETWORKS = {
    "campplus": partial(CAMPlusPlus, 80, 6, growth=2, n_layers=(1, 1, 1)),
    "dvector": partial(DVector, 40, 6, n_layers=1),
}


@pytest.fixture
def save_random_weights():
    """Return a function that writes random weights of a small network and returns the path."""

    def save(name, path, seed=0):
        torch.manual_seed(seed)
        network = SMALL_NETWORKS[name]()
        for key, tensor in network.state_dict().items():
            if key.endswith(("running_var", "linear.bias")):
                tensor.uniform_(0.5, 1.5)
        torch.save(network.state_dict(), path)
        return path

    return save


@pytest.fixture
def small(monkeypatch, tmp_path, save_random_weights):
    """Make all public networks small; return files of random weights for them, by name."""
    for name, build in SMALL_NETWORKS.items():
        model = dataclasses.replace(_public_models.PUBLIC_MODELS[name], build=build, n_dims=6)
        monkeypatch.setitem(_public_models.PUBLIC_MODELS, name, model)
    return {name: save_random_weights(name, tmp_path / f"{name}.pt") for name in SMALL_NETWORKS}


@pytest.fixture
def published():
    """Return the name that it is given, or skip where the weights of that name are not here."""

    def require(name):
        model = _public_models.PUBLIC_MODELS[name]
        if model._find_installed() is None and not is_at_hand(model.published):
            pytest.skip(f"no weights of {model.title} in {model.package} or in the data home")
        return name

    return require
