"""Scores relative to what is usual for both recordings of a trial."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils import check_array, check_consistent_length
from sklearn.utils.validation import column_or_1d


def adaptive_s_norm(
    y_score: ArrayLike, enrolment_scores: ArrayLike, test_scores: ArrayLike, *, n_top: int = 200
) -> NDArray[np.float64]:
    """Normalize the scores of trials against a cohort of other speakers.

    Some recordings are similar to many others, and one threshold does not suit all. Each score is
    therefore standardized twice: by mean and standard deviation of the highest scores that the
    enrolment recording has with the cohort, and by those of the test recording. The result is the
    mean of the two (adaptive s-norm, the first variant of [1]_).

    Parameters
    ----------
    y_score : array-like of shape (n_trials,)
        Scores of the trials, higher is more alike.

    enrolment_scores, test_scores : array-like of shape (n_trials, n_cohort)
        Scores of the enrolment and of the test recording of each trial with the recordings of the
        cohort, whose speakers are in no trial.

    n_top : int, default=200
        How many of the highest scores of a recording count; all of a smaller cohort.

    Returns
    -------
    y_score : ndarray of shape (n_trials,)
        The normalized scores.

    Raises
    ------
    ValueError
        If the cohort has fewer than 2 recordings, or its scores do not differ.

    References
    ----------
    .. [1] P. Matějka, O. Novotný, O. Plchot, L. Burget, M. Diez Sánchez, J. Černocký, "Analysis of
       score normalization in multilingual speaker recognition", Interspeech, 2017.

    Examples
    --------
    >>> from sklearn_siamese_speaker.metrics import adaptive_s_norm
    >>> adaptive_s_norm([5.0], [[1.0, 3.0, -9.0]], [[3.0, 5.0, -9.0]], n_top=2)
    array([2.])
    """
    scores = column_or_1d(y_score).astype(np.float64)
    sides = [check_array(side, dtype=np.float64) for side in (enrolment_scores, test_scores)]
    check_consistent_length(scores, *sides)
    return standardize(scores, [summarize_cohort(side, n_top) for side in sides])


def summarize_cohort(cohort_scores: NDArray[np.float64], n_top: int = 200) -> NDArray[np.float64]:
    """Return mean and standard deviation of the highest scores of each row: (2, n_trials)."""
    n_cohort = cohort_scores.shape[1]
    if n_cohort < 2:
        raise ValueError(f"A cohort needs at least 2 recordings, got {n_cohort}.")
    top = np.sort(cohort_scores, axis=1)[:, -n_top:]
    # Of equal numbers, rounding leaves a standard deviation a little above 0.
    differ = top[:, 0] < top[:, -1]
    return np.stack([top.mean(axis=1), np.where(differ, top.std(axis=1), 0.0)])


def standardize(
    y_score: NDArray[np.float64], sides: Sequence[NDArray[np.float64]]
) -> NDArray[np.float64]:
    """Return the mean over both sides of the scores measured by their (2, n_trials) summaries."""
    for _, scale in sides:
        if not scale.all():
            raise ValueError(
                f"The highest cohort scores of trial {scale.argmin()} do not differ: pass a cohort "
                "of different recordings."
            )
    return np.mean([(y_score - mean) / scale for mean, scale in sides], axis=0)
