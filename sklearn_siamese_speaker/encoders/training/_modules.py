"""The parts of a SiameseSpeakerEncoder: their names, and how the modules are put together."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import torch
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
from ._part_params import Part

OPTIMIZERS: dict[str, type[torch.optim.Optimizer]] = {
    "radam": torch.optim.RAdam,
    "adam": torch.optim.Adam,
    "adamw": torch.optim.AdamW,
    "sgd": torch.optim.SGD,
}


def constant(optimizer: torch.optim.Optimizer) -> lr_scheduler.LRScheduler:
    """Return a schedule that keeps the learning rate."""
    return lr_scheduler.ConstantLR(optimizer, factor=1.0)


SCHEDULES: dict[str, Callable[..., lr_scheduler.LRScheduler]] = {
    "constant": constant,
    "cosine": lr_scheduler.CosineAnnealingLR,
    # Momentum stays the optimizer's business, unless asked for.
    "one_cycle": functools.partial(lr_scheduler.OneCycleLR, cycle_momentum=False),
}


class _Kind(NamedTuple):
    """A kind of part: the names it goes by, and the arguments that the training fills in."""

    registry: Mapping[str, Callable[..., Any]]
    filled: frozenset[str]


_KINDS = {
    "network": _Kind(NETWORKS, frozenset({"n_features"})),
    "metric": _Kind(SPACES, frozenset({"n_dims"})),
    "loss": _Kind(LOSSES, frozenset({"space", "n_dims", "n_classes"})),
    "pairs": _Kind(SAMPLERS, frozenset({"labels", "batch_size", "generator"})),
    "optimizer": _Kind(OPTIMIZERS, frozenset({"params", "lr"})),
    "schedule": _Kind(
        SCHEDULES,
        frozenset(
            {"optimizer", "last_epoch", "max_lr", "T_max", "total_iters", "total_steps"}
            | {"epochs", "steps_per_epoch"}
        ),
    ),
}
# What a skorch net is told by the training, and what only its own `fit` and `predict` look at.
_FILLED_IN_NET = frozenset(
    {"module", "criterion", "optimizer", "lr", "max_epochs", "batch_size", "iterator_train"}
    | {"dataset", "train_split", "device", "verbose", "warm_start", "iterator_valid"}
    | {"predict_nonlinearity", "use_caching", "torch_load_kwargs"}
)


def find_part(
    owner: str, name: str, value: Any, given: Mapping[str, Any], n_features: int | None
) -> Part:
    """Return what a part is built from.

    Parameters
    ----------
    owner : str
        Name of the encoder's class.
    name : str
        The parameter that chooses it, or "net".
    value : str, class, callable or torch.nn.Module
        What the encoder's parameter of this name is.
    given : mapping
        The arguments that were given.
    n_features : int or None
        Features of a frame, which ``network="auto"`` depends on; None before they are known, which
        is taken for several.

    Returns
    -------
    part : Part

    Raises
    ------
    ValueError
        For a value that is neither a registered name nor anything to build from.
    """
    if name == "net":
        return Part(owner, name, None, NeuralNet, _FILLED_IN_NET, given)
    registry, filled = _KINDS[name]
    if name == "network" and isinstance(value, str) and value == "auto":
        value = auto_network(2 if n_features is None else n_features)
    if isinstance(value, str) and value in registry:
        return Part(owner, name, value, registry[value], filled, given)
    if isinstance(value, str) or not callable(value):
        known = ", ".join(map(repr, ["auto"] * (name == "network") + list(registry)))
        raise ValueError(f"{owner}: {name}={value!r} is unknown; it is {known}, or a class.")
    is_built = isinstance(value, nn.Module) or (name == "loss" and not isinstance(value, type))
    return Part(owner, name, value, None if is_built else value, filled, given)


def build_modules(
    parts: Mapping[str, Part],
    n_features: int,
    n_classes: int,
    mean: Tensor | None = None,
    scale: Tensor | None = None,
) -> tuple[Siamese, Loss]:
    """Return the untrained Siamese module and its loss.

    Parameters
    ----------
    parts : mapping
        "network", "metric", "loss" and "pairs".
    n_features : int
        Features of a frame.
    n_classes : int
        Training speakers.
    mean, scale : tensor of shape (n_features,), default=None
        Statistics of the training frames; None is zeros and ones.

    Returns
    -------
    siamese : Siamese
        Maps ``(batch, n_features, n_frames)`` to coordinates ``(batch, n_dims)``.
    loss : Loss
        Maps coordinates and labels to a scalar.

    Raises
    ------
    ValueError
        When loss, metric and pairs do not go together.
    """
    network = parts["network"].build(n_features=n_features)
    with torch.no_grad():
        n_dims = network.eval()(torch.zeros(1, n_features, 1)).shape[1]
    space = parts["metric"].build(n_dims=n_dims)
    loss = _build_loss(parts, space, n_dims, n_classes)
    mean = torch.zeros(n_features) if mean is None else mean
    scale = torch.ones(n_features) if scale is None else scale
    return Siamese(network, space, mean, scale), loss


def _build_loss(parts: Mapping[str, Part], space: Space, n_dims: int, n_classes: int) -> Loss:
    part = parts["loss"]
    metrics = getattr(part.factory, "metrics", None)
    if metrics is not None and space.plain_metric not in metrics:
        allowed = " or ".join(f"metric={name!r}" for name in metrics)
        raise ValueError(f"{part.shown} goes with {allowed} only, got {parts['metric'].shown}.")
    loss = part.build(space=space, n_dims=n_dims, n_classes=n_classes)
    if getattr(loss, "space", None) is not space:
        loss = CustomLoss(space, loss)
    if not getattr(parts["pairs"].factory, "gives_pairs", False):
        return loss
    if not loss.takes_pairs:
        takers = " or ".join(f"loss={name!r}" for name, cls in LOSSES.items() if cls.takes_pairs)
        raise ValueError(f"{parts['pairs'].shown} goes with {takers} only; use pairs='all'.")
    return RandomPairs(loss)
