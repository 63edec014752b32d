"""Scores to log-likelihood ratios."""

from __future__ import annotations

import numpy as np
from scipy.special import logit
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler


def calibrate(scores, same, prior):
    """Learn the log-likelihood ratio as a weighted sum of the scores of one or several systems.

    Logistic regression with each kind of trials weighted to the prior [1]_. Each label is softened
    by one trial in either class [2]_: separated scores then have a finite solution, and do not
    promise more than the number of trials can support.

    Parameters
    ----------
    scores : ndarray of shape (n_trials, n_scores)
        Scores.
    same : ndarray of bool of shape (n_trials,)
        Whether the trial is of one speaker.
    prior : float
        Prior probability that it is.

    Returns
    -------
    coef : ndarray of shape (n_scores,)
        Weight of each score.
    intercept : float
        Log-likelihood ratio of a trial whose scores are 0.

    References
    ----------
    .. [1] Brümmer, N., & de Villiers, E. (2013). The BOSARIS toolkit: theory, algorithms and code
       for surviving the new DCF. arXiv:1304.2865.
    .. [2] Platt, J. (1999). Probabilistic outputs for support vector machines and comparisons to
       regularized likelihood methods. Advances in Large Margin Classifiers, 61-74.
    """
    scaler = StandardScaler().fit(scores)
    n_kind = np.where(same, same.sum(), (~same).sum())
    weight = np.where(same, prior, 1 - prior) / n_kind
    weights = [weight * (n_kind + 1) / (n_kind + 2), weight / (n_kind + 2)]
    regression = LogisticRegression(C=np.inf, tol=1e-8, max_iter=1000).fit(
        np.tile(scaler.transform(scores), (2, 1)),
        np.concatenate([same, ~same]),
        np.concatenate(weights) * len(same),
    )
    coef = regression.coef_[0] / scaler.scale_
    intercept = regression.intercept_[0] - logit(prior) - coef @ scaler.mean_
    return coef, float(intercept)
