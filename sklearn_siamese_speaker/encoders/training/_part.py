"""Arguments of an estimator's parts as its own parameters, named ``<part>__<argument>``.

A part is what a plain parameter of an estimator chooses, such as a network: by the name of a
registered class, as a class or another factory, or built already. The arguments that a user gives
are kept by name, so that `clone` is exact; those that were not given are in
``get_params(deep=True)`` with the defaults of the chosen factory. Every argument that was given
acts, or raises.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Part:
    """What one part of an estimator is built from."""

    owner: str  # name of the estimator's class, for errors
    name: str  # the estimator's parameter that chooses it
    value: Any  # what was chosen: shown in errors, and copied where there is no factory
    factory: Callable[..., Any] | None  # builds it; None for a part that is built already
    filled: frozenset[str] = frozenset()  # arguments of a factory that the estimator gives itself
    given: Mapping[str, Any] = field(default_factory=dict)  # arguments that the user gives

    def arguments(self) -> dict[str, Any]:
        """Return the defaults of the arguments that a user can give, `_REQUIRED` for no default."""
        if self.factory is None:
            return {}
        parameters = _parameters(self.factory)
        return {name: p.default for name, p in parameters.items() if name not in self.filled}

    def defaults(self) -> dict[str, Any]:
        """Return the arguments that a user need not give, with their defaults."""
        return {name: d for name, d in self.arguments().items() if d is not _REQUIRED}

    def check(self) -> None:
        """Raise a ValueError unless the factory takes the given arguments and lacks none."""
        for argument in self.given:
            self.check_argument(argument)
        missing = [] if self.factory is None else _required(self.factory)
        missing = [n for n in missing if n not in self.filled and n not in self.given]
        if missing:
            needed = ", ".join(f"{self.name}__{argument}" for argument in missing)
            raise ValueError(f"{self.owner}: {self.shown} needs a value for {needed}.")

    def check_argument(self, argument: str) -> None:
        """Raise a ValueError unless the factory takes an argument of this name."""
        if self.factory is None:
            raise ValueError(
                f"{self.owner}: {self.shown} is built already, so {self.name}__{argument} cannot "
                "act; set it where that is built, or pass its class."
            )
        known = self.arguments()
        # A factory with nested parameters of its own, such as a skorch net, checks them itself.
        head = argument.partition("__")[0] if hasattr(self.factory, "set_params") else argument
        if head in known or (head not in self.filled and _takes_any_name(self.factory)):
            return
        if head in self.filled:
            raise ValueError(
                f"{self.owner} sets {self.name}__{argument} itself, from the data and its other "
                "parameters; leave it out."
            )
        names = ", ".join(known) or "none"
        raise ValueError(
            f"{self.owner}: {self.shown} has no argument {argument!r}; its arguments are: {names}."
        )

    def build(self, **context: Any) -> Any:
        """Return a new part, from the given arguments and what the factory names of `context`."""
        if self.factory is None:
            return deepcopy(self.value)
        named = {n: context[n] for n in _parameters(self.factory) if n in context}
        return self.factory(**named, **self.plain_arguments())

    def plain_arguments(self) -> dict[str, Any]:
        """Return the given arguments with Python's numbers in place of NumPy's, to be saved."""
        return {n: v.item() if isinstance(v, np.generic) else v for n, v in self.given.items()}

    @property
    def shown(self) -> str:
        """The choice in words, for errors: ``network='tdnn'``."""
        value = self.value
        if value is None:
            return self.name
        if isinstance(value, str):
            return f"{self.name}={value!r}"
        called = getattr(value, "__qualname__", None)
        return f"{self.name}={called or f'an instance of {type(value).__qualname__}'}"


_REQUIRED = inspect.Parameter.empty
_BY_NAME = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)


def _parameters(factory: Callable[..., Any]) -> dict[str, inspect.Parameter]:
    """Return the parameters that a factory has, by name; of a class, those of its bases too."""
    parameters: dict[str, inspect.Parameter] = {}
    for function in _constructors(factory):
        found = inspect.signature(function).parameters.values()
        for parameter in found:
            if parameter.name != "self" and parameter.kind in _BY_NAME:
                parameters.setdefault(parameter.name, parameter)
        # Only a constructor with ``**kwargs`` hands further arguments on to its bases.
        if not any(parameter.kind is inspect.Parameter.VAR_KEYWORD for parameter in found):
            break
    return parameters


def _required(factory: Callable[..., Any]) -> list[str]:
    """Return the parameters without a default that a factory itself has."""
    # Those of the bases are for the class itself to give.
    own = inspect.signature(_constructors(factory)[0]).parameters.values()
    return [
        p.name for p in own if p.kind in _BY_NAME and p.default is _REQUIRED and p.name != "self"
    ]


def _constructors(factory: Callable[..., Any]) -> list[Callable[..., Any]]:
    if not isinstance(factory, type):
        return [factory]
    return [vars(cls)["__init__"] for cls in factory.__mro__ if "__init__" in vars(cls)]


def _takes_any_name(factory: Callable[..., Any]) -> bool:
    """Whether a function takes ``**kwargs``, which for a class are the parameters of its bases."""
    if isinstance(factory, type):
        return False
    kinds = [parameter.kind for parameter in inspect.signature(factory).parameters.values()]
    return inspect.Parameter.VAR_KEYWORD in kinds


def hide_var_keyword(cls: type) -> None:
    """Leave ``**kwargs`` of a constructor out of the signature of its class."""
    # Tools that pass a value for each name of a signature, as scikit-learn's checks do, would take
    # the name of ``**kwargs`` for a parameter.
    signature = inspect.signature(cls.__init__)  # type: ignore[misc]
    plain = [
        p
        for p in signature.parameters.values()
        if p.name != "self" and p.kind is not inspect.Parameter.VAR_KEYWORD
    ]
    cls.__signature__ = signature.replace(parameters=plain)  # type: ignore[attr-defined]
