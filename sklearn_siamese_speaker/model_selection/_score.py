"""The accuracy of each n-shot k-way task, and of speakers seen and unseen in training."""

from __future__ import annotations

import numpy as np
from sklearn.base import clone
from sklearn.utils import Bunch, _safe_indexing, check_consistent_length, column_or_1d

from ._judge import judge_tasks, task_accuracies
from ._recogniser import TaskRecogniser
from ._splits import NShotKWaySplit, SeenUnseenSplit


def n_shot_k_way_score(
    estimator,
    X,
    y,
    *,
    n_shots=1,
    k_way=5,
    n_queries=1,
    n_tasks=100,
    random_state=None,
    groups=None,
):
    """Return the accuracy of each n-shot k-way task among speakers never trained on.

    Everything before the final classifier must be fitted and is used frozen, so every recording
    is embedded once; only the classifier is cloned and fitted on each task. Task for task it
    equals ``cross_val_score(make_pipeline(FrozenEstimator(front), classifier), X, y,
    cv=NShotKWaySplit(...))`` with the same parameters, in a fraction of the time.

    Parameters
    ----------
    estimator : estimator
        A fitted transformer, judged by nearest class mean in the space of its
        `embedding_metric_`; a classifier of embeddings; or a pipeline that ends in either. A
        classifier may offer ``predict_episodes(E, support, query)`` for all tasks at once.
    X : array-like of shape (n_samples, ...)
        Recordings, or whatever else `estimator` takes.
    y : array-like of shape (n_samples,)
        Speaker of each recording.
    n_shots : int, default=1
        Recordings of each speaker in the support.
    k_way : int, default=5
        Speakers in a task.
    n_queries : int, default=1
        Recordings of each speaker to recognise.
    n_tasks : int, default=100
        Number of tasks.
    random_state : int, RandomState instance or None, default=None
        Draws the tasks.
    groups : array-like of shape (n_samples,), default=None
        Session of each recording; then the support and the queries of a speaker share none.

    Returns
    -------
    accuracies : ndarray of shape (n_tasks,)
        Share of the queries recognised. Chance is ``1 / k_way``.

    Raises
    ------
    ValueError
        If fewer than `k_way` speakers have enough recordings or sessions.
    NotFittedError
        If anything before the classifier is not fitted.

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
    tasks = NShotKWaySplit(n_shots, k_way, n_queries, n_tasks, random_state)
    blocks = tasks.task_blocks(y, groups)
    recogniser = TaskRecogniser(estimator)
    E, y = recogniser.embed(X), column_or_1d(y)
    return np.concatenate([task_accuracies(recogniser.recognise(E, y, *block)) for block in blocks])


def seen_unseen_score(
    estimator,
    X,
    y,
    *,
    cv=None,
    n_shots=1,
    k_way=5,
    n_queries=1,
    n_tasks=100,
    random_state=None,
    groups=None,
):
    """Fit once, and judge on speakers of the training set and on others.

    Parameters
    ----------
    estimator : estimator
        As for :func:`n_shot_k_way_score`; cloned and fitted on the train set as a whole.
    X : array-like of shape (n_samples, ...)
        Recordings, or whatever else `estimator` takes.
    y : array-like of shape (n_samples,)
        Speaker of each recording.
    cv : SeenUnseenSplit, default=None
        Chooses the two test sets. None is ``SeenUnseenSplit(random_state=random_state)``.
    n_shots : int, default=1
        Recordings of each speaker in the support.
    k_way : int, default=5
        Speakers in a task.
    n_queries : int, default=1
        Recordings of each speaker to recognise.
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
        the fitted `estimator`.

    Raises
    ------
    ValueError
        If either test set has fewer than `k_way` speakers with enough recordings or sessions;
        before anything is fitted.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.neighbors import NeighborhoodComponentsAnalysis
    >>> from sklearn_siamese_speaker.model_selection import seen_unseen_score
    >>> rng = np.random.default_rng(0)
    >>> y = np.repeat(np.arange(20), 8)
    >>> X = rng.normal(size=(20, 16))[y] + rng.normal(size=(160, 16))
    >>> nca = NeighborhoodComponentsAnalysis(random_state=0)
    >>> scores = seen_unseen_score(nca, X, y, n_tasks=500, random_state=0)
    >>> scores.seen.mean.round(2), scores.unseen.mean.round(2)
    (np.float64(0.82), np.float64(0.61))
    """
    check_consistent_length(X, y, groups)
    y = column_or_1d(y)
    cv = SeenUnseenSplit(random_state=random_state) if cv is None else cv
    (train, seen), (_, unseen) = cv.split(X, y, groups)
    tasks = NShotKWaySplit(n_shots, k_way, n_queries, n_tasks, random_state)
    tests = {"seen": seen, "unseen": unseen}
    blocks = {name: _test_blocks(tasks, name, y, groups, test) for name, test in tests.items()}
    fitted = clone(estimator).fit(_safe_indexing(X, train), y[train])
    recogniser = TaskRecogniser(fitted)
    scores = {}
    for name, test in tests.items():
        E = recogniser.embed(_safe_indexing(X, test))
        scores[name] = judge_tasks(recogniser, E, y[test], blocks[name])
    return Bunch(**scores, chance=1 / k_way, estimator=fitted)


def _test_blocks(tasks, name, y, groups, test):
    groups = None if groups is None else column_or_1d(groups)[test]
    if len(test) == 0:
        raise ValueError(f"The {name} test set is empty: each speaker needs more recordings.")
    try:
        return tasks.task_blocks(y[test], groups)
    except ValueError as error:
        raise ValueError(f"The {name} test set is too small: {error}") from error
