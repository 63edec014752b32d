"""What all reports share: recordings, the speakers kept out of the training, the files."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from importlib.util import find_spec
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..datasets import load_speaker_folder, make_speakers

N_TASKS = 1000
MAX_K = 20


def say(message: str) -> None:
    """Print a line of progress."""
    print(f"* {message}", flush=True)


def require(*packages: str) -> None:
    """Raise an ImportError, before minutes of training, for packages that are not installed."""
    missing = [name for name in packages if find_spec(name) is None]
    if missing:
        raise ImportError(
            f"A report needs {' and '.join(missing)}: pip install 'sklearn-siamese-speaker"
            "[plot,skops]'."
        )


def load_voices(folder: str | PathLike[str] | None) -> tuple[Any, NDArray]:
    """Return recordings and their speakers: of a folder, or 80 synthetic ones for None."""
    if folder is None:
        say("making 80 synthetic speakers")
        X, y = make_speakers(n_speakers=80, n_recordings=10, random_state=0)
    else:
        X, y = load_speaker_folder(folder, return_X_y=True)
    return X, np.asarray(y)


def find_unseen(speakers: NDArray, file: str | PathLike[str] | None) -> list[str]:
    """Return the names in `file`, else those whose hash falls into a fixed quarter."""
    if file is None:
        unseen = [s for s in speakers if hashlib.sha256(str(s).encode()).digest()[0] % 4 == 0]
        source = "the fixed quarter of names, by their hash,"
        cure = "name the unseen speakers with --unseen"
    else:
        unseen = [line.strip() for line in Path(file).read_text().splitlines() if line.strip()]
        source, cure = f"{file}", "name other speakers"
        unknown = sorted(set(unseen) - set(speakers))
        if unknown:
            raise ValueError(f"{file} names speakers without recordings: {', '.join(unknown)}.")
    n_unseen, n_left = len(set(unseen)), len(speakers) - len(set(unseen))
    if min(n_unseen, n_left) < 2:
        raise ValueError(
            f"{source} holds {n_unseen} of {len(speakers)} speakers, but at least 2 must be "
            f"unseen and 2 left to train on; {cure}."
        )
    return unseen


def say_who_is_unseen(y: NDArray, is_unseen: NDArray[np.bool_]) -> None:
    """Print the sizes of the two sets of recordings."""
    say(
        f"{len(np.unique(y[~is_unseen]))} speakers to train on ({sum(~is_unseen)} recordings), "
        f"{len(np.unique(y[is_unseen]))} unseen ({sum(is_unseen)} recordings)"
    )


def choose_tasks(y: ArrayLike, n_shots: Sequence[int]) -> tuple[list[int], int]:
    """Return those of `n_shots` that the recordings allow, and the largest k for all of them."""
    counts = np.unique(y, return_counts=True)[1]
    n_shots = [n for n in n_shots if sum(counts > n) >= 2]
    if not n_shots:
        raise ValueError(
            "1-shot tasks need at least 2 unseen speakers with 2 recordings, got "
            f"{sum(counts > 1)}."
        )
    return n_shots, min(MAX_K, sum(counts > max(n_shots)))


def with_interval(value: float, lower: float, upper: float, sign: str = "") -> str:
    """Return a value and its interval as text; of too few speakers there is no interval."""
    if np.isnan(lower):
        return f"{value:{sign}.3f} [few speakers]"
    return f"{value:{sign}.3f} [{lower:{sign}.3f}, {upper:{sign}.3f}]"


def save(output: Path, table: str, figures: dict[str, Any]) -> None:
    """Print the table, and write it and the figures of displays, by file name, to a folder."""
    print(table)
    (output / "table.txt").write_text(table + "\n")
    for name, display in figures.items():
        display.figure_.savefig(output / name, dpi=150)
