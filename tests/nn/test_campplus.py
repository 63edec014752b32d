"""CAM++ against its published names and shapes, and its parts against loops in numpy."""

import hashlib

import numpy as np
import pytest
import torch

from sklearn_siamese_speaker.nn.public_networks import CAMPlusPlus, _ContextMask

# SHA-256 of the names and shapes in 3D-Speaker's campplus_cn_en_common.pt, one line each.
PUBLISHED_NAMES = "0c595e8c70388bb7686c9e775f29752cccd35c571ac9ce840e2895ca8df4b48f"


def make_small(n_features=16, seed=0):
    """Return a network with few channels whose normalizations are not the identity."""
    torch.manual_seed(seed)
    network = CAMPlusPlus(n_features, 6, growth=2, n_layers=(2, 1, 2))
    for name, tensor in network.state_dict().items():
        if name.endswith(("running_mean", "running_var")):
            tensor.uniform_(0.5, 1.5)
    return network.eval()


def test_parameters_have_the_names_and_shapes_of_the_published_weights():
    state = CAMPlusPlus().state_dict()
    lines = sorted(f"{name} {tuple(tensor.shape)}\n" for name, tensor in state.items())
    assert hashlib.sha256("".join(lines).encode()).hexdigest() == PUBLISHED_NAMES
    assert sum(p.numel() for p in CAMPlusPlus().parameters()) == 6_848_544


@pytest.mark.parametrize("n_frames", [3, 4, 50, 199, 200, 201, 402])
def test_any_number_of_frames_from_three_on_gives_one_embedding(n_frames):
    embeddings = make_small()(torch.randn(2, 16, n_frames))
    assert embeddings.shape == (2, 6)
    assert torch.isfinite(embeddings).all()


def test_a_recording_does_not_depend_on_its_neighbors():
    network = make_small().double()
    frames = torch.randn(3, 16, 230, dtype=torch.float64)
    torch.testing.assert_close(network(frames)[1:2], network(frames[1:2]))


@pytest.mark.parametrize("n_frames", [1, 99, 100, 250])
def test_a_mask_is_decided_by_the_means_of_the_recording_and_of_the_segment(n_frames):
    torch.manual_seed(0)
    layer = _ContextMask(4, 3, dilation=2).double()
    frames = torch.randn(1, 4, n_frames, dtype=torch.float64)
    weights = {name: tensor.numpy() for name, tensor in layer.state_dict().items()}
    x = frames[0].numpy()
    padded = np.pad(x, ((0, 0), (2, 2)))
    expected = np.empty((3, n_frames))
    for t in range(n_frames):
        segment = x[:, t // 100 * 100 : t // 100 * 100 + 100]
        context = x.mean(axis=1) + segment.mean(axis=1)
        hidden = weights["linear1.weight"][:, :, 0] @ context + weights["linear1.bias"]
        scores = weights["linear2.weight"][:, :, 0] @ hidden.clip(0) + weights["linear2.bias"]
        local = np.einsum("oik,ik->o", weights["linear_local.weight"], padded[:, t : t + 5 : 2])
        expected[:, t] = local / (1 + np.exp(-scores))
    np.testing.assert_allclose(layer(frames)[0].detach().numpy(), expected, atol=1e-12)


def test_every_parameter_learns():
    network = make_small().train()
    torch.square(network(torch.randn(8, 16, 60)).exp()).sum().backward()
    assert all(p.grad is not None and p.grad.abs().max() > 0 for p in network.parameters())
