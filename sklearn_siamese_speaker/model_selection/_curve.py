"""Accuracy against the number of speakers in a task, and differences between two such curves."""

from __future__ import annotations

import numpy as np
from sklearn.utils import Bunch, check_consistent_length, check_random_state, column_or_1d

from ._intervals import bootstrap_p_value, percentile_interval
from ._judge import judge_tasks
from ._recogniser import TaskRecogniser
from ._splits import check_task_parameters
from ._tasks import SpeakerPool

_CELL_ARRAYS = (
    "mean",
    "lower",
    "upper",
    "same_speakers_lower",
    "same_speakers_upper",
    "bootstrap",
    "fingerprint",
)


def n_shot_k_way_curve(
    estimator,
    X,
    y,
    *,
    k_ways=range(2, 21),
    n_shots=(1, 5),
    n_queries=1,
    n_tasks=1000,
    random_state=0,
    groups=None,
):
    """Return the accuracy for every number of speakers and of shots, with intervals.

    Parameters
    ----------
    estimator : estimator
        As for :func:`n_shot_k_way_score`; every recording is embedded once for all cells.
    X : array-like of shape (n_samples, ...)
        Recordings, or whatever else `estimator` takes.
    y : array-like of shape (n_samples,)
        Speaker of each recording.
    k_ways : sequence of int, default=range(2, 21)
        Numbers of speakers in a task.
    n_shots : sequence of int, default=(1, 5)
        Numbers of recordings of each speaker in the support.
    n_queries : int, default=1
        Recordings of each speaker to recognise.
    n_tasks : int, default=1000
        Number of tasks in each cell.
    random_state : int, RandomState instance or None, default=0
        Draws the tasks. An integer gives two estimators the same tasks, which
        :func:`paired_difference` needs.
    groups : array-like of shape (n_samples,), default=None
        Session of each recording; then the support and the queries of a speaker share none.

    Returns
    -------
    curve : Bunch
        Arrays of shape (n_shots, n_k_ways):

        * `mean`: the accuracy;
        * `lower`, `upper`: its 95 % interval for other speakers, a bootstrap of the speakers (2000
          draws, widened for few speakers [1]_). It is the interval to report;
        * `same_speakers_lower`, `same_speakers_upper`: the normal 95 % interval for other tasks
          among the same speakers;
        * `chance`: ``1 / k_way``;
        * `fingerprint`: equal for equal tasks.

        `bootstrap` (n_shots, n_k_ways, 2000) is the accuracy in each draw. `k_ways`, `n_shots`,
        `n_queries` and `n_tasks` are as given.

    Raises
    ------
    ValueError
        If fewer speakers than the largest of `k_ways` have enough recordings or sessions; before
        anything is embedded.
    NotFittedError
        If anything before the classifier is not fitted.

    Notes
    -----
    More tasks narrow the interval of the same speakers as far as one likes. The interval for other
    speakers they do not: where it is several times the wider one, only more speakers make the
    accuracy surer. With 49 speakers that is so at 1000 tasks already, and a warning comes with
    more than 1000 queries of each speaker.

    References
    ----------
    .. [1] T. C. Hesterberg, "What teachers should know about the bootstrap", The American
       Statistician 69(4), 2015, 371-386.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.preprocessing import StandardScaler
    >>> from sklearn_siamese_speaker.model_selection import n_shot_k_way_curve
    >>> rng = np.random.default_rng(0)
    >>> y = np.repeat(np.arange(20), 6)
    >>> X = 2 * rng.normal(size=(20, 8))[y] + rng.normal(size=(120, 8))
    >>> scaler = StandardScaler().fit(X)
    >>> curve = n_shot_k_way_curve(scaler, X, y, k_ways=[2, 5, 20], n_tasks=200)
    >>> curve.mean.round(2)
    array([[0.98, 0.92, 0.76],
           [1.  , 0.97, 0.93]])
    >>> curve.chance.shape
    (2, 3)
    """
    check_consistent_length(X, y)
    k_ways, n_shots = list(k_ways), list(n_shots)
    seed = random_state
    if not isinstance(seed, int | np.integer):
        seed = check_random_state(random_state).randint(np.iinfo(np.int32).max)
    cells = _check_cells(y, groups, k_ways, n_shots, n_queries, n_tasks, seed)
    recogniser = TaskRecogniser(estimator)
    E, y = recogniser.embed(X), column_or_1d(y)
    judged = [judge_tasks(recogniser, E, y, blocks) for blocks in cells]
    shape = (len(n_shots), len(k_ways))
    arrays = {name: np.array([cell[name] for cell in judged]) for name in _CELL_ARRAYS}
    return Bunch(
        **{name: array.reshape(*shape, *array.shape[1:]) for name, array in arrays.items()},
        chance=np.broadcast_to(1 / np.array(k_ways), shape),
        k_ways=np.array(k_ways),
        n_shots=np.array(n_shots),
        n_queries=n_queries,
        n_tasks=n_tasks,
    )


def _check_cells(y, groups, k_ways, n_shots, n_queries, n_tasks, seed):
    """Return the tasks of every cell, not drawn yet, after all checks."""
    cells = []
    for shots in n_shots:
        for k_way in k_ways:
            check_task_parameters(shots, k_way, n_queries, n_tasks)
        pool = SpeakerPool(y, groups, shots, n_queries)
        pool.require(max(k_ways), n_tasks)
        cells += [pool.draw(k_way, n_tasks, seed) for k_way in k_ways]
    return cells


def paired_difference(curve, baseline):
    """Return how much better one system is than another on the same tasks.

    Parameters
    ----------
    curve, baseline : Bunch
        Results of :func:`n_shot_k_way_curve` with the same tasks: the same `y`, `groups`,
        `k_ways`, `n_shots`, `n_queries`, `n_tasks` and integer `random_state`.

    Returns
    -------
    comparison : Bunch
        Arrays of shape (n_shots, n_k_ways): `difference` of the accuracies, `curve` minus
        `baseline`; `lower` and `upper`, its 95 % interval for other speakers; `p_value`, two-sided,
        of no difference. Both curves are resampled with the same speakers in each draw.

    Raises
    ------
    ValueError
        If the tasks differ.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.decomposition import PCA
    >>> from sklearn_siamese_speaker.model_selection import n_shot_k_way_curve, paired_difference
    >>> rng = np.random.default_rng(0)
    >>> y = np.repeat(np.arange(20), 6)
    >>> X = 2 * rng.normal(size=(20, 8))[y] + rng.normal(size=(120, 8))
    >>> curve, baseline = (
    ...     n_shot_k_way_curve(PCA(n).fit(X), X, y, k_ways=[2, 5], n_shots=[1]) for n in (8, 2)
    ... )
    >>> comparison = paired_difference(curve, baseline)
    >>> comparison.difference.round(2)
    array([[0.08, 0.2 ]])
    >>> comparison.lower > 0
    array([[ True,  True]])
    """
    if not np.array_equal(curve.fingerprint, baseline.fingerprint):
        raise ValueError(
            "A paired difference needs curves over the same tasks, got different ones: use the "
            "same y, groups, k_ways, n_shots, n_queries, n_tasks and an integer random_state."
        )
    draws = curve.bootstrap - baseline.bootstrap
    lower, upper = percentile_interval(draws)
    return Bunch(
        difference=curve.mean - baseline.mean,
        lower=lower,
        upper=upper,
        p_value=bootstrap_p_value(draws),
    )
