"""Archives unpacked without trust: regular files only, inside one folder, of a bounded size."""

from __future__ import annotations

import gzip
import shutil
import tarfile
import zlib
from collections.abc import Iterator
from os import PathLike
from pathlib import Path, PureWindowsPath

CHUNK = 2**20  # bytes
BLOCK = 512  # bytes; what a file takes at least, so that empty ones are bounded too


class ArchiveError(OSError):
    """An archive that must not or cannot be unpacked; says only why."""


def extract_files(path: str | PathLike[str], folder: Path, max_bytes: int) -> None:
    """Unpack the regular files of a gzipped tar archive.

    Links, devices and pipes are left out. Nothing is written outside `folder` because names are
    checked and `folder` never holds a link.

    Parameters
    ----------
    path : path-like
        The archive.

    folder : Path
        Where its files go, empty.

    max_bytes : int
        Size of the files together, in bytes. Sizes are checked as they are declared, before a
        file is written.

    Raises
    ------
    ArchiveError
        If the archive is damaged, names a file outside itself or is larger than `max_bytes`. What
        was written until then stays: remove `folder`.
    """
    try:
        with tarfile.open(path, "r:gz") as archive:
            for member in _safe_members(archive, max_bytes):
                target = folder / member.name
                target.parent.mkdir(parents=True, exist_ok=True)
                source = archive.extractfile(member)
                assert source is not None  # a regular file has content
                with source, open(target, "wb") as copy:
                    shutil.copyfileobj(source, copy)
            while archive.fileobj.read(CHUNK):  # the checksum stands at the end
                pass
    except (tarfile.TarError, gzip.BadGzipFile, zlib.error, EOFError) as error:
        raise ArchiveError(f"is not an intact gzipped tar archive ({error})") from error


def _safe_members(archive: tarfile.TarFile, max_bytes: int) -> Iterator[tarfile.TarInfo]:
    """Yield the regular files; raises on reaching one that is unsafe."""
    n_bytes = 0
    for member in archive:
        if not _lies_inside(member.name):
            raise ArchiveError(f"names a file outside itself, {member.name!r}")
        if member.isreg():
            n_bytes += max(member.size, BLOCK)
            if n_bytes > max_bytes:
                raise ArchiveError(f"unpacks to more than {max_bytes:,} bytes")
            yield member


def _lies_inside(name: str) -> bool:
    path = PureWindowsPath(name)  # knows both kinds of slashes, and drives
    return not path.anchor and ".." not in path.parts
