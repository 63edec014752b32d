"""The command line: ``siamese-speaker``, or ``python -m sklearn_siamese_speaker``."""

from ._main import main

__all__ = ["main"]
