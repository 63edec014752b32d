import numpy as np
import pytest
import torch
from scipy.spatial.distance import cdist

from sklearn_siamese_speaker.nn import SPACES

SCIPY_NAMES = {"euclidean": "euclidean", "cosine": "cosine", "manhattan": "cityblock"}


def build_space(metric, n_dims):
    return SPACES[metric](*[n_dims] * (metric == "weighted_manhattan"))


@pytest.fixture
def points():
    generator = torch.Generator().manual_seed(0)
    return torch.randn(2, 30, 5, generator=generator, dtype=torch.float64)


@pytest.mark.parametrize("metric", SPACES)
def test_distances_are_those_of_scipy_between_coordinates(metric, points):
    space = build_space(metric, 5).double()
    a, b = space(points)
    expected = cdist(a.detach(), b.detach(), SCIPY_NAMES[space.plain_metric])
    np.testing.assert_allclose(space.distances(a, b).detach(), expected, atol=1e-12)
    np.testing.assert_allclose(space.paired_distances(a, b).detach(), np.diag(expected), atol=1e-12)


@pytest.mark.parametrize("metric", SPACES)
def test_gradients_of_distances_are_those_of_finite_differences(metric, points):
    space = build_space(metric, 5).double()
    a, b = points[:, :4].clone().requires_grad_()
    assert torch.autograd.gradcheck(lambda a, b: space.distances(space(a), space(b)), (a, b))
    assert torch.autograd.gradcheck(lambda a, b: space.paired_distances(space(a), space(b)), (a, b))


@pytest.mark.parametrize("metric", SPACES)
@pytest.mark.parametrize("method", ["distances", "paired_distances"])
def test_a_distance_of_zero_has_a_finite_gradient(metric, method):
    space = build_space(metric, 3)
    embeddings = torch.ones(2, 3, requires_grad=True)
    getattr(space, method)(space(embeddings), space(embeddings)).sum().backward()
    assert torch.isfinite(embeddings.grad).all()


def test_an_embedding_of_zeros_has_finite_cosine_distances_and_gradients():
    space = build_space("cosine", 3)
    embeddings = torch.zeros(2, 3, requires_grad=True)
    distances = space.distances(space(embeddings), torch.ones(1, 3))
    distances.sum().backward()
    assert distances.tolist() == [[1], [1]]
    assert torch.isfinite(embeddings.grad).all()


def test_small_euclidean_distances_between_long_vectors_are_exact():
    space = build_space("euclidean", 2)
    rows = torch.tensor([[1000.0, 1000.0]]).repeat(40, 1)
    rows[0, 0] += 0.5
    assert space.distances(rows, rows)[0, 1] == 0.5


def test_weighted_manhattan_starts_as_manhattan_and_its_weights_stay_positive():
    space = build_space("weighted_manhattan", 3)
    embeddings = torch.randn(4, 3, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(space(embeddings), embeddings)
    with torch.no_grad():
        space.raw_weights[:] = torch.tensor([-50.0, 0.0, 50.0])
    assert (space.weights > 0).all()
    torch.testing.assert_close(space.weights[1:], torch.tensor([0.693147, 50.0]))


def test_cosine_coordinates_have_length_one():
    coordinates = build_space("cosine", 2)(torch.tensor([[3.0, 4.0], [0.0, 0.1]]))
    torch.testing.assert_close(coordinates, torch.tensor([[0.6, 0.8], [0.0, 1.0]]))
