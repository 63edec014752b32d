"""How high the error rate behind some observed errors may be.

Trials that share a speaker are not independent. The variance of the error rate over speakers, from
leaving out one speaker at a time, says how many independent trials would be as informative, and the
Clopper-Pearson bound is taken at that number (Korn and Graubard's interval [1]_). It stays between
two limits: the number of trials, and the number that is left when the speakers decide everything.
There, two trials of two speakers each that share one are correlated by 1/2 [2]_, so that all
pairs of n speakers are worth n / 2 trials.

References
----------
.. [1] Korn, E. L., & Graubard, B. I. (1998). Confidence intervals for proportions with small
   expected number of positive counts estimated from survey data. Survey Methodology 24(2), 193-201.
.. [2] Hoeffding, W. (1963). Probability inequalities for sums of bounded random variables. Journal
   of the American Statistical Association 58(301), 13-30, section 5.
"""

from __future__ import annotations

import numpy as np
from scipy import stats
from sklearn.utils import column_or_1d

from ._trials import check_trial_speakers


def error_rate_bound(errors, speakers=None, *, confidence=0.95):
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
    With speakers, the bound answers for other speakers: the effective number of trials is estimated
    from how much the error rate varies between them [1]_, with as many degrees of freedom as
    speakers took part in an error, less one. Without an error nothing is known of that, and the
    worst is assumed, as many independent trials as there are separate speakers or pairs.

    References
    ----------
    .. [1] Korn, E. L., & Graubard, B. I. (1998). Confidence intervals for proportions with small
       expected number of positive counts estimated from survey data. Survey Methodology 24(2),
       193-201.

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
    errors = column_or_1d(errors).astype(bool)
    rate, n_trials = errors.mean(), len(errors)
    if speakers is not None:
        speakers = check_trial_speakers(speakers, n_trials)
        n_trials = _effective_number(errors, speakers, confidence)
    if rate == 1:
        return 1.0
    return float(stats.beta.ppf(confidence, rate * n_trials + 1, (1 - rate) * n_trials))


def _effective_number(errors, speakers, confidence):
    """Return how many independent trials would be as informative: float in [1, n_trials]."""
    n_trials, least = len(errors), _least_effective_number(speakers)
    n_involved = len(np.unique(speakers[errors]))
    variance = _jackknife_variance(errors, speakers)
    if n_involved < 2 or not variance > 0:
        return least
    rate = errors.mean()
    quantiles = stats.t.ppf(confidence, [n_trials - 1, n_involved - 1])
    effective = rate * (1 - rate) / variance * (quantiles[0] / quantiles[1]) ** 2
    return np.clip(effective, least, n_trials)


def _jackknife_variance(errors, speakers):
    """Return the variance of the error rate over speakers; NaN if one is in every trial."""
    n_speakers = speakers.max() + 1
    trials = _sum_by_speaker(np.ones(len(errors)), speakers)
    wrong = _sum_by_speaker(errors, speakers)
    with np.errstate(invalid="ignore"):
        without = (errors.sum() - wrong) / (len(errors) - trials)
    return (n_speakers - 1) * np.var(without)


def _least_effective_number(speakers):
    """Return the effective number of trials whose speakers decide everything."""
    each = np.ones(len(speakers))
    sides = [np.bincount(side) for side in speakers.T]
    both = _sum_by_speaker(np.where(speakers[:, 0] == speakers[:, 1], 1, np.sqrt(0.5)), speakers)
    return each.sum() ** 2 / max((counts**2).sum() for counts in [*sides, both])


def _sum_by_speaker(values, speakers):
    """Sum values (n_trials,) over the trials that each speaker takes part in: (n_speakers,)."""
    n_speakers = speakers.max() + 1
    different = speakers[:, 0] != speakers[:, 1]
    first = np.bincount(speakers[:, 0], values, n_speakers)
    return first + np.bincount(speakers[different, 1], values[different], n_speakers)
