"""What a part of the encoder is: its name, what it says about itself, checks of its arguments.

A part is a network, a loss, a space, a sampler or a step of augmentation: any class, function or
module that is built already. It need not derive from anything of this library. A class that is
registered can be chosen by its name:

>>> import torch
>>> from sklearn_siamese_speaker.nn.protocols import Registry, ask
>>> registry = Registry()
>>> @registry.add("mine")
... class Mine(torch.nn.Module):
...     recipe = {"lr": 1e-3}
>>> registry
{'mine': <class 'sklearn_siamese_speaker.nn.protocols.Mine'>}

A part describes itself by attributes and methods of the names below. Of a part without such a name,
the value below holds:

>>> ask(Mine, "recipe"), ask(Mine, "keeps_proportions")
({'lr': 0.001}, False)
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from numbers import Integral, Real
from typing import Any, TypeVar

PartT = TypeVar("PartT")
NamedT = TypeVar("NamedT")


class Registry(dict[str, PartT]):
    """The names that a parameter of the encoder takes, and the classes they stand for."""

    def add(self, name: str) -> Callable[[NamedT], NamedT]:
        """Return a decorator that registers a class by this name."""

        def register(part: Any) -> Any:
            self[name] = part
            return part

        return register


# Names by which a part describes itself, and the value of a part without that name.
_DEFAULTS: Mapping[str, Any] = {
    # A network, built as network(n_features, **arguments):
    # What suits it where these parameters of the encoder are "auto": loss, optimizer, lr, schedule,
    # max_epochs, augment.
    "recipe": {},
    # Whether features are standardized by one scale, because small ones say less.
    "keeps_proportions": False,
    # Why no ONNX file can hold it, as in "it draws random numbers".
    "no_onnx_form": None,
    # A method (center, directions, mean_square): the network begins as a linear discriminant in
    # closed form. It then has `statistics` too, a module from frames to (batch, n_statistics) that
    # knows its `n_statistics`; `shrinkage`, the share of the identity in the within-speaker
    # covariance; and `embedding`, the layer behind, whose `in_features` are the most directions.
    "set_discriminant": None,
    # A loss, built with those of `space`, `n_dims` and `n_classes` that it takes:
    # The names in SPACES that it goes with; None says all.
    "metrics": None,
    # Whether it can be fed pairs one by one, as pairs="random" gives them.
    "takes_pairs": False,
    # The space it measures distances in. A loss that does not hold the space it was built with is
    # called by a `CustomLoss`, with the coordinates and the labels.
    "space": None,
    # A direction for each training speaker, (n_classes, n_dims), that starts at the speaker's mean.
    "directions": None,
    # A method from distances (n_pairs,) to logits of "same speaker" (n_pairs,), for `pair_proba`.
    "pair_logits": None,
    # A sampler, built as sampler(labels, batch_size, generator, **arguments):
    # Whether recordings i and i + n / 2 of a batch of n are a pair.
    "gives_pairs": False,
    # Recordings of a speaker in a batch; 0 where it does not say.
    "recordings_per_speaker": 0,
    # An augmentation, called as change(batch, generator) unless it is not callable:
    # The front ends whose frames it may change: "mfcc", "log_mel", "raw_audio", or "any".
    "domains": frozenset({"any"}),
    # A method from a recording (n_features, n_frames) to copies that count as further speakers.
    "further_speakers": lambda recording: (),
    # A schedule of the learning rate, built as schedule(optimizer, **arguments):
    # Whether the rate of each batch is the same in a training of more epochs.
    "can_be_continued": False,
}


def ask(part: object, name: str) -> Any:
    """Return what a part says about itself by one of the names above, or the default."""
    return getattr(part, name, _DEFAULTS[name])


# Checks of arguments: one sentence names the class that is built, or `owner`, and the argument. A
# wrong kind is a TypeError, a wrong value a ValueError.


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
    """Raise unless all are numbers in [least, below), or in (above, most]."""
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
