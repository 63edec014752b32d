"""Checks of the numbers that parts are built with: one sentence names the class and the argument.

Each takes the object that is being built and its arguments by name. A wrong kind is a TypeError, a
wrong value a ValueError.
"""

from __future__ import annotations

from numbers import Integral, Real
from typing import Any


def check_sizes(owner: object, *, least: int = 1, **sizes: Any) -> None:
    """Raise unless all are whole numbers of at least `least`."""
    for name, size in sizes.items():
        if not isinstance(size, Integral) or isinstance(size, bool):
            raise TypeError(_sentence(owner, name, f"a whole number of at least {least}", size))
        if size < least:
            raise ValueError(_sentence(owner, name, f"a whole number of at least {least}", size))


def check_filters(owner: object, filters: Any) -> None:
    """Raise unless it is a sequence of at least one positive whole number."""
    expected = "a tuple of at least one whole number"
    if isinstance(filters, str) or not hasattr(filters, "__len__"):
        raise TypeError(_sentence(owner, "filters", expected, filters))
    if len(filters) == 0:
        raise ValueError(_sentence(owner, "filters", expected, filters))
    for i, size in enumerate(filters):
        check_sizes(owner, **{f"filters[{i}]": size})


def check_number(
    owner: object,
    *,
    above: float | None = None,
    least: float = 0.0,
    below: float = float("inf"),
    most: float | None = None,
    **numbers: Any,
) -> None:
    """Raise unless all are numbers in [`least`, `below`).

    `above` excludes the lower end, `most` includes the upper one.
    """
    left = f"({above:g}" if above is not None else f"[{least:g}"
    right = f"{most:g}]" if most is not None else f"{below:g})"
    for name, number in numbers.items():
        sentence = _sentence(owner, name, f"a number in {left}, {right}", number)
        if not isinstance(number, Real) or isinstance(number, bool):
            raise TypeError(sentence)
        value = float(number)
        is_low = value <= above if above is not None else value < least
        is_high = value > most if most is not None else value >= below
        if is_low or is_high or value != value:
            raise ValueError(sentence)


def check_choice(owner: object, *, known: tuple[str, ...], **choices: Any) -> None:
    """Raise unless each is one of the `known` names."""
    for name, choice in choices.items():
        if choice not in known:
            raise ValueError(_sentence(owner, name, " or ".join(map(repr, known)), choice))


def _sentence(owner: object, name: str, expected: str, found: object) -> str:
    return f"{type(owner).__name__} needs {name} to be {expected}, got {found!r}."
