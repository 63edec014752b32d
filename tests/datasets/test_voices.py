"""The recordings inside the package: whole, small, licensed, and what the table says."""

import csv
import hashlib
import tomllib
from pathlib import Path

import numpy as np
import pytest
import soundfile
from numpy.testing import assert_array_equal

import sklearn_siamese_speaker
from sklearn_siamese_speaker import MFCC, LogMelSpectrogram, RawAudio, VGGish
from sklearn_siamese_speaker.datasets import load_voices

FOLDER = Path(sklearn_siamese_speaker.__file__).parent / "datasets" / "data" / "voices"
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def table():
    with open(FOLDER / "voices.csv", newline="") as lines:
        return list(csv.DictReader(lines))


def test_the_recordings_take_less_than_six_mebibytes():
    n_bytes = [path.stat().st_size for path in FOLDER.rglob("*") if path.is_file()]
    assert 4 * 2**20 < sum(n_bytes) <= 6 * 2**20


def test_the_files_are_those_of_the_table_to_the_byte(table):
    found = {
        path.relative_to(FOLDER).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in FOLDER.rglob("*.ogg")
    }
    assert found == {row["path"]: row["sha256"] for row in table}


def test_every_recording_decodes_to_the_length_of_the_table_within_full_scale(table):
    for row in table:
        waveform, sample_rate = soundfile.read(FOLDER / row["path"])
        assert sample_rate == 16000
        assert f"{len(waveform) / sample_rate:.3f}" == row["duration_s"]
        assert 0.01 < np.abs(waveform).max() <= 1


def test_train_and_test_share_no_speaker_and_make_up_all():
    train, test, everybody = (load_voices(subset=name) for name in ("train", "test", "all"))
    assert len(set(train.target)) == 78
    assert len(set(test.target)) == 25
    assert set(train.target).isdisjoint(test.target)
    assert set(everybody.data) == {*train.data, *test.data}
    assert set(train.split) == {"train"}
    assert set(test.split) == {"test"}
    assert_array_equal(everybody.data[everybody.split == "test"], test.data)


def test_each_speaker_has_six_recordings_and_one_split():
    voices = load_voices()
    speakers, counts = np.unique(voices.target, return_counts=True)
    assert len(speakers) == 103
    assert set(counts) == {6}
    assert len(set(zip(voices.target, voices.split, strict=True))) == 103
    assert voices.groups is None


def test_data_and_target_or_a_frame_are_returned():
    X, y = load_voices(subset="test", return_X_y=True)
    voices = load_voices(subset="test", as_frame=True)
    assert_array_equal(voices.data, X)
    assert_array_equal(voices.target, y)
    assert list(voices.frame) == ["path", "speaker", "split", "gender", "duration_s"]
    assert set(voices.frame["gender"]) == {"f", "m"}


def test_the_description_counts_and_names_licence_changes_source_and_citation():
    description = load_voices(subset="train").DESCR
    assert description.startswith("468 recordings of 78 speakers.")
    for words in ("Licence: Apache-2.0", "Source: https://", "Changes: ", "Citation: J. Zhang"):
        assert words in description


def test_an_unknown_subset_is_named_with_those_there_are():
    with pytest.raises(ValueError, match=r"^subset='dev' is not one of train, test, all\.$"):
        load_voices(subset="dev")


@pytest.mark.filterwarnings("error", "ignore:.*has random weights")
@pytest.mark.parametrize(
    "front_end", [RawAudio(), MFCC(), LogMelSpectrogram(), VGGish(weights=None, random_state=0)]
)
def test_every_front_end_takes_the_paths(front_end):
    frames = front_end.fit_transform(load_voices(subset="test").data[:2])
    assert len(frames) == 2
    assert all(np.isfinite(recording).all() for recording in frames)


def test_the_licences_of_code_and_recordings_are_in_the_metadata():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert project["project"]["license"] == "BSD-3-Clause AND Apache-2.0"
    files = project["project"]["license-files"]
    assert files == ["LICENSE", "LICENSES/Apache-2.0.txt", "NOTICE"]
    assert "Apache License" in (ROOT / files[1]).read_text()
    notice = (ROOT / "NOTICE").read_text()
    for word in ("Selection: ", "Trimming: ", "Coding: ", "speechocean762", FOLDER.name):
        assert word in notice
    assert {*files, "tools"} <= {*project["tool"]["hatch"]["build"]["targets"]["sdist"]["include"]}
