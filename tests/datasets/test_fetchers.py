"""Each corpus in its true layout, in miniature."""

import hashlib
import re
from dataclasses import replace
from pathlib import Path

import pytest
import soundfile
from numpy.testing import assert_array_equal

from sklearn_siamese_speaker import datasets
from sklearn_siamese_speaker.datasets import (
    _arabic_speech_commands,
    _free_spoken_digits,
    _librispeech,
    _speechocean762,
    fetch_arabic_speech_commands,
    fetch_free_spoken_digits,
    fetch_librispeech,
    fetch_speechocean762,
)

FETCHERS = {
    "arabic_speech_commands": fetch_arabic_speech_commands,
    "free_spoken_digits": fetch_free_spoken_digits,
    "librispeech-dev-clean": fetch_librispeech,
    "speechocean762": fetch_speechocean762,
}
ARCHIVES = {
    archive.name: archive
    for archive in [
        _arabic_speech_commands.ARCHIVE,
        _free_spoken_digits.ARCHIVE,
        *_librispeech.ARCHIVES.values(),
        _speechocean762.ARCHIVE,
    ]
}
RECORDINGS = {
    "arabic_speech_commands": [
        "dataset/left/00000002_NO_10.wav",
        "dataset/left/00000001_NO_01.wav",
        "dataset/backward/00000002_NO_09.wav",
    ],
    "free_spoken_digits": [
        "recordings/7_jackson_32.wav",
        "recordings/7_jackson_4.wav",
        "recordings/0_george_49.wav",
    ],
    "librispeech-dev-clean": [
        "dev-clean/84/121123/84-121123-0001.flac",
        "dev-clean/1272/135031/1272-135031-0000.flac",
        "dev-clean/1272/128104/1272-128104-0009.flac",
    ],
    "speechocean762": [
        "WAVE/SPEAKER0003/000030012.WAV",
        "WAVE/SPEAKER0001/000010011.WAV",
        "WAVE/SPEAKER0001/000010035.WAV",
    ],
}
TEXTS = {
    "arabic_speech_commands": {"dataset/README.txt": "", "LICENSE": ""},
    "free_spoken_digits": {"recordings/.keep": "", "metadata.py": "raise SystemExit"},
    "librispeech-dev-clean": {
        "SPEAKERS.TXT": ";ID  |SEX| SUBSET     |MINUTES| NAME\n"
        "84   | F | dev-clean        |  8.02 | A Name\n"
        "1272 | M | dev-clean        |  8.05 | Another | with a bar\n",
        "dev-clean/84/121123/84-121123.trans.txt": "84-121123-0001 GO DO YOU HEAR\n",
    },
    "speechocean762": {
        "train/utt2spk": "000010011\t0001\n000010035\t0001\n",
        "train/spk2age": "0001\t6\n",
        "train/spk2gender": "0001\tm\n",
        "test/utt2spk": "000030012 0003\n",
        "test/spk2age": "0003 31\n",
        "test/spk2gender": "0003 f\n",
        "WAVE/SPEAKER0001/.DS_Store": "",
    },
}
corpora = pytest.mark.parametrize("name", FETCHERS)


@pytest.fixture
def publish(serve, pack, make_noise_file, tmp_path, monkeypatch):
    """Return a function that puts a miniature of a corpus on a server, which it returns."""

    def start(name):
        root = tmp_path / "source" / ARCHIVES[name].root
        for recording in RECORDINGS[name]:
            make_noise_file(root / recording)
        for file, text in TEXTS[name].items():
            (root / file).parent.mkdir(exist_ok=True)
            (root / file).write_text(text)
        server = serve(pack(root))
        miniature = replace(ARCHIVES[name], url=server.url, n_recordings=3)
        if miniature.sha256 is not None:
            miniature = replace(miniature, sha256=hashlib.sha256(server.content).hexdigest())
        if name.startswith("librispeech"):
            monkeypatch.setitem(_librispeech.ARCHIVES, "dev-clean", miniature)
        else:
            monkeypatch.setattr(getattr(datasets, f"_{name}"), "ARCHIVE", miniature)
        return server

    return start


@pytest.fixture
def fetch(publish, tmp_path):
    """Return a function that fetches a miniature of a corpus."""

    def run(name, **params):
        publish(name)
        return FETCHERS[name](data_home=tmp_path / "home", **params)

    return run


def test_librispeech_has_chapters_as_sessions(fetch):
    voices = fetch("librispeech-dev-clean", as_frame=True)
    assert_array_equal(voices.target, ["1272", "1272", "84"])
    assert_array_equal(voices.groups, ["1272/128104", "1272/135031", "84/121123"])
    assert_array_equal(
        voices.frame["utterance"], ["1272-128104-0009", "1272-135031-0000", "84-121123-0001"]
    )
    assert_array_equal(voices.frame["gender"], ["m", "m", "f"])
    assert list(voices.frame) == ["path", "speaker", "session", "utterance", "gender"]


