"""Representations of sound compared in one command: raw audio, MFCC, log-mel, VGGish."""

from __future__ import annotations

from os import PathLike

import numpy as np
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.utils import Bunch

from .. import MFCC, LogMelSpectrogram, RawAudio, SiameseSpeakerEncoder, VGGish
from ..features import vggish_weights
from ..features.base import FrontEnd
from ..inspection import RepresentationDisplay
from ..model_selection import compare_representations
from ._shared import N_TASKS, choose_tasks, making_report, save, say, with_interval

NETWORK = "cnn1d"  # the one that takes samples as well as features, so that all have the same
MAX_EPOCHS = 10


def report_representations(
    folder: str | PathLike[str] | None = None,
    *,
    synthetic: bool = False,
    unseen: str | PathLike[str] | None = None,
    output: str | PathLike[str] = "report",
) -> Bunch:
    """Train the Siamese encoder on several representations, and test them on the same tasks."""
    with making_report(folder, synthetic, unseen, output, ["matplotlib"]) as (voices, path):
        X, y, is_unseen, _ = voices
        _, k_way = choose_tasks(y[is_unseen], n_shots=[1])
        comparison = compare_representations(
            _make_pipelines(),
            X,
            y,
            unseen=np.unique(y[is_unseen]),
            k_way=k_way,
            n_tasks=N_TASKS,
            verbose=1,
        )
        display = RepresentationDisplay(comparison).plot()
        save(path, _table(comparison), {"representations": display.figure_})
    return comparison


def _make_pipelines() -> dict[str, Pipeline]:
    """Return a pipeline for each representation; VGGish only where its weights are at hand."""
    front_ends: dict[str, FrontEnd] = {
        "raw audio, 4 kHz": RawAudio(sample_rate=4000),
        "MFCC": MFCC(),
        "log-mel": LogMelSpectrogram(),
    }
    if vggish_weights.is_at_hand(vggish_weights.NETWORK):
        front_ends["VGGish"] = VGGish()
    else:
        say("VGGish is left out: VGGish().fit(X) downloads its weights, 289 MB, for the next time")
    return {
        name: make_pipeline(
            front_end,
            SiameseSpeakerEncoder(NETWORK, max_epochs=MAX_EPOCHS, random_state=0, verbose=1),
        )
        for name, front_end in front_ends.items()
    }


def _table(comparison: Bunch) -> str:
    """Return what was compared as text, with speaker-level 95 % intervals."""
    c = comparison
    lines = [
        f"\nAccuracy on unseen speakers, {c.n_shots}-shot {c.k_way}-way, "
        f"{c.n_tasks:,} tasks, the same for all (chance {c.chance:.3f}); "
        "in brackets 95 % intervals over speakers",
        f"{'representation':<18} {'values per 3 s':>14}  {'accuracy':^21}  "
        f"{'difference to the best':^24}  {'fit, s':>7}  {'embed, ms':>9}",
    ]
    for i, name in enumerate(c.names):
        accuracy = with_interval(c.mean[i], c.lower[i], c.upper[i])
        difference = with_interval(
            c.difference[i], c.difference_lower[i], c.difference_upper[i], sign="+"
        )
        lines.append(
            f"{name:<18} {c.n_values[i]:>14,}  {accuracy:<20}  {difference:<23}  "
            f"{c.fit_seconds[i]:>7.0f}  {c.embed_milliseconds[i]:>9.1f}"
        )
    return "\n".join(lines)
