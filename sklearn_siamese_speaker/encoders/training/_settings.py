"""What a training is told: the settings of one fit, without what it learns from."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator

from ._part_params import Part

if TYPE_CHECKING:
    import torch

    from ...model_selection import NShotKWaySplit

Frames = NDArray[np.float32] | Sequence[NDArray[np.float32]]
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


def is_auto(value: Any) -> bool:
    """Return whether a parameter is left to the network's recipe."""
    return isinstance(value, str) and value == "auto"


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

    def __post_init__(self) -> None:
        wants_validation = {
            "early_stopping": bool(self.early_stopping),
            "validation": self.validation is not None,
        }
        for name, is_wanted in wants_validation.items():
            if is_wanted and self.validation_fraction is None:
                raise ValueError(
                    f"{name} needs speakers to validate on; set validation_fraction, to 0.2 for "
                    "example."
                )

    @classmethod
    def of(cls, estimator: BaseEstimator, parts: Mapping[str, Part]) -> Self:
        """Return the settings of an encoder: "auto" is resolved, numbers are Python's."""
        recipe = recipe_of(parts["network"].factory or parts["network"].value)
        values = {}
        for name in [field.name for field in fields(cls) if field.name != "parts"]:
            value = getattr(estimator, name)
            if name in recipe and is_auto(value):
                value = recipe[name]
            values[name] = value.item() if isinstance(value, np.generic) else value
        return cls(parts=parts, **values)

    def by_name(self) -> dict[str, Any]:
        """Return all settings by name, those of the parts as ``<part>__<argument>``."""
        named = {field.name: getattr(self, field.name) for field in fields(self)}
        del named["parts"]
        for name, part in self.parts.items():
            arguments = part.arguments() | dict(part.given)
            named |= {name: part.value, **{f"{name}__{a}": v for a, v in arguments.items()}}
        return named
