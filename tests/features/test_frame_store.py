"""A store of frames on disk: the same bits as a list, whatever happens while it is written."""

import json
import os
import pickle
import signal
import subprocess
import sys
import time
import tracemalloc

import numpy as np
import pytest
import soundfile
from conftest import make_frames
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.model_selection import GridSearchCV, cross_val_score, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.utils import _safe_indexing

from sklearn_siamese_speaker import (
    MFCC,
    AudioError,
    FramePooling,
    LogMelSpectrogram,
    OneShotClassifier,
    RawAudio,
    SiameseSpeakerEncoder,
)
from sklearn_siamese_speaker.features import FrameStore
from sklearn_siamese_speaker.features.base import RecordingTransformer
from sklearn_siamese_speaker.model_selection import (
    NShotKWayScorer,
    NShotKWaySplit,
    SpeakerKFold,
    n_shot_k_way_curve,
    n_shot_k_way_score,
)


class Frames(RecordingTransformer):
    """Takes waveforms for frames: a way to put arrays of one's own into a store."""

    def __init__(self, n_features=5):
        self.n_features = n_features

    _parameter_constraints = {}  # noqa: RUF012
    sample_rate = input_sample_rate = 16000
    duration = memory = n_jobs = None
    trim_silence = drop_silence = False

    def _identity(self):
        return {"n_features": self.n_features}

    def _extract(self, waveform):
        return waveform.reshape(self.n_features, -1)

    def _count_features(self):
        return self.n_features


class Mean(Frames):
    """Embeds a recording: one vector, as an encoder that comes trained returns it."""

    def _extract(self, waveform):
        return waveform.reshape(self.n_features, -1).mean(axis=1)


def write(path, frames, y=None, **kwargs):
    """Write frames, scaled to what a waveform may hold."""
    scaled = [np.ravel(f / np.abs(frames[0]).max() / 8) for f in frames]
    return FrameStore.write(path, Frames(len(frames[0])), scaled, y, **kwargs)


@pytest.fixture
def speakers(tmp_path):
    """A store of frames of 10 speakers of 4 recordings each, and the same as a list."""
    frames, y = make_frames(n_speakers=10, n_features=5, n_frames=400)
    lengths = 400 - 5 * (np.arange(len(y)) % 3)
    store = write(
        tmp_path / "speakers",
        [one[:, :n] for one, n in zip(frames, lengths, strict=True)],
        y,
        groups=np.arange(len(y)) % 2,
    )
    return store, [one.copy() for one in store]


@pytest.fixture
def folder(tmp_path, waveforms):
    """The folder of a store that nobody has open: a file cut short under a reader is a crash."""
    return FrameStore.write(tmp_path / "store", RawAudio(), waveforms, list("aabbcc")).path


@pytest.mark.parametrize("front_end", [MFCC(), LogMelSpectrogram(), RawAudio()])
def test_a_store_holds_the_frames_of_the_front_end(tmp_path, front_end, paths):
    store = FrameStore.write(tmp_path / "store", front_end, paths)
    frames = front_end.fit_transform(paths)
    assert len(store) == len(paths)
    assert store.shape == (len(paths),)
    assert store.n_features == frames[0].shape[0]
    assert store.n_frames.tolist() == [one.shape[1] for one in frames]
    for stored, expected in zip(store, frames, strict=True):
        assert stored.dtype == np.float32
        np.testing.assert_array_equal(stored, expected)


def test_the_files_are_those_of_numpy(tmp_path, waveforms):
    store = FrameStore.write(tmp_path / "store", MFCC(), waveforms, list("aabbcc"))
    numbers = np.load(tmp_path / "store" / "frames.npy")
    np.testing.assert_array_equal(numbers, np.concatenate([one.ravel() for one in store]))
    assert np.load(tmp_path / "store" / "labels.npy").tolist() == list("aabbcc")
    assert not (tmp_path / "store" / "groups.npy").exists()


