"""A store in several processes and threads at once, some of which are killed."""

import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from multiprocessing import get_context

import pytest

from sklearn_siamese_speaker import SpeakerStore

# A fork needs no import; nothing but SQLite and NumPy runs in it.
fork = get_context("fork")


def enrol_in_two_threads(path, prefix, n, committed):
    """Enrol people one by one, and tell who is committed."""

    def enrol(thread):
        store = SpeakerStore(path, timeout=60)
        for i in range(thread, n, 2):
            store.enrol([f"{prefix} {i}"], [[float(i), 1.0]])
            os.write(committed, f"{prefix} {i}\n".encode())

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(enrol, range(2)))  # raises what a thread raises


def start(path, prefix, n):
    """Return a process, and a file of who is committed."""
    reader, writer = os.pipe()
    process = fork.Process(target=enrol_in_two_threads, args=(path, prefix, n, writer))
    process.start()
    os.close(writer)
    return process, os.fdopen(reader)


def people_of(path):
    """Return the names in a store, each with the embedding it was enrolled with."""
    kept = SpeakerStore(path).voiceprints()
    numbers = [int(name.split()[1]) for name in kept.names]
    assert kept.embeddings[:, 0].tolist() == numbers
    return kept.names.tolist()


def test_two_processes_with_two_threads_lose_nobody(tmp_path):
    path = tmp_path / "people.db"
    started = [start(path, prefix, 30) for prefix in ("a", "b")]
    for process, committed in started:
        assert len(committed.read().split("\n")) == 31
        process.join()
        assert process.exitcode == 0
    expected = {f"{prefix} {i}" for prefix in ("a", "b") for i in range(30)}
    assert len(people_of(path)) == 60
    assert set(people_of(path)) == expected
    assert os.listdir(tmp_path) == ["people.db"]


@pytest.mark.parametrize("milliseconds", [0, 7, 40])
def test_a_killed_writer_loses_nothing_that_was_committed(tmp_path, milliseconds):
    path = tmp_path / "people.db"
    process, lines = start(path, "a", 10_000)
    committed = [lines.readline().strip()]
    time.sleep(milliseconds / 1000)
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    assert process.exitcode == -signal.SIGKILL
    committed += lines.read().splitlines()
    names = people_of(path)
    assert set(committed) <= set(names)
    assert len(names) <= len(committed) + 2  # each thread may have committed one more
    assert "ben" in SpeakerStore(path).enrol(["ben"], [[0.0, 0.0]]).people


def test_a_process_that_is_killed_at_the_start_leaves_a_file_that_takes_people(tmp_path):
    """Whatever the moment: the file is not there, empty, or without tables."""
    for microseconds in (0, 300, 1000, 3000):
        path = tmp_path / f"{microseconds}.db"
        process, _ = start(path, "a", 10_000)
        deadline = time.monotonic() + 10
        while not path.exists() and time.monotonic() < deadline:
            pass
        time.sleep(microseconds / 1e6)
        os.kill(process.pid, signal.SIGKILL)
        process.join()
        assert "ben" in SpeakerStore(path).enrol(["ben"], [[0.0, 0.0]]).people
