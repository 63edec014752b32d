"""The question of one speaker or two: a threshold, and the errors at it on other speakers."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.pipeline import Pipeline

from .. import SpeakerVerifier
from ..inspection import TrialScoreDisplay
from ..metrics import error_rate_bound, make_trials


class Decision(NamedTuple):
    """A threshold of the similarity, and what it does to trials of unseen speakers."""

    threshold: float
    n_known: int  # speakers that it was chosen with
    false_accepts: tuple[float, float]  # rate, upper bound for other speakers
    false_rejects: tuple[float, float]
    display: TrialScoreDisplay


def decide(
    siamese: Pipeline, known: tuple[Any, NDArray], unseen: tuple[Any, NDArray]
) -> Decision | None:
    """Choose the threshold of equal errors with known speakers, and count errors on unseen ones.

    Parameters
    ----------
    siamese : Pipeline
        The fitted encoder.
    known, unseen : tuple of recordings and speakers
        Neither were in the training.

    Returns
    -------
    decision : Decision or None
        None if there are no pairs of recordings of one speaker, and of two, in both groups.
    """
    if not (_make_pairs(known[1]) and _make_pairs(unseen[1])):
        return None
    before, after = (make_trials(siamese.transform(X), y) for X, y in (known, unseen))
    verifier = SpeakerVerifier(metric=siamese[-1].embedding_metric_)
    verifier.fit(before.data, before.target, speakers=before.speakers)
    is_same = after.target == 1
    accepted = verifier.predict(after.data) == 1
    return Decision(
        threshold=float((verifier.threshold_ - verifier.intercept_) / verifier.coef_[0]),
        n_known=len(np.unique(known[1])),
        false_accepts=_rate(accepted[~is_same], after.speakers[~is_same]),
        false_rejects=_rate(~accepted[is_same], after.speakers[is_same]),
        display=TrialScoreDisplay.from_estimator(verifier, after.data, after.target),
    )


def _make_pairs(y: NDArray) -> bool:
    """Return whether there are two speakers, one of them with two recordings."""
    counts = np.unique(y, return_counts=True)[1]
    return len(counts) >= 2 and counts.max() >= 2


def _rate(errors: NDArray[np.bool_], speakers: NDArray) -> tuple[float, float]:
    return float(errors.mean()), error_rate_bound(errors, speakers)
