"""How tasks are evaluated: each recording is embedded once, then recognised in every task."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from hashlib import blake2b
from os import PathLike

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import issparse
from sklearn.base import BaseEstimator, clone, is_classifier
from sklearn.exceptions import NotFittedError
from sklearn.neighbors import KNeighborsClassifier
from sklearn.utils import Bunch
from sklearn.utils.validation import check_is_fitted

from ..similarity import METRICS, nearest_speakers
from ._intervals import (
    accuracy_interval,
    bootstrap_shares,
    count_recognized,
    same_speakers_interval,
)
from ._tasks import TaskBlock


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
    if hasattr(estimator, "best_estimator_"):
        return find_embedding_metric(estimator.best_estimator_)
    if hasattr(estimator, "steps"):
        steps = _active_steps(estimator)
        return find_embedding_metric(steps[-1]) if steps else "euclidean"
    metric = getattr(estimator, "embedding_metric_", "euclidean")
    if metric not in METRICS:
        raise ValueError(
            f"embedding_metric_ of {type(estimator).__name__} must be one of {METRICS}, "
            f"got {metric!r}."
        )
    return metric


class TaskEvaluator:
    """A fixed front end that embeds every recording once, and what recognises embeddings.

    What recognises is, in this order: the nearest class mean for a transformer; the classifier's
    own ``predict_tasks(E, support, query)``, called unfitted, which returns an int array
    (n_tasks, k_way, n_queries) with the position of the recognised speaker along `k_way` and -1
    for a rejected query; for scikit-learn's 1-NN the nearest recording, which is the same and
    saves a fit for each task; or a clone of the classifier fitted on each task.

    Parameters
    ----------
    estimator : estimator
        Transformer, classifier of embeddings, or pipeline of fitted transformers that ends in
        either. The `encoder` of a classifier that has one belongs to the front end.
    """

    def __init__(self, estimator: BaseEstimator) -> None:
        if is_classifier(estimator):
            self._front, self._classifier = split_classifier(estimator)
        elif hasattr(estimator, "transform"):
            self._front, self._classifier = _flatten(estimator), None
            self._metric = find_embedding_metric(estimator)
        else:
            raise TypeError(
                "n-shot k-way tasks need a classifier or a transformer, "
                f"got {type(estimator).__name__}."
            )
        for transformer in self._front:
            _check_front_is_fitted(transformer)

    @property
    def front_end(self) -> BaseEstimator | None:
        """The first fitted transformer, None if nothing precedes the classifier."""
        return self._front[0] if self._front else None

    def embed(self, X: ArrayLike) -> NDArray:
        """Return the embeddings of all recordings, an array of shape (n_samples, ...)."""
        _warn_of_copies(X)
        for transformer in self._front:
            X = transformer.transform(X)
        return np.asarray(X)

    def recognize(
        self, E: NDArray, y: NDArray, support: NDArray[np.intp], query: NDArray[np.intp]
    ) -> NDArray[np.intp]:
        """Return positions of the recognised speakers, or -1: (n_tasks, k_way, n_queries)."""
        if self._classifier is None:
            return nearest_speakers(E, support, query, metric=self._metric)
        if hasattr(self._classifier, "predict_tasks"):
            return self._classifier.predict_tasks(E, support, query)
        if _is_nearest_neighbor(self._classifier):
            return nearest_speakers(E, support, query, aggregation="nearest")
        recognized = np.empty(query.shape, dtype=np.intp)
        for task, (train, test) in enumerate(zip(support, query, strict=True)):
            classifier = clone(self._classifier).fit(E[train.ravel()], y[train.ravel()])
            predicted = classifier.predict(E[test.ravel()])
            hits = predicted[:, np.newaxis] == y[train[:, 0]]
            positions = np.where(hits.any(axis=1), hits.argmax(axis=1), -1)
            recognized[task] = positions.reshape(test.shape)
        return recognized

    def evaluate(self, E: NDArray, y: NDArray, blocks: Iterable[TaskBlock]) -> Bunch:
        """Recognise blocks of tasks among embeddings and sum them up.

        Parameters
        ----------
        E : ndarray of shape (n_samples, n_dims)
        y : ndarray of shape (n_samples,)
        blocks : iterable of (support, query)

        Returns
        -------
        evaluation : Bunch
            `accuracies` (n_tasks,); their `mean`; `lower` and `upper`, the 95 % interval for other
            speakers, NaN for fewer than 10 speakers; `same_speakers_lower` and
            `same_speakers_upper`, the 95 % interval for other tasks among the same speakers;
            `queries` and `recognized` (n_speakers,), how many queries each speaker had and how many
            of them were recognised; `bootstrap` (n_draws,), the mean under resampled speakers;
            `fingerprint`, equal for equal tasks.
        """
        labels, speakers = np.unique(y, return_inverse=True)
        counts = np.zeros((2, len(labels)))
        parts, digest = [], blake2b(speakers.tobytes(), digest_size=16)
        for support, query in blocks:
            recognized = self.recognize(E, y, support, query)
            counts += count_recognized(speakers[support[:, :, 0]], recognized, len(labels))
            parts.append(task_accuracies(recognized))
            digest.update(support.tobytes() + query.tobytes())
        accuracies = np.concatenate(parts)
        queries, n_right = counts
        lower, upper = accuracy_interval(queries, n_right)
        same_speakers_lower, same_speakers_upper = same_speakers_interval(accuracies)
        return Bunch(
            accuracies=accuracies,
            mean=accuracies.mean(),
            lower=lower,
            upper=upper,
            same_speakers_lower=same_speakers_lower,
            same_speakers_upper=same_speakers_upper,
            queries=queries,
            recognized=n_right,
            bootstrap=bootstrap_shares(queries, n_right),
            fingerprint=digest.hexdigest(),
        )


def task_accuracies(recognized: NDArray[np.intp]) -> NDArray[np.float64]:
    """Return the share of recognised queries of each task: (n_tasks,)."""
    positions = np.arange(recognized.shape[1])[:, np.newaxis]
    return (recognized == positions).mean(axis=(1, 2))


def split_classifier(estimator: BaseEstimator) -> tuple[list[BaseEstimator], BaseEstimator]:
    """Return the fitted transformers before the classifier, and the classifier of embeddings."""
    *front, classifier = _flatten(estimator)
    if getattr(classifier, "encoder", None) is None:
        return front, classifier
    encoder = getattr(classifier, "encoder_", classifier.encoder)
    classifier = clone(classifier).set_params(encoder=None)
    if classifier.get_params().get("metric") == "auto":  # it would have asked the encoder
        classifier.set_params(metric=find_embedding_metric(encoder))
    return front + _flatten(encoder), classifier


def _flatten(estimator: BaseEstimator) -> list[BaseEstimator]:
    """Return the steps of a pipeline, or of pipelines in it, that do something."""
    if not hasattr(estimator, "steps"):
        return [estimator]
    return [part for step in _active_steps(estimator) for part in _flatten(step)]


def _active_steps(pipeline: BaseEstimator) -> list[BaseEstimator]:
    return [step for _, step in pipeline.steps if step not in (None, "passthrough")]


def _check_front_is_fitted(transformer: BaseEstimator) -> None:
    try:
        check_is_fitted(transformer)
    except NotFittedError as error:
        raise NotFittedError(
            f"{type(transformer).__name__} is not fitted: n-shot k-way tasks use everything before "
            "the classifier as it is, fit it on background speakers first."
        ) from error


def _warn_of_copies(X: ArrayLike) -> None:
    """Warn when a recording is in X twice, for then it may be query and support of one task."""
    if issparse(X):
        return
    first: dict[object, int] = {}
    copies = []
    for i, recording in enumerate(X if isinstance(X, list) else np.asarray(X)):
        is_path = isinstance(recording, str | PathLike)
        content = recording if is_path else hash(np.asarray(recording).tobytes())
        if first.setdefault(content, i) != i:
            copies.append((i, first[content]))
    if copies:
        copy, original = copies[0]
        warnings.warn(
            f"X[{copy}] is the same recording as X[{original}], one of {len(copies)} copies in X: "
            "duplicates leak between support and query; remove them.",
            UserWarning,
            stacklevel=4,
        )


def _is_nearest_neighbor(classifier: BaseEstimator) -> bool:
    """Whether it is scikit-learn's 1-NN with the Euclidean distance."""
    if type(classifier) is not KNeighborsClassifier or classifier.n_neighbors != 1:
        return False
    if classifier.metric_params:
        return False
    return (classifier.metric, classifier.p) in {("minkowski", 2), ("euclidean", classifier.p)}
