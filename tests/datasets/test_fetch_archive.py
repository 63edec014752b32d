import errno
import hashlib
import io
import re
import tarfile
from dataclasses import replace

import pytest

from sklearn_siamese_speaker import _progress
from sklearn_siamese_speaker.datasets import _fetch_archive, get_data_home
from sklearn_siamese_speaker.datasets import download as _download
from sklearn_siamese_speaker.datasets._fetch_archive import Archive, fetch_archive

FILES = ["speech/ana/1.wav", "speech/ben/1.wav"]


@pytest.fixture(autouse=True)
def small_chunks_without_waits(monkeypatch):
    monkeypatch.setattr(_download, "CHUNK", 100)
    monkeypatch.setattr(_download, "WAITS", (0.0, 0.0, 0.0))


@pytest.fixture
def server(serve, pack, make_noise_file, tmp_path):
    for name in FILES:
        make_noise_file(tmp_path / "source" / "corpus-main" / name)
    server = serve(pack(tmp_path / "source" / "corpus-main"))
    assert len(server.content) > 2000
    return server


@pytest.fixture
def archive(server):
    return Archive(
        name="voices",
        url=server.url,
        root="corpus-main",
        recordings="speech/*/*.wav",
        max_bytes=100_000,
        sha256=hashlib.sha256(server.content).hexdigest(),
        n_recordings=2,
    )


@pytest.fixture
def home(tmp_path):
    (tmp_path / "home").mkdir()
    return tmp_path / "home"


def names_in(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_corpus_is_downloaded_once_and_without_its_top_folder(server, archive, home):
    folder = fetch_archive(archive, home)
    assert folder == home / "voices"
    assert sorted(str(path.relative_to(folder)) for path in folder.rglob("*.wav")) == FILES
    assert fetch_archive(archive, home, download_if_missing=False) == folder
    assert len(server.first_bytes) == 1
    assert names_in(home) == ["voices"]


def test_a_cut_download_continues_where_it_ended(server, archive, home):
    server.cuts = [1000, 200]
    fetch_archive(archive, home)
    assert server.first_bytes == [0, 1000, 1200]
    assert names_in(home) == ["voices"]


def test_a_cut_download_begins_again_where_the_server_cannot_continue(server, archive, home):
    server.cuts, server.continues = [1000, 200], False
    fetch_archive(archive, home)
    assert server.first_bytes == [0, 1000, 200]
    assert names_in(home) == ["voices"]


def test_a_download_that_is_always_cut_leaves_nothing_and_works_later(server, archive, home):
    server.cuts = [100] * 4
    with pytest.raises(OSError, match=r"could not be downloaded \(.*\d+ bytes read"):
        fetch_archive(archive, home)
    assert server.first_bytes == [0, 100, 200, 300]
    assert names_in(home) == []
    fetch_archive(archive, home)
    assert names_in(home) == ["voices"]


def test_a_cut_archive_without_a_length_is_found_out(server, archive, home):
    server.content = server.content[:-200]  # complete as far as the server says
    with pytest.raises(OSError, match=r"is not an intact gzipped tar archive \(.*; try again or"):
        fetch_archive(replace(archive, sha256=None), home)
    assert names_in(home) == []


def test_a_missing_page_is_asked_for_once_and_the_way_out_named(server, archive, home):
    server.status = 404
    message = (
        f"^{server.url} could not be downloaded \\(404 .*\\); try again later or download it by "
        f"other means to '{home}/voices.tar.gz'.$"
    )
    with pytest.raises(OSError, match=message):
        fetch_archive(archive, home)
    assert server.first_bytes == [0]
    assert names_in(home) == []


def test_no_network_is_said_at_once(archive, home, monkeypatch):
    def sleep(seconds):
        raise AssertionError("waited for a server that was never there")

    monkeypatch.setattr(_download.time, "sleep", sleep)
    with pytest.raises(OSError, match=r"^http://127.0.0.1:1/x could not be downloaded \("):
        fetch_archive(replace(archive, url="http://127.0.0.1:1/x"), home)
    assert names_in(home) == []


def test_without_permission_nothing_is_asked(server, archive, home):
    message = (
        f"'{home}/voices' does not exist and download_if_missing=False; allow the download of "
        f"{server.url} or put that file at '{home}/voices.tar.gz'."
    )
    with pytest.raises(OSError, match=f"^{re.escape(message)}$"):
        fetch_archive(archive, home, download_if_missing=False)
    assert server.first_bytes == []


def test_a_wrong_hash_is_shown_and_nothing_kept(server, archive, home):
    message = (
        f"{server.url} has the SHA-256 hash {archive.sha256}, not {'0' * 64}; try again or put an "
        f"intact copy of {server.url} at '{home}/voices.tar.gz'."
    )
    with pytest.raises(OSError, match=f"^{re.escape(message)}$"):
        fetch_archive(replace(archive, sha256="0" * 64), home)
    assert names_in(home) == []


def test_an_archive_of_ones_own_is_used_and_kept(server, archive, home):
    (home / "voices.tar.gz").write_bytes(server.content)
    fetch_archive(archive, home, download_if_missing=False)
    assert names_in(home) == ["voices", "voices.tar.gz"]
    assert server.first_bytes == []


def test_a_wrong_archive_of_ones_own_is_named_and_kept(server, archive, home):
    (home / "voices.tar.gz").write_bytes(b"something else")
    with pytest.raises(OSError, match=r"^'.*voices\.tar\.gz' has the SHA-256 hash .*, not "):
        fetch_archive(archive, home)
    assert names_in(home) == ["voices.tar.gz"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"n_recordings": 3}, r"holds 2 recordings speech/\*/\*\.wav, not 3; try again or"),
        ({"root": "corpus-dev"}, "holds no folder 'corpus-dev'; try again or put an intact copy"),
        ({"max_bytes": 1000}, "unpacks to more than 1,000 bytes; try again or put an intact copy"),
    ],
)
def test_what_is_not_the_corpus_is_refused(archive, home, change, message):
    with pytest.raises(OSError, match=message):
        fetch_archive(replace(archive, **change), home)
    assert names_in(home) == []


