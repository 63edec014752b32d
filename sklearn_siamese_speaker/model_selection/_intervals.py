"""How sure an accuracy is: speakers resampled, and beside it the same speakers taken as given.

The speaker-level interval answers "what would other speakers have given?": a bootstrap of the
speakers who speak, each with all of their queries, for queries of one speaker are alike. Of few
speakers a bootstrap shows too little spread; its draws are widened as Student's t is against the
normal distribution [1]_. Resampling a speaker also as a candidate for the queries of others (the
pigeonhole bootstrap) counts the chance of each pair of speakers three times: in simulations with
20 speakers its intervals are twice too wide, while these hold their 95 %.

References
----------
.. [1] T. C. Hesterberg, "What teachers should know about the bootstrap", The American Statistician
   69(4), 2015, 371-386, section 4.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import stats

CONFIDENCE = 0.95
_NORMAL_QUANTILE = stats.norm.ppf((1 + CONFIDENCE) / 2)
_N_DRAWS = 2000
_SEED = 0  # the same draws for every system, so that their differences are paired


def count_recognized(
    speakers: NDArray[np.intp], recognized: NDArray[np.intp], n_speakers: int
) -> tuple[NDArray, NDArray]:
    """Count the queries of each speaker, and those recognised.

    Parameters
    ----------
    speakers : ndarray of shape (n_tasks, k_way)
        Speaker at each position of each task, in [0, n_speakers).
    recognized : ndarray of shape (n_tasks, k_way, n_queries)
        Position of the recognised speaker, or -1.
    n_speakers : int

    Returns
    -------
    n_queries, n_right : ndarray of shape (n_speakers,)
    """
    is_right = recognized == np.arange(recognized.shape[1])[:, np.newaxis]
    n_right = np.bincount(speakers.ravel(), is_right.sum(axis=2).ravel(), minlength=n_speakers)
    n_tasks = np.bincount(speakers.ravel(), minlength=n_speakers)
    return n_tasks * recognized.shape[2], n_right


def bootstrap_accuracies(
    n_queries: NDArray, n_right: NDArray, n_draws: int = _N_DRAWS
) -> NDArray[np.float64]:
    """Return the accuracy under resampled speakers.

    Parameters
    ----------
    n_queries, n_right : ndarray of shape (n_speakers,)
        Queries of each speaker, and those recognised.
    n_draws : int, default=2000

    Returns
    -------
    accuracies : ndarray of shape (n_draws,)
        Of two systems on the same tasks, equal positions belong to equal draws.
    """
    present = n_queries > 0
    n_queries, n_right = n_queries[present], n_right[present]
    n_speakers = len(n_queries)
    rng = np.random.RandomState(_SEED)
    weights = rng.multinomial(n_speakers, np.full(n_speakers, 1 / n_speakers), n_draws)
    draws = (weights @ n_right) / (weights @ n_queries)
    accuracy = n_right.sum() / n_queries.sum()
    return accuracy + _few_speakers(n_speakers) * (draws - accuracy)


def _few_speakers(n_speakers: int) -> float:
    """Return how much wider Student's t is than a bootstrap of the mean of so many speakers."""
    t_quantile = stats.t.ppf((1 + CONFIDENCE) / 2, n_speakers - 1)
    return t_quantile / _NORMAL_QUANTILE * np.sqrt(n_speakers / (n_speakers - 1))


def percentile_interval(draws: NDArray) -> NDArray:
    """Return the 95 % interval of bootstrap draws (..., n_draws): two arrays of shape (...)."""
    tail = (1 - CONFIDENCE) / 2
    return np.quantile(draws, [tail, 1 - tail], axis=-1)


def accuracy_interval(draws: NDArray) -> NDArray:
    """Return the same of accuracies, which are never below 0 or above 1."""
    return np.clip(percentile_interval(draws), 0, 1)


def bootstrap_p_value(differences: NDArray) -> NDArray:
    """Return the two-sided p-value of no difference, from draws of shape (..., n_draws)."""
    n_draws = np.shape(differences)[-1]
    below = (differences <= 0).sum(axis=-1)
    above = (differences >= 0).sum(axis=-1)
    return np.minimum(1.0, 2 * (np.minimum(below, above) + 1) / (n_draws + 1))


def same_speakers_interval(accuracies: NDArray) -> tuple[float, float]:
    """Return the normal 95 % interval of the mean over tasks (n_tasks,), cut to [0, 1].

    It answers "what would other tasks among the same speakers have given?". NaN for one task.
    """
    if len(accuracies) < 2:
        return np.nan, np.nan
    half = _NORMAL_QUANTILE * accuracies.std(ddof=1) / np.sqrt(len(accuracies))
    return tuple(np.clip([accuracies.mean() - half, accuracies.mean() + half], 0, 1))