def test_processes_write_the_same_bits(tmp_path, paths):
    alone = FrameStore.write(tmp_path / "alone", MFCC(), paths * 5)
    together = FrameStore.write(tmp_path / "together", MFCC(), paths * 5, n_jobs=2)
    assert together.digest == alone.digest
    assert (tmp_path / "alone/frames.npy").read_bytes() == (
        tmp_path / "together/frames.npy"
    ).read_bytes()


def test_half_precision_takes_half_the_space_and_keeps_three_digits(tmp_path, waveforms):
    whole = FrameStore.write(tmp_path / "whole", MFCC(), waveforms)
    half = FrameStore.write(tmp_path / "half", MFCC(), waveforms, dtype="float16")
    assert half.dtype == np.float16
    sizes = [os.stat(tmp_path / name / "frames.npy").st_size for name in ("half", "whole")]
    assert sizes[0] - 128 == (sizes[1] - 128) / 2
    assert half[0].dtype == np.float32
    np.testing.assert_allclose(half[0], whole[0], rtol=2**-11, atol=1e-4)


def test_labels_and_sessions_are_kept_and_follow_a_selection(tmp_path, waveforms):
    y, groups = np.array(list("aabbcc"), dtype=object), [0, 1, 0, 1, 0, 1]
    store = FrameStore.write(tmp_path / "store", RawAudio(), waveforms, y, groups)
    assert store[[5, 0]].y.tolist() == ["c", "a"]
    assert store[1::2].groups.tolist() == [1, 1, 1]
    assert FrameStore.write(tmp_path / "none", RawAudio(), waveforms).y is None


# Sequence protocol


@pytest.mark.parametrize(
    "key",
    [[3, 0, 3], np.array([-1, 2]), slice(1, 30, 7), np.arange(40) % 5 == 0, slice(0)],
)
def test_scikit_learn_selects_recordings_without_reading_any(speakers, monkeypatch, key):
    store, frames = speakers
    with monkeypatch.context() as patch:
        patch.setattr(FrameStore, "_stored", lambda self, row: pytest.fail("read from disk"))
        chosen = _safe_indexing(store, key)
    assert isinstance(chosen, FrameStore)
    expected = [frames[i] for i in np.arange(40)[key]]
    assert len(chosen) == len(expected)
    for stored, one in zip(chosen, expected, strict=True):
        np.testing.assert_array_equal(stored, one)
    np.testing.assert_array_equal(chosen.y, store.y[key])


def test_a_selection_of_a_selection(speakers):
    store, frames = speakers
    chosen = store[10:20][[2, 4]]
    np.testing.assert_array_equal(chosen[-1], frames[14])
    np.testing.assert_array_equal(_safe_indexing(chosen, 0), frames[12])
    with pytest.raises(IndexError):
        chosen[2]
    with pytest.raises(IndexError):
        store[40]


def test_frames_cannot_be_written_to(speakers):
    with pytest.raises(ValueError, match="read-only"):
        speakers[0][0][:] = 0


def test_a_pickle_is_the_path_and_the_positions(speakers, tmp_path, monkeypatch):
    store, frames = speakers
    monkeypatch.chdir(tmp_path)
    sent = pickle.dumps(FrameStore("speakers")[[7, 1]])
    assert len(sent) < 1000
    monkeypatch.chdir("/")
    received = pickle.loads(sent)
    np.testing.assert_array_equal(received[0], frames[7])
    assert received.y.tolist() == store.y[[7, 1]].tolist()
    assert len(pickle.loads(pickle.dumps(store))) == 40


def test_a_pickle_knows_a_store_that_was_written_anew(tmp_path, waveforms):
    sent = pickle.dumps(FrameStore.write(tmp_path / "store", RawAudio(), waveforms[:3]))
    FrameStore.write(tmp_path / "store", RawAudio(), waveforms)
    with pytest.raises(ValueError, match="has been written anew since it was pickled"):
        pickle.loads(sent)