def test_a_recording_that_is_a_text_is_refused(server, archive, home, pack, tmp_path):
    pointer = tmp_path / "source" / "corpus-main" / FILES[1]
    pointer.write_text("version https://git-lfs.github.com/spec/v1")
    server.content = pack(tmp_path / "source" / "corpus-main")
    with pytest.raises(OSError, match=r"holds 'speech/ben/1\.wav', which does not open as sound;"):
        fetch_archive(replace(archive, sha256=None), home)
    assert names_in(home) == []


@pytest.mark.parametrize("name", ["../evil", "corpus-main/../../evil"])
def test_an_archive_that_leads_outside_leaves_nothing(server, archive, home, tmp_path, name):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as evil:
        evil.addfile(tarfile.TarInfo("corpus-main/good"))
        evil.addfile(tarfile.TarInfo(name))
    server.content = buffer.getvalue()
    with pytest.raises(OSError, match=f"names a file outside itself, '{name}'; try again or"):
        fetch_archive(replace(archive, sha256=None), home)
    assert names_in(home) == []
    assert names_in(tmp_path) == ["home", "source"]


@pytest.mark.parametrize("drips", ["header", "content"])
def test_a_server_that_drips_is_given_up(server, archive, home, monkeypatch, drips):
    monkeypatch.setattr(_download, "PATIENCE", 0.2)
    server.drips = drips
    message = (
        f"^{server.url} could not be downloaded \\(slower than 10,000 bytes a second for 0.2 s"
    )
    with pytest.raises(OSError, match=message):
        fetch_archive(archive, home)
    assert names_in(home) == []


def test_a_slow_download_that_is_fast_enough_is_waited_for(server, archive, home, monkeypatch):
    monkeypatch.setattr(_download, "PATIENCE", 0.01)
    monkeypatch.setattr(_download, "MIN_SPEED", 0)
    assert fetch_archive(archive, home) == home / "voices"


