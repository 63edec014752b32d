"""The commands without a store, and what all commands have in common."""

import contextlib
import json
import os
import pty
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from sklearn_siamese_speaker import TRUSTED_TYPES, SpeakerStore, __version__
from sklearn_siamese_speaker._cli import main
from sklearn_siamese_speaker.encoders import SiameseSpeakerEncoder

ENCODER = ("--encoder", "statistics.skops")
PAIR = ("enrolled/ana/1.wav", "later/ana/2.wav")


def test_two_recordings_of_one_voice_and_of_two(folder, run):
    same = run("verify", *PAIR, "--threshold", "-1000", *ENCODER)
    assert same.code == 0
    assert same.out.startswith("the same voice, score -")
    other = run("verify", *PAIR, "--threshold", "0", *ENCODER, "--json")
    assert other.code == 1
    found = json.loads(other.out)
    assert found["same"] is False
    assert found["score"] < found["threshold"] == 0


def test_without_a_threshold_nothing_is_verified(folder, run):
    result = run("verify", *PAIR, *ENCODER)
    assert result.code == 2
    assert "comes without a threshold: give --threshold." in result.err


def test_an_encoder_in_a_file_needs_what_reads_it(folder, run, monkeypatch):
    result = run("embed", PAIR[0], "--encoder", "nothing.onnx")
    assert result.code == 2
    assert "The model '" in result.err
    monkeypatch.setitem(sys.modules, "skops.io", None)
    result = run("embed", PAIR[0], *ENCODER)
    assert result.code == 2
    assert "Saved encoders need skops: pip install" in result.err


def test_progress_is_shown_on_a_terminal_only(folder, run, monkeypatch):
    monkeypatch.setattr("sklearn_siamese_speaker._progress.QUIET_SECONDS", 0.0)
    others = sorted(str(path) for path in folder.glob("others/*/*.wav")) * 2  # several batches
    assert run("embed", *others, "-o", "voices.npz", *ENCODER).err == ""
    shown = run_on_a_terminal("embed", *others, "-o", "voices.npz", *ENCODER)
    assert "Extracting frames: 8 of 72" in shown


def run_on_a_terminal(*arguments):
    """Run a command in a fork, and return what a terminal shows."""
    process, terminal = pty.fork()
    if not process:
        sys.stderr = open(2, "w", closefd=False)  # noqa: SIM115 - pytest has replaced it
        with contextlib.suppress(SystemExit):
            main(list(arguments))
        os._exit(0)
    shown = b""
    with contextlib.suppress(OSError):  # Linux says so when the other end is closed
        while piece := os.read(terminal, 4096):
            shown += piece
    os.waitpid(process, 0)
    return shown.decode()


def test_embeddings_are_written_as_npz_csv_and_json(folder, run):
    result = run("embed", *PAIR, "-o", "voices.npz", *ENCODER)
    assert result == (0, "2 embeddings of 40 dimensions in voices.npz\n", "")
    with np.load("voices.npz") as saved:
        assert saved["files"].tolist() == list(PAIR)
        embeddings = saved["embeddings"]
    assert run("embed", *PAIR, "-o", "voices.csv", *ENCODER).code == 0
    with open("voices.csv") as file:
        header, *rows = [line.rstrip("\n").split(",") for line in file]
    assert header[:2] == ["file", "0"]
    np.testing.assert_array_equal(np.array([row[1:] for row in rows], dtype="f4"), embeddings)
    assert run("embed", *PAIR, *ENCODER).out == open("voices.csv").read()  # noqa: SIM115
    printed = json.loads(run("embed", *PAIR, *ENCODER, "--json").out)
    np.testing.assert_array_equal(np.float32(printed["embeddings"]), embeddings)
    written = json.loads(run("embed", *PAIR, "-o", "again.npz", *ENCODER, "--json").out)
    assert written["output"] == "again.npz"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ([PAIR[0], "-o", "voices.txt"], "--output voices.txt must end in .npz or .csv"),
        ([PAIR[0], "-o", "nowhere/voices.npz", *ENCODER], "There is no folder"),
        ([PAIR[0], "nothing.wav", "-o", "voices.npz", *ENCODER], "nothing.wav"),
    ],
)
def test_embeddings_that_cannot_be_made_or_written_leave_nothing(folder, run, arguments, sentence):
    before = sorted(os.listdir())
    result = run("embed", *arguments)
    assert result.code == 2
    assert sentence in result.err
    assert sorted(os.listdir()) == before


@pytest.fixture
def tiny(monkeypatch):
    """A training of a second."""
    monkeypatch.setattr("sklearn_siamese_speaker._cli._encoders.SiameseSpeakerEncoder", Tiny)


