"""Equal error rate, and false rejects at a false-accept rate."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from .._docs import substitute
from .trials import TEXTS, Counts, count_by_score, error_rates, threshold_above


@substitute(**TEXTS)
def equal_error_rate(y_true: ArrayLike, y_score: ArrayLike) -> float:
    """Return the error rate at which false accepts and false rejects are equally frequent.

    Between two thresholds the rates are interpolated linearly, as if a coin chose one of the two.
    Scores that are all equal therefore have 0.5.

    %(trials)s

    Returns
    -------
    eer : float
        0 for separated scores, 0.5 by chance, 1 if every non-target scores above every target.

    Raises
    ------
    ValueError
        If one of the two kinds of trials is missing or a score is not finite.

    See Also
    --------
    equal_error_threshold : The threshold that comes closest to it.
    sklearn.metrics.det_curve : Both error rates at every threshold.

    Examples
    --------
    >>> from sklearn_siamese_speaker.metrics import equal_error_rate
    >>> equal_error_rate([0, 0, 1, 1], [0.1, 0.2, 0.8, 0.9])
    0.0
    >>> equal_error_rate([0, 0, 0, 1, 1, 1], [0.1, 0.3, 0.6, 0.4, 0.8, 0.9])
    0.333...

    As a scorer of trials:

    >>> from sklearn.metrics import make_scorer
    >>> scorer = make_scorer(
    ...     equal_error_rate, response_method="decision_function", greater_is_better=False)
    """
    far, frr = error_rates(count_by_score(y_true, y_score))
    j = np.argmax(frr >= far)  # from j - 1 to j the false rejects overtake the false accepts
    lead_before, lead = far[j - 1] - frr[j - 1], frr[j] - far[j]
    share = lead_before / (lead_before + lead)
    return float(far[j - 1] + share * (far[j] - far[j - 1]))


@substitute(**TEXTS)
def equal_error_threshold(y_true: ArrayLike, y_score: ArrayLike) -> float:
    """Return the threshold at which the two error rates are closest to each other.

    %(trials)s

    %(threshold)s
        Of two equally good thresholds the higher.

    Examples
    --------
    >>> from sklearn_siamese_speaker.metrics import equal_error_threshold
    >>> equal_error_threshold([0, 0, 1, 1], [0.0, 2.0, 8.0, 9.0])
    5.0
    """
    counts = count_by_score(y_true, y_score)
    far, frr = error_rates(counts)
    j = np.argmax(frr >= far)
    j -= far[j - 1] - frr[j - 1] < frr[j] - far[j]
    return threshold_above(counts.scores, j)


@substitute(**TEXTS)
def false_reject_rate_at(y_true: ArrayLike, y_score: ArrayLike, *, far: float = 0.01) -> float:
    """Return the lowest false-reject rate of thresholds that accept at most `far` of non-targets.

    %(trials)s
    %(far)s

    Returns
    -------
    frr : float
        Share of target trials rejected, from 0 to 1.

    See Also
    --------
    false_accept_threshold : The threshold.

    Examples
    --------
    >>> from sklearn_siamese_speaker.metrics import false_reject_rate_at
    >>> false_reject_rate_at([0, 0, 0, 1, 1, 1], [0.1, 0.3, 0.6, 0.4, 0.8, 0.9], far=0.0)
    0.333...
    """
    counts = count_by_score(y_true, y_score)
    return float(error_rates(counts)[1][_first_within(counts, far)])


@substitute(**TEXTS)
def false_accept_threshold(y_true: ArrayLike, y_score: ArrayLike, *, far: float = 0.01) -> float:
    """Return the lowest threshold that accepts at most `far` of the non-target trials.

    %(trials)s
    %(far)s

    %(threshold)s

    Examples
    --------
    >>> from sklearn_siamese_speaker.metrics import false_accept_threshold
    >>> false_accept_threshold([0, 0, 0, 1, 1, 1], [1.0, 3.0, 6.0, 4.0, 8.0, 9.0], far=0.0)
    7.0
    """
    counts = count_by_score(y_true, y_score)
    return threshold_above(counts.scores, _first_within(counts, far))


def _first_within(counts: Counts, far: float) -> int:
    if not 0 <= far <= 1:
        raise ValueError(f"far={far} must be a share of the non-target trials, from 0 to 1.")
    return int(np.argmax(error_rates(counts)[0] <= far))
