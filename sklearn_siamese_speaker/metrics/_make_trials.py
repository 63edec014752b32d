"""Trials out of labeled embeddings."""

from __future__ import annotations

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
    """Sort recordings by speaker and session.

    Returns
    -------
    order : ndarray of shape (n_samples,)
        Rows in sorted order.
    session_ends, speaker_ends : ndarray of shape (n_samples,)
        Where in that order the session and the speaker of each position end.
    """
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
    """Pair each position with the `n_partners` (n_samples,) positions from `first_partner` on.

    Pairs are numbered and only those drawn are made, so that a few out of billions cost little.
    """
    ends = np.cumsum(n_partners)
    if max_pairs is None or max_pairs >= ends[-1]:
        number = np.arange(ends[-1])
    else:
        number = np.sort(sample_without_replacement(ends[-1], max_pairs, random_state=rng))
    position = np.searchsorted(ends, number, side="right")
    partner = first_partner[position] + number - (ends - n_partners)[position]
    return np.column_stack([position, partner])
