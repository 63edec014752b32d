"""Recordings of one's own: a folder with a folder for each speaker."""

from __future__ import annotations

import os
from os import PathLike
from pathlib import Path
from typing import Any, NamedTuple

from .._audio import warn_caller
from .._docs import substitute
from ._corpus import LOADER_TEXTS, Corpus, make_corpus

EXTENSIONS = (".wav", ".flac", ".ogg", ".opus", ".mp3")
UNREADABLE = (".3gp", ".aac", ".amr", ".m4a", ".mp4", ".webm", ".wma")  # no decoder here
MAX_NAMED = 10  # files in a warning
LAYOUTS = "<speaker>/<file> or <speaker>/<session>/<file>"


@substitute(**LOADER_TEXTS)
def load_speaker_folder(path: str | PathLike[str], *, return_X_y: bool = False) -> Corpus:
    """List the recordings in a folder that has a folder for each speaker.

    Two layouts are read, `<speaker>/<file>` and `<speaker>/<session>/<file>`. LibriSpeech (a
    chapter is a session) and VoxCeleb (a video is a session) have the second one. Files named
    .wav, .flac, .ogg, .opus or .mp3, in any case, are recordings. Sound of other kinds (.m4a, .aac,
    .amr, ...) is left out with a warning that names it. Other files, and files and folders whose
    name begins with a dot, are ignored. No sound is read: every estimator here takes paths.

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

    Warns
    -----
    UserWarning
        If there are sound files of a kind that cannot be read. The first ten are named.

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
    folder = folder.absolute()  # workers of joblib may run in another one
    top = _list_folder(folder)
    if top.files:
        raise ValueError(
            f"{str(top.files[0])!r} lies outside the speakers' folders; "
            f"arrange recordings as {LAYOUTS}."
        )
    rows, unreadable = [], [*top.unreadable]
    for speaker in top.folders:
        found = _list_folder(speaker)
        unreadable += found.unreadable
        rows += [{"path": str(file), "speaker": speaker.name} for file in found.files]
        for session in found.folders:
            inside = _list_folder(session)
            unreadable += inside.unreadable
            if inside.folders:
                raise ValueError(
                    f"{str(inside.folders[0])!r} is a folder inside a session; "
                    f"arrange recordings as {LAYOUTS}."
                )
            who = {"speaker": speaker.name, "session": f"{speaker.name}/{session.name}"}
            rows += [{"path": str(file)} | who for file in inside.files]
    _warn_of(unreadable, folder)
    return rows


class _Listing(NamedTuple):
    files: list[Path]  # recordings
    folders: list[Path]
    unreadable: list[Path]  # sound of another kind


def _list_folder(folder: Path) -> _Listing:
    """List what lies directly in a folder, sorted."""
    names = sorted(name for name in os.listdir(folder) if not name.startswith("."))
    paths = [folder / name for name in names]
    folders = [path for path in paths if path.is_dir()]
    files, unreadable = (
        [path for path in paths if path.suffix.lower() in kinds and path.is_file()]
        for kinds in (EXTENSIONS, UNREADABLE)
    )
    # An empty folder is a forgotten or a misplaced one, not a speaker without recordings.
    if not files and not folders:
        nothing = f"{str(folder)!r} holds no recordings ({', '.join(EXTENSIONS)})"
        if unreadable:
            raise ValueError(
                f"{nothing} but {unreadable[0].name!r}, which cannot be read; "
                "convert it to .wav or .flac."
            )
        raise ValueError(f"{nothing}; add some or remove it.")
    return _Listing(files, folders, unreadable)


def _warn_of(unreadable: list[Path], folder: Path) -> None:
    if not unreadable:
        return
    named = ", ".join(repr(str(path.relative_to(folder))) for path in unreadable[:MAX_NAMED])
    more = len(unreadable) - MAX_NAMED
    warn_caller(
        f"Sound of other kinds than {', '.join(EXTENSIONS)} below {str(folder)!r} is left out: "
        f"{named}{f' and {more} more' if more > 0 else ''}. Convert it to .wav or .flac."
    )
