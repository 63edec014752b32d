"""How tasks are evaluated: each recording is embedded once, then recognized in every task."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
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

from .._audio import warn_caller
from .._estimators import find_threshold, published_metric, steps_of, unwrap
from .._files import hash_samples
from .._progress import Progress
from ..similarity import METRICS, nearest_speakers
from ._embedding_metric import find_embedding_metric
from ._intervals import (
    accuracy_interval,
    bootstrap_shares,
    count_recognized,
    same_speakers_interval,
)
from ._tasks import TaskBlock


class TaskEvaluator:
    """A fixed front end that embeds every recording once, and what recognizes embeddings."""

    # `estimator` is a transformer, a classifier of embeddings, or a pipeline of fitted transformers
    # that ends in either; the `encoder` of a classifier that has one belongs to `front`, the fitted
    # transformers. `classifier` is None for a transformer: the nearest class mean recognizes.

    def __init__(self, estimator: BaseEstimator) -> None:
        if is_classifier(estimator):
            self.front, self.classifier = _split_classifier(estimator)
        elif hasattr(estimator, "transform"):
            self.front, self.classifier = steps_of(estimator), None
            self._metric = find_embedding_metric(estimator)
        else:
            raise TypeError(
                "n-shot k-way tasks need a classifier or a transformer, "
                f"got {type(estimator).__name__}."
            )
        for transformer in self.front:
            _check_front_is_fitted(transformer)

    def embed(self, X: ArrayLike) -> NDArray:
        """Return the embeddings of all recordings, an array of shape (n_samples, ...)."""
        _warn_of_copies(X)
        for transformer in self.front:
            X = transformer.transform(X)
        return np.asarray(X)

    def recognize(
        self, E: NDArray, y: NDArray, blocks: Iterable[TaskBlock], progress: Progress
    ) -> Iterator[tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.intp]]]:
        """Yield support, query and position of the recognized speaker along `k_way`, or -1."""
        for support, query in blocks:
            yield support, query, self._recognize_block(E, y, support, query, progress)

    def _recognize_block(
        self, E: NDArray, y: NDArray, support: NDArray, query: NDArray, progress: Progress
    ) -> NDArray[np.intp]:
        """Return the recognized positions, by the fastest way the classifier offers."""
        if self.classifier is None:
            recognized = nearest_speakers(E, support, query, metric=self._metric)
        elif hasattr(self.classifier, "predict_tasks"):
            # Called unfitted: all tasks of a block at once.
            recognized = self.classifier.predict_tasks(E, support, query)
        elif _is_nearest_neighbor(self.classifier):
            # The same as a fit for each task, which it saves.
            recognized = nearest_speakers(E, support, query, aggregation="nearest")
        else:
            recognized = np.empty(query.shape, dtype=np.intp)
            for task in range(len(query)):
                recognized[task] = self._fit_and_predict(E, y, support[task], query[task])
                progress.advance()
            return recognized
        progress.advance(len(query))
        return recognized

    def _fit_and_predict(
        self, E: NDArray, y: NDArray, support: NDArray, query: NDArray
    ) -> NDArray[np.intp]:
        """Fit a clone on the support of one task and recognize its queries: (k_way, n_queries)."""
        classifier = clone(self.classifier)
        try:
            classifier.fit(E[support.ravel()], y[support.ravel()])
            predicted = classifier.predict(E[query.ravel()])
        except ValueError as error:
            raise ValueError(_say_why_it_failed(classifier, support.shape, error)) from error
        hits = predicted[:, np.newaxis] == y[support[:, 0]]
        return np.where(hits.any(axis=1), hits.argmax(axis=1), -1).reshape(query.shape)

    def evaluate(
        self, E: NDArray, y: NDArray, blocks: Iterable[TaskBlock], progress: Progress
    ) -> Bunch:
        """Recognize blocks of tasks, and return accuracies, intervals and counts by speaker."""
        labels, speakers = np.unique(y, return_inverse=True)
        counts = np.zeros((2, len(labels)))
        parts, digest = [], blake2b(speakers.tobytes(), digest_size=16)
        for support, query, recognized in self.recognize(E, y, blocks, progress):
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
    """Return the share of recognized queries of each task: (n_tasks,)."""
    positions = np.arange(recognized.shape[1])[:, np.newaxis]
    return (recognized == positions).mean(axis=(1, 2))


def _split_classifier(estimator: BaseEstimator) -> tuple[list[BaseEstimator], BaseEstimator]:
    """Return the fitted transformers before the classifier, and the classifier of embeddings."""
    # A classifier with an encoder would embed in every task: the encoder becomes part of the front,
    # and what the classifier would have asked it is set.
    *front, classifier = steps_of(estimator)
    if getattr(classifier, "encoder", None) is None:
        _check_metric(front, classifier)
        return front, classifier
    encoder = getattr(classifier, "encoder_", classifier.encoder)
    classifier = clone(classifier).set_params(encoder=None)
    if classifier.get_params().get("metric") == "auto":
        classifier.set_params(metric=find_embedding_metric(encoder))
    if classifier.get_params().get("threshold") == "encoder":
        classifier.set_params(threshold=find_threshold(encoder, classifier.metric))
    return front + steps_of(encoder), classifier


def _check_metric(front: list[BaseEstimator], classifier: BaseEstimator) -> None:
    """Raise if the classifier compares embeddings by another metric than they are made for."""
    learned = published_metric(front[-1]) if front else None
    own = classifier.get_params().get("metric")
    own = "euclidean" if own == "auto" else own  # there is no encoder that it could ask
    if learned is not None and own in METRICS and own != learned:
        name = type(classifier).__name__
        encoder = unwrap(front[-1])
        raise ValueError(
            f"{name} compares embeddings by {own!r}, but the {type(encoder).__name__} before it "
            f"was trained for {learned!r}. A classifier at the end of a Pipeline cannot see the "
            f"step before it. Set metric={learned!r} in {name}."
        )


def _say_why_it_failed(classifier: BaseEstimator, shape: tuple[int, ...], error: ValueError) -> str:
    message = (
        f"{type(classifier).__name__} failed in a task of {shape[0]} speakers with {shape[1]} "
        f"recordings each: {error}"
    )
    if hasattr(classifier, "transform"):
        message += (
            " It is a transformer as well: to evaluate the space that it learned on background "
            "speakers, pass make_pipeline(FrozenEstimator(estimator), KNeighborsClassifier(1))."
        )
    return message


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
    for i, recording in enumerate(X if isinstance(X, Sequence) else np.asarray(X)):
        # A path stands for its file: nothing is read twice to be compared.
        is_path = isinstance(recording, str | PathLike)
        content = recording if is_path else hash_samples(recording)
        if first.setdefault(content, i) != i:
            copies.append((i, first[content]))
    if copies:
        copy, original = copies[0]
        warn_caller(
            f"X[{copy}] is the same recording as X[{original}], one of {len(copies)} copies in X: "
            "duplicates leak between support and query; remove them."
        )


def _is_nearest_neighbor(classifier: BaseEstimator) -> bool:
    """Whether it is scikit-learn's 1-NN with the Euclidean distance."""
    if type(classifier) is not KNeighborsClassifier or classifier.n_neighbors != 1:
        return False
    if classifier.metric_params:
        return False
    return (classifier.metric, classifier.p) in {("minkowski", 2), ("euclidean", classifier.p)}
