"""The main job in one command: train, test on unseen speakers next to k-NN, save, explain."""

from __future__ import annotations

import csv
from os import PathLike
from pathlib import Path

import numpy as np
from sklearn.pipeline import Pipeline
from sklearn.utils import Bunch

from .._docs import substitute
from ._accuracy_page import how_to_use, write_page
from ._findings import SYSTEMS, Findings, find, table_rows
from ._shared import N_TASKS, TEXTS, choose_tasks, making_report, save


@substitute(**TEXTS)
def report(
    folder: str | PathLike[str] | None = None,
    *,
    synthetic: bool = False,
    unseen: str | PathLike[str] | None = None,
    output: str | PathLike[str] = "report",
) -> dict[str, Bunch]:
    """Train the Siamese encoder and test it next to k-NN on speakers not used in training.

    Prints its progress and a table; writes the page ``index.html``, which holds everything, its
    figures and its table, and the fitted pipeline.

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
    packages = ["matplotlib", "skops"]
    with making_report(folder, synthetic, unseen, output, packages) as (voices, path):
        tasks = choose_tasks(voices.y[voices.is_unseen], n_shots=[1, 5])
        findings = find(voices, *tasks)
        save(path, _table(findings), findings.figures)
        _write_csv(findings, path / "table.csv")
        _save_pipeline(findings.systems["Siamese"], path / "pipeline.skops")
        write_page(findings, path)
    print(f"\nTo recognize other people, with one recording of each:\n\n{how_to_use(path)}")
    return findings.curves


def _table(findings: Findings) -> str:
    """Return the table as text."""
    head = (
        f"\nAccuracy on unseen speakers, {N_TASKS:,} tasks a row, the same for both; in brackets "
        f"95 % intervals over speakers\n{'shots':>5} {'k':>3}  {'chance':>6}  {SYSTEMS[0]:^21}  "
        f"{SYSTEMS[1]:^21}  {'paired difference':^24}"
    )
    lines = [
        f"{shots:>5} {k:>3}  {chance:>6}  {ours:<20}  {baseline:<20}  {difference}"
        for shots, k, chance, ours, baseline, difference in table_rows(findings)
    ]
    return "\n".join([head, *lines])


def _write_csv(findings: Findings, path: Path) -> None:
    """Write one row for each number of shots and of speakers; without an interval, it is empty."""
    ours, baseline = (findings.curves[name] for name in SYSTEMS)
    values = {"chance": ours.chance}
    for name, of in [("siamese", ours), ("knn", baseline)]:
        values |= {name: of.mean, f"{name}_lower": of.lower, f"{name}_upper": of.upper}
    paired = findings.paired
    values |= {"difference": paired.difference}
    values |= {"difference_lower": paired.lower, "difference_upper": paired.upper}
    with open(path, "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["n_shots", "k_way", *values])
        for i, j in np.ndindex(ours.mean.shape):
            cells = [float(value[i, j]) for value in values.values()]
            row = ["" if np.isnan(cell) else f"{cell:.6g}" for cell in cells]
            writer.writerow([ours.n_shots[i], ours.k_ways[j], *row])


def _save_pipeline(pipeline: Pipeline, path: Path) -> None:
    import skops.io

    skops.io.dump(pipeline, path)
