"""Which distance an embedding is meant for."""

from __future__ import annotations

METRICS = ("euclidean", "cosine", "manhattan")


def find_embedding_metric(estimator):
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
    if hasattr(estimator, "best_estimator_"):
        return find_embedding_metric(estimator.best_estimator_)
    if hasattr(estimator, "steps"):
        steps = [step for _, step in estimator.steps if step not in (None, "passthrough")]
        return find_embedding_metric(steps[-1]) if steps else "euclidean"
    metric = getattr(estimator, "embedding_metric_", "euclidean")
    if metric not in METRICS:
        raise ValueError(
            f"embedding_metric_ of {type(estimator).__name__} must be one of {METRICS}, "
            f"got {metric!r}."
        )
    return metric
