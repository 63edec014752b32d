"""What all reports share: recordings, the speakers kept out of the training, files, text."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils import _safe_indexing

from ..datasets import load_speaker_folder, load_voices, make_speakers

if TYPE_CHECKING:
    from matplotlib.figure import Figure

N_TASKS = 1000
MAX_K = 20

BUILT_IN = "the recordings inside the package (load_voices): adults of speechocean762"
SYNTHETIC = "synthetic voices (make_speakers): the figures say nothing about real ones"


def say(message: str) -> None:
    """Print a line of progress."""
    print(f"* {message}", flush=True)


def require(*packages: str) -> None:
    """Raise an ImportError for packages that are not installed."""
    missing = [name for name in packages if find_spec(name) is None]
    if missing:
        raise ImportError(
            f"A report needs {' and '.join(missing)}: pip install 'sklearn-siamese-speaker"
            "[plot,skops]'."
        )


class Voices(NamedTuple):
    """Recordings, their speakers, and whether these are kept out of the training."""

    X: Any  # list or array of n_samples recordings
    y: NDArray  # (n_samples,)
    is_unseen: NDArray[np.bool_]  # (n_samples,)
    source: str  # what they are

    def select(self, chosen: NDArray[np.bool_]) -> tuple[Any, NDArray]:
        """Return those recordings and their speakers."""
        return _safe_indexing(self.X, chosen), self.y[chosen]


@contextmanager
def making_report(
    folder: str | PathLike[str] | None,
    synthetic: bool,
    unseen: str | PathLike[str] | None,
    output: str | PathLike[str],
    packages: Sequence[str],
) -> Iterator[tuple[Voices, Path]]:
    """Prepare what every report needs: packages, recordings, the folder; say how long it took."""
    # Packages first: what is missing is said before minutes of training.
    from .._torch import use_whole_machine  # slow to load: --help does not wait for it

    require(*packages)
    start = time.perf_counter()
    use_whole_machine()
    path = Path(output)
    path.mkdir(parents=True, exist_ok=True)
    voices = read_voices(folder, unseen, synthetic)
    yield voices, path
    say(f"done in {time.perf_counter() - start:.0f} s; everything is in {path}/")


def read_voices(
    folder: str | PathLike[str] | None,
    unseen: str | PathLike[str] | None = None,
    synthetic: bool = False,
) -> Voices:
    """Return the recordings of a folder, synthetic ones, or those in the package."""
    if folder is not None and synthetic:
        raise ValueError(f"{folder} and synthetic voices were both asked for; leave one out.")
    corpus: Any = None
    if folder is not None:
        source = f"the recordings in {folder}"
        X, y = load_speaker_folder(folder, return_X_y=True)
    elif synthetic:
        source = SYNTHETIC
        X, y = make_speakers(n_speakers=60, n_recordings=7, duration=2.0, random_state=0)
    else:
        source, corpus = BUILT_IN, load_voices()
        X, y = corpus.data, corpus.target
    # The corpus has a test split of its own; of other speakers a fixed quarter is kept out.
    if corpus is not None and unseen is None:
        is_unseen = corpus.split == "test"
    else:
        is_unseen = np.isin(y, find_unseen(np.unique(y), unseen))
    say(
        f"{source}; {count_speakers(y[~is_unseen])} to train on, "
        f"{count_speakers(y[is_unseen])} unseen"
    )
    return Voices(X, y, is_unseen, source)


def count_speakers(y: NDArray) -> str:
    """Return how many speakers and recordings these labels are of."""
    return f"{len(np.unique(y))} speakers ({len(y)} recordings)"


def find_unseen(speakers: NDArray, file: str | PathLike[str] | None) -> list[str]:
    """Return the names in `file`, else those whose hash falls into a fixed quarter."""
    if file is None:
        # By the hash of the name: new speakers move nobody from one part to the other.
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


def choose_tasks(y: ArrayLike, n_shots: Sequence[int]) -> tuple[list[int], int]:
    """Return those of `n_shots` that the recordings allow, and the largest k for all of them."""
    # One k for all numbers of shots: their curves are read side by side.
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


def save(output: Path, table: str, figures: dict[str, Figure]) -> None:
    """Print the table, and write it and the figures, by name, to a folder."""
    print(table)
    (output / "table.txt").write_text(table + "\n")
    for name, figure in figures.items():
        figure.savefig(output / f"{name}.png", dpi=150)
