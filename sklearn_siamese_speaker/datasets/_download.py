"""Corpora from the network: downloaded, verified and unpacked, or nothing is left behind."""

from __future__ import annotations

import os
import tempfile
import time
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import IO, Any

import soundfile

from ._archives import ArchiveError, extract_files

DATA_VARIABLE = "SKLEARN_SIAMESE_SPEAKER_DATA"
DEFAULT_DATA_HOME = "~/sklearn_siamese_speaker_data"
WAITS = (1.0, 5.0, 20.0)  # seconds before a cut download is continued
TIMEOUT = 30.0  # seconds without a byte until a connection counts as cut
CHUNK = 2**16  # bytes; what a cut connection had begun of one is lost


@dataclass(frozen=True)
class Archive:
    """A corpus as a server offers it, one gzipped tar archive.

    Attributes
    ----------
    name : str
        Folder of the corpus in the data home.
    url : str
        Address of the archive.
    root : str
        Folder at the top of the archive, the content of which is the corpus.
    recordings : str
        Pattern of the paths of recordings below `root`.
    max_bytes : int
        Size of the unpacked files that is never exceeded.
    sha256 : str or None
        Hash of the archive. None where the server makes archives on demand, from one commit: their
        bytes may change, the number of recordings does not.
    n_recordings : int or None
        Number of recordings, each of which must open as sound. None is not verified.
    """

    name: str
    url: str
    root: str
    recordings: str
    max_bytes: int
    sha256: str | None = None
    n_recordings: int | None = None


def get_data_home(data_home: str | PathLike[str] | None = None) -> str:
    """Return the folder of downloaded data; it is made when it does not exist.

    Parameters
    ----------
    data_home : str or path-like, default=None
        The folder; a leading `~` is the home folder. None is the environment variable
        `SKLEARN_SIAMESE_SPEAKER_DATA`, or `~/sklearn_siamese_speaker_data` where it is not set.

    Returns
    -------
    data_home : str
        Absolute path of the folder.

    Raises
    ------
    OSError
        If the folder cannot be made.

    Examples
    --------
    >>> import os, tempfile
    >>> from sklearn_siamese_speaker.datasets import get_data_home
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     os.path.relpath(get_data_home(os.path.join(folder, "speech")), folder)
    'speech'
    """
    if data_home is None:
        data_home = os.environ.get(DATA_VARIABLE) or DEFAULT_DATA_HOME
    folder = Path(data_home).expanduser().absolute()
    folder.mkdir(parents=True, exist_ok=True)
    return str(folder)


def fetch_archive(
    archive: Archive,
    data_home: str | PathLike[str] | None = None,
    *,
    download_if_missing: bool = True,
    verbose: bool = False,
) -> Path:
    """Return the folder of a corpus, which is complete if it exists.

    An archive that lies at `<data home>/<name>.tar.gz` is used, and kept, instead of a download.

    Parameters
    ----------
    archive : Archive
        The corpus.

    data_home, download_if_missing, verbose
        As in the public fetchers.

    Returns
    -------
    Path

    Raises
    ------
    OSError
        If there is no such corpus here and none can be had; the sentence says how to go on.
    """
    folder = Path(get_data_home(data_home), archive.name)
    own_copy = folder.with_name(f"{archive.name}.tar.gz")
    if folder.is_dir():
        return folder
    if not own_copy.is_file() and not download_if_missing:
        raise OSError(
            f"{str(folder)!r} does not exist and download_if_missing=False; allow the download of "
            f"{archive.url} or put that file at {str(own_copy)!r}."
        )
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{archive.name}-") as scratch:
        if own_copy.is_file():
            source, packed = repr(str(own_copy)), own_copy
        else:
            source, packed = archive.url, Path(scratch, "download")
            _download(archive.url, packed, own_copy, verbose)
        try:
            corpus = _unpack(archive, packed, Path(scratch, "content"))
        except ArchiveError as error:
            raise OSError(
                f"{source} {error}; try again or put an intact copy of {archive.url} at "
                f"{str(own_copy)!r}."
            ) from error
        _move_into_place(corpus, folder)
    return folder


def _download(url: str, path: Path, own_copy: Path, verbose: bool) -> None:
    try:
        with open(path, "wb") as file:
            _receive_patiently(url, file, verbose)
    except OSError as error:
        raise OSError(
            f"{url} could not be downloaded ({error}); try again later or download it by other "
            f"means to {str(own_copy)!r}."
        ) from error


def _receive_patiently(url: str, file: IO[bytes], verbose: bool) -> None:
    """Download; a connection that broke is taken up where it ended, one that never was is not."""
    for wait in (*WAITS, None):
        try:
            return _receive(url, file, verbose)
        except OSError:
            if wait is None or file.tell() == 0:
                raise
        time.sleep(wait)


def _receive(url: str, file: IO[bytes], verbose: bool) -> None:
    import pooch

    def start_over_unless_continued(response: Any, **_: object) -> None:
        if response.status_code == 200:  # 206 is the rest only
            file.seek(0)
            file.truncate()

    # Without "identity", ranges would be those of a compressed stream.
    headers = {"Accept-Encoding": "identity", "Range": f"bytes={file.tell()}-"}
    downloader = pooch.HTTPDownloader(
        progressbar=verbose,
        chunk_size=CHUNK,
        timeout=TIMEOUT,
        headers=headers,
        hooks={"response": start_over_unless_continued},
    )
    downloader(url, file, None)


def _unpack(archive: Archive, packed: Path, folder: Path) -> Path:
    """Return the verified content of an archive, unpacked into a new folder."""
    import pooch

    if archive.sha256 is not None:
        found = pooch.file_hash(str(packed))
        if found != archive.sha256:
            raise ArchiveError(f"has the SHA-256 hash {found}, not {archive.sha256}")
    folder.mkdir()
    extract_files(packed, folder, archive.max_bytes)
    corpus = folder / archive.root
    if not corpus.is_dir():
        raise ArchiveError(f"holds no folder {archive.root!r}")
    if archive.n_recordings is not None:
        _verify_recordings(archive, corpus)
    return corpus


def _verify_recordings(archive: Archive, corpus: Path) -> None:
    recordings = sorted(corpus.glob(archive.recordings))
    if len(recordings) != archive.n_recordings:
        raise ArchiveError(
            f"holds {len(recordings)} recordings {archive.recordings}, not {archive.n_recordings}"
        )
    for recording in recordings:
        try:
            soundfile.info(recording)
        except soundfile.SoundFileError as error:
            name = recording.relative_to(corpus).as_posix()
            raise ArchiveError(f"holds {name!r}, which does not open as sound") from error


def _move_into_place(corpus: Path, folder: Path) -> None:
    try:
        os.rename(corpus, folder)
    except OSError:
        if not folder.is_dir():  # else another process was faster, with the same content
            raise
