import io
import re
import tarfile

import pytest

from sklearn_siamese_speaker.datasets._archives import ArchiveError, extract_files

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
