"""The training loop around skorch: one idea a file."""

from ._batches import Batches, Recordings, random_crop
from ._net import OPTIMIZERS, StopTraining, build_net, epoch_history, train
from ._schedule import SCHEDULES, LearningRateSchedule

__all__ = [
    "OPTIMIZERS",
    "SCHEDULES",
    "Batches",
    "LearningRateSchedule",
    "Recordings",
    "StopTraining",
    "build_net",
    "epoch_history",
    "random_crop",
    "train",
]
