"""What is inside an estimator: its steps, what its encoder publishes, the rate of its arrays.

Pipelines, frozen estimators and searches are looked through here and nowhere else.
"""

from __future__ import annotations

from typing import Any

from sklearn.frozen import FrozenEstimator
from sklearn.utils import get_tags


def thaw(estimator: Any) -> Any:
    """Return the estimator inside a frozen one, any other as it is."""
    while isinstance(estimator, FrozenEstimator):
        estimator = estimator.estimator
    return estimator


def unwrap(estimator: Any) -> Any:
    """Return the estimator inside a frozen one or a fitted search, any other as it is."""
    estimator = thaw(estimator)
    if hasattr(estimator, "best_estimator_"):
        return unwrap(estimator.best_estimator_)
    return estimator


def steps_of(estimator: Any) -> list[Any]:
    """Return the steps of a pipeline, or of pipelines in it, that do something.

    What is no pipeline is its own only step. A frozen step stays frozen: it is not to be fitted.
    """
    if not hasattr(estimator, "steps"):
        return [estimator]
    active = [step for _, step in estimator.steps if step not in (None, "passthrough")]
    return [part for step in active for part in steps_of(step)]


def encoder_inside(estimator: Any) -> Any:
    """Return the last transformer, which makes the embeddings; None of an empty pipeline."""
    steps = steps_of(unwrap(estimator))
    if not steps or steps[-1] is estimator:
        return estimator if steps else None
    return encoder_inside(steps[-1])


def front_end_inside(estimator: Any) -> Any:
    """Return the first transformer, which takes the recordings; None of an empty pipeline."""
    inner = unwrap(estimator)
    if hasattr(inner, "steps"):
        inner = next(iter(steps_of(inner)), None)
    else:  # of a search that is not fitted, of a perturbation
        inner = getattr(inner, "estimator", None) or getattr(inner, "encoder", None) or inner
    return inner if inner is None or inner is estimator else front_end_inside(inner)


def published_metric(estimator: Any) -> str | None:
    """Return the metric that the encoder in an estimator publishes, None without one."""
    return getattr(encoder_inside(estimator), "embedding_metric_", None)


def published_threshold(estimator: Any, metric: str) -> float | None:
    """Return the threshold that an encoder comes with, for similarities in a metric, or None."""
    if estimator is None or published_metric(estimator) != metric:
        return None  # scikit-learn's selectors have a threshold_ too, but no metric
    return getattr(encoder_inside(estimator), "threshold_", None)


def find_threshold(estimator: Any, metric: str) -> float:
    """Return the threshold that an encoder comes with; raise a ValueError if there is none."""
    threshold = published_threshold(estimator, metric)
    if threshold is None:
        name = None if estimator is None else type(estimator).__name__
        raise ValueError(
            "threshold='encoder' needs an encoder that comes with a threshold, such as "
            f"PretrainedSpeakerEncoder(); encoder={name} has none for the metric {metric!r}. Give "
            "a number, or call calibrate_threshold."
        )
    return threshold


def find_sample_rate(estimator: Any, default: float) -> float:
    """Return the rate in Hz at which an estimator takes arrays, `default` if it does not say."""
    return getattr(front_end_inside(estimator), "input_sample_rate", default)


def was_trained(estimator: Any) -> bool:
    """Whether fitting an estimator again would discard something it learned."""
    if isinstance(estimator, FrozenEstimator):
        return False
    if hasattr(estimator, "steps"):
        return any(was_trained(step) for _, step in estimator.steps)
    fitted = {name for name in getattr(estimator, "__dict__", {}) if name.endswith("_")}
    return (
        bool(fitted - {"n_features_in_", "feature_names_in_"}) and get_tags(estimator).requires_fit
    )
