"""Long work says so in one line, and short work is silent."""

import io
from threading import Thread
from types import SimpleNamespace

import pytest
from joblib import Parallel, delayed

from sklearn_siamese_speaker import _progress
from sklearn_siamese_speaker._progress import Progress, track


class Terminal(io.StringIO):
    def isatty(self):
        return True

    def screen(self):
        """Return what a terminal shows: a carriage return goes back, the rest overwrites."""
        shown = []
        column = 0
        for character in self.getvalue():
            if character == "\r":
                column = 0
                continue
            shown[column : column + 1] = character
            column += 1
        return "".join(shown).rstrip()


@pytest.fixture
def clock(monkeypatch):
    """Return a function that lets seconds pass."""
    now = [100.0]

    def wait(seconds):
        now[0] += seconds

    monkeypatch.setattr(_progress, "monotonic", lambda: now[0])
    return wait


@pytest.fixture
def stderr(monkeypatch):
    """Return a function that puts a stream in place of stderr."""

    def replace(stream):  # pytest puts its own stream there after every fixture
        monkeypatch.setattr(_progress, "sys", SimpleNamespace(stderr=stream))
        return stream

    return replace


@pytest.fixture
def terminal(stderr, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")  # wherever the tests run
    return stderr(Terminal())


@pytest.fixture
def file(stderr):
    return stderr(io.StringIO())


@pytest.mark.parametrize("stream", ["terminal", "file"])
def test_short_work_is_silent(clock, request, stream):
    stream = request.getfixturevalue(stream)
    for _ in track(range(7), "Counting"):
        clock(0.7)
    assert stream.getvalue() == ""


def test_a_terminal_shows_one_line_rewritten_and_erased(clock, terminal):
    with Progress("Extracting frames", 100) as progress:
        clock(4)
        progress.advance(20)
        assert terminal.screen() == ""
        clock(2)
        progress.advance(20, "the second")
        assert terminal.screen() == "Extracting frames: 40 of 100, 9 s left, the second"
        clock(10)
        progress.advance(20)
        assert terminal.screen() == "Extracting frames: 60 of 100, 11 s left"
    assert terminal.screen() == ""
    assert "\n" not in terminal.getvalue()


def test_a_terminal_is_not_rewritten_at_every_step(clock, terminal):
    for _ in track(range(1000), "Counting"):
        clock(0.01)
    assert terminal.getvalue().count("Counting") == pytest.approx(5 / 0.2, abs=3)


def test_a_line_is_never_wider_than_the_terminal(clock, terminal, monkeypatch):
    monkeypatch.setenv("COLUMNS", "20")
    with Progress("Extracting frames", 100) as progress:
        clock(6)
        progress.advance()
        assert terminal.screen() == "Extracting frames: "[:19].rstrip()


def test_a_file_gets_one_plain_line(clock, file):
    for _ in track(range(100), "Counting"):
        clock(1)
    assert file.getvalue() == "Counting: 5 of 100, 95 s left\n"


@pytest.mark.parametrize(
    ("seconds", "left"), [(1, "94 s"), (2, "3 min"), (60, "94 min"), (120, "3 h 8 min")]
)
def test_time_left_has_the_unit_a_reader_would_use(clock, file, seconds, left):
    with Progress("Waiting", 100) as progress:
        clock(6 * seconds)
        progress.advance(6)
    assert file.getvalue() == f"Waiting: 6 of 100, {left} left\n"


def test_work_that_ends_with_its_first_step_is_silent(clock, file):
    for _ in track([1], "Counting"):
        clock(60)
    assert file.getvalue() == ""


def test_work_of_unknown_length_is_counted(clock, file):
    for _ in track(iter(range(9)), "Reading"):
        clock(2)
    assert file.getvalue() == "Reading: 3 so far\n"


def test_work_within_shown_work_is_silent(clock, terminal):
    with Progress("Outer", 2) as outer:
        clock(6)
        outer.advance()
        for _ in track(range(9), "Inner"):
            clock(2)
    assert "Inner" not in terminal.getvalue()
    for _ in track(range(9), "Later"):
        clock(2)
    assert "Later: 3 of 9" in terminal.getvalue()


def test_the_line_is_erased_when_the_work_fails(clock, terminal):
    def fail():
        for n in track(range(9), "Dividing"):
            clock(3)
            1 / (3 - n)

    with pytest.raises(ZeroDivisionError):
        fail()
    assert "Dividing" in terminal.getvalue()
    assert terminal.screen() == ""


def test_threads_lose_no_step(clock, file):
    def count(progress):
        for _ in range(1000):
            progress.advance()

    with Progress("Counting", 4001) as progress:
        threads = [Thread(target=count, args=[progress]) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        clock(8)
        progress.advance(0)
    assert file.getvalue() == "Counting: 4000 of 4001, 0 s left\n"


@pytest.mark.parametrize("stream", [None, "closed"])
def test_a_stderr_that_is_gone_does_not_end_the_work(clock, stderr, stream):
    if stream == "closed":
        stream = io.StringIO()
        stream.close()
    stderr(stream)
    for _ in track(range(9), "Counting"):
        clock(2)


def is_silent():
    return Progress("Counting")._is_silent


def test_worker_processes_are_silent():
    assert not is_silent()
    assert Parallel(n_jobs=2)(delayed(is_silent)() for _ in range(2)) == [True, True]
