"""The cost of log-likelihood ratios: how much information they lack, over all priors and costs."""

from __future__ import annotations

import numpy as np
from scipy.special import xlogy
from sklearn.isotonic import isotonic_regression

from ._trials import check_trials, count_by_score


def cllr(y_true, y_score):
    """Return the cost of log-likelihood ratios, in bits.

    Parameters
    ----------
    y_true : array-like of shape (n_trials,)
        1 where both recordings of the trial are of one speaker, else 0.
    y_score : array-like of shape (n_trials,)
        Natural logarithms of likelihood ratios.

    Returns
    -------
    cost : float
        0 for perfect ratios, 1 for ratios of 1 everywhere, which say nothing, and more than 1 for
        ratios that mislead.

    See Also
    --------
    min_cllr : The part of it that no calibration would remove.

    References
    ----------
    .. [1] Brümmer, N., & du Preez, J. (2006). Application-independent evaluation of speaker
       detection. Computer Speech & Language 20(2-3), 230-275.

    Examples
    --------
    >>> from sklearn_siamese_speaker.metrics import cllr
    >>> cllr([0, 1], [0.0, 0.0])
    1.0
    >>> round(cllr([0, 0, 1, 1], [-3.0, -1.0, 2.0, 4.0]), 3)
    0.183
    """
    y_true, y_score = check_trials(y_true, y_score)
    target_cost = np.logaddexp(0, -y_score[y_true]).mean()
    non_target_cost = np.logaddexp(0, y_score[~y_true]).mean()
    return float((target_cost + non_target_cost) / (2 * np.log(2)))


def min_cllr(y_true, y_score):
    """Return the lowest :func:`cllr` that an increasing function of the scores achieves, in bits.

    Parameters
    ----------
    y_true : array-like of shape (n_trials,)
        1 where both recordings of the trial are of one speaker, else 0.
    y_score : array-like of shape (n_trials,)
        Scores, higher for more alike; only their order counts.

    Returns
    -------
    cost : float
        From 0 for separated scores to 1.

    Notes
    -----
    The best function is found by pooling adjacent violators [1]_: isotonic regression of the
    labels, with half of the weight on either kind of trials.

    References
    ----------
    .. [1] Brümmer, N., & du Preez, J. (2006). Application-independent evaluation of speaker
       detection. Computer Speech & Language 20(2-3), 230-275.

    Examples
    --------
    >>> from sklearn_siamese_speaker.metrics import min_cllr
    >>> min_cllr([0, 0, 1, 1], [1.0, 2.0, 3.0, 4.0])
    0.0
    >>> round(min_cllr([0, 0, 1, 1], [1.0, 3.0, 2.0, 4.0]), 3)
    0.5
    """
    counts = count_by_score(y_true, y_score)
    targets = counts.targets / counts.targets.sum()
    non_targets = counts.non_targets / counts.non_targets.sum()
    weight = targets + non_targets
    posterior = isotonic_regression(targets / weight, sample_weight=weight, y_min=0, y_max=1)
    information = xlogy(targets, posterior) + xlogy(non_targets, 1 - posterior)
    return float(0.0 - information.sum() / (2 * np.log(2)))
