"""What every metric starts from: checked trials, counted at each distinct score.

A trial is accepted when its score is above the threshold, as scikit-learn's classifiers decide.
Trials of equal score are accepted or rejected together, so nothing depends on their order.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils import check_consistent_length, column_or_1d

PARAMETERS = "Parameters\n----------\n"

Y_TRUE = """\
y_true : array-like of shape (n_trials,)
    1 where both recordings of the trial are of one speaker, else 0.
"""

Y_SCORE = """\
y_score : array-like of shape (n_trials,)
    Scores, higher for more alike.
"""

RATIOS = """\
y_score : array-like of shape (n_trials,)
    Natural logarithms of likelihood ratios.
"""

TEXTS = {
    "y_true": Y_TRUE,
    "y_score": Y_SCORE,
    "trials": PARAMETERS + Y_TRUE + Y_SCORE,
    "trials_of_ratios": PARAMETERS + Y_TRUE + RATIOS,
    "threshold": """\
Returns
-------
threshold : float
    Trials with a score above it are accepted; halfway between two scores.
""",
    "far": """\
far : float, default=0.01
    Largest share of non-target trials accepted, from 0 to 1.
""",
    "costs": """\
p_target : float, default=0.01
    Prior probability that a trial is of one speaker.
c_miss : float, default=1.0
    Cost of a false reject.
c_fa : float, default=1.0
    Cost of a false accept.
""",
}


def check_trials(
    y_true: ArrayLike, y_score: ArrayLike
) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    """Return `y_true` as booleans and `y_score` as float64, both of shape (n_trials,)."""
    labels, scores = column_or_1d(y_true), column_or_1d(y_score).astype(np.float64)
    check_consistent_length(labels, scores)
    if not np.isin(labels, [0, 1]).all():
        raise ValueError(
            "y_true must be 1 for trials of one speaker and 0 for trials of two, got "
            f"{np.unique(labels)[:5].tolist()}."
        )
    is_target = labels.astype(bool)
    if is_target.all() or not is_target.any():
        raise ValueError(
            "Both kinds of trials are needed, of one speaker (y_true 1) and of two (y_true 0), got "
            f"{is_target.sum()} and {(~is_target).sum()}."
        )
    if not np.isfinite(scores).all():
        first = np.flatnonzero(~np.isfinite(scores))[0]
        raise ValueError(
            f"Every trial needs a finite score, got y_score[{first}]={scores[first]}: leave "
            "trials out that could not be scored."
        )
    return is_target, scores


def check_trial_speakers(speakers: ArrayLike, n_trials: int) -> NDArray[np.intp]:
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
    pairs = np.asarray(speakers)
    if pairs.shape != (n_trials, 2):
        raise ValueError(
            f"speakers must have shape (n_trials, 2) = ({n_trials}, 2), the speaker of the "
            f"enrolment and of the test recording of each trial, got {pairs.shape}."
        )
    if pairs.dtype.kind in ("f", "O"):
        for i, pair in enumerate(pairs.tolist()):
            if any(name is None or name != name for name in pair):  # NaN differs from itself
                raise ValueError(
                    f"speakers[{i}] is {pair}: name both speakers of every trial, or pass "
                    "speakers=None where they are not known."
                )
    return np.unique(pairs, return_inverse=True)[1].reshape(n_trials, 2)


def check_speakers_agree(is_target: NDArray[np.bool_], speakers: NDArray[np.intp]) -> None:
    """Raise where labels (n_trials,) and speakers (n_trials, 2) of trials contradict."""
    wrong = np.flatnonzero((speakers[:, 0] == speakers[:, 1]) != is_target)
    if len(wrong):
        raise ValueError(
            f"Trial {wrong[0]} is labeled {int(is_target[wrong[0]])} but its two speakers are "
            f"{'different' if is_target[wrong[0]] else 'the same'}: a label is 1 for one speaker, "
            "0 for two."
        )


class Counts(NamedTuple):
    """How many trials of each kind have each distinct score; three arrays (n_scores,)."""

    scores: NDArray[np.float64]  # ascending
    targets: NDArray[np.intp]
    non_targets: NDArray[np.intp]


def count_by_score(y_true: ArrayLike, y_score: ArrayLike) -> Counts:
    """Check trials, and count them at each distinct score."""
    is_target, every_score = check_trials(y_true, y_score)
    scores, position = np.unique(every_score, return_inverse=True)
    total = np.bincount(position)
    targets = np.bincount(position[is_target], minlength=len(scores))
    return Counts(scores, targets, total - targets)


def error_rates(counts: Counts) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
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


def threshold_above(scores: NDArray[np.float64], j: int | np.signedinteger) -> float:
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
