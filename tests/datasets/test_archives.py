import contextlib
import gzip
import io
import re
import tarfile
import tracemalloc

import numpy as np
import pytest

from sklearn_siamese_speaker.datasets import _fetch_archive
from sklearn_siamese_speaker.datasets._fetch_archive import ArchiveError, extract_files

CONTENT = b"content"


def entry(name, size=None, **attributes):
    """Return the header and the content of an archive's member."""
    member = tarfile.TarInfo(name)
    member.size = len(CONTENT) if size is None else size
    for attribute, value in attributes.items():
        setattr(member, attribute, value)
    return member


def link(name, target, kind=tarfile.SYMTYPE):
    return entry(name, size=0, type=kind, linkname=target)


@pytest.fixture
def extract(tmp_path):
    """Return a function that unpacks an archive of the given members into `tmp_path/inside`."""

    def run(*members, max_bytes=10_000):
        with tarfile.open(tmp_path / "archive", "w:gz") as archive:
            for member in members:
                archive.addfile(member, io.BytesIO(CONTENT[: member.size]))
        inside = tmp_path / "inside"
        inside.mkdir()
        extract_files(tmp_path / "archive", inside, max_bytes)
        return sorted(str(p.relative_to(inside)) for p in inside.rglob("*") if not p.is_dir())

    return run


def outside(tmp_path):
    return sorted(path.name for path in tmp_path.iterdir())


def test_regular_files_keep_their_places_and_contents(extract, tmp_path):
    folder = entry("corpus/b", size=0, type=tarfile.DIRTYPE)
    assert extract(folder, entry("corpus/a.wav"), entry("./corpus/b/c.wav")) == [
        "corpus/a.wav",
        "corpus/b/c.wav",
    ]
    assert (tmp_path / "inside/corpus/b/c.wav").read_bytes() == CONTENT


@pytest.mark.parametrize(
    "name",
    ["../evil", "corpus/../../evil", "/evil", "..\\evil", "\\evil", "C:\\evil", "C:evil", ".."],
)
def test_a_name_that_leads_outside_is_refused(extract, tmp_path, name):
    message = re.escape(f"names a file outside itself, {name!r}")
    with pytest.raises(ArchiveError, match=message):
        extract(entry(name))
    assert outside(tmp_path) == ["archive", "inside"]


@pytest.mark.parametrize(
    "member",
    [
        link("corpus/link", "/etc/passwd"),
        link("corpus/link", "../../.."),
        link("corpus/link", "/etc/passwd", kind=tarfile.LNKTYPE),
        entry("corpus/link", size=0, type=tarfile.CHRTYPE, devmajor=1, devminor=3),
        entry("corpus/link", size=0, type=tarfile.BLKTYPE, devmajor=8),
        entry("corpus/link", size=0, type=tarfile.FIFOTYPE),
    ],
)
def test_links_devices_and_pipes_are_left_out(extract, tmp_path, member):
    assert extract(member, entry("corpus/a.wav")) == ["corpus/a.wav"]
    assert outside(tmp_path) == ["archive", "inside"]


def test_a_file_below_a_link_does_not_follow_it(extract, tmp_path):
    escape = link("corpus", str(tmp_path))
    assert extract(escape, entry("corpus/evil")) == ["corpus/evil"]
    assert outside(tmp_path) == ["archive", "inside"]


def test_a_file_that_declares_more_than_the_bound_is_not_begun(tmp_path):
    with tarfile.open(tmp_path / "archive", "w:gz") as archive:
        archive.addfile(entry("a"), io.BytesIO(CONTENT))
        archive.fileobj.write(entry("bomb", size=2**40).tobuf())
    (tmp_path / "inside").mkdir()
    with pytest.raises(ArchiveError, match=r"unpacks to more than 10,000 bytes"):
        extract_files(tmp_path / "archive", tmp_path / "inside", 10_000)
    assert [path.name for path in (tmp_path / "inside").iterdir()] == ["a"]


