"""Recordings of one's own: a folder with a folder for each speaker."""

from __future__ import annotations

import os
from os import PathLike
from pathlib import Path
from typing import Any

from .._docs import substitute
from ._corpus import LOADER_TEXTS, Corpus, make_corpus

EXTENSIONS = (".wav", ".flac", ".ogg", ".mp3")
LAYOUTS = "<speaker>/<file> or <speaker>/<session>/<file>"


@substitute(**LOADER_TEXTS)
def load_speaker_folder(path: str | PathLike[str], *, return_X_y: bool = False) -> Corpus:
    """List the recordings in a folder that has a folder for each speaker.

    Two layouts are read, `<speaker>/<file>` and `<speaker>/<session>/<file>`. LibriSpeech (a
    chapter is a session) and VoxCeleb (a video is a session) have the second one. Files named
    .wav, .flac, .ogg or .mp3, in any case, are recordings; other files, and files and folders
    whose name begins with a dot, are ignored. No sound is read: every estimator here takes paths.

    Parameters
    ----------
    path : str or path-like
        The folder.

    %(return_X_y)s

    %(returns)s
        target : ndarray of shape (n_samples,), str
            Speakers, the names of their folders.
        groups : ndarray of shape (n_samples,), str, or None
            Sessions, as "speaker/session"; None if the folder has none.
    %(description_or_pair)s

    Raises
    ------
    FileNotFoundError, NotADirectoryError
        If `path` does not exist or is not a folder.

    ValueError
        If a folder holds no recordings, recordings lie outside the speakers' folders or deeper than
        sessions, or the two layouts are mixed.

    See Also
    --------
    split_into_fragments : Cut recordings into fragments of one length.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from sklearn_siamese_speaker.datasets import load_speaker_folder
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     for name in ["ana/monday/1.wav", "ana/friday/1.wav", "ben/monday/1.WAV"]:
    ...         file = Path(folder, name)
    ...         file.parent.mkdir(parents=True)
    ...         file.touch()
    ...     voices = load_speaker_folder(folder)
    >>> print(*voices.target)
    ana ana ben
    >>> print(*voices.groups)
    ana/friday ana/monday ben/monday
    >>> voices.DESCR
    '3 recordings of 2 speakers in 3 sessions.'
    """
    rows = find_recordings(Path(path))
    without_session = [row["path"] for row in rows if "session" not in row]
    if 0 < len(without_session) < len(rows):
        raise ValueError(
            f"{without_session[0]!r} has no session but other recordings of {str(path)!r} do; "
            f"arrange all of them as {LAYOUTS}."
        )
    return make_corpus(rows, return_X_y=return_X_y)


def find_recordings(folder: Path) -> list[dict[str, Any]]:
    """Return the path, the speaker and, if it has one, the session of each recording."""
    # Absolute, because workers of joblib may run in another folder.
    strays, speakers = _list_folder(folder.absolute())
    if strays:
        raise ValueError(
            f"{str(strays[0])!r} lies outside the speakers' folders; "
            f"arrange recordings as {LAYOUTS}."
        )
    rows = []
    for speaker in speakers:
        files, sessions = _list_folder(speaker)
        rows += [{"path": str(file), "speaker": speaker.name} for file in files]
        for session in sessions:
            name = f"{speaker.name}/{session.name}"
            files, deeper = _list_folder(session)
            if deeper:
                raise ValueError(
                    f"{str(deeper[0])!r} is a folder inside a session; "
                    f"arrange recordings as {LAYOUTS}."
                )
            rows += [
                {"path": str(file), "speaker": speaker.name, "session": name} for file in files
            ]
    return rows


def _list_folder(folder: Path) -> tuple[list[Path], list[Path]]:
    """Return the recordings and the folders that lie directly in a folder, each sorted."""
    names = sorted(name for name in os.listdir(folder) if not name.startswith("."))
    paths = [folder / name for name in names]
    folders = [path for path in paths if path.is_dir()]
    files = [path for path in paths if path.suffix.lower() in EXTENSIONS and path.is_file()]
    if not files and not folders:
        raise ValueError(
            f"{str(folder)!r} holds no recordings ({', '.join(EXTENSIONS)}); add some or remove it."
        )
    return files, folders