def test_speechocean762_has_the_split_age_and_gender_of_its_tables(fetch):
    voices = fetch("speechocean762", as_frame=True)
    assert_array_equal(voices.target, ["SPEAKER0001", "SPEAKER0001", "SPEAKER0003"])
    assert_array_equal(voices.frame["utterance"], ["000010011", "000010035", "000030012"])
    assert_array_equal(voices.frame["split"], ["train", "train", "test"])
    assert_array_equal(voices.frame["age"], [6, 6, 31])
    assert_array_equal(voices.frame["gender"], ["m", "m", "f"])
    assert list(voices.frame) == ["path", "speaker", "utterance", "split", "age", "gender"]


def test_free_spoken_digits_are_sorted_by_numbers_not_by_text(fetch):
    voices = fetch("free_spoken_digits", as_frame=True)
    assert_array_equal(voices.target, ["george", "jackson", "jackson"])
    assert_array_equal(voices.frame["digit"], [0, 7, 7])
    assert_array_equal(voices.frame["index"], [49, 4, 32])
    assert list(voices.frame) == ["path", "speaker", "digit", "index"]


def test_arabic_speech_commands_have_keywords_and_rounds(fetch):
    voices = fetch("arabic_speech_commands", as_frame=True)
    assert_array_equal(voices.target, ["00000001", "00000002", "00000002"])
    assert_array_equal(voices.frame["keyword"], ["left", "backward", "left"])
    assert_array_equal(voices.frame["round"], [1, 9, 10])
    assert list(voices.frame) == ["path", "speaker", "keyword", "round"]


@corpora
def test_data_are_paths_of_sound_in_the_data_home(fetch, tmp_path, name):
    voices = fetch(name)
    assert len(voices.data) == len(voices.target) == 3
    for path in voices.data:
        assert soundfile.info(path).frames > 0
        assert (tmp_path / "home" / name) in Path(path).parents
    assert "frame" not in voices


@corpora
def test_only_librispeech_has_sessions(fetch, name):
    assert (fetch(name).groups is not None) == name.startswith("librispeech")


@corpora
def test_descr_counts_and_names_licence_source_and_citation(fetch, name):
    description = fetch(name).DESCR
    assert description.startswith("3 recordings of 2 speakers")
    for word in ("Licence: ", "Source: https://", "Citation: "):
        assert word in description


@corpora
def test_data_and_target_are_returned_instead_of_a_bunch(fetch, tmp_path, name):
    X, y = fetch(name, return_X_y=True)
    voices = FETCHERS[name](data_home=tmp_path / "home")
    assert_array_equal(X, voices.data)
    assert_array_equal(y, voices.target)


@corpora
def test_as_frame_gives_columns_of_the_frame(fetch, tmp_path, name):
    voices = fetch(name, as_frame=True)
    arrays = FETCHERS[name](data_home=tmp_path / "home")
    assert voices.data is not None
    assert_array_equal(voices.data, arrays.data)
    assert_array_equal(voices.frame["path"], arrays.data)
    assert_array_equal(voices.target, arrays.target)
    assert voices.target.name == "speaker"


@corpora
def test_a_second_call_needs_no_network(publish, tmp_path, name):
    server = publish(name)
    for _ in range(2):
        FETCHERS[name](data_home=tmp_path / "home")
    assert server.first_bytes == [0]


@corpora
def test_download_if_missing_false_asks_nobody(publish, tmp_path, name):
    server = publish(name)
    with pytest.raises(OSError, match=f"{name}' does not exist and download_if_missing=False;"):
        FETCHERS[name](data_home=tmp_path / "home", download_if_missing=False)
    assert server.first_bytes == []


@corpora
def test_the_data_home_is_taken_from_the_environment(publish, tmp_path, monkeypatch, name):
    publish(name)
    monkeypatch.setenv("SKLEARN_SIAMESE_SPEAKER_DATA", str(tmp_path / "home"))
    assert FETCHERS[name]().data[0].startswith(str(tmp_path / "home"))


def test_an_unknown_subset_is_named_with_those_there_are():
    message = "subset='dev' is not one of dev-clean, dev-other, test-clean, test-other, train-clean"
    with pytest.raises(ValueError, match=message):
        fetch_librispeech("dev")


@pytest.mark.parametrize("archive", ARCHIVES.values(), ids=lambda archive: archive.name)
def test_every_true_archive_is_pinned_by_hash_or_by_commit_and_count(archive):
    assert archive.url.startswith("https://")
    if archive.sha256 is None:
        commit = re.search(r"/archive/([0-9a-f]{40})\.tar\.gz$", archive.url).group(1)
        assert archive.root.endswith(f"-{commit}")
        assert archive.n_recordings >= 3000
    else:
        assert re.fullmatch("[0-9a-f]{64}", archive.sha256)
