"""Random numbers for a batch, from the generator that was given and no other."""

from __future__ import annotations

import torch


def uniform(batch, shape, low, high, generator):
    """Return numbers between `low` and `high` of the dtype and on the device of `batch`."""
    numbers = torch.rand(shape, generator=generator, device=generator.device)
    return low + (high - low) * numbers.to(batch)


def normal(batch, generator):
    """Return normal numbers of the shape, the dtype and on the device of `batch`."""
    return torch.randn(batch.shape, generator=generator, device=generator.device).to(batch)


def check_front_end(change, known):
    """Raise a ValueError when a change was made for a front end it does not know."""
    if change.front_end not in known:
        names = " or ".join(map(repr, known))
        raise ValueError(
            f"{type(change).__name__} works on front_end={names}, got {change.front_end!r}."
        )
