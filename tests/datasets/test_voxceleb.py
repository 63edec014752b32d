import re
from pathlib import Path

import pytest
from numpy.testing import assert_array_equal

from sklearn_siamese_speaker.datasets import load_voxceleb

NAMES = [
    "id10270/5r0dWxy17C8/00001.wav",
    "id10270/8jEAjG6SegY/00008.wav",
    "id10270/8jEAjG6SegY/00009.wav",
    "id10309/vobW27_-JyQ/00015.wav",
]


@pytest.fixture
def make_corpus(tmp_path):
    """Return a function that makes empty recordings and a list of trials."""

    def make(*lines, names=NAMES, folder="wav"):
        for name in names:
            path = tmp_path / folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
        (tmp_path / "veri_test2.txt").write_text("\n".join(lines))
        return tmp_path

    return make


def test_videos_are_sessions(make_corpus):
    folder = make_corpus()
    voices = load_voxceleb(folder)
    assert_array_equal(voices.data, [str(folder / "wav" / name) for name in NAMES])
    assert_array_equal(voices.target, ["id10270"] * 3 + ["id10309"])
    assert_array_equal(
        voices.groups,
        ["id10270/5r0dWxy17C8"] + ["id10270/8jEAjG6SegY"] * 2 + ["id10309/vobW27_-JyQ"],
    )
    assert voices.DESCR.startswith("4 recordings of 2 speakers in 3 sessions.\n\nVoxCeleb: ")
    assert "trials" not in voices


def test_the_folder_of_speakers_itself_is_read_too(make_corpus):
    folder = make_corpus(folder="anything")
    assert len(load_voxceleb(folder / "anything").data) == 4


def test_trials_are_pairs_of_positions_with_their_labels(make_corpus):
    folder = make_corpus(f"1 {NAMES[1]} {NAMES[0]}", f"0 {NAMES[1]} {NAMES[3]}")
    voices = load_voxceleb(folder, trials="veri_test2.txt")
    assert_array_equal(voices.trials, [[1, 0], [1, 3]])
    assert_array_equal(voices.trial_target, [1, 0])
    same_speaker = voices.target[voices.trials[:, 0]] == voices.target[voices.trials[:, 1]]
    assert_array_equal(same_speaker, voices.trial_target == 1)


def test_trials_are_found_by_an_absolute_path_and_for_converted_recordings(make_corpus):
    flac = [name.replace(".wav", ".flac") for name in NAMES]
    folder = make_corpus(f"1 {NAMES[0]} {NAMES[2]}", names=flac)
    voices = load_voxceleb(folder, trials=folder / "veri_test2.txt")
    assert_array_equal(voices.trials, [[0, 2]])


def test_frame_and_data_and_target(make_corpus):
    folder = make_corpus()
    voices = load_voxceleb(folder, as_frame=True)
    assert list(voices.frame) == ["path", "speaker", "session"]
    assert_array_equal(voices.groups, voices.frame["session"])
    X, y = load_voxceleb(folder, return_X_y=True)
    assert_array_equal(X, voices.data)
    assert_array_equal(y, voices.target)


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ([f"1 {NAMES[0]}"], f"line 1: '1 {NAMES[0]}' is no trial; write <1 or 0> <recording>"),
        ([f"2 {NAMES[0]} {NAMES[1]}"], "is no trial; write <1 or 0> <recording> <recording>."),
        ([f"1 {NAMES[0]} {NAMES[1]}", ""] * 2, "line 2: '' is no trial; write"),
        (
            [f"1 {NAMES[0]} {NAMES[1]}", f"0 {NAMES[0]} id10271/x/00001.wav"],
            "line 2: there is no recording 'id10271/x/00001'; unpack the part of VoxCeleb that",
        ),
        ([], "is empty; download the list again from https://www.robots.ox.ac.uk/"),
    ],
)
def test_a_list_of_trials_that_cannot_be_used_is_explained(make_corpus, lines, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        load_voxceleb(make_corpus(*lines), trials="veri_test2.txt")


def test_a_missing_list_is_named_with_its_source(make_corpus):
    message = r"list_test_hard2\.txt' does not exist; the official lists of trials are at https://"
    with pytest.raises(FileNotFoundError, match=message):
        load_voxceleb(make_corpus(), trials="list_test_hard2.txt")


def test_a_recording_outside_videos_is_named(make_corpus):
    with pytest.raises(ValueError, match=r"1\.wav' lies in no folder of a video; arrange"):
        load_voxceleb(make_corpus(names=["id10270/1.wav"]))


def test_paths_are_absolute_so_that_workers_started_elsewhere_find_them(make_corpus, monkeypatch):
    monkeypatch.chdir(make_corpus())
    assert Path(load_voxceleb(".").data[0]) == Path.cwd() / "wav" / NAMES[0]
