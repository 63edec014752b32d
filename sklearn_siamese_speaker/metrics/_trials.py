"""What every metric starts from: checked trials, counted at each distinct score.

A trial is accepted when its score is above the threshold, as scikit-learn's classifiers decide.
Trials of equal score are accepted or rejected together, so nothing depends on their order.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from sklearn.utils import check_consistent_length, column_or_1d


def check_trials(y_true, y_score):
    """Return `y_true` as booleans and `y_score` as float64, both of shape (n_trials,)."""
    y_true, y_score = column_or_1d(y_true), column_or_1d(y_score).astype(np.float64)
    check_consistent_length(y_true, y_score)
    if not np.isin(y_true, [0, 1]).all():
        raise ValueError(
            "y_true must be 1 for trials of one speaker and 0 for trials of two, got "
            f"{np.unique(y_true)[:5].tolist()}."
        )
    y_true = y_true.astype(bool)
    if y_true.all() or not y_true.any():
        raise ValueError(
            "Both kinds of trials are needed, of one speaker (y_true 1) and of two (y_true 0), got "
            f"{y_true.sum()} and {(~y_true).sum()}."
        )
    if not np.isfinite(y_score).all():
        first = np.flatnonzero(~np.isfinite(y_score))[0]
        raise ValueError(
            f"Every trial needs a finite score, got y_score[{first}]={y_score[first]}: leave "
            "trials out that could not be scored."
        )
    return y_true, y_score


def check_trial_speakers(speakers, n_trials):
    """Return the speakers of trials as numbers.

    Parameters
    ----------
    speakers : array-like of shape (n_trials, 2)
        Speaker of the enrolment and of the test recording.
    n_trials : int
        Number of rows expected.

    Returns
    -------
    numbers : ndarray of shape (n_trials, 2)
        Integers in [0, n_speakers).
    """
    speakers = np.asarray(speakers)
    if speakers.shape != (n_trials, 2):
        raise ValueError(
            f"speakers must have shape (n_trials, 2) = ({n_trials}, 2), the speaker of the "
            f"enrolment and of the test recording of each trial, got {speakers.shape}."
        )
    return np.unique(speakers, return_inverse=True)[1].reshape(n_trials, 2)


def check_speakers_agree(y_true, speakers):
    """Raise where labels (n_trials,) and speakers (n_trials, 2) of trials contradict."""
    wrong = np.flatnonzero((speakers[:, 0] == speakers[:, 1]) != y_true)
    if len(wrong):
        raise ValueError(
            f"Trial {wrong[0]} is labelled {int(y_true[wrong[0]])} but its two speakers are "
            f"{'different' if y_true[wrong[0]] else 'the same'}: a label is 1 for one speaker, 0 "
            "for two."
        )


class Counts(NamedTuple):
    """How many trials of each kind have each distinct score; three arrays (n_scores,)."""

    scores: np.ndarray  # ascending
    targets: np.ndarray
    non_targets: np.ndarray


def count_by_score(y_true, y_score):
    """Check trials, and count them at each distinct score."""
    y_true, y_score = check_trials(y_true, y_score)
    scores, position = np.unique(y_score, return_inverse=True)
    total = np.bincount(position)
    targets = np.bincount(position[y_true], minlength=len(scores))
    return Counts(scores, targets, total - targets)


def error_rates(counts):
    """Return both error rates when the j lowest of the distinct scores are rejected.

    Parameters
    ----------
    counts : Counts

    Returns
    -------
    far, frr : ndarray of shape (n_scores + 1,)
        False-accept and false-reject rate for j from 0 (everything accepted) to n_scores.
    """
    rejected_targets = np.cumsum(np.append(0, counts.targets))
    rejected_non_targets = np.cumsum(np.append(0, counts.non_targets))
    n_targets, n_non_targets = rejected_targets[-1], rejected_non_targets[-1]
    return (n_non_targets - rejected_non_targets) / n_non_targets, rejected_targets / n_targets


def threshold_above(scores, j):
    """Return a finite threshold that rejects the `j` lowest of ascending distinct `scores`.

    Between two scores it is halfway, the highest score where all are rejected.
    """
    if j == 0:
        return float(np.nextafter(scores[0], -np.inf))
    if j == len(scores):
        return float(scores[-1])
    low, high = scores[j - 1], scores[j]
    middle = low / 2 + high / 2
    return float(middle if low <= middle < high else low)
