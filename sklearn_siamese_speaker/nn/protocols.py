"""What the encoder asks of its parts, and what holds for a part that does not say.

A part is any class, function or module that is built already; it need not derive from anything of
this library. What it says about itself it says by attributes and methods of the names below:

>>> import torch
>>> from sklearn_siamese_speaker.nn.protocols import NetworkTraits
>>> class Mine(torch.nn.Module):  # a network
...     recipe = {"lr": 1e-3}
>>> NetworkTraits.of(Mine).recipe, NetworkTraits.of(Mine).keeps_proportions
({'lr': 0.001}, False)
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Protocol, Self

import torch
from torch import Tensor


@dataclass(frozen=True)
class _Traits:
    """Fields that are read from a part by their names, with the values of a part without them."""

    @classmethod
    def of(cls, part: object) -> Self:
        """Return what a part says about itself; None says nothing."""
        names = [trait.name for trait in fields(cls)]
        return cls(**{name: getattr(part, name) for name in names if hasattr(part, name)})


@dataclass(frozen=True)
class NetworkTraits(_Traits):
    """Of a network; it is built as ``network(n_features, **arguments)``."""

    # What its parameters of the encoder are where they are "auto": loss, optimizer, lr, schedule,
    # max_epochs, augment.
    recipe: Mapping[str, Any] = field(default_factory=dict)
    # Whether features are standardized by one scale, because small ones say less.
    keeps_proportions: bool = False
    # Why no ONNX file can hold it, as in "it draws random numbers".
    no_onnx_form: str | None = None
    # A network that has this begins in closed form, and has all of `ClosedForm`.
    set_discriminant: Callable[..., None] | None = None


class ClosedForm(Protocol):
    """A network that begins as a linear discriminant of the statistics of recordings."""

    statistics: Any  # a module: frames to (batch, n_statistics); knows its n_statistics
    shrinkage: float  # share of the identity in the within-speaker covariance
    embedding: torch.nn.Linear  # the layer behind; its in_features are the most directions

    def set_discriminant(self, center: Any, directions: Any, mean_square: float) -> None:
        """Take over a mean (n_statistics,) and directions (n_statistics, n_directions)."""


@dataclass(frozen=True)
class LossTraits(_Traits):
    """Of a loss; `nn.Loss` is built as ``loss(space, **arguments)``, another as it likes."""

    # The names in SPACES that it goes with; None says all.
    metrics: tuple[str, ...] | None = None
    # Whether it can be fed pairs one by one, as pairs="random" gives them.
    takes_pairs: bool = False
    # Where it measures distances. One that does not hold the encoder's space is called with the
    # coordinates and the labels only.
    space: Any = None
    # A direction for each training speaker, (n_classes, n_dims), that starts at the speaker's mean.
    directions: Any = None
    # Distances (n_pairs,) to logits of "same speaker" (n_pairs,), behind `pair_proba`.
    pair_logits: Callable[[Tensor], Tensor] | None = None


@dataclass(frozen=True)
class SamplerTraits(_Traits):
    """Of a sampler; it is built as ``sampler(labels, batch_size, generator, **arguments)``."""

    # Whether recordings i and i + n / 2 of a batch of n are a pair.
    gives_pairs: bool = False
    # Recordings of a speaker in a batch; 0 where it does not say.
    recordings_per_speaker: int = 0


def _no_copies(recording: Tensor) -> Iterable[Tensor]:
    return ()


@dataclass(frozen=True)
class AugmentationTraits(_Traits):
    """Of an augmentation: called as ``change(batch, generator)``, unless it is not callable."""

    # The front ends whose frames it may change: "mfcc", "log_mel", "raw_audio", or "any".
    domains: frozenset[str] = frozenset({"any"})
    # A recording (n_features, n_frames) to copies of it that count as further speakers.
    further_speakers: Callable[[Tensor], Iterable[Tensor]] = _no_copies


@dataclass(frozen=True)
class ScheduleTraits(_Traits):
    """Of a schedule of the learning rate, built as ``schedule(optimizer, **arguments)``."""

    # Whether the rate of each batch is the same in a training of more epochs.
    can_be_continued: bool = False