def test_a_digest_knows_the_recordings_and_their_order(speakers, tmp_path):
    store, _ = speakers
    assert store[[0, 1]].digest == store[:2].digest
    assert len({store.digest, store[:2].digest, store[[1, 0]].digest}) == 3
    assert FrameStore(store.path).digest == store.digest


def test_several_frames_are_no_table_but_vectors_are(tmp_path, speakers):
    store, frames = speakers
    with pytest.raises(TypeError, match=r"Put FramePooling or a SiameseSpeakerEncoder before"):
        LinearDiscriminantAnalysis().fit(store, store.y)
    vectors = FrameStore.write(tmp_path / "v", Mean(5), [one.ravel() for one in frames], store.y)
    expected = np.stack([one.mean(axis=1) for one in frames])
    np.testing.assert_array_equal(np.asarray(vectors), expected)
    np.testing.assert_array_equal(np.asarray(vectors[3:5]), expected[3:5])
    on_store = LinearDiscriminantAnalysis().fit(vectors, vectors.y).transform(vectors)
    in_memory = LinearDiscriminantAnalysis().fit(expected, store.y).transform(expected)
    np.testing.assert_array_equal(on_store, in_memory)
    encoder = SiameseSpeakerEncoder("cnn1d", max_epochs=1, random_state=0)
    np.testing.assert_array_equal(
        encoder.fit(vectors, vectors.y).transform(vectors),
        encoder.fit(expected, store.y).transform(expected),
    )


# In the place of a list


def test_pooling_of_a_store_has_the_bits_of_pooling_a_list(speakers):
    store, frames = speakers
    names = ("mean", "std", "median", "covariance", "slope_covariance", "mixture")
    pooling = FramePooling(names, n_mixtures=4, random_state=0)
    np.testing.assert_array_equal(
        pooling.fit(store).transform(store), pooling.fit(frames).transform(frames)
    )


@pytest.mark.parametrize(
    "encoder",
    [
        SiameseSpeakerEncoder(max_epochs=2, augment=None, network__n_mixtures=4, random_state=0),
        SiameseSpeakerEncoder(
            "cnn1d", max_epochs=2, validation_fraction=0.5, validate_every=2, random_state=0
        ),
        SiameseSpeakerEncoder("cnn2d", loss="bce", pairs="random", max_epochs=1, random_state=0),
    ],
    ids=["statistics", "cnn1d", "case study"],
)
def test_a_training_on_a_store_has_the_bits_of_one_on_a_list(speakers, encoder):
    store, frames = speakers
    on_store = encoder.fit(store, store.y)
    history, embeddings = on_store.history_, on_store.transform(store[::3])
    in_memory = encoder.fit(frames, store.y)
    np.testing.assert_array_equal(embeddings, in_memory.transform(frames[::3]))
    assert history["validations"] == in_memory.history_["validations"]


def test_warped_copies_are_made_of_a_store_as_of_a_list(tmp_path):
    frames, y = make_frames(n_features=13, n_frames=200)
    store = write(tmp_path / "store", frames, y)
    encoder = SiameseSpeakerEncoder(max_epochs=1, network__n_mixtures=4, random_state=0)
    embeddings = encoder.fit(store, y).transform(store)
    np.testing.assert_array_equal(embeddings, encoder.fit(list(store), y).transform(list(store)))
    assert encoder.n_training_speakers_ == 24


def test_a_checkpoint_of_a_training_on_a_store_is_found_again(speakers, tmp_path):
    store, _ = speakers
    encoder = SiameseSpeakerEncoder(
        "cnn1d", max_epochs=1, schedule="constant", checkpoint_dir=tmp_path / "checkpoints"
    ).set_params(random_state=0)
    encoder.fit(store, store.y)
    resumed = encoder.set_params(max_epochs=2).fit(store, store.y).transform(store)
    assert len(list((tmp_path / "checkpoints").glob("*.ckpt"))) == 1
    encoder.set_params(checkpoint_dir=None).fit(store, store.y)
    np.testing.assert_array_equal(resumed, encoder.transform(store))
    encoder.set_params(checkpoint_dir=tmp_path / "checkpoints").fit(store[:24], store.y[:24])
    assert len(list((tmp_path / "checkpoints").glob("*.ckpt"))) == 2


