"""What the accuracy report finds: it trains, evaluates on the same tasks, decides, and draws."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.frozen import FrozenEstimator
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.utils import Bunch

from .. import MFCC, FramePooling, SiameseSpeakerEncoder, SpeakerVerifier
from ..inspection import (
    EmbeddingDisplay,
    NShotKWayDisplay,
    TrainingHistoryDisplay,
    TrialScoreDisplay,
)
from ..metrics import error_rate_bound, make_trials
from ..model_selection import n_shot_k_way_curve, paired_difference
from ._shared import N_TASKS, Voices, say, with_interval

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SYSTEMS = ("Siamese", "k-NN")
SEED = 0
MIN_VALIDATED = 10  # speakers to train on, of whom 2 are then held out
VALIDATION_FRACTION = 0.2


class Decision(NamedTuple):
    """A threshold of the similarity, and what it does to trials of unseen speakers."""

    threshold: float
    n_known: int  # speakers that it was chosen with
    false_accepts: tuple[float, float]  # rate, upper bound for other speakers
    false_rejects: tuple[float, float]
    display: TrialScoreDisplay


class Findings(NamedTuple):
    """What the page tells of."""

    voices: Voices
    systems: dict[str, Pipeline]
    curves: dict[str, Bunch]
    paired: Bunch
    decision: Decision | None
    figures: dict[str, Figure]  # by file name, without its ending
    fit_seconds: float

    @property
    def is_known(self) -> NDArray[np.bool_]:
        """Which recordings are of speakers that the network was trained on."""
        return np.isin(self.voices.y, self.systems["Siamese"][-1].classes_)


def find(voices: Voices, n_shots: list[int], k_max: int) -> Findings:
    """Train, evaluate and draw."""
    start = time.perf_counter()
    systems = _fit_systems(*voices.select(~voices.is_unseen))
    fit_seconds = time.perf_counter() - start
    curves = _evaluate(systems, *voices.select(voices.is_unseen), n_shots, k_max)
    siamese = systems["Siamese"]
    is_held_out = ~voices.is_unseen & ~np.isin(voices.y, siamese[-1].classes_)
    decision = decide(siamese, voices.select(is_held_out), voices.select(voices.is_unseen))
    paired = paired_difference(*(curves[name] for name in SYSTEMS))
    findings = Findings(voices, systems, curves, paired, decision, {}, fit_seconds)
    return findings._replace(figures=_draw(findings))


def _fit_systems(X: Any, y: NDArray) -> dict[str, Pipeline]:
    """Return the Siamese pipeline and the k-NN baseline, both learned on these speakers."""
    say("training the Siamese encoder")
    validates = len(np.unique(y)) >= MIN_VALIDATED
    encoder = SiameseSpeakerEncoder(
        validation_fraction=VALIDATION_FRACTION if validates else None,
        validate_every=max(1, len(y) // 64),  # about once an epoch
        random_state=SEED,
        verbose=1,
    )
    siamese = Pipeline([("mfcc", MFCC()), ("encoder", encoder)]).fit(X, y)
    # Frozen: frames are standardized as in the training speakers, and each task fits k-NN alone.
    statistics = make_pipeline(MFCC(), FramePooling()).fit(X)
    knn = make_pipeline(FrozenEstimator(statistics), KNeighborsClassifier(n_neighbors=1))
    return dict(zip(SYSTEMS, (siamese, knn), strict=True))


def _evaluate(
    systems: dict[str, Pipeline], X: Any, y: NDArray, n_shots: list[int], k_max: int
) -> dict[str, Bunch]:
    """Return the curve of each system on the same tasks."""
    # The default seed gives both systems the same tasks, so that their differences are paired.
    curves = {}
    for name, system in systems.items():
        say(f"{name}: {N_TASKS:,} tasks for each of k = 2..{k_max} and {n_shots} shots")
        curves[name] = n_shot_k_way_curve(
            system, X, y, k_ways=range(2, k_max + 1), n_shots=n_shots, n_tasks=N_TASKS
        )
    return curves


def decide(
    siamese: Pipeline, known: tuple[Any, NDArray], unseen: tuple[Any, NDArray]
) -> Decision | None:
    """Choose the threshold of equal errors with known speakers, count errors on unseen ones."""
    # Neither were in the training. Without pairs of one speaker and of two in both, there is None.
    if not (_make_pairs(known[1]) and _make_pairs(unseen[1])):
        return None
    before, after = (make_trials(siamese.transform(X), y) for X, y in (known, unseen))
    verifier = SpeakerVerifier(metric=siamese[-1].embedding_metric_)
    verifier.fit(before.data, before.target, speakers=before.speakers)
    is_same = after.target == 1
    accepted = verifier.predict(after.data) == 1
    # The verifier's threshold is for its ratios, a weighted similarity plus an intercept.
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


def table_rows(findings: Findings) -> list[list[str]]:
    """Return shots, k, chance, the accuracies and the paired difference, with their intervals."""
    ours, baseline = (findings.curves[name] for name in SYSTEMS)
    paired, rows = findings.paired, []
    for at in np.ndindex(ours.mean.shape):
        cells = [with_interval(c.mean[at], c.lower[at], c.upper[at]) for c in (ours, baseline)]
        difference = with_interval(
            paired.difference[at], paired.lower[at], paired.upper[at], sign="+"
        )
        shots, k = ours.n_shots[at[0]], ours.k_ways[at[1]]
        rows.append([str(shots), str(k), f"{ours.chance[at]:.3f}", *cells, difference])
    return rows


def _draw(findings: Findings) -> dict[str, Figure]:
    """Return figures by file name."""
    siamese, voices = findings.systems["Siamese"], findings.voices
    figures = _draw_accuracy(findings.curves)
    figures["training"] = TrainingHistoryDisplay.from_estimator(siamese[-1]).figure_
    if findings.decision is not None:
        figures["threshold"] = findings.decision.display.figure_
    for name, chosen in [("seen", findings.is_known), ("unseen", voices.is_unseen)]:
        display = EmbeddingDisplay.from_estimator(siamese, *voices.select(chosen), n_sets=1)
        ax = display.axes_[0]
        ax.set_title(f"{name} speakers; {ax.get_title()}", fontsize=9)
        figures[f"embedding_{name}"] = display.figure_
    return figures


def _draw_accuracy(curves: dict[str, Bunch]) -> dict[str, Figure]:
    """Return a figure for each number of shots; side by side they would be small on a phone."""
    import matplotlib.pyplot as plt

    n_shots = curves[SYSTEMS[0]].n_shots
    figures = [plt.figure(figsize=(4.8, 3.8), layout="constrained") for _ in n_shots]
    axes = [figure.subplots() for figure in figures]
    NShotKWayDisplay(curves).plot(ax=axes)
    for ax in axes:
        ax.set_ylabel("accuracy")
    return {f"accuracy_{n}_shot": figure for n, figure in zip(n_shots, figures, strict=True)}
