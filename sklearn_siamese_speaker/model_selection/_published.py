"""What an encoder publishes about the space of its embeddings: their metric, a ready threshold."""

from __future__ import annotations

from typing import Any

from sklearn.base import BaseEstimator

from ..similarity import METRICS


def find_embedding_metric(estimator: BaseEstimator) -> str:
    """Return the metric of the space an encoder transforms to.

    An encoder publishes it as `embedding_metric_`. It is read through
    :class:`~sklearn.frozen.FrozenEstimator`, through a search, and through a pipeline, whose last
    step decides: another transformer after the encoder makes a space of its own.

    Parameters
    ----------
    estimator : estimator
        A fitted transformer.

    Returns
    -------
    metric : {"euclidean", "cosine", "manhattan"}
        "euclidean" for a transformer that publishes none.

    Raises
    ------
    ValueError
        If `embedding_metric_` is none of the three.

    Examples
    --------
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import FunctionTransformer, StandardScaler
    >>> from sklearn_siamese_speaker.model_selection import find_embedding_metric
    >>> encoder = FunctionTransformer()
    >>> encoder.embedding_metric_ = "cosine"
    >>> find_embedding_metric(make_pipeline(StandardScaler(), encoder))
    'cosine'
    >>> find_embedding_metric(make_pipeline(encoder, StandardScaler()))
    'euclidean'
    """
    return published_metric(estimator) or "euclidean"


def published_metric(estimator: BaseEstimator) -> str | None:
    """Return the metric that the last transformer of an estimator publishes, None without one."""
    encoder = _last_transformer(estimator)
    metric = getattr(encoder, "embedding_metric_", None)
    if metric is not None and metric not in METRICS:
        raise ValueError(
            f"embedding_metric_ of {type(encoder).__name__} must be one of {METRICS}, "
            f"got {metric!r}."
        )
    return metric


def published_threshold(encoder: BaseEstimator | None, metric: str) -> float | None:
    """Return the threshold that an encoder comes with, for similarities in a metric, or None."""
    if encoder is None or published_metric(encoder) != metric:
        return None  # scikit-learn's selectors have a threshold_ too, but no metric
    return getattr(_last_transformer(encoder), "threshold_", None)


def find_threshold(encoder: BaseEstimator | None, metric: str) -> float:
    """Return the threshold that an encoder comes with; raise a ValueError if there is none."""
    threshold = published_threshold(encoder, metric)
    if threshold is None:
        name = None if encoder is None else type(encoder).__name__
        raise ValueError(
            "threshold='encoder' needs an encoder that comes with a threshold, such as "
            f"PretrainedSpeakerEncoder(); encoder={name} has none for the metric {metric!r}. Give "
            "a number, or call calibrate_threshold."
        )
    return threshold


def _last_transformer(estimator: Any) -> Any:
    """Return what makes the embeddings, inside searches and pipelines; None for an empty one."""
    if hasattr(estimator, "best_estimator_"):
        return _last_transformer(estimator.best_estimator_)
    if hasattr(estimator, "steps"):
        steps = active_steps(estimator)
        return _last_transformer(steps[-1]) if steps else None
    return estimator


def active_steps(pipeline: Any) -> list[Any]:
    """Return the steps of a pipeline that do something."""
    return [step for _, step in pipeline.steps if step not in (None, "passthrough")]