def test_content_without_end_is_not_written_beyond_the_bound(server, archive, home, monkeypatch):
    server.is_endless = True
    sizes = []
    write = _download._Connection.write

    def observe(connection, piece):
        sizes.append(connection.file.tell())
        write(connection, piece)

    monkeypatch.setattr(_download._Connection, "write", observe)
    message = r"could not be downloaded \(more than 165,536 bytes were sent\); try again later or"
    with pytest.raises(OSError, match=message):
        fetch_archive(archive, home)  # max_bytes=100_000
    assert 165_000 < max(sizes) <= 165_536
    assert len(server.first_bytes) == 1
    assert names_in(home) == []


def test_a_disk_that_is_full_while_downloading_is_named(server, archive, home, monkeypatch):
    monkeypatch.setattr(_download._Connection, "write", fill_the_disk)
    message = f"{server.url} could not be stored in '{home}' ([Errno 28] No space left on device);"
    with pytest.raises(OSError, match=f"^{re.escape(message)} make space there or pass another"):
        fetch_archive(archive, home)
    assert len(server.first_bytes) == 1
    assert names_in(home) == []


def test_a_disk_that_is_full_while_unpacking_is_named(server, archive, home, monkeypatch):
    (home / "voices.tar.gz").write_bytes(server.content)
    monkeypatch.setattr(tarfile.TarFile, "makefile", fill_the_disk)
    message = f"'{home}/voices.tar.gz' could not be stored in '{home}' ([Errno 28] No space left on"
    with pytest.raises(OSError, match=f"^{re.escape(message)} device\\); make space there or pass"):
        fetch_archive(archive, home)
    assert names_in(home) == ["voices.tar.gz"]


def fill_the_disk(*args):
    raise OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["a", "a"], "holds 'corpus-main/a' twice"),
        ([""], "holds a file without a name, ''"),
        (["."], "holds a file without a name, '.'"),
        (["x" * 300], "holds a name of 300 bytes, 'corpus-main/xxxx"),
    ],
)
def test_a_file_that_cannot_be_written_is_named_with_its_archive(
    server, archive, home, names, message
):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as evil:
        for name in names:
            evil.addfile(tarfile.TarInfo(f"corpus-main/{name}" if name.isalpha() else name))
    server.content = buffer.getvalue()
    with pytest.raises(OSError, match=f"^{re.escape(f'{server.url} {message}')}.*; try again or"):
        fetch_archive(replace(archive, sha256=None), home)
    assert names_in(home) == []


def test_a_long_download_says_so(archive, home, monkeypatch, capfd):
    monkeypatch.setattr(_progress, "QUIET_SECONDS", 0.0)
    fetch_archive(archive, home)
    assert re.match(rf"Downloading {archive.url} \(bytes\): \d+ so far\n", capfd.readouterr().err)


def test_an_interrupt_leaves_nothing(archive, home, monkeypatch):
    def interrupt(*args):
        raise KeyboardInterrupt

    monkeypatch.setattr(_fetch_archive, "extract_files", interrupt)
    with pytest.raises(KeyboardInterrupt):
        fetch_archive(archive, home)
    assert names_in(home) == []


def test_a_faster_process_wins(archive, home, monkeypatch):
    unpack = _fetch_archive._unpack

    def unpack_while_another_process_finishes(*args):
        (home / "voices").mkdir()
        (home / "voices" / "complete").touch()
        return unpack(*args)

    monkeypatch.setattr(_fetch_archive, "_unpack", unpack_while_another_process_finishes)
    assert names_in(fetch_archive(archive, home)) == ["complete"]
    assert names_in(home) == ["voices"]


def test_progress_is_shown_only_when_wanted(archive, home, tmp_path, capfd):
    fetch_archive(archive, home)
    assert capfd.readouterr() == ("", "")
    fetch_archive(archive, tmp_path / "other home", verbose=True)
    assert "100%" in capfd.readouterr().err


def test_the_data_home_is_the_argument_or_the_variable_or_below_the_home(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("SKLEARN_SIAMESE_SPEAKER_DATA", raising=False)
    assert get_data_home() == str(tmp_path / "sklearn_siamese_speaker_data")
    assert get_data_home("~/mine") == str(tmp_path / "mine")
    monkeypatch.setenv("SKLEARN_SIAMESE_SPEAKER_DATA", str(tmp_path / "a" / "b"))
    assert get_data_home() == str(tmp_path / "a" / "b")
    assert (tmp_path / "a" / "b").is_dir()