def test_many_empty_files_reach_the_bound_too(extract):
    with pytest.raises(ArchiveError, match=r"unpacks to more than 10,000 bytes"):
        extract(*(entry(str(i), size=0) for i in range(20)))  # 20 x 512 > 10,000


@pytest.mark.parametrize("n_bytes", [0, 5, 60, -10])
def test_a_damaged_archive_is_named_so(tmp_path, n_bytes):
    path = tmp_path / "archive"
    with tarfile.open(path, "w:gz") as archive:
        archive.addfile(entry("a"), io.BytesIO(CONTENT))
    path.write_bytes(path.read_bytes()[:n_bytes])
    (tmp_path / "inside").mkdir()
    with pytest.raises(ArchiveError, match=r"is not an intact gzipped tar archive \("):
        extract_files(path, tmp_path / "inside", 10_000)


def test_what_is_no_archive_at_all_is_named_so(tmp_path):
    path = tmp_path / "archive"
    path.write_bytes(b"<html>Please log in.</html>")
    (tmp_path / "inside").mkdir()
    with pytest.raises(ArchiveError, match=r"is not an intact gzipped tar archive \("):
        extract_files(path, tmp_path / "inside", 10_000)


def write_archive(path, *blocks):
    """Write blocks of a tar archive as they are, compressed."""
    with gzip.open(path, "wb", compresslevel=1) as archive:
        for block in blocks:
            archive.write(block)


def header(name, size, kind=tarfile.REGTYPE):
    return entry(name, size=size, type=kind).tobuf(tarfile.GNU_FORMAT)


def unpack(tmp_path, *blocks, max_bytes=2**30):
    """Unpack these blocks and return the most memory that Python took for it, in bytes."""
    write_archive(tmp_path / "archive", *blocks)
    (tmp_path / "inside").mkdir()
    tracemalloc.start()
    try:
        extract_files(tmp_path / "archive", tmp_path / "inside", max_bytes)
    finally:
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 5 * 2**20
    return peak


LARGE = b"0" * 20 * 2**20
END = bytes(2 * 512)


@pytest.mark.parametrize("kind", [tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.GNUTYPE_LONGNAME])
def test_a_large_extended_header_is_not_read_into_memory(tmp_path, kind):
    with pytest.raises(ArchiveError, match=r"holds more than 65,536 bytes that belong to no file"):
        unpack(tmp_path, header("x", len(LARGE), kind), LARGE, header("a", 0), END)


def test_what_follows_the_end_is_not_read_without_bound(tmp_path):
    with pytest.raises(ArchiveError, match=r"holds more than 65,536 bytes that belong to no file"):
        unpack(tmp_path, header("a", 0), END, bytes(len(LARGE)))


def test_padding_of_the_usual_length_follows_the_end(tmp_path):
    unpack(tmp_path, header("a", 0), END, bytes(20 * 512))
    assert outside(tmp_path / "inside") == ["a"]


def test_a_member_of_an_unknown_kind_is_not_skipped_without_bound(tmp_path):
    with pytest.raises(ArchiveError, match=r"holds more than 65,536 bytes that belong to no file"):
        unpack(tmp_path, header("x", len(LARGE), b"Z"), LARGE, header("a", 0), END)


def test_a_sparse_map_without_end_is_not_read_into_memory(tmp_path):
    first = bytearray(header("x", 512, tarfile.GNUTYPE_SPARSE))
    first[482] = 1  # more of the map follows
    first[148:156] = b"%06o\0 " % tarfile.calc_chksums(bytes(first))[0]
    more = (b"%011o\0" % 1 * 42).ljust(504, b"\0") + b"\1" + bytes(7)
    with pytest.raises(ArchiveError, match=r"holds more than 65,536 bytes that belong to no file"):
        unpack(tmp_path, bytes(first), more * 40_000, END)


