"""Accuracies of each task, of speakers seen and unseen in training, and in searches."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from numbers import Integral

import numpy as np
from numpy.random import RandomState
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, clone
from sklearn.model_selection import BaseCrossValidator
from sklearn.utils import Bunch, _safe_indexing, check_consistent_length, column_or_1d
from sklearn.utils.metadata_routing import MetadataRequest

from .._audio import warn_caller
from .._docs import substitute
from .._progress import Progress
from ._evaluation import TaskEvaluator, task_accuracies
from ._intervals import warn_of_few_speakers
from ._splits import NShotKWaySplit, SeenUnseenSplit
from ._tasks import TaskBlock
from ._texts import TEXTS


@substitute(**TEXTS)
def n_shot_k_way_score(
    estimator: BaseEstimator,
    X: ArrayLike,
    y: ArrayLike,
    *,
    n_shots: int = 1,
    k_way: int = 5,
    n_queries: int = 1,
    n_tasks: int = 100,
    random_state: int | RandomState | None = None,
    groups: ArrayLike | None = None,
) -> NDArray[np.float64]:
    """Return the accuracy of each n-shot k-way task among speakers never trained on.

    Everything before the final classifier must be fitted and is used frozen, so every recording
    is embedded once; only the classifier is cloned and fitted on each task. Task for task it
    equals ``cross_val_score(make_pipeline(FrozenEstimator(front), classifier), X, y,
    cv=NShotKWaySplit(...))`` with the same parameters, in a fraction of the time.

    Parameters
    ----------
    estimator : estimator
        A fitted transformer, evaluated by the nearest class mean in the space of its
        `embedding_metric_`; a classifier of embeddings; or a pipeline that ends in either. A
        classifier may offer ``predict_tasks(E, support, query)`` for all tasks at once.
    %(X)s
    %(y)s
    %(tasks)s
    %(groups)s

    Returns
    -------
    accuracies : ndarray of shape (n_tasks,)
        Share of the queries recognized. Chance is ``1 / k_way``.

    Raises
    ------
    ValueError
        If fewer than `k_way` speakers have enough recordings or sessions.
    %(not_fitted)s

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.neighbors import KNeighborsClassifier
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from sklearn_siamese_speaker.model_selection import n_shot_k_way_score
    >>> rng = np.random.default_rng(0)
    >>> y = np.repeat(np.arange(10), 4)
    >>> X = 2 * rng.normal(size=(10, 8))[y] + rng.normal(size=(40, 8))
    >>> scaler = StandardScaler().fit(X)
    >>> n_shot_k_way_score(scaler, X, y, n_tasks=500, random_state=0).mean().round(2)
    np.float64(0.95)
    >>> knn = make_pipeline(scaler, KNeighborsClassifier(1))
    >>> n_shot_k_way_score(knn, X, y, n_tasks=500, random_state=0).mean().round(2)
    np.float64(0.95)
    """
    check_consistent_length(X, y)
    blocks = NShotKWaySplit(n_shots, k_way, n_queries, n_tasks, random_state).task_blocks(y, groups)
    evaluator = TaskEvaluator(estimator)
    E, labels = evaluator.embed(X), column_or_1d(y)
    with Progress("Evaluating tasks", n_tasks) as progress:
        tasks = evaluator.recognize(E, labels, blocks, progress)
        return np.concatenate([task_accuracies(recognized) for _, _, recognized in tasks])


@substitute(**TEXTS)
class NShotKWayScorer(BaseEstimator):
    """Score an estimator by its mean accuracy over n-shot k-way tasks.

    For ``scoring=`` of searches and cross-validation over :class:`SpeakerKFold`, so that the
    tasks are among speakers that the candidate was not trained on. All candidates of a fold get
    the same tasks. With metadata routing enabled, `groups` (the session of each recording) is
    requested, and the support and the queries of a speaker share no session.

    Parameters
    ----------
    %(sizes)s
    %(n_tasks)s
    random_state : int, default=0
        Draws the tasks.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.decomposition import PCA
    >>> from sklearn.model_selection import GridSearchCV
    >>> from sklearn_siamese_speaker.model_selection import NShotKWayScorer, SpeakerKFold
    >>> rng = np.random.default_rng(0)
    >>> y = np.repeat(np.arange(15), 4)
    >>> X = 2 * rng.normal(size=(15, 8))[y] + rng.normal(size=(60, 8))
    >>> scoring = NShotKWayScorer(n_shots=1, k_way=5, n_tasks=200)
    >>> grid = {"n_components": [1, 8]}
    >>> search = GridSearchCV(PCA(), grid, scoring=scoring, cv=SpeakerKFold(3), error_score="raise")
    >>> search.fit(X, y).best_params_
    {'n_components': 8}
    """

    def __init__(
        self,
        n_shots: int = 1,
        k_way: int = 5,
        n_queries: int = 1,
        n_tasks: int = 100,
        random_state: int = 0,
    ) -> None:
        self.n_shots = n_shots
        self.k_way = k_way
        self.n_queries = n_queries
        self.n_tasks = n_tasks
        self.random_state = random_state

    @substitute(**TEXTS)
    def __call__(
        self,
        estimator: BaseEstimator,
        X: ArrayLike,
        y: ArrayLike,
        groups: ArrayLike | None = None,
    ) -> float:
        """Return the mean accuracy.

        Parameters
        ----------
        estimator : estimator
            As for :func:`n_shot_k_way_score`.
        %(X)s
        %(y)s
        %(groups)s

        Returns
        -------
        accuracy : float

        Raises
        ------
        ValueError
            If fewer than `k_way` speakers have enough recordings or sessions, as in the folds of
            scikit-learn's default `cv`.
        """
        if not isinstance(self.random_state, Integral):
            raise ValueError(
                "random_state of NShotKWayScorer must be an integer, so that all candidates get "
                f"the same tasks, got {self.random_state!r}."
            )
        self._check_speakers(estimator, y, groups)
        accuracies = n_shot_k_way_score(estimator, X, y, groups=groups, **self.get_params())
        return float(accuracies.mean())

    def _check_speakers(
        self, estimator: BaseEstimator, y: ArrayLike, groups: ArrayLike | None
    ) -> None:
        """Raise if there are too few speakers, warn of those trained on; say how to split."""
        try:
            with warnings.catch_warnings(action="ignore"):  # they come again with the tasks
                NShotKWaySplit(**self.get_params()).task_blocks(y, groups)
        except ValueError as error:
            raise ValueError(
                f"{error} Give the search cv=SpeakerKFold(n_splits), so that each fold has all "
                f"recordings of its speakers, and so few folds that each has {self.k_way} speakers."
            ) from None  # a search prints the whole traceback of every failure
        speakers = np.unique(column_or_1d(y))
        trained = [getattr(step, "classes_", []) for step in TaskEvaluator(estimator).front]
        known = [speaker for speaker in speakers if any(speaker in names for names in trained)]
        if known:
            warn_caller(
                f"{len(known)} of {len(speakers)} speakers to score on were trained on, {known[0]} "
                "and others: the score is too high for other speakers. Give the search "
                "cv=SpeakerKFold()."
            )

    def get_metadata_routing(self) -> MetadataRequest:
        """Return what the scorer requests: `groups`.

        Returns
        -------
        routing : MetadataRequest
        """
        routing = MetadataRequest(owner=self)
        routing.score.add_request(param="groups", alias=True)
        return routing


@substitute(**TEXTS)
def seen_unseen_score(
    estimator: BaseEstimator,
    X: ArrayLike,
    y: ArrayLike,
    *,
    cv: BaseCrossValidator | None = None,
    n_shots: int = 1,
    k_way: int = 5,
    n_queries: int = 1,
    n_tasks: int = 100,
    random_state: int | RandomState | None = None,
    groups: ArrayLike | None = None,
) -> Bunch:
    """Fit once, and evaluate on speakers of the training set and on others.

    Parameters
    ----------
    estimator : estimator
        As for :func:`n_shot_k_way_score`; cloned and fitted on the train set as a whole.
    %(X)s
    %(y)s
    cv : SeenUnseenSplit, default=None
        Chooses the two test sets. None is ``SeenUnseenSplit(random_state=random_state)``.
    %(sizes)s
    n_tasks : int, default=100
        Number of tasks in each test set.
    random_state : int, RandomState instance or None, default=None
        Draws the tasks.
    groups : array-like of shape (n_samples,), default=None
        Session of each recording; then support and queries, and train set and seen test set,
        share no session of a speaker.

    Returns
    -------
    scores : Bunch
        `seen` and `unseen`, each a Bunch of `accuracies` (n_tasks,), their `mean`, the 95 %
        interval for other speakers `lower`, `upper`, and the 95 % interval for other tasks among
        the same speakers `same_speakers_lower`, `same_speakers_upper`; `chance`, ``1 / k_way``; and
        the fitted `estimator`. The interval for other speakers is NaN, with a warning, for fewer
        than 10 speakers.

    Raises
    ------
    ValueError
        If either test set has fewer than `k_way` speakers with enough recordings or sessions;
        before anything is fitted.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.neighbors import NeighborhoodComponentsAnalysis
    >>> from sklearn_siamese_speaker.model_selection import SeenUnseenSplit, seen_unseen_score
    >>> rng = np.random.default_rng(0)
    >>> y = np.repeat(np.arange(20), 12)
    >>> X = 0.5 * rng.normal(size=(20, 32))[y] + rng.normal(size=(240, 32))
    >>> nca = NeighborhoodComponentsAnalysis(n_components=4, random_state=0)
    >>> cv = SeenUnseenSplit(unseen_size=0.5, random_state=0)
    >>> scores = seen_unseen_score(nca, X, y, cv=cv, n_tasks=500, random_state=0)
    >>> scores.seen.mean.round(2), scores.unseen.mean.round(2)
    (np.float64(0.51), np.float64(0.29))
    """
    check_consistent_length(X, y, groups)
    labels = column_or_1d(y)
    cv = SeenUnseenSplit(random_state=random_state) if cv is None else cv
    (train, seen), (_, unseen) = cv.split(X, labels, groups)
    tasks = NShotKWaySplit(n_shots, k_way, n_queries, n_tasks, random_state)
    tests = {"seen": seen, "unseen": unseen}
    blocks = {name: _test_blocks(tasks, name, labels, groups, test) for name, test in tests.items()}
    fitted = clone(estimator).fit(_safe_indexing(X, train), labels[train])
    evaluator = TaskEvaluator(fitted)
    scores = {}
    for name, test in tests.items():
        E = evaluator.embed(_safe_indexing(X, test))
        with Progress("Evaluating tasks", n_tasks) as progress:
            scores[name] = evaluator.evaluate(E, labels[test], blocks[name], progress)
        warn_of_few_speakers([scores[name]], f"The {name} test set")
    return Bunch(**scores, chance=1 / k_way, estimator=fitted)


def _test_blocks(
    tasks: NShotKWaySplit,
    name: str,
    labels: NDArray,
    groups: ArrayLike | None,
    test: NDArray[np.intp],
) -> Iterable[TaskBlock]:
    groups = None if groups is None else column_or_1d(groups)[test]
    if len(test) == 0:
        raise ValueError(f"The {name} test set is empty: each speaker needs more recordings.")
    try:
        return tasks.task_blocks(labels[test], groups)
    except ValueError as error:
        raise ValueError(f"The {name} test set is too small: {error}") from error
