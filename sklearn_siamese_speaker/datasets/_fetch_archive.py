"""Corpora from the network: downloaded, verified and unpacked, or nothing is left behind."""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass
from os import PathLike
from pathlib import Path

import soundfile

from ._archives import SPARE, ArchiveError, extract_files
from .download import DownloadError, download, get_data_home


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
    source = repr(str(own_copy)) if own_copy.is_file() else archive.url
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{archive.name}-") as scratch:
        try:
            packed = own_copy if own_copy.is_file() else _download(archive, scratch, verbose)
            _move_into_place(_unpack(archive, packed, Path(scratch, "content")), folder)
        except DownloadError as error:
            raise OSError(
                f"{archive.url} could not be downloaded ({error}); try again later or download it "
                f"by other means to {str(own_copy)!r}."
            ) from error
        except ArchiveError as error:
            raise OSError(
                f"{source} {error}; try again or put an intact copy of {archive.url} at "
                f"{str(own_copy)!r}."
            ) from error
        except OSError as error:
            raise OSError(
                f"{source} could not be stored in {str(folder.parent)!r} ({error}); make space "
                "there or pass another data_home."
            ) from error
    return folder


def _download(archive: Archive, scratch: str, verbose: bool) -> Path:
    packed = Path(scratch, "download")
    download(archive.url, packed, max_bytes=archive.max_bytes + SPARE, verbose=verbose)
    return packed


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
