"""How a callback ends a training."""


class StopTraining(Exception):  # noqa: N818 - not an error
    """Raised by a callback to end the training after the current epoch."""
