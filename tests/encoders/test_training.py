"""The loop's pieces: crops, batches, schedules."""

import math

import numpy as np
import pytest
import torch
from numpy.testing import assert_array_equal
from skorch.callbacks import Callback

from sklearn_siamese_speaker import SiameseSpeakerEncoder
from sklearn_siamese_speaker.encoders.training._loop import Recordings, random_crop


def test_a_crop_is_a_stretch_of_the_recording_and_every_place_is_possible():
    recording = np.arange(20.0).reshape(2, 10)
    generator = torch.Generator().manual_seed(0)
    crops = [random_crop(recording, 4, generator) for _ in range(200)]
    starts = {int(crop[0, 0]) for crop in crops}
    assert starts == set(range(7))
    assert_array_equal(crops[0], recording[:, int(crops[0][0, 0]) :][:, :4])


def test_a_short_recording_is_repeated():
    crop = random_crop(np.array([[1.0, 2.0]]), 4, torch.Generator())
    assert crop.tolist() in ([[1, 2, 1, 2]], [[2, 1, 2, 1]])


def test_a_batch_holds_the_recordings_of_the_sampler_augmented_in_order():
    frames = [np.full((2, n), i, dtype=np.float32) for i, n in enumerate([5, 7, 9])]
    augment = [lambda batch, generator: batch + 1, lambda batch, generator: batch * 10]
    recordings = Recordings(frames, np.array([0, 1, 1]), augment, 5, torch.Generator())
    batch, speakers = recordings.__getitems__([2, 0])
    assert batch.shape == (2, 2, 5)
    assert batch[:, 0, 0].tolist() == [30, 10]
    assert speakers.tolist() == [1, 0]


def learning_rates(**params):
    """Return the learning rate of each batch of a training of 3 epochs of 4 batches."""
    rates = []

    class Listen(Callback):
        def on_grad_computed(self, net, **kwargs):
            group = net.optimizer_.param_groups[0]
            assert group["betas"] == (0.9, 0.999)  # no schedule touches the momentum
            rates.append(group["lr"])

    X = np.random.default_rng(0).normal(size=(32, 3, 6)).astype(np.float32)
    SiameseSpeakerEncoder(
        network="cnn2d",
        network__filters=(2,),
        network__embedding_dim=2,
        batch_size=8,
        max_epochs=3,
        lr=2.0,
        net__callbacks=[Listen()],
        random_state=0,
        **params,
    ).fit(X, np.repeat(np.arange(8), 4))
    return rates


def cosine(share):
    return (1 + math.cos(math.pi * share)) / 2


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ({"schedule": "constant"}, [2.0] * 12),
        ({"schedule": "cosine"}, [2 * cosine(b / 12) for b in range(12)]),
        (
            {"schedule": "cosine", "schedule__eta_min": 1.0},
            [1 + cosine(b / 12) for b in range(12)],
        ),
        (
            {"schedule": torch.optim.lr_scheduler.ExponentialLR, "schedule__gamma": 0.5},
            [2 * 0.5**b for b in range(12)],
        ),
        (
            {"schedule": torch.optim.lr_scheduler.LinearLR, "schedule__start_factor": 0.5},
            [1 + b / 12 for b in range(12)],
        ),
    ],
)
def test_the_rate_of_a_batch_depends_on_how_far_the_training_is(params, expected):
    assert learning_rates(**params) == pytest.approx(expected)


def test_one_cycle_peaks_after_its_warm_up():
    rates = learning_rates(schedule="one_cycle", schedule__pct_start=0.5)
    assert rates[0] == pytest.approx(2 / 25)
    assert rates[5] == max(rates) == pytest.approx(2)
    assert rates[-1] == pytest.approx(2 / 25 / 1e4)
