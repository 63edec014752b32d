"""The main job in one command: train, test on unseen speakers next to k-NN, save, explain."""

from __future__ import annotations

import csv
import platform
import sys
from importlib.metadata import version
from os import PathLike
from pathlib import Path

import numpy as np
from sklearn.pipeline import Pipeline
from sklearn.utils import Bunch, estimator_html_repr

from .. import __version__
from . import _page as page
from ._findings import SEED, SYSTEMS, Findings, find, table_rows
from ._shared import (
    BUILT_IN,
    N_TASKS,
    SYNTHETIC,
    choose_tasks,
    count_speakers,
    making_report,
    save,
)

PACKAGES = ("scikit-learn", "torch", "skorch", "numpy")
SHOWN = ("2", "5", "10", "20")  # speakers to choose from, in the short table
HEADER = ["shots", "k", "chance", "Siamese", "k-NN", "paired difference"]

HOW_TO_USE = """\
import skops.io
from sklearn.frozen import FrozenEstimator
from sklearn_siamese_speaker import TRUSTED_TYPES, OneShotClassifier

pipeline = skops.io.load("{path}", trusted=TRUSTED_TYPES)
who = OneShotClassifier(FrozenEstimator(pipeline)).fit(["ana.wav", "ben.wav"], ["ana", "ben"])
print(who.predict(["somebody.wav"]))
"""

CARRY = {
    BUILT_IN: (
        "The speakers are adults who read English and speak Mandarin. Each was recorded in one "
        "session, so the microphone helps to recognize the person: across sessions expect more "
        "errors. There are too few test speakers to rank methods that are close. Train with your "
        "own recordings for figures about your own speakers: make report DATA=folder."
    ),
    SYNTHETIC: (
        "Do not generalize: the voices are synthetic. On real speech several rankings reverse."
    ),
}
OWN = (
    "They hold for speakers, microphones and sentences like those of this folder. If each speaker "
    "was recorded in one session, the microphone helps to recognize the person: across sessions "
    "expect more errors."
)


def report(
    folder: str | PathLike[str] | None = None,
    *,
    synthetic: bool = False,
    unseen: str | PathLike[str] | None = None,
    output: str | PathLike[str] = "report",
) -> dict[str, Bunch]:
    """Train the Siamese encoder, test it next to k-NN on other speakers, and return both curves."""
    packages = ["matplotlib", "skops"]
    with making_report(folder, synthetic, unseen, output, packages) as (voices, path):
        tasks = choose_tasks(voices.y[voices.is_unseen], n_shots=[1, 5])
        findings = find(voices, *tasks)
        save(path, _table(findings), findings.figures)
        _write_csv(findings, path / "table.csv")
        _save_pipeline(findings.systems["Siamese"], path / "pipeline.skops")
        _write_page(findings, path)
    print(f"\nTo recognize other people, with one recording of each:\n\n{_how_to_use(path)}")
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
    """Write one row for each number of shots and of speakers."""
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
            # Without an interval the cell is empty: spreadsheets read no NaN.
            row = ["" if np.isnan(cell) else f"{cell:.6g}" for cell in cells]
            writer.writerow([ours.n_shots[i], ours.k_ways[j], *row])


def _save_pipeline(pipeline: Pipeline, path: Path) -> None:
    import skops.io

    skops.io.dump(pipeline, path)


def _write_page(findings: Findings, folder: Path) -> None:
    """Write ``index.html``."""
    sections = {
        "What was done": page.facts(_facts(findings)),
        "Accuracy on unseen speakers": _accuracy(findings),
        "Training": _training(findings),
        "Embeddings": _embeddings(findings),
        "The same speaker or not": _decision(findings),
        "How far these figures carry": page.paragraph(
            CARRY.get(findings.voices.source, OWN) + " A score is not evidence in court."
        ),
        "How to use the pipeline": _use(findings, folder),
    }
    text = page.page("One-shot speaker recognition: what came out", _lead(findings), sections)
    (folder / "index.html").write_text(text, encoding="utf-8")


def _how_to_use(folder: Path) -> str:
    """Return code that recognizes people with the pipeline in this folder."""
    return HOW_TO_USE.format(path=(folder / "pipeline.skops").as_posix())


