"""Skorch's epochs as tasks of scikit-learn's callbacks (1.9, experimental there)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator
from skorch import NeuralNet
from skorch.callbacks import Callback

from ._net import StopTraining

FittedAttributes = Callable[[], dict[str, Any]]
CallbackFactory = Callable[[FittedAttributes], Callback]


@contextmanager
def fit_task(
    estimator: BaseEstimator, X: ArrayLike, y: ArrayLike, max_epochs: int
) -> Iterator[CallbackFactory | None]:
    """Tell scikit-learn's callbacks that a fit begins and ends.

    Yields
    ------
    make_callback : callable or None
        ``fitted_attributes -> SklearnCallbacks``; None on a scikit-learn without callbacks.
    """
    if not hasattr(estimator, "_init_callback_context"):
        yield None
        return
    context = estimator._init_callback_context(max_subtasks=max_epochs)
    context = context.call_on_fit_task_begin(estimator=estimator, X=X, y=y)
    yield lambda attributes: SklearnCallbacks(estimator, context, X, y, attributes)
    context.call_on_fit_task_end(estimator=estimator, X=X, y=y)


class SklearnCallbacks(Callback):
    """Report each epoch as a task of the estimator's fit.

    Parameters
    ----------
    estimator : SiameseSpeakerEncoder
        The one being fitted.
    context : sklearn.callback.CallbackContext
        Of its fit.
    X, y : array-like
        What it is fitted on.
    fitted_attributes : callable
        Returns what `fit` would set if it ended now, by attribute.
    """

    def __init__(
        self,
        estimator: BaseEstimator,
        context: Any,  # scikit-learn >= 1.9 only
        X: ArrayLike,
        y: ArrayLike,
        fitted_attributes: FittedAttributes,
    ) -> None:
        self.estimator = estimator
        self.context = context
        self.X = X
        self.y = y
        self.fitted_attributes = fitted_attributes

    def on_epoch_begin(self, net: NeuralNet, **kwargs: Any) -> None:
        """Open the epoch's task."""
        task = self.context.subcontext(task_name="epoch")
        self.epoch = task.call_on_fit_task_begin(estimator=self.estimator, X=self.X, y=self.y)

    def on_epoch_end(self, net: NeuralNet, **kwargs: Any) -> None:
        """Close it; a callback may ask for the end of the training."""
        stop = self.epoch.call_on_fit_task_end(
            estimator=self.estimator,
            X=self.X,
            y=self.y,
            reconstruction_attributes=self.fitted_attributes,
        )
        if stop:
            raise StopTraining
