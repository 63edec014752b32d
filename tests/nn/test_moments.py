"""Pooling by covariance and mixture inside a network: gradients and the form that exports."""

import pytest
import torch

from sklearn_siamese_speaker.nn import CovariancePooling, MixturePooling
from sklearn_siamese_speaker.nn.networks import statistics


def spd(*eigenvalues, n=2):
    generator = torch.Generator().manual_seed(0)
    vectors = torch.linalg.qr(torch.randn(n, 4, 4, generator=generator, dtype=torch.float64))[0]
    values = torch.tensor(eigenvalues, dtype=torch.float64)
    return (vectors * values) @ vectors.transpose(1, 2)


@pytest.mark.parametrize("eigenvalues", [(0.1, 0.5, 2, 7), (1, 1, 1, 1), (0.05, 0.05, 3, 3)])
def test_the_gradient_of_the_logarithm_holds_for_equal_eigenvalues_too(eigenvalues):
    matrices = spd(*eigenvalues).requires_grad_()

    def symmetric(m):
        return statistics.matrix_logarithm((m + m.transpose(1, 2)) / 2)

    assert torch.autograd.gradcheck(symmetric, matrices)


def test_the_form_that_exports_equals_the_one_by_eigenvectors():
    frames = torch.randn(8, 40, 200, generator=torch.Generator().manual_seed(0))
    frames *= torch.linspace(0.1, 3, 40)[:, None]
    covariance = frames @ frames.transpose(1, 2) / 200 + 0.05 * torch.eye(40)
    by_vectors = statistics._LogarithmByEigenvectors.apply(covariance)
    assert (by_vectors - statistics._logarithm_by_roots(covariance)).abs().max() < 1e-4


def test_covariance_pooling_of_white_frames_is_zero_but_for_the_regularization():
    frames = torch.tensor([[[1.0, -1.0, 1.0, -1.0], [1.0, 1.0, -1.0, -1.0]]])
    pooled = CovariancePooling(regularization=0.5)(frames)[0]
    torch.testing.assert_close(pooled, torch.tensor([1.5, 1.0, 1.5]).log())


def test_mixture_pooling_of_one_component_is_the_shrunk_mean():
    pooling = MixturePooling(2, n_mixtures=1, relevance=4.0)
    pooling.set_mixture([1.0], [[1.0, 0.0]], [[4.0, 1.0]])
    frames = torch.tensor([[[3.0, 5.0, 4.0, 4.0], [1.0, 1.0, 1.0, 1.0]]])
    torch.testing.assert_close(pooling(frames), 4 * torch.tensor([[3 / 2 * 0.5, 1 * 0.5]]))


def test_both_pass_gradients_to_the_frames():
    frames = torch.randn(2, 3, 5, requires_grad=True)
    mixture = MixturePooling(3, n_mixtures=2)
    mixture.set_mixture([0.5, 0.5], torch.eye(2, 3), torch.ones(2, 3))
    (CovariancePooling()(frames).sum() + mixture(frames).square().sum()).backward()
    assert torch.isfinite(frames.grad).all()
    assert frames.grad.abs().min() > 0
