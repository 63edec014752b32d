"""The commands of the five-minute page run as they are written."""

import re
import shlex
from pathlib import Path

import pytest
import soundfile

from sklearn_siamese_speaker.datasets import make_conversation, make_speakers

PAGE = Path(__file__).parents[2] / "docs" / "colleagues.rst"
OTHERS = "Another encoder\n"  # what comes after needs other weights, or minutes


@pytest.fixture
def clips(tmp_path, monkeypatch):
    """The files that the page speaks of."""
    monkeypatch.chdir(tmp_path)
    X, y = make_speakers(n_speakers=28, n_recordings=3, duration=1.0, random_state=0)
    for i, name in enumerate(["ana", "ben", "eva", "fay"]):
        write(f"enrolled/{name}/1.wav" if i < 3 else "clips/fay-monday.wav", X[3 * i])
        write(f"later/{name}.wav" if i < 3 else "clips/fay-friday.wav", X[3 * i + 1])
    for i in range(12, len(X)):
        write(f"others/{y[i]}/{i}.wav", X[i])
    meeting, _ = make_conversation([*X[:6], *X[:6], *X[:6]], [*y[:6]] * 3, random_state=0)
    write("meeting.wav", meeting)


def write(path, waveform):
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, waveform, 16000)


def commands_of(page):
    text = page.read_text().partition(OTHERS)[0]
    found = re.findall(r"^   \$ siamese-speaker (.*)$", text, re.MULTILINE)
    return [shlex.split(command) for command in found]


@pytest.mark.usefixtures("clips")
def test_the_commands_of_the_page_run(run):
    commands = commands_of(PAGE)
    names = ["enrol", "enrol", "identify", "identify", "people", "forget"]
    assert [name for name, *_ in commands] == [
        *names,
        "calibrate",
        "verify",
        "identify",
        "embed",
    ]
    for command in commands:
        code, out, err = run(*command)
        assert code in (0, 1), (command, err)
        assert "error" not in err
        assert out
