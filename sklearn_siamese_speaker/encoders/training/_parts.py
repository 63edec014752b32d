"""The parts of a SiameseSpeakerEncoder: their names, the settings of a fit, how modules are built.

A part is a network, a metric, a loss, a sampler of pairs, an optimizer, a schedule or the skorch
net. What it may say about itself stands in `nn.protocols`.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import numpy as np
import torch
from sklearn.base import BaseEstimator
from sklearn.utils import Bunch
from skorch import NeuralNet
from torch import Tensor, nn
from torch.optim import lr_scheduler

from ...nn import (
    LOSSES,
    NETWORKS,
    SAMPLERS,
    SPACES,
    CustomLoss,
    Loss,
    RandomPairs,
    Siamese,
    Space,
    auto_network,
)
from ...nn.protocols import ask
from ._part import Part

Augmentation = Callable[[Tensor, torch.Generator], Tensor]

OPTIMIZERS: dict[str, type[torch.optim.Optimizer]] = {
    "radam": torch.optim.RAdam,
    "adam": torch.optim.Adam,
    "adamw": torch.optim.AdamW,
    "sgd": torch.optim.SGD,
}


class ConstantRate(lr_scheduler.ConstantLR):
    """A schedule that keeps the learning rate."""

    can_be_continued: ClassVar[bool] = True

    def __init__(self, optimizer: torch.optim.Optimizer) -> None:
        super().__init__(optimizer, factor=1.0)


SCHEDULES: dict[str, Callable[..., lr_scheduler.LRScheduler]] = {
    "constant": ConstantRate,
    "cosine": lr_scheduler.CosineAnnealingLR,
    # Momentum stays the optimizer's business, unless asked for.
    "one_cycle": functools.partial(lr_scheduler.OneCycleLR, cycle_momentum=False),
}


# Of each kind of part the names it goes by, and the arguments that the training fills in.
_KINDS: Mapping[str, tuple[Mapping[str, Callable[..., Any]], str]] = {
    "network": (NETWORKS, "n_features"),
    "metric": (SPACES, "n_dims"),
    "loss": (LOSSES, "space n_dims n_classes"),
    "pairs": (SAMPLERS, "labels batch_size generator"),
    "optimizer": (OPTIMIZERS, "params lr"),
    "schedule": (
        SCHEDULES,
        "optimizer last_epoch max_lr T_max total_iters total_steps epochs steps_per_epoch",
    ),
}
# What a skorch net is told by the training, and what only its own `fit` and `predict` look at.
_FILLED_IN_NET = (
    "module criterion optimizer lr max_epochs batch_size iterator_train dataset train_split device "
    "verbose warm_start iterator_valid predict_nonlinearity use_caching torch_load_kwargs"
)


def find_part(
    owner: str, name: str, value: Any, given: Mapping[str, Any], n_features: int | None
) -> Part:
    """Return what a part of the estimator `owner` is built from; raise a ValueError for no part."""
    if name == "net":
        return Part(owner, name, None, NeuralNet, frozenset(_FILLED_IN_NET.split()), given)
    registry, filled_in = _KINDS[name]
    filled = frozenset(filled_in.split())
    if name == "network" and is_auto(value):
        # Before features are known they are taken for several.
        value = auto_network(2 if n_features is None else n_features)
    if isinstance(value, str) and value in registry:
        return Part(owner, name, value, registry[value], filled, given)
    if isinstance(value, str) or not callable(value):
        known = ", ".join(map(repr, ["auto"] * (name == "network") + list(registry)))
        raise ValueError(f"{owner}: {name}={value!r} is unknown; it is {known}, or a class.")
    # Functions build a part, but for a loss: there a function is the loss itself.
    is_built = isinstance(value, nn.Module) or (name == "loss" and not isinstance(value, type))
    return Part(owner, name, value, None if is_built else value, filled, given)


# The values behind "auto", where the recipe of the network says nothing else.
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


def recipe_of(network: Part) -> dict[str, Any]:
    """Return the value of each parameter that can be "auto"."""
    return {**COMMON, **ask(network.factory or network.value, "recipe")}


# What a training is told beside its parts and its data, named and meant as by the encoder.
_SETTINGS = (
    "lr",
    "batch_size",
    "crop_frames",
    "max_epochs",
    "augment",
    "validation",
    "validation_fraction",
    "validate_every",
    "early_stopping",
    "verbose",
)


def settings_of(estimator: BaseEstimator, parts: Mapping[str, Part]) -> Bunch:
    """Return the parts and settings of a fit by name: "auto" is resolved, numbers are Python's."""
    recipe = recipe_of(parts["network"])
    settings = Bunch(parts=parts)
    for name in _SETTINGS:
        value = getattr(estimator, name)
        if name in recipe and is_auto(value):
            value = recipe[name]
        settings[name] = value.item() if isinstance(value, np.generic) else value
    for name in ("early_stopping", "validation"):
        if settings[name] not in (False, None) and settings.validation_fraction is None:
            raise ValueError(
                f"{name} needs speakers to validate on; set validation_fraction, to 0.2 for "
                "example."
            )
    return settings


def flat_settings(settings: Bunch) -> dict[str, Any]:
    """Return all settings by name, those of the parts as ``<part>__<argument>``."""
    named = {name: settings[name] for name in _SETTINGS}
    for name, part in settings.parts.items():
        arguments = part.defaults() | dict(part.given)
        named |= {name: part.value, **{f"{name}__{a}": v for a, v in arguments.items()}}
    return named


def build_modules(
    parts: Mapping[str, Part],
    n_features: int,
    n_classes: int,  # training speakers
    mean: Tensor | None = None,  # (n_features,), of the training frames
    scale: Tensor | None = None,
) -> tuple[Siamese, Loss]:
    """Return an untrained module that maps frames to coordinates, and the loss of coordinates."""
    network = parts["network"].build(n_features=n_features)
    with torch.no_grad():  # in evaluation mode, which leaves batch statistics as they are
        n_dims = network.eval()(torch.zeros(1, n_features, 1)).shape[1]
    space = parts["metric"].build(n_dims=n_dims)
    loss = _build_loss(parts, space, n_dims, n_classes)
    mean = torch.zeros(n_features) if mean is None else mean
    scale = torch.ones(n_features) if scale is None else scale
    return Siamese(network, space, mean, scale), loss


def _build_loss(parts: Mapping[str, Part], space: Space, n_dims: int, n_classes: int) -> Loss:
    """Return the loss; raise a ValueError where loss, metric and pairs do not go together."""
    part = parts["loss"]
    metrics = ask(part.factory, "metrics")
    if metrics is not None and space.plain_metric not in metrics:
        allowed = " or ".join(f"metric={name!r}" for name in metrics)
        raise ValueError(f"{part.shown} goes with {allowed} only, got {parts['metric'].shown}.")
    loss = part.build(space=space, n_dims=n_dims, n_classes=n_classes)
    # A loss that was not built with our space knows nothing of it: a user's, or another library's.
    if ask(loss, "space") is not space:
        loss = CustomLoss(space, loss)
    if not ask(parts["pairs"].factory, "gives_pairs"):
        return loss
    if not loss.takes_pairs:
        takers = " or ".join(f"loss={name!r}" for name, cls in LOSSES.items() if cls.takes_pairs)
        raise ValueError(f"{parts['pairs'].shown} goes with {takers} only; use pairs='all'.")
    return RandomPairs(loss)
