"""A fit that fails leaves a fitted estimator as it was."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def unchanged_on_error(estimator: object, unless: str | None = None) -> Iterator[None]:
    """Put the attributes of an estimator back when the body raises.

    Parameters
    ----------
    estimator : estimator
        What the body changes.
    unless : str or None
        Name of an attribute; once the body has replaced its value, nothing is put back.
    """
    before = dict(vars(estimator))
    try:
        yield
    except BaseException:
        if unless is None or getattr(estimator, unless, None) is before.get(unless):
            vars(estimator).clear()
            vars(estimator).update(before)
        raise
