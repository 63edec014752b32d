"""Shared docstring text: a paragraph written once stands in every docstring that names it."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Callable
from typing import TypeVar

_Documented = TypeVar("_Documented", bound=Callable)
_PLACEHOLDER = re.compile(r"^([ \t]*)%\((\w+)\)s[ \t]*$", re.MULTILINE)


def substitute(**texts: str) -> Callable[[_Documented], _Documented]:
    """Return a decorator that replaces each line ``%(name)s`` of a docstring by a text."""
    # Texts that the docstring does not name are left out, so that a family can share one dict.

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
