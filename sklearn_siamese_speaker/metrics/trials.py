"""Trials: pairs of recordings, made of labeled embeddings, checked, and counted by score.

A trial is accepted when its score is above the threshold, as scikit-learn's classifiers decide.
Trials of equal score are accepted or rejected together, so nothing depends on their order.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.random import RandomState
from numpy.typing import ArrayLike, NDArray
from sklearn.utils import (
    Bunch,
    check_array,
    check_consistent_length,
    check_random_state,
    column_or_1d,
)
from sklearn.utils.random import sample_without_replacement

from .._labels import check_speakers

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


def make_trials(
    X: ArrayLike,
    y: ArrayLike,
    groups: ArrayLike | None = None,
    *,
    max_trials: int | None = None,
    random_state: int | RandomState | None = None,
) -> Bunch:
    """Pair labeled embeddings into trials.

    Every two recordings are one trial. With `groups`, the target trials are only those across
    sessions, because two recordings of one session also share the microphone and its surroundings.

    Parameters
    ----------
    X : array-like of shape (n_samples, n_dims)
        Embeddings.
    y : array-like of shape (n_samples,)
        Speaker of each recording.
    groups : array-like of shape (n_samples,), default=None
        Session of each recording.
    max_trials : int, default=None
        Largest number of target trials, and of non-target trials; if there are more, as many are
        drawn at random. None keeps all.
    random_state : int, RandomState instance or None, default=None
        Draws the trials to keep.

    Returns
    -------
    trials : Bunch
        The target trials first:

        * `data` (n_trials, 2, n_dims): the two embeddings;
        * `target` (n_trials,): 1 where both are of one speaker, else 0;
        * `speakers` (n_trials, 2): the speakers of the two;
        * `indices` (n_trials, 2): their rows in `X`.

    Raises
    ------
    ValueError
        If there would be no target or no non-target trial, or `max_trials` is below 1.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_siamese_speaker.metrics import make_trials
    >>> X = np.random.default_rng(0).normal(size=(6, 8))
    >>> trials = make_trials(X, ["ana", "ana", "ana", "ben", "ben", "eva"])
    >>> trials.data.shape
    (15, 2, 8)
    >>> trials.target.sum()
    np.int64(4)
    >>> trials.speakers[-1]
    array(['ben', 'eva'], dtype='<U3')
    """
    E, labels = check_array(X, dtype=[np.float64, np.float32]), check_speakers(y)
    check_consistent_length(E, labels, groups)
    if max_trials is not None and max_trials < 1:
        raise ValueError(f"max_trials={max_trials} must be at least 1, or None for all trials.")
    rng = check_random_state(random_state)
    order, session_ends, speaker_ends = _sort_by_session(labels, groups)
    n_targets, n_non_targets = speaker_ends - session_ends, len(labels) - speaker_ends
    if not n_targets.any():
        unit = "recordings" if groups is None else "sessions"
        raise ValueError(
            f"make_trials needs a speaker with at least 2 {unit}, got none among "
            f"{len(np.unique(labels))} speakers of {len(labels)} recordings."
        )
    if not n_non_targets.any():
        raise ValueError("make_trials needs recordings of at least 2 speakers, got 1.")
    targets = _draw_pairs(session_ends, n_targets, max_trials, rng)
    non_targets = _draw_pairs(speaker_ends, n_non_targets, max_trials, rng)
    indices = order[np.concatenate([targets, non_targets])]
    return Bunch(
        data=E[indices],
        target=np.repeat([1, 0], [len(targets), len(non_targets)]),
        speakers=labels[indices],
        indices=indices,
    )


def _sort_by_session(
    labels: NDArray, groups: ArrayLike | None
) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.intp]]:
    """Return rows sorted by speaker and session; where session and speaker of each end."""
    groups = np.arange(len(labels)) if groups is None else column_or_1d(groups)
    speakers = np.unique(labels, return_inverse=True)[1]
    sessions = np.unique(groups, return_inverse=True)[1]
    sessions = speakers * (sessions.max() + 1) + sessions
    order = np.argsort(sessions, kind="stable")
    session_ends = np.searchsorted(sessions[order], sessions[order], side="right")
    return order, session_ends, np.searchsorted(speakers[order], speakers[order], side="right")


def _draw_pairs(
    first_partner: NDArray[np.intp],
    n_partners: NDArray[np.intp],
    max_pairs: int | None,
    rng: RandomState,
) -> NDArray[np.intp]:
    """Pair each position with the `n_partners` (n_samples,) positions from `first_partner` on."""
    # Pairs are numbered and only those drawn are made, so that a few out of billions cost little.
    ends = np.cumsum(n_partners)
    if max_pairs is None or max_pairs >= ends[-1]:
        number = np.arange(ends[-1])
    else:
        number = np.sort(sample_without_replacement(ends[-1], max_pairs, random_state=rng))
    position = np.searchsorted(ends, number, side="right")
    partner = first_partner[position] + number - (ends - n_partners)[position]
    return np.column_stack([position, partner])


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
    """Return the speakers of trials as integers in [0, n_speakers): (n_trials, 2)."""
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
    """Return false-accept and false-reject rate with the j lowest scores rejected, j = 0 ... n."""
    rejected_targets = np.cumsum(np.append(0, counts.targets))
    rejected_non_targets = np.cumsum(np.append(0, counts.non_targets))
    n_targets, n_non_targets = rejected_targets[-1], rejected_non_targets[-1]
    return (n_non_targets - rejected_non_targets) / n_non_targets, rejected_targets / n_targets


def threshold_above(scores: NDArray[np.float64], j: int | np.signedinteger) -> float:
    """Return a finite threshold that rejects the `j` lowest of ascending distinct `scores`."""
    if j == 0:
        return float(np.nextafter(scores[0], -np.inf))
    if j == len(scores):
        return float(scores[-1])
    low, high = scores[j - 1], scores[j]
    middle = low / 2 + high / 2  # the sum of the two may overflow
    return float(middle if low <= middle < high else low)
