"""Detection cost, as in the speaker recognition evaluations of NIST."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .._docs import substitute
from .trials import TEXTS, Counts, check_trials, count_by_score, error_rates, threshold_above


@substitute(**TEXTS)
def min_dcf(
    y_true: ArrayLike,
    y_score: ArrayLike,
    *,
    p_target: float = 0.01,
    c_miss: float = 1.0,
    c_fa: float = 1.0,
) -> float:
    r"""Return the lowest normalized detection cost of all thresholds.

    %(trials)s
    %(costs)s

    Returns
    -------
    cost : float
        From 0 to 1; 1 is the cost of the better of accepting and of rejecting everything.

    Raises
    ------
    ValueError
        If `p_target` is not between 0 and 1 or a cost is not positive.

    See Also
    --------
    min_dcf_threshold : The threshold that achieves it.
    actual_dcf : The cost at the threshold that calibrated scores should have.

    Notes
    -----
    With the false-reject rate :math:`P_{miss}` and the false-accept rate :math:`P_{fa}` the cost is

    .. math:: C = \frac{c_{miss}\, p\, P_{miss} + c_{fa}\, (1 - p)\, P_{fa}}
              {\min(c_{miss}\, p,\; c_{fa}\, (1 - p))}

    The defaults are one of the two operating points of NIST's 2016 evaluation [1]_.

    References
    ----------
    .. [1] NIST 2016 Speaker Recognition Evaluation Plan.

    Examples
    --------
    >>> from sklearn_siamese_speaker.metrics import min_dcf
    >>> min_dcf([0, 0, 0, 1, 1, 1], [0.1, 0.3, 0.6, 0.4, 0.8, 0.9])
    0.333...
    """
    return float(_costs(count_by_score(y_true, y_score), p_target, c_miss, c_fa).min())


@substitute(**TEXTS)
def min_dcf_threshold(
    y_true: ArrayLike,
    y_score: ArrayLike,
    *,
    p_target: float = 0.01,
    c_miss: float = 1.0,
    c_fa: float = 1.0,
) -> float:
    """Return the threshold with the lowest detection cost.

    %(trials)s
    %(costs)s

    %(threshold)s
        Of equally good thresholds the lowest.

    Examples
    --------
    >>> from sklearn_siamese_speaker.metrics import min_dcf_threshold
    >>> min_dcf_threshold([0, 0, 0, 1, 1, 1], [1.0, 3.0, 6.0, 4.0, 8.0, 9.0])
    7.0
    """
    counts = count_by_score(y_true, y_score)
    return threshold_above(counts.scores, _costs(counts, p_target, c_miss, c_fa).argmin())


@substitute(**TEXTS)
def actual_dcf(
    y_true: ArrayLike,
    y_score: ArrayLike,
    *,
    p_target: float = 0.01,
    c_miss: float = 1.0,
    c_fa: float = 1.0,
) -> float:
    """Return the normalized detection cost of log-likelihood ratios at the Bayes threshold.

    %(trials_of_ratios)s
    %(costs)s

    Returns
    -------
    cost : float
        At least :func:`min_dcf`; the difference is the cost of bad calibration.

    See Also
    --------
    bayes_threshold : The threshold.

    Examples
    --------
    >>> from sklearn_siamese_speaker.metrics import actual_dcf
    >>> actual_dcf([0, 0, 1, 1], [-3.0, 5.0, 4.0, 9.0], p_target=0.5)
    0.5
    """
    threshold = bayes_threshold(p_target=p_target, c_miss=c_miss, c_fa=c_fa)
    is_target, scores = check_trials(y_true, y_score)
    accepted = scores > threshold
    far, frr = accepted[~is_target].mean(), (~accepted[is_target]).mean()
    return float(_normalized_cost(far, frr, p_target, c_miss, c_fa))


@substitute(**TEXTS)
def bayes_threshold(*, p_target: float = 0.01, c_miss: float = 1.0, c_fa: float = 1.0) -> float:
    """Return the log-likelihood ratio above which accepting is cheaper than rejecting.

    Parameters
    ----------
    %(costs)s

    Returns
    -------
    threshold : float
        ``log(c_fa * (1 - p_target) / (c_miss * p_target))``, a natural logarithm.

    Examples
    --------
    >>> from sklearn_siamese_speaker.metrics import bayes_threshold
    >>> round(bayes_threshold(), 3), bayes_threshold(p_target=0.5)
    (4.595, 0.0)
    """
    if not 0 < p_target < 1:
        raise ValueError(
            f"p_target={p_target} must be a probability between 0 and 1, both excluded."
        )
    for name, cost in {"c_miss": c_miss, "c_fa": c_fa}.items():
        if not 0 < cost < math.inf:
            raise ValueError(f"{name}={cost} must be a positive cost.")
    # Not the logarithm of the ratio, which overflows for extreme costs.
    return math.log(c_fa) - math.log(c_miss) + math.log1p(-p_target) - math.log(p_target)


def _costs(counts: Counts, p_target: float, c_miss: float, c_fa: float) -> NDArray[np.float64]:
    bayes_threshold(p_target=p_target, c_miss=c_miss, c_fa=c_fa)  # raises for a wrong cost
    return _normalized_cost(*error_rates(counts), p_target, c_miss, c_fa)


def _normalized_cost(
    far: NDArray, frr: NDArray, p_target: float, c_miss: float, c_fa: float
) -> NDArray[np.float64]:
    miss, false_accept = p_target * c_miss, (1 - p_target) * c_fa
    return (miss * frr + false_accept * far) / np.minimum(miss, false_accept)
