"""How sure a metric is: what other speakers would have given."""

from __future__ import annotations

import numpy as np
from sklearn.utils import check_random_state

from ._trials import check_speakers_agree, check_trial_speakers, check_trials


def bootstrap_interval(
    metric, y_true, y_score, speakers, *, confidence=0.95, n_draws=1000, random_state=0
):
    """Return the interval of a metric for other speakers, by resampling speakers.

    Trials that share a speaker are not independent, so it is speakers that are drawn with
    replacement, not trials: a target trial of a speaker drawn w times counts w times, a non-target
    trial of speakers drawn v and w times counts v * w times (the pigeonhole bootstrap [1]_).

    Parameters
    ----------
    metric : callable
        ``metric(y_true, y_score)`` returns a number: a function of this module, or any other.
    y_true : array-like of shape (n_trials,)
        1 where both recordings of the trial are of one speaker, else 0.
    y_score : array-like of shape (n_trials,)
        Scores, higher for more alike.
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
    y_true, y_score = check_trials(y_true, y_score)
    speakers = check_trial_speakers(speakers, len(y_true))
    check_speakers_agree(y_true, speakers)
    n_speakers = speakers.max() + 1
    if n_speakers < 3:
        raise ValueError(f"Resampling speakers needs at least 3 of them, got {n_speakers}.")
    rng = check_random_state(random_state)
    values = []
    for drawn in rng.multinomial(n_speakers, np.full(n_speakers, 1 / n_speakers), n_draws):
        times = np.where(y_true, drawn[speakers[:, 0]], drawn[speakers].prod(axis=1))
        trials = np.repeat(np.arange(len(times)), times)
        if 0 < y_true[trials].sum() < len(trials):
            values.append(metric(y_true[trials], y_score[trials]))
    tail = (1 - confidence) / 2
    lower, upper = np.quantile(values, [tail, 1 - tail])
    return float(lower), float(upper)
