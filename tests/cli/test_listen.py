"""Who speaks when, by command, on real speech and with the encoder in the package."""

import json
import os

import numpy as np
import pytest
import soundfile

from sklearn_siamese_speaker.datasets import load_voices, make_conversation, read_rttm


@pytest.fixture(scope="module")
def _talk(tmp_path_factory):
    """Recordings of two people to enrol with, and a conversation of theirs."""
    voices = load_voices()
    folder = tmp_path_factory.mktemp("talk")
    chosen = np.isin(voices.target, [voices.target[0], voices.target[-1]])
    X, y = voices.data[chosen], voices.target[chosen]
    names = dict(zip(np.unique(y), ["ana", "ben"], strict=True))
    heard = np.arange(len(y)) % 2 == 0  # the others enrol
    for file, speaker in zip(X[~heard], y[~heard], strict=True):
        path = folder / "people" / names[speaker] / os.path.basename(file)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.symlink_to(file)
    waveform, truth = make_conversation(X[heard], y[heard], overlap=0, random_state=0)
    soundfile.write(folder / "talk.wav", waveform, 16000)
    return folder, [(start, end, names[speaker]) for start, end, speaker in truth]


@pytest.fixture
def talk(_talk, monkeypatch, tmp_path):
    folder, truth = _talk
    for file in folder.iterdir():
        (tmp_path / file.name).symlink_to(file)
    monkeypatch.chdir(tmp_path)
    return truth


def seconds_of(segments):
    total = {}
    for start, end, name in segments:
        total[name] = total.get(name, 0) + end - start
    return total


def test_a_long_recording_is_identified_piece_by_piece(talk, run):
    assert talk[-1][1] > 10
    assert run("enrol", "people.db", "people").code == 0
    result = run("identify", "people.db", "talk.wav", "--json")
    (found,) = json.loads(result.out)
    assert found["people"] == ["ana", "ben"]
    expected, total = seconds_of(talk), seconds_of(s.values() for s in found["segments"])
    assert all(abs(total[name] - expected[name]) < 0.3 * expected[name] for name in expected)
    names = {segment["speaker"] for segment in found["segments"]}
    assert result.code == int(names != {"ana", "ben"})
    lines = run("identify", "people.db", "talk.wav").out.splitlines()
    assert lines[0] == "talk.wav:"
    assert lines[1].endswith(f" s  {found['segments'][0]['speaker']}")


def test_a_conversation_is_diarized_without_and_with_names(talk, run):
    result = run("diarize", "talk.wav", "--n-speakers", "2", "--rttm", "talk.rttm", "--json")
    assert result.code == 0, result.err
    (found,) = json.loads(result.out)
    assert {segment["speaker"] for segment in found["segments"]} == {"S1", "S2"}
    kept = read_rttm("talk.rttm")["talk"]
    assert [name for *_, name in kept] == [s["speaker"] for s in found["segments"]]
    run("enrol", "people.db", "people")
    named = run("diarize", "talk.wav", "--n-speakers", "2", "--store", "people.db")
    assert {line.split()[-1] for line in named.out.splitlines()[1:]} == {"ana", "ben"}


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["diarize", "nothing.wav", "--rttm", "a.rttm"], "nothing.wav"),
        (["diarize", "talk.wav", "a/talk.wav", "--rttm", "a.rttm"], "cannot tell apart; rename"),
        (["diarize", "talk.wav", "--store", "nobody.db"], "There is no store"),
        (["diarize", "talk.wav", "--n-speakers", "0"], "n_speakers"),
        (["diarize", "talk.wav", "--n-speakers", "two"], "invalid int value: 'two'"),
    ],
)
def test_what_cannot_be_diarized_is_a_sentence_and_leaves_nothing(talk, run, arguments, sentence):
    before = sorted(os.listdir())
    result = run(*arguments)
    assert (result.code, result.out) == (2, "")
    assert sentence in result.err
    assert result.err.count("\n") == 1
    assert sorted(os.listdir()) == before
