"""The loop's pieces: crops, batches, schedules."""

import math

import numpy as np
import pytest
import torch
from numpy.testing import assert_array_equal

from sklearn_siamese_speaker.encoders._batches import Batches, Recordings, random_crop
from sklearn_siamese_speaker.encoders._schedule import SCHEDULES, LearningRateSchedule


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
    recordings = Recordings(frames, [0, 1, 1], crop_frames=5, augment=augment)
    ((batch, speakers),) = Batches(recordings, [[2, 0]], torch.Generator())
    assert batch.shape == (2, 2, 5)
    assert batch[:, 0, 0].tolist() == [30, 10]
    assert speakers.tolist() == [1, 0]


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("constant", [1, 1, 1]),
        ("cosine", [1, 0.5, 0]),
        ("one_cycle", [0.04, 0.5 * (1 + math.cos(math.pi * 2 / 7)), 0]),
    ],
)
def test_schedules_by_hand(name, values):
    assert [SCHEDULES[name](p) for p in (0, 0.5, 1)] == pytest.approx(values)


def test_one_cycle_peaks_after_its_warm_up():
    assert SCHEDULES["one_cycle"](0.3) == 1


def test_the_rate_of_a_batch_depends_on_how_far_the_training_is():
    class Net:
        def __init__(self, n_epochs, n_batches):
            self.history = History([{"batches": [{}] * n_batches}] * n_epochs)
            self.optimizer_ = type("Optimizer", (), {"param_groups": [{"lr": None}]})

    class History(list):
        def __getitem__(self, key):
            return super().__getitem__(key[0])[key[1]] if isinstance(key, tuple) else None

    schedule = LearningRateSchedule("cosine", lr=2.0, batches_per_epoch=4, max_epochs=3)
    net = Net(n_epochs=2, n_batches=3)  # 4 + 2 of 12 batches are done
    schedule.on_batch_begin(net)
    assert net.optimizer_.param_groups[0]["lr"] == pytest.approx(1.0)
