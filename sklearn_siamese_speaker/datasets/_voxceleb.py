"""VoxCeleb, interviews on video; users bring the recordings."""

from __future__ import annotations

import os
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._docs import substitute
from ._corpus import LOADER_TEXTS, Corpus, make_corpus
from ._speaker_folder import find_recordings

TRIALS_URL = "https://www.robots.ox.ac.uk/~vgg/data/voxceleb/meta/"

ABOUT = """\
VoxCeleb: interviews of celebrities, cut from videos, 16 kHz. Sessions are videos.
Licence: CC BY 4.0 for the metadata; the copyright of the recordings remains with the owners of the
videos. Source: https://www.robots.ox.ac.uk/~vgg/data/voxceleb/
Citation: A. Nagrani, J. S. Chung and A. Zisserman (2017). "VoxCeleb: a large-scale speaker
identification dataset". Interspeech, 2616-2620."""


@substitute(**LOADER_TEXTS)
def load_voxceleb(
    path: str | PathLike[str],
    *,
    trials: str | PathLike[str] | None = None,
    return_X_y: bool = False,
    as_frame: bool = False,
) -> Corpus:
    """List the recordings of VoxCeleb, and the trials of an official list.

    The recordings are not ours to fetch: ask their owners, and unpack both parts of VoxCeleb1
    (development and test) into one folder, where they become `wav/<speaker>/<video>/<file>.wav`.
    VoxCeleb2 has the same layout, but is compressed in a way that must be converted first, to .wav
    or .flac. No sound is read.

    Parameters
    ----------
    path : str or path-like
        The folder that holds `wav`, or the folder `wav` itself, by whatever name.

    trials : str or path-like, default=None
        A list of trials, a file below `path` or elsewhere: "veri_test2.txt" (VoxCeleb1-O, cleaned),
        "list_test_all2.txt" (VoxCeleb1-E, cleaned), "list_test_hard2.txt" (VoxCeleb1-H, cleaned),
        the same without 2 before they were cleaned, or one of your own. A line is
        `<1 or 0> <speaker>/<video>/<file> <speaker>/<video>/<file>`.

    %(loader_parameters)s

    %(returns)s
        target : ndarray of shape (n_samples,), str
            Speakers, as "id10270".
        groups : ndarray of shape (n_samples,), str
            Sessions, the videos, as "id10270/5r0dWxy17C8".
        trials : ndarray of shape (n_trials, 2), int
            Positions in `data` of the enrolment and the test recording of each trial: index
            embeddings with it to get pairs. Only if `trials` is given.
        trial_target : ndarray of shape (n_trials,), int
            1 = same speaker. Only if `trials` is given.
        frame : DataFrame of shape (n_samples, 3)
            Columns path, speaker and session. Only if `as_frame=True`.
    %(description_or_pair)s

    Raises
    ------
    FileNotFoundError, NotADirectoryError
        If the folder or the list of trials does not exist.

    ValueError
        If the folder has another layout, or the list names recordings that are not there.

    See Also
    --------
    load_speaker_folder : Recordings of your own in the same layout.

    Notes
    -----
    The official lists lie at https://www.robots.ox.ac.uk/~vgg/data/voxceleb/meta/.

    References
    ----------
    .. [1] A. Nagrani, J. S. Chung and A. Zisserman (2017). "VoxCeleb: a large-scale speaker
       identification dataset". Interspeech, 2616-2620.
    .. [2] J. S. Chung, A. Nagrani and A. Zisserman (2018). "VoxCeleb2: Deep Speaker Recognition".
       Interspeech, 1086-1090.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from sklearn_siamese_speaker.datasets import load_voxceleb
    >>> names = ["id10270/x6uYqmx31kE/00001.wav", "id10270/8jEAjG6SegY/00008.wav"]
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     for name in names:
    ...         file = Path(folder, "wav", name)
    ...         file.parent.mkdir(parents=True)
    ...         file.touch()
    ...     _ = Path(folder, "veri_test2.txt").write_text(f"1 {names[0]} {names[1]}")
    ...     voices = load_voxceleb(folder, trials="veri_test2.txt")
    >>> print(*voices.groups)
    id10270/8jEAjG6SegY id10270/x6uYqmx31kE
    >>> voices.trials, voices.trial_target
    (array([[1, 0]]), array([1]))
    """
    folder = Path(path, "wav") if Path(path, "wav").is_dir() else Path(path)
    rows = find_recordings(folder)
    for row in rows:
        if "session" not in row:
            raise ValueError(
                f"{row['path']!r} lies in no folder of a video; arrange recordings as "
                "wav/<speaker>/<video>/<file>."
            )
    more: dict[str, Any] = {}
    if trials is not None:
        more["trials"], more["trial_target"] = _read_trials(Path(path, trials), rows)
    return make_corpus(rows, ABOUT, return_X_y=return_X_y, as_frame=as_frame, **more)


def _read_trials(
    file: Path, rows: list[dict[str, Any]]
) -> tuple[NDArray[np.int_], NDArray[np.int_]]:
    """Return the pairs of positions in `rows` of each line of a list, and its label."""
    if not file.is_file():
        raise FileNotFoundError(
            f"{str(file)!r} does not exist; the official lists of trials are at {TRIALS_URL}."
        )
    # The speaker is part of the name of a session, so a session and a file name are unique.
    positions = {
        f"{row['session']}/{Path(row['path']).stem}": position for position, row in enumerate(rows)
    }
    pairs, labels = [], []
    for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), start=1):
        label, *names = line.split() or [""]
        if label not in ("0", "1") or len(names) != 2:
            raise ValueError(
                f"{str(file)!r}, line {number}: {line!r} is no trial; "
                "write <1 or 0> <recording> <recording>."
            )
        try:
            # The extension may differ: recordings are often converted to .flac.
            pairs.append([positions[os.path.splitext(name)[0]] for name in names])
        except KeyError as error:
            raise ValueError(
                f"{str(file)!r}, line {number}: there is no recording {error.args[0]!r}; "
                "unpack the part of VoxCeleb that holds it into the same folder."
            ) from None
        labels.append(int(label))
    if not labels:
        raise ValueError(f"{str(file)!r} is empty; download the list again from {TRIALS_URL}.")
    return np.array(pairs), np.array(labels)
