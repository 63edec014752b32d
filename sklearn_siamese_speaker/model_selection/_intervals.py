"""How sure an accuracy is: speakers resampled, and beside it the same speakers taken as given.

The speaker-level interval answers "what would other speakers have given?". It is a bootstrap of the
speakers who speak, each with all of their queries, because queries of one speaker are alike. Two
things are added to the bootstrap:

* The draws of a bootstrap of few speakers vary too little. They are spread as Student's t is wider
  than the normal distribution [1]_. The degrees of freedom are Satterthwaite's [2]_: where a few
  speakers make most of the errors, they are as few as these speakers.
* Where no speaker makes an error, the draws do not vary at all, although other speakers may be
  harder. Then the interval is that of Clopper and Pearson for as many queries as speakers, which
  assumes that the speaker alone decides whether a query is recognized. Nowhere is the interval
  wider than that.

``benchmarks/bounds.py`` measures how often the intervals hold. With fewer than 10
speakers the one of a difference does not hold in 95 % of the cases, and that of an accuracy near 1
is wider than 0.3; none is given.

Resampling a speaker also as a candidate for the queries of others (the pigeonhole bootstrap) counts
the chance of each pair of speakers three times: in simulations with 20 speakers its intervals are
twice too wide.

References
----------
.. [1] T. C. Hesterberg, "What teachers should know about the bootstrap", The American Statistician
   69(4), 2015, 371-386, section 4.
.. [2] Satterthwaite, F. E. (1946). An approximate distribution of estimates of variance components.
   Biometrics Bulletin 2(6), 110-114.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray
from scipy import stats
from sklearn.utils import Bunch

from ..metrics.uncertainty import clopper_pearson

CONFIDENCE = 0.95
MIN_SPEAKERS = 10
_ONE_SIDED = (1 + CONFIDENCE) / 2
_NORMAL_QUANTILE = stats.norm.ppf(_ONE_SIDED)
_N_DRAWS = 2000
_ROUNDING = 1e-9  # draws that differ by less do not differ
_SEED = 0  # the same draws for every system, so that their differences are paired


def count_recognized(
    speakers: NDArray[np.intp], recognized: NDArray[np.intp], n_speakers: int
) -> tuple[NDArray, NDArray]:
    """Count the queries of each speaker, and those recognized.

    Parameters
    ----------
    speakers : ndarray of shape (n_tasks, k_way)
        Speaker at each position of each task, in [0, n_speakers).
    recognized : ndarray of shape (n_tasks, k_way, n_queries)
        Position of the recognized speaker, or -1.
    n_speakers : int

    Returns
    -------
    n_queries, n_right : ndarray of shape (n_speakers,)
    """
    is_right = recognized == np.arange(recognized.shape[1])[:, np.newaxis]
    n_right = np.bincount(speakers.ravel(), is_right.sum(axis=2).ravel(), minlength=n_speakers)
    n_tasks = np.bincount(speakers.ravel(), minlength=n_speakers)
    return n_tasks * recognized.shape[2], n_right


def bootstrap_shares(
    n_queries: NDArray, values: NDArray, n_draws: int = _N_DRAWS
) -> NDArray[np.float64]:
    """Return the share of values in the queries under resampled speakers.

    Parameters
    ----------
    n_queries, values : ndarray of shape (n_speakers,)
        Queries of each speaker, and those recognized, or a difference of two such counts.
    n_draws : int, default=2000

    Returns
    -------
    shares : ndarray of shape (n_draws,)
        Of two systems on the same tasks, equal positions belong to equal draws.
    """
    present = n_queries > 0
    n_queries, values = n_queries[present], values[present]
    n_speakers = len(n_queries)
    rng = np.random.RandomState(_SEED)
    weights = rng.multinomial(n_speakers, np.full(n_speakers, 1 / n_speakers), n_draws)
    return (weights @ values) / (weights @ n_queries)


def accuracy_interval(n_queries: NDArray, n_right: NDArray) -> tuple[float, float]:
    """Return the 95 % interval of an accuracy for other speakers.

    Parameters
    ----------
    n_queries, n_right : ndarray of shape (n_speakers,)
        Queries of each speaker, and those recognized.

    Returns
    -------
    lower, upper : float
        In [0, 1]. NaN for fewer than `MIN_SPEAKERS` speakers with a query.
    """
    n_speakers = np.count_nonzero(n_queries)
    if n_speakers < MIN_SPEAKERS:
        return np.nan, np.nan
    limits = _share_limits(n_right.sum() / n_queries.sum(), n_speakers)
    return _interval(_spread_draws(n_queries, n_right), limits)


def compare_paired(n_queries: NDArray, n_right: NDArray, n_right_of_baseline: NDArray) -> Bunch:
    """Return the interval of the difference of two accuracies on the same tasks, and its p-value.

    Parameters
    ----------
    n_queries, n_right, n_right_of_baseline : ndarray of shape (n_speakers,)
        Queries of each speaker, and those that each of the two systems recognized.

    Returns
    -------
    comparison : Bunch
        `lower` and `upper`, the 95 % interval for other speakers, in [-1, 1]; and `p_value`,
        two-sided, of no difference. All are NaN for fewer than `MIN_SPEAKERS` speakers with a
        query.
    """
    total, n_speakers = n_queries.sum(), np.count_nonzero(n_queries)
    more = n_right - n_right_of_baseline
    if n_speakers < MIN_SPEAKERS:
        return Bunch(lower=np.nan, upper=np.nan, p_value=np.nan)
    if not more.any():
        return Bunch(lower=0.0, upper=0.0, p_value=1.0)
    draws = _spread_draws(n_queries, more)
    gained, lost = (
        _share_limits(np.maximum(part, 0).sum() / total, n_speakers) for part in (more, -more)
    )
    lower, upper = _interval(draws, (gained[0] - lost[1], gained[1] - lost[0]))
    p_value = bootstrap_p_value(draws)
    return Bunch(lower=lower, upper=upper, p_value=p_value)


def _spread_draws(n_queries: NDArray, values: NDArray) -> NDArray[np.float64]:
    """Return the draws of a share, spread as Student's t is wider than the normal distribution."""
    share = values.sum() / n_queries.sum()
    squares = (values - share * n_queries)[n_queries > 0] ** 2
    draws, n_speakers = bootstrap_shares(n_queries, values), len(squares)
    if np.ptp(draws) < _ROUNDING:
        return np.full(len(draws), share)
    degrees_of_freedom = squares.sum() ** 2 / (squares**2).sum() - 1
    t_quantile = stats.t.ppf(_ONE_SIDED, degrees_of_freedom)
    spread = t_quantile / _NORMAL_QUANTILE * np.sqrt(n_speakers / (n_speakers - 1))
    return share + spread * (draws - share)


