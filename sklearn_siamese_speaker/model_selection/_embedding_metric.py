"""The metric in which the embeddings of an encoder are compared."""

from __future__ import annotations

from sklearn.base import BaseEstimator

from .._estimators import encoder_inside, published_metric
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
    metric = published_metric(estimator)
    if metric is not None and metric not in METRICS:
        raise ValueError(
            f"embedding_metric_ of {type(encoder_inside(estimator)).__name__} must be one of "
            f"{METRICS}, got {metric!r}."
        )
    return metric or "euclidean"