def test_scores_and_searches_on_a_store_are_those_on_a_list(speakers):
    store, frames = speakers
    y, groups = store.y, store.groups

    def results(X):
        pooling = FramePooling().fit(X)
        search = GridSearchCV(
            FramePooling(),
            {"statistics": [("mean",), ("mean", "std")]},
            scoring=NShotKWayScorer(k_way=3, n_tasks=20),
            cv=SpeakerKFold(2),
            error_score="raise",
        )
        who = OneShotClassifier(FramePooling())
        tasks = NShotKWaySplit(k_way=3, n_tasks=4, random_state=0)
        X_train, X_test, y_train, _ = train_test_split(X, y, random_state=0)
        return [
            search.fit(X, y).cv_results_["mean_test_score"].tolist(),
            cross_val_score(who, X, y, cv=tasks).tolist(),
            n_shot_k_way_score(pooling, X, y, k_way=3, n_tasks=20, groups=groups).tolist(),
            n_shot_k_way_curve(
                pooling, X, y, n_shots=(1, 2), k_ways=(3,), n_tasks=20
            ).mean.tolist(),
            who.fit(X_train, y_train).predict(X_test).tolist(),
        ]

    assert results(store) == results(frames)


def test_memory_is_that_of_a_recording_and_not_of_the_corpus(tmp_path):
    rng = np.random.default_rng(0)
    frames = [rng.normal(size=(5, 10_000)).astype(np.float32) for _ in range(60)]
    store = write(tmp_path / "store", frames, np.arange(60) % 6)
    in_memory = sum(one.nbytes for one in frames)
    del frames
    tracemalloc.start()
    try:
        pooling = FramePooling(("mean", "slope_covariance")).fit(store)
        pooling.transform(store)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < in_memory / 4


# Written in spite of all


_SLOW_WRITER = """
import sys, time
import numpy as np
from sklearn_siamese_speaker import MFCC
from sklearn_siamese_speaker.features import FrameStore

class SlowMFCC(MFCC):
    __qualname__ = "MFCC"
    n_extracted = 0
    def _extract(self, waveform):
        SlowMFCC.n_extracted += 1
        time.sleep(0.01 if SlowMFCC.n_extracted <= 32 else 1)  # the kill comes before the end
        return super()._extract(waveform)

FrameStore.write(sys.argv[1], SlowMFCC(), sys.argv[2:])
"""


@pytest.mark.skipif(os.name == "nt", reason="no SIGKILL")
def test_writing_that_was_killed_goes_on_to_the_same_bits(tmp_path, paths, extractions):
    whole = FrameStore.write(tmp_path / "whole", MFCC(), paths * 8)
    extractions.clear()
    process = subprocess.Popen(
        [sys.executable, "-c", _SLOW_WRITER, tmp_path / "store", *paths * 8],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(map(str, sys.path))},
    )
    records, deadline = tmp_path / "store" / "recordings.npy", time.monotonic() + 60
    while not records.exists() or records.stat().st_size < 192 + 24 * 20:
        assert time.monotonic() < deadline
        assert process.poll() is None
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    process.wait()
    with pytest.raises(FileNotFoundError, match="holds an unfinished frame store"):
        FrameStore(tmp_path / "store")
    resumed = FrameStore.write(tmp_path / "store", MFCC(), paths * 8)
    assert 0 < len(extractions) <= 28
    assert resumed.digest == whole.digest
    resumed.verify()
    assert (tmp_path / "store/frames.npy").read_bytes() == (
        tmp_path / "whole/frames.npy"
    ).read_bytes()


