import numpy as np
import torch

from sklearn_siamese_speaker.nn import CosineSpace, Siamese, frame_statistics


def test_frame_statistics_are_those_of_all_frames_of_all_recordings():
    rng = np.random.default_rng(0)
    recordings = [rng.normal(5, 3, (4, n)).astype(np.float32) for n in (1, 20, 7)]
    mean, scale = frame_statistics(recordings)
    frames = np.concatenate(recordings, axis=1)
    np.testing.assert_allclose(mean, frames.mean(1), rtol=1e-5)
    np.testing.assert_allclose(scale, frames.std(1), rtol=1e-5)


def test_a_feature_that_never_varies_has_a_scale_of_one():
    constant = np.full((1, 1000), 0.1, dtype=np.float32)
    mean, scale = frame_statistics([constant, constant])
    np.testing.assert_allclose(mean, [0.1], rtol=1e-6)
    assert scale.tolist() == [1]


def test_the_twin_standardizes_encodes_and_moves_to_the_space():
    siamese = Siamese(torch.nn.Flatten(), CosineSpace(), torch.tensor([1.0]), torch.tensor([2.0]))
    coordinates = siamese(torch.tensor([[[7.0, 9.0]]]))  # (3, 4) when standardized
    torch.testing.assert_close(coordinates, torch.tensor([[0.6, 0.8]]))
