"""How sure a metric or an error rate is: what other speakers would have given.

`bootstrap_interval` resamples speakers. `error_rate_bound` counts how many independent trials would
be as informative as the given ones, which share speakers, and takes the Clopper-Pearson bound at
that number. ``benchmarks/bounds.py`` measures how often it holds.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.random import RandomState
from numpy.typing import ArrayLike, NDArray
from scipy import stats
from sklearn.utils import check_random_state, column_or_1d

from .._docs import substitute
from .trials import TEXTS, check_speakers_agree, check_trial_speakers, check_trials


@substitute(**TEXTS)
def bootstrap_interval(
    metric: Callable[[NDArray, NDArray], float],
    y_true: ArrayLike,
    y_score: ArrayLike,
    speakers: ArrayLike,
    *,
    confidence: float = 0.95,
    n_draws: int = 1000,
    random_state: int | RandomState | None = 0,
) -> tuple[float, float]:
    """Return the interval of a metric for other speakers, by resampling speakers.

    Trials that share a speaker are not independent, so it is speakers that are drawn with
    replacement, not trials: a target trial of a speaker drawn w times counts w times, a non-target
    trial of speakers drawn v and w times counts v * w times (the pigeonhole bootstrap [1]_).

    Parameters
    ----------
    metric : callable
        ``metric(y_true, y_score)`` returns a number: a function of this module, or any other.
    %(y_true)s
    %(y_score)s
    speakers : array-like of shape (n_trials, 2)
        Speaker of the enrolment and of the test recording of each trial.
    confidence : float, default=0.95
        Share of the draws inside the interval, between 0 and 1.
    n_draws : int, default=1000
        Number of draws. Those without a trial of either kind are left out.
    random_state : int, RandomState instance or None, default=0
        Draws the speakers. An integer gives two systems the same draws.

    Returns
    -------
    lower, upper : float
        The interval, by percentiles.

    Raises
    ------
    ValueError
        If labels and speakers contradict, or there are fewer than 3 speakers.

    References
    ----------
    .. [1] A. B. Owen, "The pigeonhole bootstrap", Annals of Applied Statistics 1(2), 2007,
       386-411.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_siamese_speaker.metrics import bootstrap_interval, equal_error_rate
    >>> rng = np.random.default_rng(0)
    >>> speaker = np.repeat(np.arange(12), 4)
    >>> X = 2 * rng.normal(size=12)[speaker] + rng.normal(size=48)
    >>> enrolment, test = np.triu_indices(48, k=1)
    >>> speakers = np.column_stack([speaker[enrolment], speaker[test]])
    >>> y_true, y_score = speakers[:, 0] == speakers[:, 1], -abs(X[enrolment] - X[test])
    >>> round(equal_error_rate(y_true, y_score), 2)
    0.3...
    >>> lower, upper = bootstrap_interval(equal_error_rate, y_true, y_score, speakers, n_draws=200)
    >>> round(lower, 2), round(upper, 2)
    (0.2..., 0.4...)
    """
    is_target, scores = check_trials(y_true, y_score)
    pairs = check_trial_speakers(speakers, len(scores))
    check_speakers_agree(is_target, pairs)
    n_speakers = pairs.max() + 1
    if n_speakers < 3:
        raise ValueError(f"Resampling speakers needs at least 3 of them, got {n_speakers}.")
    rng = check_random_state(random_state)
    values = []
    for drawn in rng.multinomial(n_speakers, np.full(n_speakers, 1 / n_speakers), n_draws):
        times = np.where(is_target, drawn[pairs[:, 0]], drawn[pairs].prod(axis=1))
        trials = np.repeat(np.arange(len(times)), times)
        if 0 < is_target[trials].sum() < len(trials):
            values.append(metric(is_target[trials], scores[trials]))
    tail = (1 - confidence) / 2
    lower, upper = np.quantile(values, [tail, 1 - tail])
    return float(lower), float(upper)


def error_rate_bound(
    errors: ArrayLike, speakers: ArrayLike | None = None, *, confidence: float = 0.95
) -> float:
    """Return an upper confidence bound of an error rate.

    Parameters
    ----------
    errors : array-like of bool of shape (n_trials,)
        Whether the decision about each trial was wrong; trials of one kind, target or non-target.
    speakers : array-like of shape (n_trials, 2), default=None
        Speaker of the enrolment and of the test recording of each trial. None takes the trials for
        independent: no two of them share a speaker.
    confidence : float, default=0.95
        Probability that the bound is not below the error rate.

    Returns
    -------
    bound : float
        From 0 to 1. For independent trials the Clopper-Pearson bound.

    Notes
    -----
    With speakers, the bound is for other speakers of the same population. The effective number of
    trials is estimated from the variance of the error rate over speakers [1]_, whose degrees of
    freedom are low where few speakers make most of the errors [2]_, at a confidence of
    ``(1 + confidence) / 2``: the sample may lack a rare kind of speaker. Without an error there is
    no such estimate; the effective number is then that of separate speakers or pairs of them.

    References
    ----------
    .. [1] Korn, E. L., & Graubard, B. I. (1998). Confidence intervals for proportions with small
       expected number of positive counts estimated from survey data. Survey Methodology 24(2),
       193-201.
    .. [2] Satterthwaite, F. E. (1946). An approximate distribution of estimates of variance
       components. Biometrics Bulletin 2(6), 110-114.

    Examples
    --------
    No error in 300 independent trials, the rule of three:

    >>> import numpy as np
    >>> from sklearn_siamese_speaker.metrics import error_rate_bound
    >>> round(error_rate_bound(np.zeros(300, dtype=bool)), 3)
    0.01

    No error in the 190 trials among 20 speakers:

    >>> speakers = np.column_stack(np.triu_indices(20, k=1))
    >>> round(error_rate_bound(np.zeros(190, dtype=bool), speakers), 3)
    0.259
    """
    is_error = column_or_1d(errors).astype(bool)
    rate, n_trials = is_error.mean(), len(is_error)
    if speakers is None:
        return clopper_pearson(rate, n_trials, confidence)
    pairs = check_trial_speakers(speakers, n_trials)
    # The bound at the least number holds for every population, but is wide. The estimated number
    # cannot know of a kind of speaker that is missing from the sample: half of the allowed risk is
    # kept for it, the 95 % bound is the 97.5 % bound there. The lower of the two bounds counts.
    least = _least_effective_number(pairs)
    stricter = (1 + confidence) / 2
    estimated = max(least, _effective_number(is_error, pairs, stricter))
    return min(clopper_pearson(rate, least, confidence), clopper_pearson(rate, estimated, stricter))


def clopper_pearson(rate: float, n_trials: float | np.signedinteger, confidence: float) -> float:
    """Return the upper bound of a rate found in so many independent trials, not always whole."""
    if rate == 1:
        return 1.0
    return float(stats.beta.ppf(confidence, rate * n_trials + 1, (1 - rate) * n_trials))


def _effective_number(
    errors: NDArray[np.bool_], speakers: NDArray[np.intp], confidence: float
) -> float:
    """Return how many independent trials have the variance of the error rate: 0 if unknown."""
    # The interval of Korn and Graubard (1998). Where a few speakers make most of the errors, the
    # variance is uncertain itself; its degrees of freedom are Satterthwaite's (1946), about as many
    # as speakers contribute to it.
    n_trials = len(errors)
    squares = _squared_deviations(errors, speakers)
    variance = squares.sum()
    if not variance > 0:
        return 0.0
    degrees_of_freedom = variance**2 / (squares**2).sum() - 1
    rate = errors.mean()
    quantiles = stats.t.ppf(confidence, [n_trials - 1, degrees_of_freedom])
    effective = rate * (1 - rate) / variance * (quantiles[0] / quantiles[1]) ** 2
    return min(effective, n_trials)


def _squared_deviations(
    errors: NDArray[np.bool_], speakers: NDArray[np.intp]
) -> NDArray[np.float64]:
    """Return what each speaker adds to the jackknife variance of the error rate: (n_speakers,)."""
    # Of a speaker who is in every trial, nothing is left to leave out: the variance is NaN.
    n_speakers = speakers.max() + 1
    trials = _sum_by_speaker(np.ones(len(errors)), speakers)
    wrong = _sum_by_speaker(errors, speakers)
    with np.errstate(invalid="ignore"):
        without = (errors.sum() - wrong) / (len(errors) - trials)
    return (n_speakers - 1) / n_speakers * (without - without.mean()) ** 2


def _least_effective_number(speakers: NDArray[np.intp]) -> float:
    """Return the effective number of trials whose speakers decide everything."""
    # Two trials of two speakers each that share one are then correlated by 1/2 (Hoeffding 1963,
    # section 5), so that all pairs of n speakers count as n / 2 trials.
    each = np.ones(len(speakers))
    sides = [np.bincount(side) for side in speakers.T]
    both = _sum_by_speaker(np.where(speakers[:, 0] == speakers[:, 1], 1, np.sqrt(0.5)), speakers)
    return each.sum() ** 2 / max((counts**2).sum() for counts in [*sides, both])


def _sum_by_speaker(values: NDArray, speakers: NDArray[np.intp]) -> NDArray:
    """Sum values (n_trials,) over the trials that each speaker takes part in: (n_speakers,)."""
    n_speakers = speakers.max() + 1
    different = speakers[:, 0] != speakers[:, 1]
    first = np.bincount(speakers[:, 0], values, n_speakers)
    return first + np.bincount(speakers[different, 1], values[different], n_speakers)
