"""Small networks in the place of the public ones, and the public weights where they are."""

import dataclasses
from functools import partial

import pytest
import torch

from sklearn_siamese_speaker.encoders.pretrained import public_models as _public_models
from sklearn_siamese_speaker.features.weights import is_at_hand
from sklearn_siamese_speaker.nn.public_networks import CAMPlusPlus, DVector

# The d-vector passes windows of several recordings at once. Its width is a multiple of what a
# processor computes at once: for the rest of a row it has other code, which rounds otherwise.
N_DIMS = {"campplus": 6, "dvector": 32}
SMALL_NETWORKS = {
    "campplus": partial(CAMPlusPlus, 80, N_DIMS["campplus"], growth=2, n_layers=(1, 1, 1)),
    "dvector": partial(DVector, 40, N_DIMS["dvector"], n_layers=1),
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
        # A random LSTM forgets all speech during the zeros that fill up a window.
        if name == "dvector":
            network.lstm.bias_ih_l0.data.chunk(4)[1].fill_(4.0)
            network.lstm.weight_ih_l0.data.mul_(10.0)
        torch.save(network.state_dict(), path)
        return path

    return save


@pytest.fixture
def small(monkeypatch, tmp_path, save_random_weights):
    """Make all public networks small; return files of random weights for them, by name."""
    for name, build in SMALL_NETWORKS.items():
        model = dataclasses.replace(
            _public_models.PUBLIC_MODELS[name], build=build, n_dims=N_DIMS[name]
        )
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
