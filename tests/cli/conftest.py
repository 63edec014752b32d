"""The command line in a process of its own, and recordings for it."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest
import soundfile
import torch
from sklearn.pipeline import make_pipeline

import sklearn_siamese_speaker
from sklearn_siamese_speaker import MFCC, FramePooling
from sklearn_siamese_speaker._cli import main
from sklearn_siamese_speaker.datasets import make_speakers

# The package under test, also where the command runs in another folder.
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(Path(sklearn_siamese_speaker.__file__).parents[1])}


class Result(NamedTuple):
    code: int
    out: str
    err: str


def run_in_fork(*arguments):
    """Run a command in a fork of this process, which has imported what a new one would import."""
    (out, to_out), (err, to_err) = os.pipe(), os.pipe()
    process = os.fork()
    if not process:
        os.dup2(to_out, 1)
        os.dup2(to_err, 2)
        sys.stdout, sys.stderr = open(1, "w", closefd=False), open(2, "w", closefd=False)  # noqa: SIM115
        torch.set_num_threads(1)  # threads of the parent are not there any more
        code = 0
        try:
            main(list(map(str, arguments)))
        except SystemExit as leaving:
            code = leaving.code or 0
        except BaseException:
            code = 99  # a traceback, which no command may show
        sys.stdout.flush()
        sys.stderr.flush()
        save_coverage()
        os._exit(code)
    os.close(to_out)
    os.close(to_err)
    # Both are short: neither fills its pipe while the other is read.
    texts = [open(pipe, encoding="utf-8").read() for pipe in (out, err)]  # noqa: SIM115
    return Result(os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]), *texts)


def save_coverage():
    """Let ``pytest --cov`` count what a fork has run."""
    measuring = sys.modules["coverage"].Coverage.current() if "coverage" in sys.modules else None
    if measuring is not None:
        measuring.stop()
        measuring.save()


def run_anew(*arguments):
    """Run a command in a new Python."""
    command = [sys.executable, "-m", "sklearn_siamese_speaker", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, env=ENVIRONMENT)
    return Result(done.returncode, done.stdout, done.stderr)


@pytest.fixture(autouse=True)
def heard_interrupts():
    """Let Ctrl-C through where the tests are in the background of a shell, which ignores it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def run():
    return run_in_fork


@pytest.fixture
def anew():
    return run_anew


@pytest.fixture
def environment():
    return ENVIRONMENT


@pytest.fixture
def folder(tmp_path, monkeypatch, _recordings):
    """A folder to work in: enrolled/, later/ and others/ hold recordings of people."""
    monkeypatch.chdir(tmp_path)
    for file in _recordings.iterdir():
        (tmp_path / file.name).symlink_to(file)
    return tmp_path


@pytest.fixture(scope="session")
def _recordings(tmp_path_factory):
    skops = pytest.importorskip("skops.io")
    root = tmp_path_factory.mktemp("voices")
    X, y = make_speakers(n_speakers=21, n_recordings=2, duration=0.6, random_state=0)
    names = {"speaker00": "ana", "speaker01": "ben", "speaker02": "eva"}
    for i, (waveform, speaker) in enumerate(zip(X, y, strict=True)):
        kind = ("enrolled", "later")[i % 2] if speaker in names else "others"
        path = root / kind / names.get(speaker, speaker) / f"{i % 2 + 1}.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, waveform, 16000)
    encoder = make_pipeline(MFCC(n_mfcc=20), FramePooling()).fit(X[6:])
    skops.dump(encoder, root / "statistics.skops")
    return root
