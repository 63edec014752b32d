"""What other people's files may name: the public address of each class, and the list to trust."""

from __future__ import annotations

import inspect
from types import ModuleType
from typing import Any

from sklearn.base import BaseEstimator


def publish(namespace: dict[str, Any], *computed: str) -> None:
    """Make public what a package imports from the `__all__` of its files; `computed` comes last.

    It is called at the end of ``__init__.py``, with ``globals()``.
    """
    if "__all__" not in namespace:
        files = {name for name, thing in namespace.items() if inspect.ismodule(thing)}
        listed = {name for file in files for name in getattr(namespace[file], "__all__", ())}
        names = [name for name in namespace if name in listed - files]
        namespace["__all__"] = [*names, *computed]
    # Pickle and skops save a class as the name of its module and its own name. A file that names
    # ``sklearn_siamese_speaker.MFCC`` loads after the code of `MFCC` has moved; one that names a
    # private file does not. The price: `doctest` and `inspect.getsource` look for the class in the
    # package. tests/test_doctests.py runs the examples of methods.
    for name in namespace["__all__"]:
        thing = namespace.get(name)
        if inspect.isclass(thing) or inspect.isfunction(thing):
            thing.__module__ = namespace["__name__"]
            if "__firstlineno__" in vars(thing):
                # Python >= 3.13 would show that line of the wrong file as the source of the class.
                delattr(thing, "__firstlineno__")


def trusted_types(of_estimators: ModuleType, *of_parts: ModuleType) -> list[str]:
    """Return the names of the classes that a saved estimator can hold."""
    # They follow from the code of this library alone: a list that is read from a file trusts
    # whatever its author put in. Functions stay out, and a class that is no estimator, which may
    # write files, unless its package holds parts of estimators only.
    packages = {of_estimators: BaseEstimator, **dict.fromkeys(of_parts, object)}
    return [
        f"{package.__name__}.{name}"
        for package, base in packages.items()
        for name in package.__all__
        if inspect.isclass(thing := vars(package).get(name)) and issubclass(thing, base)
    ]
