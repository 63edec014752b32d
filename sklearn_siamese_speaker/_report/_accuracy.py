"""The main job in one command: train, test on unseen speakers next to k-NN, save, explain."""

from __future__ import annotations

from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.frozen import FrozenEstimator
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.utils import Bunch, _safe_indexing

from .. import MFCC, FramePooling, SiameseSpeakerEncoder
from .._docs import substitute
from ..inspection import EmbeddingDisplay, NShotKWayDisplay, TrainingHistoryDisplay
from ..model_selection import n_shot_k_way_curve, paired_difference
from ._parts import (
    N_TASKS,
    TEXTS,
    choose_tasks,
    making_report,
    save,
    say,
    with_interval,
)

SYSTEMS = ("Siamese", "k-NN")
MIN_DRAWN = 4  # two sets of two speakers


@substitute(**TEXTS)
def report(
    folder: str | PathLike[str] | None = None,
    *,
    unseen: str | PathLike[str] | None = None,
    output: str | PathLike[str] = "report",
) -> dict[str, Bunch]:
    """Train the Siamese encoder and test it next to k-NN on speakers not used in training.

    Prints its progress and a table; writes figures, the table and the fitted pipeline.

    Parameters
    ----------
    %(parameters)s

    Returns
    -------
    curves : dict of str to Bunch
        Results of :func:`~sklearn_siamese_speaker.model_selection.n_shot_k_way_curve` for
        ``"Siamese"`` and ``"k-NN"``.

    Raises
    ------
    %(raises)s
    ImportError
        If matplotlib or skops is not installed.
    """
    with making_report(folder, unseen, output, ["matplotlib", "skops"]) as (voices, path):
        X, y, is_unseen = voices
        X_new, y_new = _safe_indexing(X, is_unseen), y[is_unseen]
        tasks = choose_tasks(y_new, n_shots=[1, 5])
        systems = _fit_systems(_safe_indexing(X, ~is_unseen), y[~is_unseen])
        curves = _evaluate(systems, X_new, y_new, *tasks)
        save(path, _table(curves), _draw(systems["Siamese"], curves, X_new, y_new))
        _save_pipeline(systems["Siamese"], path / "pipeline.skops")
    print(_HOW_TO_USE.format(path=path / "pipeline.skops"))
    return curves


def _fit_systems(X: Any, y: NDArray) -> dict[str, Pipeline]:
    """Return the Siamese pipeline and the k-NN baseline, both learned on these speakers."""
    say("training the Siamese encoder")
    encoder = SiameseSpeakerEncoder(random_state=0, verbose=1)
    siamese = Pipeline([("mfcc", MFCC()), ("encoder", encoder)]).fit(X, y)
    statistics = make_pipeline(MFCC(), FramePooling()).fit(X)
    knn = make_pipeline(FrozenEstimator(statistics), KNeighborsClassifier(n_neighbors=1))
    return dict(zip(SYSTEMS, (siamese, knn), strict=True))


def _evaluate(
    systems: dict[str, Pipeline], X: Any, y: NDArray, n_shots: list[int], k_max: int
) -> dict[str, Bunch]:
    """Return the curve of each system on the same tasks."""
    curves = {}
    for name, system in systems.items():
        say(f"{name}: {N_TASKS:,} tasks for each of k = 2..{k_max} and {n_shots} shots")
        curves[name] = n_shot_k_way_curve(
            system, X, y, k_ways=range(2, k_max + 1), n_shots=n_shots, n_tasks=N_TASKS
        )
    return curves


def _table(curves: dict[str, Bunch]) -> str:
    """Return accuracies with speaker-level 95 % intervals and the paired difference as text."""
    ours, baseline = (curves[name] for name in SYSTEMS)
    paired = paired_difference(ours, baseline)
    lines = [
        f"\nAccuracy on unseen speakers, {N_TASKS:,} tasks a row, the same for both; "
        "in brackets 95 % intervals over speakers",
        f"{'shots':>5} {'k':>3}  {'chance':>6}  {SYSTEMS[0]:^21}  {SYSTEMS[1]:^21}  "
        f"{'paired difference':^24}",
    ]
    for i, n_shots in enumerate(ours.n_shots):
        for j, k in enumerate(ours.k_ways):
            cells = [
                with_interval(c.mean[i, j], c.lower[i, j], c.upper[i, j]) for c in (ours, baseline)
            ]
            difference = with_interval(
                paired.difference[i, j], paired.lower[i, j], paired.upper[i, j], sign="+"
            )
            row = "  ".join(f"{cell:<20}" for cell in cells)
            lines.append(f"{n_shots:>5} {k:>3}  {ours.chance[i, j]:>6.3f}  {row}  {difference}")
    return "\n".join(lines)


def _draw(siamese: Pipeline, curves: dict[str, Bunch], X: Any, y: NDArray) -> dict[str, Any]:
    """Return displays by file name."""
    figures: dict[str, Any] = {"accuracy.png": NShotKWayDisplay(curves).plot()}
    figures["training.png"] = TrainingHistoryDisplay.from_estimator(siamese[-1])
    n_speakers = len(np.unique(y))
    if n_speakers >= MIN_DRAWN:
        figures["embedding.png"] = EmbeddingDisplay.from_estimator(siamese, X, y)
    else:
        say(f"embedding.png is left out: it shows {MIN_DRAWN} unseen speakers, got {n_speakers}")
    return figures


def _save_pipeline(pipeline: Pipeline, path: Path) -> None:
    import skops.io

    skops.io.dump(pipeline, path)


_HOW_TO_USE = """
To recognize other people, with one recording of each:

    import skops.io
    from sklearn.frozen import FrozenEstimator
    from sklearn_siamese_speaker import TRUSTED_TYPES, OneShotClassifier

    pipeline = skops.io.load("{path}", trusted=TRUSTED_TYPES)
    who = OneShotClassifier(FrozenEstimator(pipeline)).fit(["ana.wav", "ben.wav"], ["ana", "ben"])
    print(who.predict(["somebody.wav"]))
"""