@pytest.mark.parametrize("torn", ["frames.npy", "recordings.npy"])
@pytest.mark.parametrize("n_bytes", [1, 3000])
def test_files_torn_anywhere_are_written_on_from_the_last_whole_recording(
    tmp_path, paths, torn, n_bytes
):
    whole = FrameStore.write(tmp_path / "store", MFCC(), paths)
    digest = whole.digest
    del whole
    (tmp_path / "store" / "store.json").unlink()
    path = tmp_path / "store" / torn
    os.truncate(path, max(0, path.stat().st_size - n_bytes))
    again = FrameStore.write(tmp_path / "store", MFCC(), paths)
    again.verify()
    assert again.digest == digest


def test_a_finished_store_is_not_extracted_again(tmp_path, paths, extractions):
    first = FrameStore.write(tmp_path / "store", MFCC(), paths, list("aabbcc"))
    assert len(extractions) == 6
    again = FrameStore.write(tmp_path / "store", MFCC(), paths, list("abcabc"))
    assert len(extractions) == 6
    assert again.digest == first.digest
    assert again.y.tolist() == list("abcabc")


def test_further_recordings_are_appended(tmp_path, paths, extractions):
    FrameStore.write(tmp_path / "store", MFCC(), paths[:4])
    store = FrameStore.write(tmp_path / "store", MFCC(), paths)
    assert len(extractions) == 6
    assert store.digest == FrameStore.write(tmp_path / "anew", MFCC(), paths).digest


def test_a_file_that_changed_while_the_writing_was_off_is_extracted_again(tmp_path, paths):
    FrameStore.write(tmp_path / "store", MFCC(), paths)
    (tmp_path / "store" / "store.json").unlink()
    soundfile.write(paths[3], 0.5 * np.sin(np.arange(9000)), 16000)
    again = FrameStore.write(tmp_path / "store", MFCC(), paths)
    np.testing.assert_array_equal(again[3], MFCC().fit_transform(paths)[3])


@pytest.mark.parametrize("other", ["recordings", "front end", "dtype", "fewer"])
def test_a_finished_store_of_something_else_is_not_touched(tmp_path, paths, other):
    store = FrameStore.write(tmp_path / "store", MFCC(), paths)
    before = {p.name: p.read_bytes() for p in store.path.iterdir()}
    front_end = MFCC(n_mfcc=13) if other == "front end" else MFCC()
    X = {"recordings": paths[:2] + paths[3:], "fewer": paths[:5]}.get(other, paths)
    dtype = "float16" if other == "dtype" else "float32"
    with pytest.raises(FileExistsError, match=r"holds the frames of 6 recordings of which the"):
        FrameStore.write(store.path, front_end, X, dtype=dtype)
    assert {p.name: p.read_bytes() for p in store.path.iterdir()} == before


def test_all_recordings_that_cannot_be_used_are_named_and_the_rest_is_kept(
    tmp_path, paths, extractions
):
    good = soundfile.read(paths[3])
    X = paths * 4
    X[10] = X[18] = str(tmp_path / "broken.wav")
    (tmp_path / "broken.wav").write_bytes(b"RIFF")
    with pytest.raises(AudioError, match=r"2 of 24 recordings cannot be used:\nX\[10\]") as info:
        FrameStore.write(tmp_path / "store", MFCC(), X)
    assert info.value.index == 10
    n_before = len(extractions)
    soundfile.write(tmp_path / "broken.wav", *good)
    store = FrameStore.write(tmp_path / "store", MFCC(), X)
    assert len(extractions) - n_before == 16  # all but the first batch of eight
    np.testing.assert_array_equal(store[10], store[18])


