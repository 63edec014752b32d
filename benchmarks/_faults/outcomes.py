"""What may become of an attack, and what must not."""

import warnings
from collections import Counter
from contextlib import contextmanager

# What must not happen. All other outcomes are right, or are limits that the documentation states.
WRONG = ("wrong answer", "unnamed error", "accepted", "left behind", "hung", "too much memory")

REFUSAL = (ValueError, TypeError, OSError, FloatingPointError)
LONGEST = 2_000  # characters of a message


def outcome_of(call, name, is_right=lambda result: True, read="read"):
    """Return what became of a call on something damaged.

    Parameters
    ----------
    call : callable
        Without arguments.
    name : str
        What the message of a refusal must name, such as a path.
    is_right : callable
        Whether the result of the call is right, if there is one.
    read : str
        The outcome when it is.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            result = call()
    except REFUSAL as error:
        is_named = name in str(error) and len(str(error)) < LONGEST
        return "refused by name" if is_named else "unnamed error"
    except Exception:
        return "unnamed error"
    return read if is_right(result) else "wrong answer"


class Tally(Counter):
    """How often each outcome was seen, and an example of each that must not be."""

    def __init__(self):
        super().__init__()
        self.examples = {}

    def add(self, outcome, example):
        """Count an outcome; `example` says how to see it again."""
        self[outcome] += 1
        if outcome in WRONG:
            self.examples.setdefault(outcome, str(example))


@contextmanager
def replaced(owner, **attributes):
    """Set attributes of a module for the time of a block."""
    before = {name: getattr(owner, name) for name in attributes}
    for name, value in attributes.items():
        setattr(owner, name, value)
    try:
        yield
    finally:
        for name, value in before.items():
            setattr(owner, name, value)
