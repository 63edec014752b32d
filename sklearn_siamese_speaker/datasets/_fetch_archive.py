"""Corpora from the network: downloaded, verified and unpacked, or nothing is left behind.

An archive is not trusted: only regular files are unpacked, inside one folder, of a bounded size.
"""

from __future__ import annotations

import gzip
import os
import reprlib
import tarfile
import tempfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from os import PathLike
from pathlib import Path, PurePath, PureWindowsPath

import soundfile

from .._files import hash_file
from .download import DownloadError, download, get_data_home

SPARE = 2**16  # bytes in a row that belong to no file: headers, padding, content left out
MAX_MEMBERS = 500_000  # `tarfile` keeps a kilobyte of each; the largest corpus has 170,000
MAX_NAME = 255  # bytes between two slashes, the limit of the usual file systems
BLOCK = 512  # bytes

# What `tarfile` raises for bytes that are no archive, the last three from malicious headers.
DAMAGES = (
    tarfile.TarError,
    gzip.BadGzipFile,
    zlib.error,
    EOFError,
    RecursionError,
    ValueError,
    OverflowError,
)

_shorten = reprlib.Repr()
_shorten.maxstring = 100


class ArchiveError(OSError):
    """An archive that must not or cannot be unpacked; says only why."""


@dataclass(frozen=True)
class Archive:
    """A corpus as a server offers it, one gzipped tar archive."""

    name: str  # folder of the corpus in the data home
    url: str
    root: str  # folder at the top of the archive; its content is the corpus
    recordings: str  # pattern of their paths below `root`
    max_bytes: int  # size of the unpacked files that is never exceeded
    # Of the archive. None where the server makes archives on demand, from one commit: their bytes
    # may change, the number of recordings does not.
    sha256: str | None = None
    n_recordings: int | None = None  # each must open as sound; None is not verified


def fetch_archive(
    archive: Archive,
    data_home: str | PathLike[str] | None = None,
    download_if_missing: bool = True,
    verbose: bool = False,
) -> Path:
    """Return the folder of a corpus, complete if it exists; an OSError says how to go on."""
    folder = Path(get_data_home(data_home), archive.name)
    own_copy = folder.with_name(f"{archive.name}.tar.gz")  # used instead of a download, and kept
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
    if archive.sha256 is not None:
        found = hash_file(packed)
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


def extract_files(path: str | PathLike[str], folder: Path, max_bytes: int) -> None:
    """Unpack the regular files of a gzipped tar archive into an empty folder, or raise."""
    # What was written until an error stays: the caller removes the folder.
    n_bytes = Path(path).stat().st_size
    if n_bytes > max_bytes + SPARE:
        raise ArchiveError(f"has {n_bytes:,} bytes, more than {max_bytes + SPARE:,}")
    try:
        with _Content(path) as content, tarfile.open(fileobj=content, mode="r:") as archive:
            for member in _safe_members(archive, content, max_bytes):
                _check_name(member.name, folder)
                # The filter looks at one member: it knows no sizes, reads headers of any length,
                # writes over a file of the same name, makes "/evil" "evil", and says nothing of
                # names that lead outside on Windows only. All checks but its own are ours.
                archive.extract(member, folder, set_attrs=False, filter="data")
            while content.read(BLOCK):  # the checksum stands at the end
                pass
    except DAMAGES as error:
        raise ArchiveError(f"is not an intact gzipped tar archive ({error})") from error


class _Content(gzip.GzipFile):
    """The unpacked bytes of an archive, which end for `tarfile` where it asks for too much."""

    # `tarfile` reads an extended header in one piece, however long it says it is, and skips what
    # it does not know.
    limit = SPARE  # the position after which nothing is read

    def read(self, size: int | None = -1) -> bytes:
        self._check(self.tell() + (size or 0))
        return super().read(size)

    def seek(self, offset: int, whence: int = 0) -> int:
        self._check(offset)
        return super().seek(offset, whence)

    def _check(self, position: int) -> None:
        if position > self.limit:
            raise ArchiveError(f"holds more than {SPARE:,} bytes that belong to no file")


def _safe_members(
    archive: tarfile.TarFile, content: _Content, max_bytes: int
) -> Iterator[tarfile.TarInfo]:
    """Yield the regular files; raise on reaching a member that is unsafe."""
    for n_members, member in enumerate(archive, start=1):
        if n_members > MAX_MEMBERS:
            raise ArchiveError(f"holds more than {MAX_MEMBERS:,} files and folders")
        if not _lies_inside(member.name):
            raise ArchiveError(f"names a file outside itself, {_shorten.repr(member.name)}")
        # Links, devices and pipes are left out, so that no file is written through a link. A
        # sparse file may be larger than the whole archive.
        is_file = member.isreg() and not member.issparse()
        # As declared: the bound holds before a byte is written.
        end = member.offset_data + (member.size if is_file else 0)
        if end > max_bytes:
            raise ArchiveError(f"unpacks to more than {max_bytes:,} bytes")
        content.limit = end + SPARE
        if is_file:
            yield member


def _lies_inside(name: str) -> bool:
    path = PureWindowsPath(name)  # knows both kinds of slashes, and drives
    return not path.anchor and ".." not in path.parts


def _check_name(name: str, folder: Path) -> None:
    """Raise if no file of that name can be made in `folder`, where the ones before it are."""
    path = PurePath(name)
    longest = max((len(part.encode(errors="surrogateescape")) for part in path.parts), default=0)
    if longest == 0:
        raise ArchiveError(f"holds a file without a name, {name!r}")
    if longest > MAX_NAME:
        raise ArchiveError(f"holds a name of {longest} bytes, {_shorten.repr(name)}")
    if (folder / path).exists():
        raise ArchiveError(f"holds {_shorten.repr(name)} twice")
    if any((folder / parent).is_file() for parent in path.parents):
        raise ArchiveError(f"holds {_shorten.repr(name)} below a file")