class Tiny:
    """Makes small encoders where the command makes the default one."""

    def __new__(cls, **parameters):
        small = {"network__filters": (4, 4, 4), "network__embedding_dim": 8, "max_epochs": 1}
        return SiameseSpeakerEncoder("cnn2d", **small, **parameters)


@pytest.mark.usefixtures("tiny")
def test_a_trained_encoder_is_saved_and_recognizes(folder, run):
    skops = pytest.importorskip("skops.io")
    result = run("train", "others", "-o", "mine.skops", "--json")
    assert result.code == 0, result.err
    trained = json.loads(result.out)
    assert (trained["speakers"], trained["recordings"]) == (18, 36)
    skops.load("mine.skops", trusted=TRUSTED_TYPES)
    assert run("enrol", "people.db", "enrolled", "--encoder", "mine.skops").code == 0
    listed = json.loads(run("people", "people.db", "--json").out)
    assert listed["encoder"] == trained["encoder"]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["others", "-o", "mine.pkl"], "--output mine.pkl must end in .skops"),
        (["nothing", "-o", "mine.skops"], "nothing"),
        (["others", "-o", "nowhere/mine.skops"], "There is no folder"),
        (["others"], "the following arguments are required: -o/--output"),
    ],
)
def test_a_training_that_cannot_be_is_an_error_before_it_begins(folder, run, arguments, sentence):
    before = sorted(os.listdir())
    result = run("train", *arguments)
    assert result.code == 2
    assert sentence in result.err
    assert result.err.count("\n") == 1
    assert sorted(os.listdir()) == before


def test_an_interrupted_training_leaves_nothing(folder, environment):
    before = sorted(os.listdir())
    command = [sys.executable, "-m", "sklearn_siamese_speaker", "train", "others", "-o", "a.skops"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment)
    deadline = time.monotonic() + 120
    while sorted(os.listdir()) == before and time.monotonic() < deadline:
        time.sleep(0.01)  # until the file to write is opened
    process.send_signal(signal.SIGINT)
    error = process.communicate()[1]
    assert process.returncode == 130
    assert error.splitlines()[-1] == "interrupted"
    assert "Traceback" not in error
    assert sorted(os.listdir()) == before


def test_the_report_reads_a_folder_and_says_what_is_wrong(folder, run):
    result = run("report", "statistics.skops", "--json")
    assert result.code == 2
    assert result.out == ""
    assert result.err.startswith("error: ")


LIGHT = """
import sys
from sklearn_siamese_speaker._cli import main

for command in sys.argv[1:]:
    try:
        main(command.split())
    except SystemExit as leaving:
        assert not leaving.code, command
assert "torch" not in sys.modules
"""


def test_light_commands_need_no_torch(folder, environment):
    SpeakerStore("people.db").enrol(["ana", "ben"], [[1.0, 2.0], [3.0, 4.0]])
    light = ["people people.db", "forget people.db ana", "--version", "train --help"]
    subprocess.run([sys.executable, "-c", LIGHT, *light], env=environment, check=True)


def test_version_and_help(run, anew):
    version = f"siamese-speaker {__version__}\n"
    assert anew("--version") == (0, version, "")
    text = run("--help").out
    for name in ["enrol", "people", "forget", "identify", "verify", "calibrate", "embed", "train"]:
        assert name in text
        assert run(name, "--help").code == 0


def test_a_command_that_is_none_is_a_sentence(run):
    result = run("recognise")
    assert result.code == 2
    assert result.err.startswith("error: argument COMMAND: invalid choice: 'recognise'")
    assert result.err.count("\n") == 1


def test_a_reader_that_has_had_enough_is_no_traceback(folder, environment):
    names = np.array([f"person {i:05}" for i in range(20_000)])
    SpeakerStore("people.db").enrol(names, np.ones((len(names), 2)))
    command = f"{sys.executable} -m sklearn_siamese_speaker people people.db | head -n 1"
    done = subprocess.run(command, shell=True, capture_output=True, text=True, env=environment)
    assert done.stdout.startswith("person 00000: 1 recording")
    assert done.stderr == ""


def test_a_mistake_of_the_program_is_a_sentence_too(run, monkeypatch, folder):
    def fail(path, timeout):
        raise RuntimeError("no such thing")

    monkeypatch.setattr("sklearn_siamese_speaker._cli._people.SpeakerStore", fail)
    result = run("forget", "people.db", "ana")
    assert result == (2, "", "error: RuntimeError: no such thing\n")
