"""The attributes of an estimator, changed as a whole or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import RLock
from typing import TypeVar
from weakref import WeakKeyDictionary

_Estimator = TypeVar("_Estimator")

# A lock for the writers of each estimator. Kept here, because an estimator with a lock among its
# attributes could be neither pickled nor copied.
_writers: WeakKeyDictionary[object, RLock] = WeakKeyDictionary()


@contextmanager
def unchanged_on_error(estimator: object, unless: str | None = None) -> Iterator[None]:
    """Put the attributes of an estimator back when the body raises."""
    # Unless the body has replaced the value of the attribute `unless` before: what was learned by
    # then is kept.
    before = dict(vars(estimator))
    try:
        yield
    except BaseException:
        if unless is None or getattr(estimator, unless, None) is before.get(unless):
            vars(estimator).clear()
            vars(estimator).update(before)
        raise


def snapshot(estimator: _Estimator) -> _Estimator:
    """Return a copy of an estimator that shares its values; no other thread changes it."""
    # What is read from it is of one moment, also while `changed_at_once` writes in another thread.
    copy = object.__new__(type(estimator))
    vars(copy).update(vars(estimator))
    return copy


@contextmanager
def changed_at_once(estimator: _Estimator) -> Iterator[_Estimator]:
    """Yield a copy of an estimator to change; the estimator takes over all changes at once."""
    # Other threads see the estimator before the change or after it, and a body that raises changes
    # nothing. Bodies of several threads run one after another.
    with _writers.setdefault(estimator, RLock()):
        copy = snapshot(estimator)
        before = dict(vars(copy))  # keeps what is replaced alive, so that no finalizer runs below
        yield copy
        after = vars(copy)
        changed = {
            name: value
            for name, value in after.items()
            if name not in before or value is not before[name]
        }
        # One call in C on a dict of strings, as `snapshot` is: no other thread comes in between
        # (Python FAQ, "What kinds of global value mutation are thread-safe?").
        vars(estimator).update(changed)
        for name in before.keys() - after.keys():
            vars(estimator).pop(name, None)
