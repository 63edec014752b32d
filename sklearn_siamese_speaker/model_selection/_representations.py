"""Representations of sound compared: the same speakers, the same tasks, and the costs of each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from numbers import Real
from time import perf_counter

import numpy as np
from numpy.random import RandomState
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, clone
from sklearn.model_selection import GroupShuffleSplit
from sklearn.utils import Bunch, _safe_indexing, check_consistent_length, column_or_1d

from .._audio import open_recordings
from .._docs import substitute
from .._progress import Progress
from ._curve import paired_difference
from ._evaluation import TaskEvaluator
from ._intervals import warn_of_few_speakers
from ._results import Comparison
from ._splits import NShotKWaySplit
from ._tasks import TaskBlock
from ._texts import TEXTS

_SECONDS = 3.0  # the length that numbers of values are given for
_SAMPLE_RATE = 16000  # in Hz, where a front end names none


@substitute(**TEXTS)
def compare_representations(
    pipelines: Mapping[str, BaseEstimator],
    X: ArrayLike,
    y: ArrayLike,
    *,
    unseen: float | ArrayLike = 0.25,
    n_shots: int = 1,
    k_way: int = 5,
    n_queries: int = 1,
    n_tasks: int = 1000,
    random_state: int | RandomState | None = 0,
    groups: ArrayLike | None = None,
    verbose: int = 0,
) -> Bunch:
    """Fit pipelines on some speakers, and evaluate them by the same tasks on the others.

    Parameters
    ----------
    pipelines : dict of str to estimator
        A name for each representation: pipelines that begin with a front end (raw audio, MFCC,
        VGGish, ...) and end as :func:`n_shot_k_way_score` takes them. They are cloned.
    X : array-like of shape (n_samples, n_times), or list of arrays or of paths
        Recordings.
    %(y)s
    unseen : float or array-like of labels, default=0.25
        The speakers kept out of the fit, for the evaluation: their share, or their labels.
    %(sizes)s
    n_tasks : int, default=1000
        Number of tasks.
    random_state : int, RandomState instance or None, default=0
        Draws the unseen speakers, where `unseen` is a share, and the tasks.
    %(groups)s
    verbose : int, default=0
        1 prints a line before each pipeline is fitted.

    Returns
    -------
    comparison : Bunch
        `names`, a list, and arrays of shape (n_representations,) in the same order:

        * `n_values`: dimensionality of the representation: the number of values that the first step
          of the pipeline returns for the first unseen recording; if they are frames, scaled to 3 s;
        * `mean`: the accuracy; `lower` and `upper`, its 95 % interval for other speakers; this and
          all other intervals are NaN, with a warning, for fewer than 10 unseen speakers;
        * `difference` of the accuracy to the highest one; `difference_lower` and
          `difference_upper`, its 95 % interval for other speakers, who are resampled alike for
          both; `p_value`, two-sided, of no difference;
        * `fit_seconds`: duration of `fit`, in seconds;
        * `embed_milliseconds`: duration of `transform` for an unseen recording, in milliseconds,
          the front end included.

        `estimators` is a dict of the fitted pipelines; `chance` is ``1 / k_way``; `n_shots`,
        `k_way`, `n_queries` and `n_tasks` are as given. ``to_frame()`` returns a DataFrame with one
        row for each representation, if pandas is installed.

    Raises
    ------
    ValueError
        If `pipelines` is empty, `unseen` names speakers without recordings or leaves nobody to
        fit on, or fewer than `k_way` unseen speakers have enough recordings or sessions; before
        anything is fitted.

    Notes
    -----
    The highest of several accuracies is a little too high, because it was selected as the highest;
    the differences to it are too low by as much. The effect is large where the representations
    hardly differ.

    Examples
    --------
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn_siamese_speaker import MFCC, FramePooling, RawAudio
    >>> from sklearn_siamese_speaker.datasets import make_speakers
    >>> from sklearn_siamese_speaker.model_selection import compare_representations
    >>> X, y = make_speakers(n_speakers=20, n_recordings=4, duration=1.0, random_state=0)
    >>> comparison = compare_representations(
    ...     {front_end.__name__: make_pipeline(front_end(), FramePooling())
    ...      for front_end in (RawAudio, MFCC)}, X, y, unseen=0.5, k_way=3, n_tasks=100)
    >>> comparison.names, comparison.n_values
    (['RawAudio', 'MFCC'], array([48000, 12120]))
    >>> comparison.mean.round(2)
    array([0.36, 0.84])
    """
    check_consistent_length(X, y, groups)
    if not pipelines:
        raise ValueError("There is nothing to compare: pipelines is empty; name at least one.")
    labels = column_or_1d(y)
    is_unseen = _find_unseen(labels, unseen, random_state)
    X_train, X_test = (_safe_indexing(X, np.flatnonzero(m)) for m in (~is_unseen, is_unseen))
    y_train, y_test = labels[~is_unseen], labels[is_unseen]
    groups_test = None if groups is None else column_or_1d(groups)[is_unseen]
    tasks = NShotKWaySplit(n_shots, k_way, n_queries, n_tasks, random_state)
    blocks = list(tasks.task_blocks(y_test, groups_test))
    rows = []
    for name, pipeline in pipelines.items():
        if verbose:
            print(f"fitting {name} on {len(y_train)} recordings", flush=True)
        rows.append(_fit_and_evaluate(pipeline, X_train, y_train, X_test, y_test, blocks, n_tasks))
    warn_of_few_speakers(rows, "The unseen part of y")
    return Comparison(
        names=list(pipelines),
        **_columns(rows),
        estimators=dict(zip(pipelines, (row.estimator for row in rows), strict=True)),
        chance=1 / k_way,
        n_shots=n_shots,
        k_way=k_way,
        n_queries=n_queries,
        n_tasks=n_tasks,
    )


def _find_unseen(
    y: NDArray, unseen: float | ArrayLike, random_state: int | RandomState | None
) -> NDArray[np.bool_]:
    """Return whether the speaker of each recording is unseen: (n_samples,)."""
    if isinstance(unseen, Real):
        shuffle = GroupShuffleSplit(1, test_size=unseen, random_state=random_state)
        ((_, test),) = shuffle.split(y, groups=y)
        return np.isin(np.arange(len(y)), test)
    unknown = np.setdiff1d(unseen, y)
    if len(unknown):
        raise ValueError(
            f"unseen names speakers without recordings in y: {', '.join(map(str, unknown))}."
        )
    is_unseen = np.isin(y, unseen)
    if is_unseen.all():
        raise ValueError(
            f"unseen holds all {len(np.unique(y))} speakers of y; leave some to fit on."
        )
    return is_unseen


def _fit_and_evaluate(
    pipeline: BaseEstimator,
    X_train: ArrayLike,
    y_train: NDArray,
    X_test: ArrayLike,
    y_test: NDArray,
    blocks: Sequence[TaskBlock],
    n_tasks: int,
) -> Bunch:
    """Return the evaluation of one pipeline, with its costs."""
    start = perf_counter()
    fitted = clone(pipeline).fit(X_train, y_train)
    fit_seconds = perf_counter() - start
    evaluator = TaskEvaluator(fitted)
    start = perf_counter()
    E = evaluator.embed(X_test)
    embed_seconds = perf_counter() - start
    with Progress("Evaluating tasks", n_tasks) as progress:
        evaluation = evaluator.evaluate(E, y_test, blocks, progress)
    return Bunch(
        **evaluation,
        n_values=_count_values(next(iter(evaluator.front), None), _safe_indexing(X_test, [0])),
        fit_seconds=fit_seconds,
        embed_milliseconds=1000 * embed_seconds / len(y_test),
        estimator=fitted,
    )


def _count_values(front_end: BaseEstimator | None, X: NDArray | list) -> int:
    """Return how many values a front end makes of 3 s of the only recording in `X`."""
    frames = X if front_end is None else front_end.transform(X)
    if hasattr(front_end, "embedding_metric_"):  # one embedding, however long the recording
        return np.shape(frames)[1]
    (recording,), _ = open_recordings(X, getattr(front_end, "input_sample_rate", _SAMPLE_RATE))
    seconds = len(recording.read(_SAMPLE_RATE)) / _SAMPLE_RATE
    return round(np.size(frames[0]) * _SECONDS / seconds)


def _columns(rows: Sequence[Bunch]) -> dict[str, NDArray]:
    """Return what the rows hold as arrays, with the differences to the best."""
    best = max(rows, key=lambda row: row.mean)
    paired = [paired_difference(row, best) for row in rows]
    names = ("n_values", "mean", "lower", "upper", "fit_seconds", "embed_milliseconds")
    return {
        **{name: np.array([row[name] for row in rows]) for name in names},
        **{name: np.array([pair[name] for pair in paired]) for name in ("difference", "p_value")},
        "difference_lower": np.array([pair.lower for pair in paired]),
        "difference_upper": np.array([pair.upper for pair in paired]),
    }
