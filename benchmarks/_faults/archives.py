"""Archives that nobody should unpack."""

import gzip
import io
import resource
import tarfile
import tempfile
from pathlib import Path

from sklearn_siamese_speaker.datasets._fetch_archive import ArchiveError, extract_files

from .outcomes import Tally

MAX_BYTES = 2**20
GROWTH = 300 * 2**20  # bytes by which unpacking may let this process grow


def tar(*members, **options):
    """Return an archive of (name, content, attributes) as the bytes of a tar file."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", **options) as archive:
        for name, content, attributes in members:
            member = tarfile.TarInfo(name)
            member.size = len(content)
            for attribute, value in attributes.items():
                setattr(member, attribute, value)
            archive.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def file(name, content=b"content", **attributes):
    """Return the tar file of one member."""
    return tar((name, content, attributes))


def link(name, target, kind=tarfile.SYMTYPE):
    """Return a link, followed by a file that would be written through it."""
    return tar((name, b"", {"type": kind, "linkname": target}), (f"{name}/evil", b"content", {}))


def header_of(size):
    """Return the announcement of an extended header of `size` bytes."""
    member = tarfile.TarInfo("long")
    member.type, member.size = tarfile.XHDTYPE, size
    return member.tobuf()


INTACT = file("corpus/a.wav", b"content" * 1000)

# Archives that are refused, or of which nothing but what lies inside is written.
ARCHIVES = {
    "a name with ..": file("../evil"),
    "a name with .. inside": file("corpus/../../evil"),
    "an absolute name": file("/tmp/evil"),
    "a name of Windows": file("C:\\evil"),
    "a name with backslashes": file("..\\evil"),
    "an empty name": file(""),
    "the name .": file("."),
    "the name ..": file(".."),
    "a name of 300 characters": file("a" * 300),
    "a name twice": tar(("corpus/a", b"one", {}), ("corpus/a", b"two", {})),
    "a file where a folder is": tar(("corpus/a/b", b"one", {}), ("corpus/a", b"two", {})),
    "a folder where a file is": tar(("corpus/a", b"one", {}), ("corpus/a/b", b"two", {})),
    "a symbolic link": link("corpus/out", "/tmp"),
    "a relative link": link("corpus/out", "../.."),
    "a hard link": link("corpus/out", "/etc/passwd", tarfile.LNKTYPE),
    "a device": file("corpus/null", b"", type=tarfile.CHRTYPE),
    "a pipe": file("corpus/pipe", b"", type=tarfile.FIFOTYPE),
    "too many bytes": file("corpus/a", bytes(2 * MAX_BYTES)),
    "too many files": tar(*((f"corpus/{i}", b"", {}) for i in range(3000))),
}
LONG = 1000 * 2**20  # bytes
FOLLOWED_BY_ZEROS = {
    "an extended header of 1,000 MB": header_of(LONG),
    "1,000 MB of zeros after the end": INTACT,
}
DAMAGED = {
    "cut off": lambda packed: packed[: len(packed) // 2],
    "without its checksum": lambda packed: packed[:-8],
    "with another checksum": lambda packed: packed[:-8] + bytes(8),
    "not compressed": lambda packed: gzip.decompress(packed),
    "no archive": lambda packed: b"<html></html>" * 100,
    "empty": lambda packed: b"",
    "compressed bytes that are no tar file": lambda packed: gzip.compress(b"content" * 1000),
}


def nasty_archives(quick):
    """Unpack each archive: refused by an ArchiveError, or nothing but what lies inside."""
    tally = Tally()
    for name, content in ARCHIVES.items():
        tally.add(_unpack(gzip.compress(content)), name)
    for name, content in FOLLOWED_BY_ZEROS.items():
        tally.add(_unpack(gzip.compress(content) + b"".join(_compressed_zeros(LONG))), name)
    packed = gzip.compress(INTACT)
    for name, damage in DAMAGED.items():
        outcome = _unpack(damage(packed))
        tally.add("accepted" if outcome == "unpacked inside" else outcome, name)
    return tally


def _compressed_zeros(size, block=2**20):
    """Yield gzip members of together `size` zeros, which never lie in memory at once."""
    member = gzip.compress(bytes(block))
    return (member for _ in range(size // block))


def _unpack(packed):
    with tempfile.TemporaryDirectory() as folder:
        path, inside = Path(folder, "archive.tar.gz"), Path(folder, "inside")
        path.write_bytes(packed)
        inside.mkdir()
        before = _peak()
        try:
            extract_files(path, inside, MAX_BYTES)
            outcome = "unpacked inside"
        except ArchiveError as error:
            outcome = "refused by name" if str(error) else "unnamed error"
        except Exception:
            outcome = "unnamed error"
        if _peak() - before > GROWTH:
            return "too much memory"
        is_inside = {found.name for found in Path(folder).iterdir()} == {path.name, inside.name}
        has_links = any(found.is_symlink() for found in inside.rglob("*"))
        return outcome if is_inside and not has_links else "wrong answer"


def _peak():
    """Return the most memory this process has had, in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
