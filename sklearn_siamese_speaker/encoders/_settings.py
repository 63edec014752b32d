"""What a training is told: the settings of one fit, without what it learns from."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from ._parts import Part

if TYPE_CHECKING:
    import torch

    from ..model_selection import NShotKWaySplit

Augmentation = Callable[["torch.Tensor", "torch.Generator"], "torch.Tensor"]


# The values behind "auto". A network says in its attribute `recipe` what suits it better.
COMMON: Mapping[str, Any] = {
    "loss": "prototypical",
    "optimizer": "radam",
    "lr": 1e-2,
    "schedule": "cosine",
    "max_epochs": 40,
    "augment": None,
}


def recipe_of(network: Any) -> dict[str, Any]:
    """Return the value of each parameter that can be "auto".

    Parameters
    ----------
    network : class, callable or torch.nn.Module
        May have an attribute `recipe`, a mapping of some of the parameters.

    Returns
    -------
    recipe : dict
    """
    return {**COMMON, **getattr(network, "recipe", {})}


@dataclass(frozen=True)
class TrainingSettings:
    """Settings of a training, named and meant as those of the encoder.

    Parameters
    ----------
    parts : mapping
        What network, metric, loss, pairs, optimizer, schedule and net are built from.
    module_params : mapping
        The encoder's parameters that network and loss are built from, to build them again.
    lr, batch_size, crop_frames, max_epochs, augment, validation, validation_fraction, \
            validate_every, early_stopping, verbose
        As in :class:`~sklearn_siamese_speaker.SiameseSpeakerEncoder`.
    """

    parts: Mapping[str, Part]
    module_params: Mapping[str, Any]
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
