"""The network against loops in numpy, where filters are the last axis as in the published code."""

import numpy as np
import pytest
import torch

from sklearn_siamese_speaker.nn.vggish import VGGishNetwork

CONVOLUTIONS = [0, 3, 6, 8, 11, 13]
POOLED = [0, 3, 8, 13]


def reference(patches, weights, final_relu):
    """Embed patches of shape (n, 96, 64) with images of shape (n, height, width, filters)."""
    images = patches[..., np.newaxis].astype(np.float64)
    for layer in CONVOLUTIONS:
        kernels = weights[f"features.{layer}.weight"].transpose(2, 3, 1, 0)  # 3, 3, in, out
        _, height, width, _ = images.shape
        padded = np.pad(images, ((0, 0), (1, 1), (1, 1), (0, 0)))
        images = weights[f"features.{layer}.bias"] + sum(
            padded[:, i : i + height, j : j + width] @ kernels[i, j]
            for i in range(3)
            for j in range(3)
        )
        images = np.maximum(images, 0)
        if layer in POOLED:
            n, height, width, n_filters = images.shape
            blocks = images.reshape(n, height // 2, 2, width // 2, 2, n_filters)
            images = blocks.max(axis=(2, 4))
    values = images.reshape(len(images), -1)
    for layer in (0, 2, 4):
        values = values @ weights[f"embeddings.{layer}.weight"].T
        values += weights[f"embeddings.{layer}.bias"]
        if layer < 4 or final_relu:
            values = np.maximum(values, 0)
    return values


def make_network(seed=0, **parameters):
    """Return a network whose biases are far from zero, and its weights."""
    network = VGGishNetwork(**parameters)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in network.parameters():
            fan_in = parameter[0].numel() if parameter.ndim > 1 else 4
            parameter.normal_(0, (2 / fan_in) ** 0.5, generator=generator)
    return network, {name: tensor.numpy() for name, tensor in network.state_dict().items()}


def make_patches(n_patches, seed=0):
    patches = np.random.default_rng(seed).normal(-0.5, 0.3, (n_patches, 96, 64))
    return patches.astype(np.float32)


@torch.no_grad()
def embed(network, patches):
    return network(torch.from_numpy(patches)).numpy()


@pytest.mark.parametrize("channels_last", [False, True])
@pytest.mark.parametrize("final_relu", [False, True])
def test_network_equals_loops_over_images_with_filters_last(final_relu, channels_last):
    network, weights = make_network(final_relu=final_relu, width=3)
    if channels_last:
        network.to(memory_format=torch.channels_last)
    patches = make_patches(4)
    expected = reference(patches, weights, final_relu)
    assert np.ptp(expected) > 1
    np.testing.assert_allclose(embed(network, patches), expected, rtol=1e-5, atol=1e-5)


@pytest.mark.slow
def test_network_of_published_size_equals_loops():
    network, weights = make_network(final_relu=False)
    patches = make_patches(1)
    expected = reference(patches, weights, final_relu=False)
    np.testing.assert_allclose(
        embed(network, patches), expected, atol=1e-5 * np.abs(expected).max()
    )


def test_published_size_has_the_published_parameters():
    with torch.device("meta"):
        shapes = {name: tuple(t.shape) for name, t in VGGishNetwork().state_dict().items()}
    assert sum(np.prod(shape) for shape in shapes.values()) == 72_141_184
    n_filters = [shapes[f"features.{layer}.weight"][0] for layer in CONVOLUTIONS]
    assert n_filters == [64, 128, 256, 256, 512, 512]
    assert [shapes[f"embeddings.{layer}.weight"] for layer in (0, 2, 4)] == [
        (4096, 12288),
        (4096, 4096),
        (128, 4096),
    ]
    assert len(shapes) == 2 * (6 + 3)


def test_last_activation_clips_at_zero_and_does_nothing_else():
    with_relu, _ = make_network(final_relu=True, width=1)
    without, _ = make_network(final_relu=False, width=1)
    patches = make_patches(8)
    embeddings = embed(without, patches)
    assert embeddings.min() < 0 < embeddings.max()
    np.testing.assert_array_equal(embed(with_relu, patches), np.maximum(embeddings, 0))


def test_leading_axes_are_kept():
    network, _ = make_network(width=1)
    patches = make_patches(6).reshape(2, 3, 96, 64)
    embeddings = embed(network, patches)
    assert embeddings.shape == (2, 3, 128)
    np.testing.assert_allclose(embeddings[1], embed(network, patches[1]), atol=1e-5)
