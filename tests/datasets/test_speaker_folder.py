import re

import pytest
from numpy.testing import assert_array_equal

from sklearn_siamese_speaker.datasets import load_speaker_folder


@pytest.fixture
def make_folder(tmp_path):
    """Return a function that makes empty files, and folders for names that end in a slash."""

    def make(*names):
        for name in names:
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if name.endswith("/"):
                path.mkdir(parents=True)
            else:
                path.touch()
        return tmp_path

    return make


def test_speaker_and_file_give_sorted_paths_speakers_and_no_groups(make_folder):
    folder = make_folder("eva/2.wav", "ana/1.wav", "eva/10.wav")
    voices = load_speaker_folder(folder)
    expected = [str(folder / name) for name in ("ana/1.wav", "eva/10.wav", "eva/2.wav")]
    assert_array_equal(voices.data, expected)
    assert_array_equal(voices.target, ["ana", "eva", "eva"])
    assert voices.groups is None
    assert voices.DESCR == "3 recordings of 2 speakers."


def test_speaker_session_and_file_give_groups_that_no_two_speakers_share(make_folder):
    folder = make_folder("eva/monday/1.wav", "ana/monday/1.wav", "ana/friday/1.wav")
    voices = load_speaker_folder(folder)
    assert_array_equal(voices.target, ["ana", "ana", "eva"])
    assert_array_equal(voices.groups, ["ana/friday", "ana/monday", "eva/monday"])
    assert voices.DESCR == "3 recordings of 2 speakers in 3 sessions."


def test_data_and_target_are_returned_instead_of_a_bunch(make_folder):
    folder = make_folder("ana/1.wav", "eva/1.wav")
    X, y = load_speaker_folder(str(folder), return_X_y=True)
    assert_array_equal(X, load_speaker_folder(folder).data)
    assert_array_equal(y, ["ana", "eva"])


def test_extensions_of_any_case_are_read_and_other_and_hidden_files_ignored(make_folder):
    audio = ["a/1.wav", "a/2.FLAC", "a/3.Ogg", "a/4.mp3", "a/5.opus"]
    folder = make_folder(*audio, "a/5.txt", "a/.6.wav", "README.md", ".git/x/1.wav", "a/wav")
    assert_array_equal(load_speaker_folder(folder).data, [str(folder / name) for name in audio])


def test_sound_that_cannot_be_read_is_left_out_and_named(make_folder):
    folder = make_folder("ana/1.wav", "ana/2.m4a", "ben/1.wav", "ben/2.AMR")
    message = (
        f"Sound of other kinds than .wav, .flac, .ogg, .opus, .mp3 below '{folder}' is left out: "
        "'ana/2.m4a', 'ben/2.AMR'. Convert it to .wav or .flac."
    )
    with pytest.warns(UserWarning, match=f"^{re.escape(message)}$") as caught:
        voices = load_speaker_folder(folder)
    assert_array_equal(voices.target, ["ana", "ben"])
    assert [warning.filename for warning in caught] == [__file__]


def test_only_the_first_ten_files_that_are_left_out_are_named(make_folder):
    folder = make_folder("ana/monday/1.wav", *(f"ana/monday/{i}.m4a" for i in range(10, 22)))
    with pytest.warns(
        UserWarning, match=r"is left out: .*'ana/monday/19\.m4a' and 2 more\. Convert"
    ):
        load_speaker_folder(folder)


def test_a_folder_with_the_name_of_a_recording_is_a_folder(make_folder):
    voices = load_speaker_folder(make_folder("ana.wav/monday.wav/1.wav"))
    assert_array_equal(voices.groups, ["ana.wav/monday.wav"])


def test_a_linked_speaker_folder_is_followed(make_folder, tmp_path):
    folder = make_folder("voices/ana/1.wav", "elsewhere/eva/1.wav") / "voices"
    (folder / "eva").symlink_to(tmp_path / "elsewhere" / "eva")
    assert_array_equal(load_speaker_folder(folder).target, ["ana", "eva"])


def test_a_missing_folder_and_a_file_in_its_place_are_named(make_folder):
    folder = make_folder("file.wav")
    with pytest.raises(FileNotFoundError, match="nowhere"):
        load_speaker_folder(folder / "nowhere")
    with pytest.raises(NotADirectoryError, match=r"file\.wav"):
        load_speaker_folder(folder / "file.wav")


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ([], "' holds no recordings (.wav, .flac, .ogg, .opus, .mp3); add some or remove it."),
        (["notes.txt"], "' holds no recordings"),
        (["ana/1.wav", "ben/"], "ben' holds no recordings"),
        (["ana/1.wav", "ben/notes.txt"], "ben' holds no recordings"),
        (
            ["ana/1.wav", "ben/1.m4a", "ben/2.AAC"],
            "ben' holds no recordings (.wav, .flac, .ogg, .opus, .mp3) but '1.m4a', which cannot "
            "be read; convert it to .wav or .flac.",
        ),
        (["ana/monday/1.wav", "ana/friday/"], "friday' holds no recordings"),
        (
            ["ana/1.wav", "2.wav"],
            "2.wav' lies outside the speakers' folders; arrange recordings as "
            "<speaker>/<file> or <speaker>/<session>/<file>.",
        ),
        (
            ["ana/monday/noon/1.wav"],
            "noon' is a folder inside a session; arrange recordings as <speaker>/<file> or",
        ),
        (["ana/monday/1.wav", "ben/2.wav"], "2.wav' has no session but other recordings of '"),
        (["ana/monday/1.wav", "ana/2.wav"], "' do; arrange all of them as <speaker>/<file> or"),
    ],
)
def test_a_folder_that_cannot_be_understood_is_explained(make_folder, names, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        load_speaker_folder(make_folder(*names))


def test_paths_are_absolute_so_that_workers_started_elsewhere_find_them(tmp_path, monkeypatch):
    (tmp_path / "voices" / "ana").mkdir(parents=True)
    (tmp_path / "voices" / "ana" / "1.wav").touch()
    monkeypatch.chdir(tmp_path)
    assert load_speaker_folder("voices/").data.tolist() == [str(tmp_path / "voices/ana/1.wav")]
