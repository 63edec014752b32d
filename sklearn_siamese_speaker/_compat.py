"""The only place that touches private or moving scikit-learn names."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import copy
from typing import Any

from sklearn.base import _fit_context as fit_context
from sklearn.utils._param_validation import HasMethods, Interval, StrOptions
from sklearn.utils.validation import _check_feature_names_in as check_feature_names_in

try:  # scikit-learn >= 1.9, experimental there
    from sklearn.callback import CallbackSupportMixin, with_callbacks
except ImportError:  # pragma: no cover - exercised on older scikit-learn only

    class CallbackSupportMixin:  # type: ignore[no-redef]
        """Stand-in: older scikit-learn has no callbacks to support."""

    def with_callbacks(fit: Callable) -> Callable:
        """Return `fit` unchanged."""
        return fit


@contextmanager
def fit_steps(estimator: Any, X: Any, n_steps: int) -> Iterator[Callable[[], None]]:
    """Tell the callbacks that a fit begins; yield what tells them that a step is done."""
    if not hasattr(estimator, "_init_callback_context"):  # before scikit-learn 1.9
        yield lambda: None
        return
    context = estimator._init_callback_context(max_subtasks=n_steps)
    context.call_on_fit_task_begin(estimator=estimator, X=X)

    def tell_step() -> None:
        step = context.subcontext(task_name="recordings")
        step.call_on_fit_task_begin(estimator=estimator, X=X)
        step.call_on_fit_task_end(estimator=estimator, X=X)

    yield tell_step
    context.call_on_fit_task_end(estimator=estimator, X=X, reconstruction_attributes={})


def without_callbacks(estimator: Any) -> Any:
    """Return a copy to send to other processes, without callbacks, which belong to this one."""
    sent = copy(estimator)
    for name in [name for name in vars(sent) if "callback" in name]:
        delattr(sent, name)
    return sent


__all__ = [
    "CallbackSupportMixin",
    "HasMethods",
    "Interval",
    "StrOptions",
    "check_feature_names_in",
    "fit_context",
    "fit_steps",
    "with_callbacks",
    "without_callbacks",
]
