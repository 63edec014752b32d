"""Cached frames: extracted once, found by content, and never those of a damaged file."""

import os
from pathlib import Path

import joblib
import numpy as np
import pytest
import soundfile
from sklearn.model_selection import GridSearchCV
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline

from sklearn_siamese_speaker._audio import AudioError
from sklearn_siamese_speaker.features import MFCC, FramePooling


def assert_same_bits(frames, others):
    for recording, other in zip(frames, others, strict=True):
        np.testing.assert_array_equal(recording, other)


@pytest.mark.parametrize("as_memory", [str, lambda path: path, joblib.Memory], ids=repr)
@pytest.mark.parametrize("kind", ["waveforms", "voices", "paths"])
def test_a_search_over_later_steps_extracts_each_recording_once(
    tmp_path, extractions, request, kind, as_memory
):
    X = request.getfixturevalue(kind)
    memory = as_memory(tmp_path / "cache")
    if isinstance(memory, joblib.Memory):
        memory.verbose = 0
    pipeline = make_pipeline(MFCC(memory=memory), FramePooling(), KNeighborsClassifier())
    candidates = {"kneighborsclassifier__n_neighbors": [1, 2, 3]}
    GridSearchCV(pipeline, candidates, cv=2, error_score="raise").fit(X, [0, 1, 0, 1, 0, 1])
    assert len(extractions) == 6


def test_the_cache_knows_parameters_and_content(tmp_path, extractions, paths, waveforms):
    front_end = MFCC(memory=str(tmp_path / "cache"))
    plain = front_end.fit_transform(paths)
    assert_same_bits(front_end.set_params(n_jobs=1).fit_transform(paths), plain)
    assert len(extractions) == 6
    assert front_end.set_params(n_mfcc=13).fit_transform(paths)[0].shape[0] == 13
    assert len(extractions) == 12
    soundfile.write(paths[0], waveforms[1, :4000], 16000)
    assert front_end.fit_transform(paths)[0].shape[1] == 26
    assert len(extractions) == 13


def test_a_file_replaced_by_one_of_the_same_size_and_time_is_extracted_again(
    tmp_path, extractions, paths, waveforms
):
    front_end = MFCC(memory=str(tmp_path / "cache"))
    front_end.fit_transform(paths[:1])
    status = os.stat(paths[0])
    soundfile.write(paths[0], waveforms[2], 16000, subtype="FLOAT")
    os.utime(paths[0], ns=(status.st_atime_ns, status.st_mtime_ns))
    assert os.stat(paths[0]).st_size == status.st_size
    assert_same_bits(front_end.fit_transform(paths[:1]), MFCC().fit_transform(waveforms[2:3]))


def test_a_file_found_under_another_name_is_not_extracted_again(tmp_path, extractions, paths):
    front_end = MFCC(memory=str(tmp_path / "cache"))
    first = front_end.fit_transform(paths[:1])
    moved = tmp_path / "moved.wav"
    os.rename(paths[0], moved)
    assert_same_bits(front_end.fit_transform([moved]), first)
    assert len(extractions) == 1


@pytest.mark.filterwarnings("ignore:The frames of X")
def test_no_flipped_bit_of_a_cached_file_changes_frames(tmp_path, paths):
    front_end = MFCC(memory=str(tmp_path / "cache"))
    expected = front_end.fit_transform(paths[:1])
    (file,) = Path(tmp_path).rglob("output.pkl")
    content = file.read_bytes()
    rng = np.random.default_rng(0)
    for position in [*range(40), *rng.integers(0, len(content), 60), len(content) - 1]:
        flipped = bytearray(content)
        flipped[position] ^= 1 << rng.integers(8)
        file.parent.mkdir(exist_ok=True)  # what was damaged before was removed
        file.write_bytes(flipped)
        assert_same_bits(front_end.fit_transform(paths[:1]), expected)


def test_damaged_frames_are_named_once_and_replaced(tmp_path, extractions, paths):
    front_end = MFCC(memory=str(tmp_path / "cache"))
    front_end.fit_transform(paths[:1])
    (file,) = Path(tmp_path).rglob("output.pkl")
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    message = r"The frames of X\[0\] '.*0.wav' are damaged in memory='.*cache' and were extracted"
    with pytest.warns(UserWarning, match=message):
        front_end.fit_transform(paths[:1])
    front_end.fit_transform(paths[:1])
    n_extractions = len(extractions)
    front_end.fit_transform(paths[:1])
    assert len(extractions) == n_extractions


class Dict:
    """The least that scikit-learn calls a memory."""

    def __init__(self):
        self.kept = {}

    def cache(self, function, ignore):
        def call(*arguments):
            key = joblib.hash(arguments[2:])
            if key not in self.kept:
                self.kept[key] = function(*arguments)
            return self.kept[key]

        return call


def test_any_object_with_the_interface_of_joblib_is_a_memory(extractions, waveforms):
    memory = Dict()
    front_end = MFCC(memory=memory)
    frames = front_end.fit_transform(waveforms)
    assert_same_bits(front_end.fit_transform(waveforms), frames)
    assert len(extractions) == len(memory.kept) == 6
    for key in memory.kept:
        memory.kept[key] = b"damaged"
    with pytest.warns(
        UserWarning, match=r"The frames of X\[\d\] 'waveform' are damaged in memory="
    ):
        assert_same_bits(front_end.fit_transform(waveforms), frames)


def test_a_file_that_changes_while_it_is_read_is_named_and_not_kept(
    tmp_path, paths, waveforms, monkeypatch
):
    original = MFCC._extract

    def extract(self, waveform):
        soundfile.write(paths[0], waveforms[2], 16000)
        return original(self, waveform)

    front_end = MFCC(memory=str(tmp_path / "cache"))
    with monkeypatch.context() as patch:
        patch.setattr(MFCC, "_extract", extract)
        with pytest.raises(AudioError, match=r"X\[0\] '.*0.wav' changed while it was read; try ag"):
            front_end.fit_transform(paths[:1])
    assert_same_bits(front_end.fit_transform(paths[:1]), MFCC().fit_transform(paths[:1]))
