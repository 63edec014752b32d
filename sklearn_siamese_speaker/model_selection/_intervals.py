"""How sure an accuracy is: speakers resampled, and beside it the same speakers taken as given.

The speaker-level interval answers "what would other speakers have given?". It is a bootstrap of the
speakers who speak, each with all of their queries, because queries of one speaker are alike.
``benchmarks/bounds.py`` measures how often the intervals hold.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray
from scipy import stats
from sklearn.utils import Bunch

from .._audio import warn_caller
from ..metrics.uncertainty import clopper_pearson

CONFIDENCE = 0.95
# With fewer, the interval of a difference does not hold in 95 % of the cases, and that of an
# accuracy near 1 is wider than 0.3.
MIN_SPEAKERS = 10
_ONE_SIDED = (1 + CONFIDENCE) / 2
_NORMAL_QUANTILE = stats.norm.ppf(_ONE_SIDED)
_N_DRAWS = 2000
_ROUNDING = 1e-9  # draws that differ by less do not differ
_SEED = 0  # the same draws for every system, so that their differences are paired


def count_recognized(
    speakers: NDArray[np.intp], recognized: NDArray[np.intp], n_speakers: int
) -> tuple[NDArray, NDArray]:
    """Return the queries of each speaker, and how many were recognized: two of (n_speakers,)."""
    # speakers: (n_tasks, k_way), in [0, n_speakers); recognized: (n_tasks, k_way, n_queries), the
    # position of the recognized speaker, or -1.
    is_right = recognized == np.arange(recognized.shape[1])[:, np.newaxis]
    n_right = np.bincount(speakers.ravel(), is_right.sum(axis=2).ravel(), minlength=n_speakers)
    n_tasks = np.bincount(speakers.ravel(), minlength=n_speakers)
    return n_tasks * recognized.shape[2], n_right


def bootstrap_shares(
    n_queries: NDArray, values: NDArray, n_draws: int = _N_DRAWS
) -> NDArray[np.float64]:
    """Return the share of values in the queries under resampled speakers: (n_draws,)."""
    # Resampling a speaker also as a candidate for the queries of others (the pigeonhole bootstrap)
    # counts the chance of each pair of speakers three times: in simulations with 20 speakers its
    # intervals are twice too wide. So only those who speak are drawn.
    # Equal positions in the results of two systems on the same tasks belong to equal draws.
    present = n_queries > 0
    n_queries, values = n_queries[present], values[present]
    n_speakers = len(n_queries)
    rng = np.random.RandomState(_SEED)
    weights = rng.multinomial(n_speakers, np.full(n_speakers, 1 / n_speakers), n_draws)
    return (weights @ values) / (weights @ n_queries)


def accuracy_interval(n_queries: NDArray, n_right: NDArray) -> tuple[float, float]:
    """Return the 95 % interval of an accuracy for other speakers, in [0, 1], or NaN."""
    n_speakers = np.count_nonzero(n_queries)
    if n_speakers < MIN_SPEAKERS:
        return np.nan, np.nan
    limits = _share_limits(n_right.sum() / n_queries.sum(), n_speakers)
    return _interval(_spread_draws(n_queries, n_right), limits)


def compare_paired(n_queries: NDArray, n_right: NDArray, n_right_of_baseline: NDArray) -> Bunch:
    """Return `lower`, `upper` and `p_value` of the difference of two accuracies, or NaN."""
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
    # The draws of a bootstrap of few speakers vary too little: Hesterberg (2015), "What teachers
    # should know about the bootstrap", section 4. The degrees of freedom are those of Satterthwaite
    # (1946): where a few speakers make most of the errors, they are as few as these speakers.
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
    # Where no speaker makes an error, the draws do not vary at all, although other speakers may be
    # harder. The limits take as many queries as speakers: the speaker alone decides.
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
        warn_caller(
            f"{where} has {min(numbers)} speakers in its tasks, too few for an interval over "
            f"speakers, which takes at least {MIN_SPEAKERS}. Evaluate on more speakers."
        )


def same_speakers_interval(accuracies: NDArray[np.float64]) -> tuple[float, float]:
    """Return the normal 95 % interval for other tasks among the same speakers; NaN for one task."""
    if len(accuracies) < 2:
        return np.nan, np.nan
    half = _NORMAL_QUANTILE * accuracies.std(ddof=1) / np.sqrt(len(accuracies))
    return tuple(np.clip([accuracies.mean() - half, accuracies.mean() + half], 0, 1))
