"""Docstring text that the estimators of this package share."""

from __future__ import annotations

_TRIALS = """\
X : array-like of shape (n_trials, 2, n_dims) or (n_trials, n_scores)
    Trials: 3-D are pairs of embeddings, 2-D are scores of one or several systems."""

TEXTS = {
    "recordings": """\
X : array-like of shape (n_samples, n_dims), or whatever the encoder takes
    Recordings.""",
    "classifier": """\
self : OneShotClassifier
    The fitted classifier.""",
    "trials": _TRIALS,
    "trials_as_fitted": f"{_TRIALS} As they were in `fit`.",
    "pairs_of_recordings": """\
X_enrolment, X_test : array-like of shape (n_trials, ...)
    Recordings, as the encoder takes them.""",
    "decisions": """\
y : ndarray of shape (n_trials,)
    1 for one speaker, 0 for two.""",
}
