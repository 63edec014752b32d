"""An estimator taken apart for n-shot k-way tasks."""

from __future__ import annotations

import warnings
from os import PathLike

import numpy as np
from scipy.sparse import issparse
from sklearn.base import clone, is_classifier
from sklearn.exceptions import NotFittedError
from sklearn.neighbors import KNeighborsClassifier
from sklearn.utils.validation import check_is_fitted

from ..similarity._tasks import nearest_prototypes
from ._embedding_metric import find_embedding_metric


class TaskRecogniser:
    """A frozen front end that embeds every recording once, and what recognises embeddings.

    What recognises is, in this order: the nearest class mean for a transformer; the classifier's
    own ``predict_episodes(E, support, query)``, called unfitted, which returns an int array
    (n_tasks, k_way, n_queries) with the position of the recognised speaker along `k_way` and -1
    for a rejected query; for scikit-learn's 1-NN the nearest recording, which is the same and
    needs no thousands of fits; or a clone of the classifier fitted on each task.

    Parameters
    ----------
    estimator : estimator
        Transformer, classifier of embeddings, or pipeline of fitted transformers that ends in
        either. The `encoder` of a classifier that has one belongs to the front end.
    """

    def __init__(self, estimator):
        if is_classifier(estimator):
            self._front, self._classifier = _split_classifier(estimator)
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
    def front_end(self):
        """The first fitted transformer, None if nothing precedes the classifier."""
        return self._front[0] if self._front else None

    def embed(self, X):
        """Return the embeddings of all recordings, an array of shape (n_samples, ...)."""
        _warn_of_copies(X)
        for transformer in self._front:
            X = transformer.transform(X)
        return np.asarray(X)

    def recognise(self, E, y, support, query):
        """Return positions of the recognised speakers, or -1: (n_tasks, k_way, n_queries)."""
        if self._classifier is None:
            return nearest_prototypes(E, support, query, metric=self._metric)
        if hasattr(self._classifier, "predict_episodes"):
            return self._classifier.predict_episodes(E, support, query)
        if _is_nearest_neighbour(self._classifier):
            return nearest_prototypes(E, support, query, aggregation="nearest")
        recognised = np.empty(query.shape, dtype=int)
        for task, (train, test) in enumerate(zip(support, query, strict=True)):
            classifier = clone(self._classifier).fit(E[train.ravel()], y[train.ravel()])
            predicted = classifier.predict(E[test.ravel()])
            hits = predicted[:, np.newaxis] == y[train[:, 0]]
            positions = np.where(hits.any(axis=1), hits.argmax(axis=1), -1)
            recognised[task] = positions.reshape(test.shape)
        return recognised


def _warn_of_copies(X):
    """Warn when a recording is in X twice, for then it may be query and support of one task."""
    if issparse(X):
        return
    first, copies = {}, []
    for i, recording in enumerate(X if isinstance(X, list) else np.asarray(X)):
        is_path = isinstance(recording, str | PathLike)
        content = recording if is_path else hash(np.asarray(recording).tobytes())
        if first.setdefault(content, i) != i:
            copies.append((i, first[content]))
    if copies:
        copy, original = copies[0]
        warnings.warn(
            f"X[{copy}] is the same recording as X[{original}], one of {len(copies)} copies in X: "
            "a query whose copy enrols is recognised by any system; keep one of each.",
            UserWarning,
            stacklevel=4,
        )


def _is_nearest_neighbour(classifier):
    """Whether it is scikit-learn's 1-NN with the Euclidean distance."""
    if type(classifier) is not KNeighborsClassifier or classifier.n_neighbors != 1:
        return False
    if classifier.metric_params:
        return False
    return (classifier.metric, classifier.p) in {("minkowski", 2), ("euclidean", classifier.p)}


def _flatten(estimator):
    """Return the steps of a pipeline, or of pipelines in it, that do something."""
    if not hasattr(estimator, "steps"):
        return [estimator]
    steps = [step for _, step in estimator.steps if step not in (None, "passthrough")]
    return [part for step in steps for part in _flatten(step)]


def _split_classifier(estimator):
    """Return the fitted transformers before the classifier, and the classifier of embeddings."""
    *front, classifier = _flatten(estimator)
    if getattr(classifier, "encoder", None) is None:
        return front, classifier
    encoder = getattr(classifier, "encoder_", classifier.encoder)
    classifier = clone(classifier).set_params(encoder=None)
    if classifier.get_params().get("metric") == "auto":  # it would have asked the encoder
        classifier.set_params(metric=find_embedding_metric(encoder))
    return front + _flatten(encoder), classifier


def _check_front_is_fitted(transformer):
    try:
        check_is_fitted(transformer)
    except NotFittedError as error:
        raise NotFittedError(
            f"{type(transformer).__name__} is not fitted: n-shot k-way tasks use everything before "
            "the classifier as it is, fit it on background speakers first."
        ) from error
