"""Log-likelihood ratios: learned from scores, and what they cost over all priors and costs."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import logit, xlogy
from sklearn.isotonic import isotonic_regression
from sklearn.preprocessing import StandardScaler

from .._docs import substitute
from .trials import TEXTS, check_trials, count_by_score

_REFERENCES = """\
References
----------
.. [1] Brümmer, N., & du Preez, J. (2006). Application-independent evaluation of speaker
   detection. Computer Speech & Language 20(2-3), 230-275.
"""


@substitute(**TEXTS, references=_REFERENCES)
def cllr(y_true: ArrayLike, y_score: ArrayLike) -> float:
    """Return the cost of log-likelihood ratios, in bits.

    %(trials_of_ratios)s

    Returns
    -------
    cost : float
        0 for perfect ratios, 1 for ratios of 1 everywhere, which say nothing, and more than 1 for
        ratios that mislead.

    See Also
    --------
    min_cllr : The part of it that no calibration would remove.

    %(references)s

    Examples
    --------
    >>> from sklearn_siamese_speaker.metrics import cllr
    >>> cllr([0, 1], [0.0, 0.0])
    1.0
    >>> round(cllr([0, 0, 1, 1], [-3.0, -1.0, 2.0, 4.0]), 3)
    0.183
    """
    is_target, ratios = check_trials(y_true, y_score)
    target_cost = np.logaddexp(0, -ratios[is_target]).mean()
    non_target_cost = np.logaddexp(0, ratios[~is_target]).mean()
    return float((target_cost + non_target_cost) / (2 * np.log(2)))


@substitute(**TEXTS, references=_REFERENCES)
def min_cllr(y_true: ArrayLike, y_score: ArrayLike) -> float:
    """Return the lowest :func:`cllr` that an increasing function of the scores achieves, in bits.

    Parameters
    ----------
    %(y_true)s
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

    %(references)s

    Examples
    --------
    >>> from sklearn_siamese_speaker.metrics import min_cllr
    >>> min_cllr([0, 0, 1, 1], [1.0, 2.0, 3.0, 4.0])
    0.0
    >>> round(min_cllr([0, 0, 1, 1], [1.0, 3.0, 2.0, 4.0]), 3)
    0.5
    """
    # Trials of equal score get one ratio: they are pooled before the regression.
    counts = count_by_score(y_true, y_score)
    targets = counts.targets / counts.targets.sum()
    non_targets = counts.non_targets / counts.non_targets.sum()
    weight = targets + non_targets
    posterior = isotonic_regression(targets / weight, sample_weight=weight, y_min=0, y_max=1)
    information = xlogy(targets, posterior) + xlogy(non_targets, 1 - posterior)
    # Not `-information`, which is -0.0 for separated scores.
    return float(0.0 - information.sum() / (2 * np.log(2)))


def calibrate(
    scores: NDArray[np.float64], same: NDArray[np.bool_], prior: float
) -> tuple[NDArray[np.float64], float]:
    """Return weight and intercept of (n_trials, n_scores) scores that sum up to the ratio."""
    # Logistic regression with each kind of trials weighted to the prior: Brümmer and de Villiers
    # (2013), "The BOSARIS toolkit", arXiv:1304.2865. Each label is softened by one trial in either
    # class, as in Platt (1999), "Probabilistic outputs for support vector machines": separated
    # scores then have a finite solution, and do not promise more than their number can support.
    scaler = StandardScaler().fit(scores)
    n_kind = np.where(same, same.sum(), (~same).sum())
    weight = np.where(same, prior, 1 - prior) / n_kind
    weights = [weight * (n_kind + 1) / (n_kind + 2), weight / (n_kind + 2)]
    from sklearn.linear_model import LogisticRegression  # slow to import

    regression = LogisticRegression(C=np.inf, tol=1e-8, max_iter=1000).fit(
        np.tile(scaler.transform(scores), (2, 1)),
        np.concatenate([same, ~same]),
        np.concatenate(weights) * len(same),
    )
    coef = regression.coef_[0] / scaler.scale_
    intercept = regression.intercept_[0] - logit(prior) - coef @ scaler.mean_
    return coef, float(intercept)
