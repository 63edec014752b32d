"""What a training is told: the settings of one fit, without what it learns from."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from ._parts import Part

if TYPE_CHECKING:
    import torch

    from ..model_selection import NShotKWaySplit

Augmentation = Callable[["torch.Tensor", "torch.Generator"], "torch.Tensor"]


@dataclass(frozen=True)
class TrainingSettings:
    """Settings of a training, named and meant as those of the encoder.

    Parameters
    ----------
    parts : mapping
        What network, metric, loss, pairs, optimizer, schedule and net are built from.
    lr, batch_size, crop_frames, max_epochs, augment, validation, validation_fraction, \
            validate_every, early_stopping, verbose
        As in :class:`~sklearn_siamese_speaker.SiameseSpeakerEncoder`.
    """

    parts: Mapping[str, Part]
    lr: float
    batch_size: int
    crop_frames: int | Literal["auto"]
    max_epochs: int
    augment: Sequence[Augmentation] | None
    validation: NShotKWaySplit | None
    validation_fraction: float | None
    validate_every: int
    early_stopping: bool | int
    verbose: int