def test_a_sparse_file_is_left_out_because_it_is_larger_than_the_archive(tmp_path):
    member = tarfile.TarInfo("sparse")
    member.pax_headers = {"GNU.sparse.map": "0,1", "GNU.sparse.size": str(2**29)}
    unpack(tmp_path, member.tobuf(tarfile.PAX_FORMAT), header("a", 0), END)
    assert outside(tmp_path / "inside") == ["a"]


def test_a_chain_of_headers_is_no_archive(tmp_path):
    record = b"20 comment=abcdefgh\n"
    link = header("x", len(record), tarfile.XHDTYPE) + record.ljust(512, b"\0")
    with pytest.raises(ArchiveError, match=r"is not an intact gzipped tar archive \(|to no file"):
        unpack(tmp_path, link * 2000, header("a", 0), END)


def test_an_archive_that_is_larger_than_its_content_may_be_is_not_opened(tmp_path):
    (tmp_path / "archive").write_bytes(bytes(100_000))
    with pytest.raises(ArchiveError, match=r"has 100,000 bytes, more than 75,536"):
        extract_files(tmp_path / "archive", tmp_path, 10_000)


def test_the_number_of_members_is_bounded(extract, monkeypatch):
    monkeypatch.setattr(_fetch_archive, "MAX_MEMBERS", 3)
    with pytest.raises(ArchiveError, match=r"holds more than 3 files and folders"):
        extract(*(entry(str(i), size=0) for i in range(4)))


@pytest.mark.parametrize("name", ["corpus/a.wav", "./corpus/a.wav", "corpus//a.wav"])
def test_a_name_used_twice_is_named(extract, name):
    message = re.escape(f"holds {name!r} twice")
    with pytest.raises(ArchiveError, match=message):
        extract(entry("corpus/a.wav"), entry(name))


def test_a_file_with_the_name_of_a_folder_is_named(extract):
    with pytest.raises(ArchiveError, match=re.escape("holds 'corpus' twice")):
        extract(entry("corpus/a.wav"), entry("corpus"))


def test_a_file_below_a_file_is_named(extract):
    with pytest.raises(ArchiveError, match=re.escape("holds 'corpus/a.wav' below a file")):
        extract(entry("corpus"), entry("corpus/a.wav"))


@pytest.mark.parametrize("name", ["", ".", "./"])
def test_a_file_without_a_name_is_named(extract, name):
    with pytest.raises(ArchiveError, match=re.escape(f"holds a file without a name, {name!r}")):
        extract(entry(name))


def test_the_folder_itself_may_be_a_member(extract):
    folder = entry("./", size=0, type=tarfile.DIRTYPE)
    assert extract(folder, entry("./a.wav")) == ["a.wav"]


@pytest.mark.parametrize("name", ["x" * 300, "corpus/" + "é" * 150])
def test_a_name_that_no_disk_takes_is_shortened_and_named(extract, name):
    with pytest.raises(ArchiveError, match=r"holds a name of 300 bytes, '.{60,120}'$"):
        extract(entry(name))


@pytest.mark.parametrize("seed", range(5))
def test_random_headers_are_refused_and_nothing_else_happens(tmp_path, seed):
    rng = np.random.default_rng(seed)
    for i in range(40):
        block = bytearray(header("corpus/a", 0, tarfile.XHDTYPE if i % 2 else tarfile.REGTYPE))
        at = rng.integers(0, 512, 4)
        for position in at:
            block[position] = rng.integers(256)
        block[148:156] = b"%06o\0 " % tarfile.calc_chksums(bytes(block))[0]
        write_archive(tmp_path / "archive", bytes(block), rng.bytes(512), END)
        (tmp_path / f"inside{i}").mkdir()
        with contextlib.suppress(ArchiveError):
            extract_files(tmp_path / "archive", tmp_path / f"inside{i}", 2**20)
