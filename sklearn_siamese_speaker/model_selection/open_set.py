"""Errors among enrolled and unknown speakers, against how many are enrolled and how well."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from numbers import Integral
from typing import NamedTuple

import numpy as np
from numpy.random import RandomState
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, clone, is_classifier
from sklearn.utils import Bunch, check_consistent_length, check_scalar, column_or_1d

from .._docs import substitute
from .._progress import Progress
from ..metrics import error_rate_bound
from ._evaluation import TaskEvaluator
from ._results import OpenSetScores
from ._tasks import SpeakerPool
from ._texts import TEXTS

ERRORS = ("false_accept", "false_reject", "misidentification", "not_recognized")


@substitute(**TEXTS)
def open_set_score(
    estimator: BaseEstimator,
    X: ArrayLike,
    y: ArrayLike,
    *,
    n_enrolled: Iterable[int] = (5, 10, 20),
    n_shots: Iterable[int] = (1, 5),
    n_repeats: int = 20,
    random_state: int | RandomState | None = 0,
) -> Bunch:
    """Enrol some of the speakers again and again, and count the errors on all other recordings.

    In each repetition, speakers drawn at random are enrolled with `n_shots` recordings each. Their
    other recordings are to be recognized; the recordings of all speakers not drawn are unknown, and
    to be rejected. A recording is rejected when `predict` returns a label that is not enrolled.

    Parameters
    ----------
    estimator : classifier
        One that rejects, as :class:`~sklearn_siamese_speaker.OneShotClassifier` with a `threshold`,
        or a pipeline that ends in one. Everything before the classifier must be fitted, as for
        :func:`n_shot_k_way_score`; every recording is embedded once.
    %(X)s
    y : array-like of shape (n_samples,)
        Speaker of each recording. None of them may have been used to choose the threshold.
    n_enrolled : sequence of int, default=(5, 10, 20)
        Numbers of speakers enrolled.
    n_shots : sequence of int, default=(1, 5)
        Numbers of recordings each is enrolled with.
    n_repeats : int, default=20
        Repetitions for each pair of them.
    random_state : int, RandomState instance or None, default=0
        Draws who is enrolled, and with which recordings.

    Returns
    -------
    scores : Bunch
        Arrays of shape (n_n_shots, n_n_enrolled):

        * `false_accept_rate`: the share of unknown recordings accepted as anybody;
        * `false_reject_rate`: the share of recordings of enrolled speakers rejected;
        * `misidentification_rate`: the share of recordings of enrolled speakers recognized as
          another;
        * `not_recognized_rate`: the sum of these two. All three are NaN if no recordings are left
          to recognize;
        * for each, as `false_accept_lower` and `false_accept_upper`, its 95 % interval for other
          speakers, by :func:`~sklearn_siamese_speaker.metrics.error_rate_bound`.

        `n_enrolled`, `n_shots` and `n_repeats` are as given. ``to_frame()`` returns a DataFrame
        with one row for each pair of `n_shots` and `n_enrolled`, if pandas is installed.

    Raises
    ------
    ValueError
        If there are too few speakers to enrol, or nobody is left to be unknown; before anything is
        embedded.
    TypeError
        If the estimator is not a classifier.
    %(not_fitted)s

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_siamese_speaker import OneShotClassifier
    >>> from sklearn_siamese_speaker.model_selection import open_set_score
    >>> rng = np.random.default_rng(0)
    >>> y = np.repeat(np.arange(40), 8)
    >>> X = 3 * rng.normal(size=(40, 8))[y] + rng.normal(size=(320, 8))
    >>> scores = open_set_score(OneShotClassifier(threshold=-5.0), X, y, n_enrolled=[5, 20])
    >>> scores.false_accept_rate.round(2)
    array([[0.01, 0.04],
           [0.01, 0.05]])
    >>> scores.false_reject_rate.shape
    (2, 2)
    """
    if not is_classifier(estimator):
        raise TypeError(
            "open_set_score needs a classifier that can reject, such as OneShotClassifier, "
            f"got {type(estimator).__name__}."
        )
    check_consistent_length(X, y)
    labels, n_enrolled, n_shots = column_or_1d(y), list(n_enrolled), list(n_shots)
    cells = [
        draw_enrolments(labels, n, shots, n_repeats, random_state)
        for shots in n_shots
        for n in n_enrolled
    ]
    evaluator = TaskEvaluator(estimator)
    E = evaluator.embed(X)
    with Progress("Enrolling and counting errors", len(cells) * n_repeats) as progress:
        rows = [
            _rates_of_errors(evaluator.classifier, E, labels, enrolments, progress.advance)
            for enrolments in cells
        ]
    arrays = {key: np.reshape([row[key] for row in rows], (len(n_shots), -1)) for key in rows[0]}
    return OpenSetScores(
        **arrays, n_enrolled=np.array(n_enrolled), n_shots=np.array(n_shots), n_repeats=n_repeats
    )


def draw_enrolments(
    y: NDArray,
    n_enrolled: int,
    n_shots: int,
    n_repeats: int,
    random_state: int | RandomState | None,
) -> NDArray[np.intp]:
    """Draw the recordings to enrol, speakers in label order: (n_repeats, n_enrolled, n_shots)."""
    sizes = {"n_enrolled": n_enrolled, "n_shots": n_shots, "n_repeats": n_repeats}
    for name, size in sizes.items():
        check_scalar(size, name, Integral, min_val=1)
    pool = SpeakerPool(y, None, n_shots, 0)
    n_speakers = pool.n_speakers + pool.n_left_out
    if pool.n_speakers < n_enrolled or n_speakers == n_enrolled:
        raise ValueError(
            f"n_enrolled={n_enrolled} needs at least {n_enrolled} speakers with "
            f"n_shots={n_shots} recordings, and one more who is unknown; y has {n_speakers} "
            f"speakers, {pool.n_speakers} of them with so many recordings."
        )
    return np.concatenate([drawn for drawn, _ in pool.draw(n_enrolled, n_repeats, random_state)])


class _Decisions(NamedTuple):
    """Decisions about recordings, all of which could be one kind of error: (n_decisions,)."""

    speakers: NDArray[np.intp]  # who speaks
    recognized: NDArray[np.intp]  # who was recognized; the speaker where the recording is rejected
    is_error: NDArray[np.bool_]


def _rates_of_errors(
    classifier: BaseEstimator,
    E: NDArray,
    y: NDArray,
    enrolments: NDArray[np.intp],
    advance: Callable[[], None],
) -> dict[str, float]:
    """Return the rate of each kind of error, and its interval."""
    repeats = []
    for drawn in enrolments:
        repeats.append(_find_errors(classifier, E, y, drawn.ravel()))
        advance()
    rates: dict[str, float] = {}
    for error, decisions in zip(ERRORS, zip(*repeats, strict=True), strict=True):
        pooled = _Decisions(*map(np.concatenate, zip(*decisions, strict=True)))
        rate, lower, upper = _rate_and_interval(pooled)
        rates |= {f"{error}_rate": rate, f"{error}_lower": lower, f"{error}_upper": upper}
    return rates


def _find_errors(
    classifier: BaseEstimator, E: NDArray, y: NDArray, enrolment: NDArray[np.intp]
) -> list[_Decisions]:
    """Return the decisions about all other recordings, for each kind of error."""
    is_left = np.ones(len(y), dtype=bool)
    is_left[enrolment] = False
    predicted = clone(classifier).fit(E[enrolment], y[enrolment]).predict(E[is_left])
    is_known, is_accepted = (np.isin(labels, y[enrolment]) for labels in (y[is_left], predicted))
    labels, speakers = np.unique(y, return_inverse=True)
    who, recognized = speakers[is_left], speakers[is_left]
    recognized[is_accepted] = np.searchsorted(labels, predicted[is_accepted])
    return [
        _Decisions(who[of], recognized[of], is_error[of])
        for of, is_error in [
            (~is_known, is_accepted),
            (is_known, ~is_accepted),
            (is_known, is_accepted & (recognized != who)),
            (is_known, ~is_accepted | (recognized != who)),
        ]
    ]


def _rate_and_interval(decisions: _Decisions) -> tuple[float, float, float]:
    speakers, recognized, errors = decisions
    if not len(errors):
        return np.nan, np.nan, np.nan
    lower = 1 - speaker_level_bound(speakers, recognized, ~errors, confidence=0.975)
    upper = speaker_level_bound(speakers, recognized, errors, confidence=0.975)
    return errors.mean(), lower, upper


def speaker_level_bound(
    speakers: NDArray[np.intp],
    recognized: NDArray[np.intp],
    errors: NDArray[np.bool_],
    confidence: float = 0.95,
) -> float:
    """Return the upper bound of an error rate for other speakers."""
    # An error involves two of them, who speaks and who is recognized. A rejected recording involves
    # nobody else: `recognized` holds the speaker there.
    pairs = np.column_stack([speakers, recognized])
    return error_rate_bound(errors, pairs, confidence=confidence)
