"""Ctrl-C in the middle of each command: one word, an exit code, and nothing half-written."""

import os
import signal
import time

import pytest

from sklearn_siamese_speaker import FramePooling, SpeakerStore
from sklearn_siamese_speaker.recognition.store import _speaker_store as _store

ENCODER = ("--encoder", "statistics.skops")
PAIR = ("enrolled/ana/1.wav", "later/ana/2.wav")


def interrupt(*args, **kwargs):
    """Stand for work in the middle of which somebody presses Ctrl-C."""
    os.kill(os.getpid(), signal.SIGINT)
    time.sleep(10)


@pytest.fixture
def kept(folder, run):
    """A store, and the bytes of all files in the folder."""
    assert run("enrol", "people.db", "enrolled", *ENCODER).code == 0
    return {file.name: file.read_bytes() for file in folder.iterdir() if file.is_file()}


@pytest.mark.parametrize(
    "command",
    [
        ["enrol", "people.db", "zoe", PAIR[1]],
        ["enrol", "new.db", "enrolled"],
        ["identify", "people.db", PAIR[1]],
        ["calibrate", "people.db", "others", "--target-far", "0.1"],
        ["verify", *PAIR, "--threshold", "0"],
        ["embed", *PAIR, "-o", "voices.npz"],
    ],
    ids=" ".join,
)
def test_an_interrupted_embedding_changes_nothing(folder, kept, run, monkeypatch, command):
    monkeypatch.setattr(FramePooling, "transform", interrupt)
    assert run(*command, *ENCODER) == (130, "", "interrupted\n")
    assert {file.name: file.read_bytes() for file in folder.iterdir() if file.is_file()} == kept


@pytest.mark.parametrize(
    ("target", "command"),
    [
        ("sklearn_siamese_speaker.SpeakerStore.voiceprints", ["people", "people.db"]),
        ("sklearn_siamese_speaker.SpeakerStore.forget", ["forget", "people.db", "ana"]),
        (
            "sklearn_siamese_speaker.SpeakerDiarizer.predict",
            ["diarize", PAIR[0], "--rttm", "talk.rttm", *ENCODER],
        ),
        ("sklearn_siamese_speaker._report.report", ["report", "others"]),
    ],
)
def test_an_interrupted_command_changes_nothing(folder, kept, run, monkeypatch, target, command):
    monkeypatch.setattr(target, interrupt)
    assert run(*command) == (130, "", "interrupted\n")
    assert {file.name: file.read_bytes() for file in folder.iterdir() if file.is_file()} == kept


def test_an_enrolment_that_is_interrupted_while_it_writes_is_not_there(
    folder, kept, run, monkeypatch
):
    """The first voiceprint is inserted; the second is not."""
    original, inserted = _store.insert, []

    def insert(*args):
        if inserted:
            interrupt()
        inserted.append(original(*args))

    monkeypatch.setattr(_store, "insert", insert)
    assert run("enrol", "people.db", "zoe", *PAIR[1:], "later/ben/2.wav", *ENCODER).code == 130
    assert SpeakerStore("people.db").people == ["ana", "ben", "eva"]
