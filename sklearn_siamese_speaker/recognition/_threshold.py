"""Threshold and probabilities from simulated enrolments: some enrol, the others are unknown."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax

from .._progress import track
from ..metrics.trials import threshold_above
from ..model_selection.open_set import speaker_level_bound
from ..similarity import two_highest
from ._acceptance import compare_tasks

N_ENROLMENTS = 100  # simulated for the threshold
_N_SCALE_ENROLMENTS = 20  # of them, for the scale; all their similarities are kept

# Of each unknown recording (n_unknown,): its highest similarity, relative to the cohort if there is
# one; its lead over the second highest; its speaker; and the most similar speaker.
_Unknown = tuple[NDArray[Any], NDArray[Any], NDArray[Any], NDArray[Any]]
# Of the recordings left of the enrolled speakers: similarities (n_known, n_enrolled) to all of
# them, and the position (n_known,) of the speaker.
_Known = tuple[NDArray[Any], NDArray[Any]]


def check_target(target_far: float, n_enrolled: int, n_speakers: int) -> None:
    """Raise if so many calibration speakers cannot tell such a rate from a higher one."""
    # A false accept at `n_enrolled` speakers is one among as many pairs of speakers. Without an
    # error among n_pairs, the rate per pair may still be 3 / n_pairs (the rule of three).
    n_pairs = n_speakers * (n_speakers - 1) // 2
    if target_far * n_pairs < 3 * n_enrolled:
        needed = int(np.ceil((1 + np.sqrt(1 + 24 * n_enrolled / target_far)) / 2))
        raise ValueError(
            f"target_far={target_far} at n_enrolled={n_enrolled} needs at least {needed} "
            f"calibration speakers, got {n_speakers}: no false accept among their {n_pairs} pairs "
            f"would still allow a rate of {3 * n_enrolled / n_pairs:.2g}. Take more speakers, a "
            "higher target_far or a lower n_enrolled."
        )


def calibrate(
    E: NDArray[Any],  # (n_samples, n_dims)
    speakers: NDArray[np.intp],  # (n_samples,)
    enrolments: NDArray[np.intp],  # rows of E that enrol: (n_enrolments, n_enrolled, n_shots)
    *,
    metric: str,
    aggregation: str,
    margin: float | None,
    cohort: NDArray[Any] | None,
    target_far: float,
) -> dict[str, Any]:
    """Return the part of `OneShotClassifier.calibration_` that is measured on the recordings."""
    unknown: list[_Unknown] = []
    known: list[_Known] = []
    simulated = _simulate(E, speakers, enrolments, metric, aggregation, cohort)
    for of_unknown, of_known in track(simulated, "Calibrating the threshold", len(enrolments)):
        unknown.append(of_unknown)
        if len(known) < _N_SCALE_ENROLMENTS:
            known.append(of_known)
    best, leads, who, nearest = map(np.concatenate, zip(*unknown, strict=True))
    similarities, own = map(np.concatenate, zip(*known, strict=True))
    leading = np.ones(len(best), dtype=bool) if margin is None else leads >= margin
    threshold = choose_threshold(best, leading, target_far)
    accepted = leading & (best >= threshold)
    return {
        "threshold": threshold,
        "false_accept_rate": float(accepted.mean()),
        "false_accept_bound": speaker_level_bound(who, np.where(accepted, nearest, who), accepted),
        "proba_scale": learn_scale(similarities, own),
    }


def _simulate(
    E: NDArray[Any],
    speakers: NDArray[np.intp],
    enrolments: NDArray[np.intp],
    metric: str,
    aggregation: str,
    cohort: NDArray[Any] | None,
) -> Iterator[tuple[_Unknown, _Known]]:
    """Yield for each enrolment how it compares with the recordings of others, and its own."""
    every = np.arange(len(E))[:, np.newaxis]
    queries = np.broadcast_to(every, (len(enrolments), *every.shape))
    blocks = compare_tasks(
        E, enrolments, queries, metric=metric, aggregation=aggregation, cohort=cohort
    )
    for block, *of_block in blocks:
        of_enrolments = zip(enrolments[block], *(a[:, :, 0] for a in of_block), strict=True)
        for enrolment, compared, best in of_enrolments:
            enrolled = speakers[enrolment[:, 0]]
            is_own = speakers[:, np.newaxis] == enrolled
            is_known, is_unknown = is_own.any(axis=1), ~is_own.any(axis=1)
            is_known[enrolment.ravel()] = False
            highest, second = two_highest(compared[is_unknown])
            nearest = enrolled[compared[is_unknown].argmax(axis=1)]
            unknown = best[is_unknown], highest - second, speakers[is_unknown], nearest
            yield unknown, (compared[is_known], is_own[is_known].argmax(axis=1))


def choose_threshold(
    best: NDArray[np.float64],  # similarity to the best speaker: (n_unknown,)
    leading: NDArray[np.bool_],  # whether the margin accepts: (n_unknown,)
    target_far: float,
) -> float:
    """Return the lowest threshold that accepts at most a share of the unknown recordings."""
    scores, position = np.unique(best, return_inverse=True)
    accepted = np.bincount(position, leading)
    far = (accepted.sum() - np.cumsum(np.append(0, accepted))) / len(best)
    # A similarity that equals the threshold is accepted.
    return float(np.nextafter(threshold_above(scores, np.argmax(far <= target_far)), np.inf))


def learn_scale(
    similarities: NDArray[np.float64],  # (n_samples, n_speakers)
    own: NDArray[np.intp],  # column of each recording's speaker: (n_samples,)
) -> float | None:
    """Return the factor with which the softmax of the similarities best predicts `own`, or None."""
    # Temperature scaling minimizes the cross-entropy (Guo, C. et al. (2017). On calibration of
    # modern neural networks. ICML, section 4.2). Each label is softened by one recording (Platt, J.
    # (1999). Probabilistic outputs for support vector machines), so that the factor stays finite
    # where nobody is confused.
    n_samples, n_speakers = similarities.shape
    if min(n_samples, n_speakers - 1) == 0 or np.ptp(similarities) == 0:
        return None
    soft = 1 / (n_samples + 2)
    targets = np.full(similarities.shape, soft / (n_speakers - 1))
    targets[np.arange(n_samples), own] = 1 - soft

    def cross_entropy(log_scale: float) -> float:
        log_proba = log_softmax(np.exp(log_scale) * similarities, axis=1)
        return -(targets * log_proba).sum() / n_samples

    bounds = np.array([-10, 10]) - np.log(similarities.std())
    return float(np.exp(minimize_scalar(cross_entropy, bounds=bounds, method="bounded").x))