@pytest.mark.skipif(os.name == "nt", reason="no locks of this kind")
def test_two_processes_do_not_write_one_store(tmp_path, paths):
    fcntl = pytest.importorskip("fcntl")
    FrameStore.write(tmp_path / "store", MFCC(), paths[:2])
    with open(tmp_path / "store" / "recordings.npy", "r+b") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(BlockingIOError, match=r"Another process is writing the frame store"):
            FrameStore.write(tmp_path / "store", MFCC(), paths)
    assert len(FrameStore.write(tmp_path / "store", MFCC(), paths)) == 6


# Damaged


def test_a_bit_that_flipped_is_found_by_verify(folder):
    FrameStore(folder).verify()
    FrameStore(folder)[[4, 2]].verify()
    with open(folder / "frames.npy", "r+b") as file:
        file.seek(128 + 4 * 8000 + 1)  # in the second recording
        byte = file.read(1)
        file.seek(-1, os.SEEK_CUR)
        file.write(bytes([byte[0] ^ 1]))
    with pytest.raises(OSError, match=r"frames of recording 1 are not those that were written"):
        FrameStore(folder).verify()


@pytest.mark.parametrize(
    ("name", "damage", "message"),
    [
        ("frames.npy", lambda content: content[:-40], "damaged: .*mmap"),
        ("frames.npy", lambda content: b"", "damaged: "),
        ("recordings.npy", lambda content: content[:-9] + b"x" * 9, "is not what was written"),
        ("recordings.npy", lambda content: content[:-9], "damaged: "),
        ("labels.npy", lambda content: b"none", "damaged: "),
        ("store.json", lambda content: b"{", "store.json is no JSON"),
        ("store.json", lambda content: b"[]", "is not of format 1, which this version reads"),
        ("store.json", lambda content: content.replace(b"1", b"2", 1), "is not of format 1"),
    ],
)
def test_damaged_files_are_named(folder, name, damage, message):
    path = folder / name
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(OSError, match=message):
        FrameStore(folder)


def test_frames_that_are_fewer_than_their_header_says_are_counted(folder):
    path = folder / "frames.npy"
    np.save(path, np.load(path)[:-5])
    with pytest.raises(OSError, match=r"frames.npy holds \d+ numbers instead of \d+"):
        FrameStore(folder)


def test_a_folder_without_a_store_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"holds no frame store; call FrameStore.write"):
        FrameStore(tmp_path)


# Wrong arguments


def test_what_follows_the_front_end_does_not_belong_into_a_store(tmp_path, paths):
    with pytest.raises(TypeError, match=r"front_end must be a front end such as MFCC\(\)"):
        FrameStore.write(tmp_path / "store", make_pipeline(MFCC(), FramePooling()), paths)
    assert not (tmp_path / "store").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"dtype": "int8"}, "dtype='int8' must be 'float32' or 'float16'"),
        ({"y": list("abc")}, "inconsistent numbers of samples"),
        ({"groups": [1]}, "inconsistent numbers of samples"),
        ({"y": [1.5] * 6}, "Unknown label type"),
        ({"groups": [None, "a"] * 3}, r"groups\[0\] is None"),
    ],
)
def test_wrong_arguments_are_named(tmp_path, paths, arguments, message):
    with pytest.raises(ValueError, match=message):
        FrameStore.write(tmp_path / "store", MFCC(), paths, **arguments)


def test_frames_beyond_half_precision_are_named(tmp_path):
    X = [0.1 * np.sin(np.arange(16000.0)), 0.6 * np.sin(np.arange(16000.0))]
    with pytest.raises(ValueError, match=r"frames of X\[1\] reach .* beyond the range of float16"):
        FrameStore.write(tmp_path / "store", Loud(), X, dtype="float16")


class Loud(Frames):
    def _extract(self, waveform):
        return 200_000 * waveform.reshape(5, -1)


def test_the_store_says_what_it_is(speakers):
    store, _ = speakers
    assert repr(store) == f"FrameStore({str(store.path)!r}, n_samples=40, n_features=5)"
    about = json.loads((store.path / "store.json").read_text())
    assert about == {"format": 1, "n_features": 5, "digest": store.digest}