def _lead(findings: Findings) -> str:
    """Say the result at the largest k, with one recording of each speaker."""
    _, k, chance, ours, baseline, difference = [
        row for row in table_rows(findings) if row[0] == "1"
    ][-1]
    lower, upper = (findings.paired[end][0, -1] for end in ("lower", "upper"))
    if lower > 0:
        verdict = "The Siamese encoder is better, for other speakers of this kind too."
    elif upper < 0:
        verdict = "k-NN is better, for other speakers of this kind too."
    else:
        verdict = "With these speakers, neither can be called better."
    return (
        f"{k} speakers whom the network never heard, one recording of each to know them by: the "
        f"Siamese encoder has an accuracy of {ours}, k-NN {baseline}, guessing {chance}. The "
        f"paired difference is {difference}. {verdict}"
    )


def _facts(findings: Findings) -> dict[str, str]:
    voices, is_known = findings.voices, findings.is_known
    is_held_out = ~voices.is_unseen & ~is_known
    versions = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    encoder = findings.systems["Siamese"][-1]
    return {
        "Recordings": voices.source,
        "Trained on": count_speakers(voices.y[is_known]),
        "Validated on": count_speakers(voices.y[is_held_out]),
        "Tested on": count_speakers(voices.y[voices.is_unseen]),
        "Training": f"{encoder.n_iter_} epochs; {findings.fit_seconds:.0f} s for both systems",
        "k-NN": "nearest recording by mean and standard deviation of standardized MFCCs",
        "Seed": str(SEED),
        "Versions": f"sklearn_siamese_speaker {__version__}, {versions}, "
        f"Python {platform.python_version()} on {sys.platform}",
    }


def _accuracy(findings: Findings) -> str:
    rows = table_rows(findings)
    shown = [row for row in rows if row[1] in SHOWN] or rows
    captions = {
        "accuracy_1_shot": f"One recording to know a speaker by. {N_TASKS:,} tasks for each k, the "
        "same for both systems; bands: 95 % intervals over speakers.",
        "accuracy_5_shot": "Five recordings.",
    }
    return (
        _figures(findings, captions)
        + page.paragraph(
            "In a task, k speakers are known by some recordings each (shots), and another "
            "recording of each is to be recognized. Brackets hold 95 % intervals over speakers; "
            "those of the difference are paired."
        )
        + page.table(HEADER, shown)
        + page.more("All k", page.table(HEADER, rows))
        + '<p>The same as <a href="table.csv">table.csv</a>.</p>'
    )


def _training(findings: Findings) -> str:
    encoder = findings.systems["Siamese"][-1]
    text = (
        "Pair accuracy: how well one threshold tells two recordings of one speaker from those of "
        "two; 0.5 is chance. Tasks: 1-shot 4-way, on the speakers held out for validation."
    )
    if not encoder.history_["validations"]:
        text += " There were too few speakers to hold some out for validation."
    return _figures(findings, {"training": text})


def _embeddings(findings: Findings) -> str:
    captions = {
        "embedding_seen": "Speakers of the training. Each point is a recording, projected to the "
        "plane by t-SNE; each color is a speaker.",
        "embedding_unseen": "Speakers whom the network never heard.",
    }
    return _figures(findings, captions)


def _decision(findings: Findings) -> str:
    decision = findings.decision
    if decision is None:
        return page.paragraph("There were too few speakers to choose a threshold.")
    return page.paragraph(
        f"The threshold was chosen with the {decision.n_known} speakers held out for validation, "
        f"where both errors are equal. Among pairs of recordings of the unseen speakers it accepts "
        f"{_rate(decision.false_accepts)} of those of different speakers, and rejects "
        f"{_rate(decision.false_rejects)} of those of one speaker; the bounds are for other "
        f"speakers, at 95 %. As a similarity, for OneShotClassifier(threshold=...), it is "
        f"{decision.threshold:.4g}; with several people enrolled, calibrate_threshold finds a "
        "safer one."
    ) + _figures(findings, {"threshold": "Pairs of recordings of unseen speakers."})


def _rate(rate: tuple[float, float]) -> str:
    return f"{rate[0]:.1%} (at most {rate[1]:.1%})"


def _use(findings: Findings, folder: Path) -> str:
    return (
        page.code(_how_to_use(folder))
        + f'<div class="wide">{estimator_html_repr(findings.systems["Siamese"])}</div>'
    )


def _figures(findings: Findings, captions: dict[str, str]) -> str:
    """Return the figures of these names that were drawn, with their captions."""
    drawn = {caption: findings.figures.get(name) for name, caption in captions.items()}
    return page.figures({caption: figure for caption, figure in drawn.items() if figure})