def _interval(draws: NDArray[np.float64], limits: tuple[float, float]) -> tuple[float, float]:
    """Return the percentiles of draws, cut to the limits; the limits where draws do not vary."""
    if np.ptp(draws) == 0:
        return limits
    lower, upper = np.quantile(draws, [1 - _ONE_SIDED, _ONE_SIDED])
    return max(lower, limits[0]), min(upper, limits[1])


def _share_limits(share: float, n_trials: int | np.signedinteger) -> tuple[float, float]:
    """Return the interval of Clopper and Pearson."""
    lower = 1 - clopper_pearson(1 - share, n_trials, _ONE_SIDED)
    return lower, clopper_pearson(share, n_trials, _ONE_SIDED)


def bootstrap_p_value(differences: NDArray[np.float64]) -> float:
    """Return the two-sided p-value of no difference, from draws of shape (n_draws,)."""
    n_below, n_above = (differences <= 0).sum(), (differences >= 0).sum()
    return min(1.0, 2 * (min(n_below, n_above) + 1) / (len(differences) + 1))


def warn_of_few_speakers(evaluations: Iterable[Bunch], where: str = "y") -> None:
    """Warn once where an evaluation has no interval, with the number of speakers it takes."""
    numbers = [np.count_nonzero(evaluation.queries) for evaluation in evaluations]
    if min(numbers) < MIN_SPEAKERS:
        warnings.warn(
            f"{where} has {min(numbers)} speakers in its tasks, too few for an interval over "
            f"speakers, which takes at least {MIN_SPEAKERS}. Evaluate on more speakers.",
            UserWarning,
            stacklevel=3,
        )


def same_speakers_interval(accuracies: NDArray[np.float64]) -> tuple[float, float]:
    """Return the normal 95 % interval of the mean over tasks (n_tasks,), cut to [0, 1].

    It answers "what would other tasks among the same speakers have given?". NaN for one task.
    """
    if len(accuracies) < 2:
        return np.nan, np.nan
    half = _NORMAL_QUANTILE * accuracies.std(ddof=1) / np.sqrt(len(accuracies))
    return tuple(np.clip([accuracies.mean() - half, accuracies.mean() + half], 0, 1))
