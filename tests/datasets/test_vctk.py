import re

import pytest
from numpy.testing import assert_array_equal

from sklearn_siamese_speaker.datasets import load_vctk

HEADER = "ID  AGE  GENDER  ACCENTS  REGION COMMENTS\n"


@pytest.fixture
def make_corpus(tmp_path):
    """Return a function that makes empty recordings and the table of speakers."""

    def make(*names, speakers=None):
        for name in names:
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
        if speakers is not None:
            (tmp_path / "speaker-info.txt").write_text(HEADER + speakers)
        return tmp_path

    return make


def test_version_092_is_listed_without_the_second_microphone(make_corpus):
    names = [
        "wav48_silence_trimmed/p225/p225_001_mic1.flac",
        "wav48_silence_trimmed/p225/p225_001_mic2.flac",
        "wav48_silence_trimmed/s5/s5_002_mic1.flac",
    ]
    folder = make_corpus(
        *names,
        "wav48_silence_trimmed/log.txt",
        speakers="p225  23  F    English    Southern  England\ns5  22  M  British\n",
    )
    voices = load_vctk(folder, as_frame=True)
    assert_array_equal(voices.data, [str(folder / names[0]), str(folder / names[2])])
    assert_array_equal(voices.target, ["p225", "s5"])
    assert voices.groups is None
    assert_array_equal(voices.frame["utterance"], ["001", "002"])
    assert_array_equal(voices.frame["age"], [23, 22])
    assert_array_equal(voices.frame["gender"], ["f", "m"])
    assert_array_equal(voices.frame["accent"], ["English", "British"])
    assert voices.DESCR.startswith("2 recordings of 2 speakers.\n\nVCTK: ")


def test_version_080_names_speakers_without_p_in_its_table_and_leaves_some_out(make_corpus):
    folder = make_corpus(
        "wav48/p225/p225_001.wav", "wav48/p280/p280_001.wav", speakers="225  23  F    English\n"
    )
    frame = load_vctk(folder, as_frame=True).frame
    assert list(frame) == ["path", "speaker", "utterance", "age", "gender", "accent"]
    assert frame["gender"].tolist()[0] == "f"
    assert frame[["age", "gender", "accent"]].isna().all(axis=1).tolist() == [False, True]


def test_without_a_table_of_speakers_data_and_target_are_there(make_corpus):
    folder = make_corpus("wav48/p225/p225_001.wav")
    X, y = load_vctk(folder, return_X_y=True)
    assert_array_equal(X, [str(folder / "wav48/p225/p225_001.wav")])
    assert_array_equal(y, ["p225"])


def test_a_folder_without_either_version_is_named(make_corpus):
    message = "' holds no folder wav48_silence_trimmed or wav48; pass the folder into which VCTK"
    with pytest.raises(FileNotFoundError, match=message):
        load_vctk(make_corpus("p225/p225_001.wav"))


def test_a_file_with_another_name_is_named(make_corpus):
    message = "hello.wav' is not named as in VCTK, p225_001 or p225_001_mic1; remove it or pass the"
    with pytest.raises(ValueError, match=re.escape(message)):
        load_vctk(make_corpus("wav48/p225/hello.wav"))
