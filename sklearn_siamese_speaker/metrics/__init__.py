"""Metrics of trials, where the question is: is this the voice that was enrolled.

A trial is a pair of recordings; `make_trials` pairs them. `y_true` is 1 where both are of one
speaker. Scores go up with similarity, and a trial is accepted when its score is above a threshold.
Error rates: `equal_error_rate`, `false_reject_rate_at`. Costs: `min_dcf`, `actual_dcf`. Information
in log-likelihood ratios: `cllr`, `min_cllr`. Thresholds: `equal_error_threshold`,
`false_accept_threshold`, `min_dcf_threshold`, `bayes_threshold`. How sure they are, for other
speakers: `bootstrap_interval` of any metric, `error_rate_bound` of the errors at one threshold.
Scores against a cohort: `adaptive_s_norm`.

Who spoke when: `diarization_error_rate`, `diarization_errors`.
"""

from .._public import publish
from ._detection_cost import actual_dcf, bayes_threshold, min_dcf, min_dcf_threshold
from ._error_rates import (
    equal_error_rate,
    equal_error_threshold,
    false_accept_threshold,
    false_reject_rate_at,
)
from .diarization import diarization_error_rate, diarization_errors
from .log_likelihood_ratio import cllr, min_cllr
from .score_norm import adaptive_s_norm
from .trials import make_trials
from .uncertainty import bootstrap_interval, error_rate_bound

__all__ = [
    "actual_dcf",
    "adaptive_s_norm",
    "bayes_threshold",
    "bootstrap_interval",
    "cllr",
    "diarization_error_rate",
    "diarization_errors",
    "equal_error_rate",
    "equal_error_threshold",
    "error_rate_bound",
    "false_accept_threshold",
    "false_reject_rate_at",
    "make_trials",
    "min_cllr",
    "min_dcf",
    "min_dcf_threshold",
]

publish(globals())
