"""Accuracy against the number of speakers in a task, and differences between two such curves."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.random import RandomState
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator
from sklearn.utils import Bunch, check_consistent_length, check_random_state, column_or_1d

from .._docs import substitute
from .._progress import Progress
from ._evaluation import TaskEvaluator
from ._intervals import compare_paired, warn_of_few_speakers
from ._results import Curve
from ._splits import check_task_parameters
from ._tasks import SpeakerPool, TaskBlock
from ._texts import TEXTS

_CELL_ARRAYS = (
    "mean",
    "lower",
    "upper",
    "same_speakers_lower",
    "same_speakers_upper",
    "queries",
    "recognized",
    "bootstrap",
    "fingerprint",
)
_COMPARED = ("lower", "upper", "p_value")


@substitute(**TEXTS)
def n_shot_k_way_curve(
    estimator: BaseEstimator,
    X: ArrayLike,
    y: ArrayLike,
    *,
    k_ways: Iterable[int] = range(2, 21),
    n_shots: Iterable[int] = (1, 5),
    n_queries: int = 1,
    n_tasks: int = 1000,
    random_state: int | RandomState | None = 0,
    groups: ArrayLike | None = None,
) -> Bunch:
    """Return the accuracy for every number of speakers and of shots, with intervals.

    Parameters
    ----------
    estimator : estimator
        As for :func:`n_shot_k_way_score`; every recording is embedded once for all cells.
    %(X)s
    %(y)s
    k_ways : sequence of int, default=range(2, 21)
        Numbers of speakers in a task.
    n_shots : sequence of int, default=(1, 5)
        Numbers of recordings of each speaker in the support.
    n_queries : int, default=1
        Recordings of each speaker to recognize.
    n_tasks : int, default=1000
        Number of tasks in each cell.
    random_state : int, RandomState instance or None, default=0
        Draws the tasks. An integer gives two estimators the same tasks, which
        :func:`paired_difference` needs.
    %(groups)s

    Returns
    -------
    curve : Bunch
        Arrays of shape (n_shots, n_k_ways):

        * `mean`: the accuracy;
        * `lower`, `upper`: its 95 % interval for other speakers, a bootstrap of the speakers (2000
          draws, widened for few speakers and for few who make the errors [1]_). It is the interval
          to report; NaN, with a warning, for fewer than 10 speakers;
        * `same_speakers_lower`, `same_speakers_upper`: the normal 95 % interval for other tasks
          among the same speakers;
        * `chance`: ``1 / k_way``;
        * `fingerprint`: equal for equal tasks.

        `queries` and `recognized` (n_shots, n_k_ways, n_speakers) count the queries of each of the
        `speakers` (n_speakers,), and those recognized. `bootstrap` (n_shots, n_k_ways, 2000) is the
        accuracy in each draw. `k_ways`, `n_shots`, `n_queries` and `n_tasks` are as given.
        ``to_frame()`` returns a DataFrame with one row for each cell, if pandas is installed.

    Raises
    ------
    ValueError
        If fewer speakers than the largest of `k_ways` have enough recordings or sessions; before
        anything is embedded.
    %(not_fitted)s

    Notes
    -----
    More tasks narrow the interval for the same speakers only. The interval for other speakers
    depends on the number of speakers: with 49 of them, more than 1000 tasks hardly narrow it. A
    warning is given above 1000 queries of each speaker.

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
    evaluator = TaskEvaluator(estimator)
    E, labels = evaluator.embed(X), column_or_1d(y)
    with Progress("Evaluating tasks", len(cells) * n_tasks) as progress:
        evaluated = [evaluator.evaluate(E, labels, blocks, progress) for blocks in cells]
    warn_of_few_speakers(evaluated)
    shape = (len(n_shots), len(k_ways))
    arrays = {name: np.array([cell[name] for cell in evaluated]) for name in _CELL_ARRAYS}
    return Curve(
        **{name: array.reshape(*shape, *array.shape[1:]) for name, array in arrays.items()},
        chance=np.broadcast_to(1 / np.array(k_ways), shape),
        speakers=np.unique(labels),
        k_ways=np.array(k_ways),
        n_shots=np.array(n_shots),
        n_queries=n_queries,
        n_tasks=n_tasks,
    )


def _check_cells(
    y: ArrayLike,
    groups: ArrayLike | None,
    k_ways: Sequence[int],
    n_shots: Sequence[int],
    n_queries: int,
    n_tasks: int,
    seed: int,
) -> list[Iterable[TaskBlock]]:
    """Return the tasks of every cell, not drawn yet, after all checks."""
    cells: list[Iterable[TaskBlock]] = []
    for shots in n_shots:
        for k_way in k_ways:
            check_task_parameters(shots, k_way, n_queries, n_tasks)
        pool = SpeakerPool(y, groups, shots, n_queries)
        pool.require(max(k_ways), n_tasks)
        cells += [pool.draw(k_way, n_tasks, seed) for k_way in k_ways]
    return cells


def paired_difference(curve: Bunch, baseline: Bunch) -> Bunch:
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
        of no difference. Both curves are resampled with the same speakers in each draw. For fewer
        than 10 speakers, interval and p-value are NaN. Where all speakers have equal accuracies in
        both, all three numbers of the interval are 0: these speakers show no difference.

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
    shape = np.shape(curve.mean)
    comparison = Bunch(difference=curve.mean - baseline.mean)
    comparison.update({name: np.empty(shape) for name in _COMPARED})
    for cell in np.ndindex(shape):
        compared = compare_paired(
            curve.queries[cell], curve.recognized[cell], baseline.recognized[cell]
        )
        for name in _COMPARED:
            comparison[name][cell] = compared[name]
    return comparison
