"""How sure an accuracy is: speakers resampled, and beside it the same speakers taken as given.

The speaker-level interval answers "what would other speakers have given?". A speaker plays two
roles, as the one who speaks and as a candidate for others' queries; the pigeonhole bootstrap [1]_
resamples both with one set of weights. It works on two matrices of shape (n_speakers, n_speakers):
`trials`, how many queries of speaker s were made while c was another candidate, and `errors`, how
many of them were recognised as c. With k candidates a query makes k - 1 trials, hence::

    accuracy = 1 - (k - 1) * errors.sum() / trials.sum()

References
----------
.. [1] A. B. Owen, "The pigeonhole bootstrap", Annals of Applied Statistics 1(2), 2007, 386-411.
"""

from __future__ import annotations

import numpy as np

CONFIDENCE = 0.95
_NORMAL_QUANTILE = 1.959963984540054  # of (1 + CONFIDENCE) / 2
_N_DRAWS = 2000
_SEED = 0  # the same draws for every system, so that their differences are paired


def count_confusions(speakers, recognised, n_speakers):
    """Count who was taken for whom.

    Parameters
    ----------
    speakers : ndarray of shape (n_tasks, k_way)
        Speaker at each position of each task, in [0, n_speakers).
    recognised : ndarray of shape (n_tasks, k_way, n_queries)
        Position of the recognised speaker; -1 (rejected) counts as an error spread equally over
        the other candidates.
    n_speakers : int

    Returns
    -------
    trials, errors : ndarray of shape (n_speakers, n_speakers)
    """
    _, k_way, n_queries = recognised.shape
    positions = np.arange(k_way)
    as_candidate = (recognised[..., np.newaxis] == positions).sum(axis=2, dtype=float)
    rejected = (recognised < 0).sum(axis=2)
    as_candidate += rejected[..., np.newaxis] / (k_way - 1)
    cells = speakers[:, :, np.newaxis] * n_speakers + speakers[:, np.newaxis]
    others = np.broadcast_to(positions[:, np.newaxis] != positions, cells.shape)
    errors = np.bincount(cells[others], as_candidate[others], minlength=n_speakers**2)
    trials = n_queries * np.bincount(cells[others], minlength=n_speakers**2)
    return trials.reshape(n_speakers, -1), errors.reshape(n_speakers, -1)


def bootstrap_accuracies(trials, errors, k_way, n_draws=_N_DRAWS):
    """Return the accuracy under resampled speakers.

    Parameters
    ----------
    trials, errors : ndarray of shape (n_speakers, n_speakers)
    k_way : int
    n_draws : int, default=2000

    Returns
    -------
    accuracies : ndarray of shape (n_draws,)
        Of two systems on the same tasks, equal positions belong to equal draws. NaN for a draw
        of one single speaker.
    """
    present = trials.sum(axis=1) > 0
    trials, errors = trials[np.ix_(present, present)], errors[np.ix_(present, present)]
    n_speakers = len(trials)
    rng = np.random.RandomState(_SEED)
    weights = rng.multinomial(n_speakers, np.full(n_speakers, 1 / n_speakers), n_draws)
    n_trials = ((weights @ trials) * weights).sum(axis=1)
    n_errors = ((weights @ errors) * weights).sum(axis=1)
    with np.errstate(invalid="ignore"):
        return 1 - (k_way - 1) * n_errors / n_trials


def percentile_interval(draws):
    """Return the 95 % interval of bootstrap draws (..., n_draws): two arrays of shape (...)."""
    tail = (1 - CONFIDENCE) / 2
    return np.nanquantile(draws, [tail, 1 - tail], axis=-1)


def bootstrap_p_value(differences):
    """Return the two-sided p-value of no difference, from draws of shape (..., n_draws)."""
    valid = np.isfinite(differences).sum(axis=-1)
    below = (differences <= 0).sum(axis=-1)
    above = (differences >= 0).sum(axis=-1)
    return np.minimum(1.0, 2 * (np.minimum(below, above) + 1) / (valid + 1))


def same_speakers_interval(accuracies):
    """Return the normal 95 % interval of the mean over tasks (n_tasks,), cut to [0, 1].

    It answers "what would other tasks among the same speakers have given?". NaN for one task.
    """
    if len(accuracies) < 2:
        return np.nan, np.nan
    half = _NORMAL_QUANTILE * accuracies.std(ddof=1) / np.sqrt(len(accuracies))
    return tuple(np.clip([accuracies.mean() - half, accuracies.mean() + half], 0, 1))
