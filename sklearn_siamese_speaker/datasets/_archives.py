"""Archives unpacked without trust: regular files only, inside one folder, of a bounded size."""

from __future__ import annotations

import gzip
import reprlib
import tarfile
import zlib
from collections.abc import Iterator
from os import PathLike
from pathlib import Path, PurePath, PureWindowsPath

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


def extract_files(path: str | PathLike[str], folder: Path, max_bytes: int) -> None:
    """Unpack the regular files of a gzipped tar archive.

    Links, devices, pipes and sparse files are left out. Nothing is written outside `folder`
    because names are checked and `folder` never holds a link.

    Parameters
    ----------
    path : path-like
        The archive.

    folder : Path
        Where its files go, empty.

    max_bytes : int
        Size of the unpacked archive, in bytes. Sizes are checked as they are declared, before a
        file is written.

    Raises
    ------
    ArchiveError
        If the archive is damaged, names a file that must not or cannot be written, or exceeds
        `max_bytes`, `MAX_MEMBERS` or `SPARE`. What was written until then stays: remove `folder`.

    OSError
        If a file cannot be written, for example because the disk is full.
    """
    n_bytes = Path(path).stat().st_size
    if n_bytes > max_bytes + SPARE:
        raise ArchiveError(f"has {n_bytes:,} bytes, more than {max_bytes + SPARE:,}")
    try:
        with _Content(path) as content, tarfile.open(fileobj=content, mode="r:") as archive:
            for member in _safe_members(archive, content, max_bytes):
                _check_name(member.name, folder)
                archive.extract(member, folder, set_attrs=False, filter="data")
            while content.read(BLOCK):  # the checksum stands at the end
                pass
    except DAMAGES as error:
        raise ArchiveError(f"is not an intact gzipped tar archive ({error})") from error


class _Content(gzip.GzipFile):
    """The unpacked bytes of an archive, which end for `tarfile` where it asks for too much.

    `tarfile` reads an extended header in one piece, however long it says it is, and skips what it
    does not know.
    """

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
    """Yield the regular files; raises on reaching a member that is unsafe."""
    for n_members, member in enumerate(archive, start=1):
        if n_members > MAX_MEMBERS:
            raise ArchiveError(f"holds more than {MAX_MEMBERS:,} files and folders")
        if not _lies_inside(member.name):
            raise ArchiveError(f"names a file outside itself, {_shorten.repr(member.name)}")
        # A sparse file may be larger than the whole archive.
        is_file = member.isreg() and not member.issparse()
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
