"""The only place that touches private or moving scikit-learn names."""

from __future__ import annotations

from collections.abc import Callable

from sklearn.base import _fit_context
from sklearn.utils._param_validation import HasMethods, Hidden, Interval, StrOptions
from sklearn.utils.validation import _check_feature_names_in, _is_arraylike, _num_samples

try:  # scikit-learn >= 1.9, experimental there
    from sklearn.callback import CallbackSupportMixin, with_callbacks
except ImportError:  # pragma: no cover - exercised on older scikit-learn only

    class CallbackSupportMixin:  # type: ignore[no-redef]
        """Stand-in: older scikit-learn has no callbacks to support."""

    def with_callbacks(fit: Callable) -> Callable:
        """Return `fit` unchanged."""
        return fit


__all__ = [
    "CallbackSupportMixin",
    "HasMethods",
    "Hidden",
    "Interval",
    "StrOptions",
    "_check_feature_names_in",
    "_fit_context",
    "_is_arraylike",
    "_num_samples",
    "with_callbacks",
]
