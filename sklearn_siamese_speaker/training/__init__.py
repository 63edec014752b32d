"""The training loop around skorch: one idea a file."""

from ._batches import Batches, Recordings, random_crop
from ._checkpoint import Checkpoint, CheckpointFile, fingerprint, resume
from ._net import OPTIMIZERS, build_net, epoch_history, train
from ._schedule import SCHEDULES, LearningRateSchedule
from ._sklearn_callbacks import SklearnCallbacks, fit_task
from ._stop import StopTraining
from ._training import Training
from ._validation import Validation, hold_out_speakers

__all__ = [
    "OPTIMIZERS",
    "SCHEDULES",
    "Batches",
    "Checkpoint",
    "CheckpointFile",
    "LearningRateSchedule",
    "Recordings",
    "SklearnCallbacks",
    "StopTraining",
    "Training",
    "Validation",
    "build_net",
    "epoch_history",
    "fingerprint",
    "fit_task",
    "hold_out_speakers",
    "random_crop",
    "resume",
    "train",
]
