"""Shared docstring text: a paragraph written once stands in every docstring that names it."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Callable
from typing import TypeVar

_Documented = TypeVar("_Documented", bound=Callable)
_PLACEHOLDER = re.compile(r"^([ \t]*)%\((\w+)\)s[ \t]*$", re.MULTILINE)


def substitute(**texts: str) -> Callable[[_Documented], _Documented]:
    r"""Return a decorator that puts shared texts into the docstring of a class or function.

    Parameters
    ----------
    **texts : str
        Each replaces the lines of the docstring that are its name alone, written ``%(name)s``,
        at the indentation of that line. Texts that the docstring does not name are left out, so
        that a family can share one dict of them.

    Returns
    -------
    decorator : callable
        It returns the object it was given.

    Raises
    ------
    KeyError
        If the docstring names a text that was not given.

    Examples
    --------
    >>> from sklearn_siamese_speaker._docs import substitute
    >>> @substitute(rate="sample_rate : float\n    In Hz.")
    ... def resample(sample_rate):
    ...     '''Resample.
    ...
    ...     %(rate)s
    ...     '''
    >>> print(resample.__doc__)
    Resample.
    <BLANKLINE>
        sample_rate : float
            In Hz.
    <BLANKLINE>
    """

    def decorator(documented: _Documented) -> _Documented:
        if documented.__doc__:  # None under python -OO
            documented.__doc__ = _PLACEHOLDER.sub(
                lambda found: textwrap.indent(
                    textwrap.dedent(texts[found[2]]).strip("\n"), found[1]
                ),
                documented.__doc__,
            )
        return documented

    return decorator
