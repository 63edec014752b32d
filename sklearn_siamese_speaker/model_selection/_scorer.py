"""N-shot k-way accuracy as a scorer for searches."""

from __future__ import annotations

from numbers import Integral

from sklearn.base import BaseEstimator
from sklearn.utils.metadata_routing import MetadataRequest

from ._score import n_shot_k_way_score


class NShotKWayScorer(BaseEstimator):
    """Score an estimator by its mean accuracy over n-shot k-way tasks.

    For ``scoring=`` of searches and cross-validation over :class:`SpeakerKFold`, so that the
    tasks are among speakers that the candidate was not trained on. All candidates of a fold get
    the same tasks. With metadata routing enabled, `groups` (the session of each recording) is
    requested, and the support and the queries of a speaker share no session.

    Parameters
    ----------
    n_shots : int, default=1
        Recordings of each speaker in the support.
    k_way : int, default=5
        Speakers in a task.
    n_queries : int, default=1
        Recordings of each speaker to recognise.
    n_tasks : int, default=100
        Number of tasks.
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

    def __init__(self, n_shots=1, k_way=5, n_queries=1, n_tasks=100, random_state=0):
        self.n_shots = n_shots
        self.k_way = k_way
        self.n_queries = n_queries
        self.n_tasks = n_tasks
        self.random_state = random_state

    def __call__(self, estimator, X, y, groups=None):
        """Return the mean accuracy.

        Parameters
        ----------
        estimator : estimator
            As for :func:`n_shot_k_way_score`.
        X : array-like of shape (n_samples, ...)
            Recordings.
        y : array-like of shape (n_samples,)
            Speaker of each recording.
        groups : array-like of shape (n_samples,), default=None
            Session of each recording.

        Returns
        -------
        accuracy : float
        """
        if not isinstance(self.random_state, Integral):
            raise ValueError(
                "random_state of NShotKWayScorer must be an integer, so that all candidates get "
                f"the same tasks, got {self.random_state!r}."
            )
        accuracies = n_shot_k_way_score(estimator, X, y, groups=groups, **self.get_params())
        return float(accuracies.mean())

    def get_metadata_routing(self):
        """Return what the scorer requests: `groups`.

        Returns
        -------
        routing : MetadataRequest
        """
        routing = MetadataRequest(owner=self)
        routing.score.add_request(param="groups", alias=True)
        return routing
