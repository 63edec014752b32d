"""Enrolled people in a file: what is kept, who is recognized, what is refused."""

import os
import pickle
import sqlite3
import stat
import subprocess
import sys
import threading

import numpy as np
import pytest
import soundfile
from sklearn.base import clone
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from sklearn_siamese_speaker import (
    MFCC,
    FramePooling,
    NotErasedError,
    OneShotClassifier,
    SpeakerStore,
    SpeakerStoreError,
)
from sklearn_siamese_speaker.datasets import make_speakers
from sklearn_siamese_speaker.recognition.store._store_file import StoreFile

ANA, BEN, EVA = [0.0, 0.0], [4.0, 0.0], [0.0, 3.0]


@pytest.fixture
def store(tmp_path):
    """A store of two people."""
    return SpeakerStore(tmp_path / "people.db", timeout=5.0).enrol(["ana", "ben"], [ANA, BEN])


@pytest.fixture(scope="module")
def speech():
    return make_speakers(n_speakers=8, n_recordings=3, duration=0.5, random_state=0)


@pytest.fixture(scope="module")
def encoder(speech):
    return make_pipeline(MFCC(), FramePooling()).fit(speech[0])


# Keeping


def test_another_object_finds_who_was_enrolled(store):
    assert SpeakerStore(store.path).people == ["ana", "ben"]
    kept = SpeakerStore(store.path).voiceprints()
    assert kept.names.tolist() == ["ana", "ben"]
    np.testing.assert_array_equal(kept.embeddings, [ANA, BEN])
    assert kept.embeddings.dtype == np.float32
    assert kept.encoder == "none"
    age = np.datetime64("now") - kept.enrolled
    assert ((age >= np.timedelta64(0)) & (age < np.timedelta64(1, "h"))).all()


def test_the_classifier_is_that_of_a_fit_on_the_recordings_to_the_bit(speech, encoder, tmp_path):
    X, y = speech
    fitted = OneShotClassifier(FrozenEstimator(encoder)).fit(X[:12:2], y[:12:2])
    store = SpeakerStore(tmp_path / "people.db").enrol(y[:12:2], X[:12:2], encoder)
    who = store.classifier(FrozenEstimator(encoder))
    assert (who.predict(X) == fitted.predict(X)).all()
    np.testing.assert_array_equal(who.similarities(X), fitted.similarities(X))
    np.testing.assert_array_equal(who.classes_, fitted.classes_)


def test_parameters_of_the_classifier_are_passed_on(store):
    store.enrol(["ana"], [[2.5, 0.0]])
    who = store.classifier(aggregation="nearest", threshold=-1.0)
    assert who.predict([[2.6, 0.0], [9.0, 9.0]]).tolist() == ["ana", "unknown"]


def test_the_file_and_its_log_are_for_the_owner_only(store):
    with store._file().reading():
        store.enrol(["eva"], [EVA])
        files = sorted(store.path.parent.iterdir())
        assert [file.name for file in files] == ["people.db", "people.db-shm", "people.db-wal"]
        assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}


def test_nothing_lies_beside_the_file_after_a_call(store):
    assert os.listdir(store.path.parent) == ["people.db"]


def test_a_store_can_be_pickled_and_copied_as_a_file(store, tmp_path):
    again = pickle.loads(pickle.dumps(store))
    assert again.people == ["ana", "ben"]
    (tmp_path / "copy.db").write_bytes(store.path.read_bytes())
    assert SpeakerStore(tmp_path / "copy.db").people == ["ana", "ben"]


def test_a_recording_is_enrolled_once(speech, encoder, tmp_path):
    soundfile.write(tmp_path / "ana.wav", speech[0][0], 16000)
    store = SpeakerStore(tmp_path / "people.db")
    for _ in range(2):
        store.enrol(["ana"], [tmp_path / "ana.wav"], encoder)
        store.enrol(["ben"], speech[0][5:6], encoder)
    kept = store.voiceprints()
    assert kept.names.tolist() == ["ana", "ben"]
    assert [len(name) for name in kept.recordings] == [64, 64]


def test_a_recording_of_somebody_else_is_refused_and_nothing_enrolled(speech, encoder, tmp_path):
    X = speech[0]
    store = SpeakerStore(tmp_path / "people.db").enrol(["ana"], X[:1], encoder)
    with pytest.raises(
        ValueError, match=r"A recording of 'ben' is enrolled in .* as 'ana' already"
    ):
        store.enrol(["eva", "ben"], X[[3, 0]], encoder)
    assert store.people == ["ana"]


# Forgetting


def bytes_of(store):
    return b"".join(file.read_bytes() for file in store.path.parent.iterdir())


def is_to_be_erased(store):
    with store._file().reading() as db:
        return db.execute("SELECT to_erase FROM store").fetchone()[0] is not None


def test_no_byte_of_somebody_forgotten_is_left(store):
    """Many people, so that pages are split and merged."""
    rng = np.random.default_rng(0)
    names = np.array([f"Wilhelmina {i:03}" for i in range(300)])
    E = rng.normal(size=(300, 64)).astype(np.float32)
    store = SpeakerStore(store.path.parent / "many.db").enrol(names, E)
    SpeakerStore(store.path.parent / "people.db").path.unlink()
    order = rng.permutation(300)
    for start in range(0, 290, 29):
        store.forget(names[order[start : start + 29]])
    content = bytes_of(store)
    for i in order[:290]:
        assert names[i].encode() not in content
        assert E[i, :16].tobytes() not in content
    assert store.people == sorted(names[order[290:]])
    assert all(names[i].encode() in content for i in order[290:])


def test_a_reader_keeps_the_bytes_and_the_next_change_overwrites_them(store):
    store = SpeakerStore(store.path, timeout=0.2)
    with store._file().reading() as reader:
        reader.execute("SELECT * FROM voiceprints").fetchone()
        with pytest.raises(NotErasedError, match=r"more than 0\.2 s\. The voice is removed"):
            store.forget("ben")
        assert store.people == ["ana"]
        store.enrol(["eva"], [EVA])  # cannot erase either, and does not wait
        assert is_to_be_erased(store)
    store.enrol(["fay"], [[7.0, 7.0]])
    assert b"ben" not in bytes_of(store)
    assert store.people == ["ana", "eva", "fay"]


def test_erase_finishes_what_a_reader_prevented(store):
    store = SpeakerStore(store.path, timeout=0.1)
    with store._file().reading() as reader:
        reader.execute("SELECT * FROM voiceprints").fetchone()
        with pytest.raises(NotErasedError):
            store.forget("ben")
        with pytest.raises(NotErasedError):
            store.erase()
    assert b"ben" not in bytes_of(store.erase())


def test_forget_waits_for_a_reader_that_ends(store):
    reading, done = threading.Event(), threading.Event()

    def read():
        with store._file().reading() as reader:
            reader.execute("SELECT * FROM voiceprints").fetchone()
            reading.set()
            done.wait(0.3)

    reader = threading.Thread(target=read)
    reader.start()
    reading.wait()
    store.forget("ben")
    reader.join()
    assert b"ben" not in bytes_of(store)


def test_a_killed_forget_is_finished_by_the_next_change(store, monkeypatch):
    monkeypatch.setattr(StoreFile, "_erase", lambda *args, **kwargs: os._exit(9))
    if os.fork() == 0:
        store.forget("ben")
    assert os.waitstatus_to_exitcode(os.wait()[1]) == 9
    monkeypatch.undo()
    assert b"ben" in bytes_of(store)
    assert store.people == ["ana"]
    assert b"ben" not in bytes_of(store.enrol(["eva"], [EVA]))
    assert not is_to_be_erased(store)


def test_somebody_who_is_not_there_cannot_be_forgotten_and_nobody_else_is(store):
    with pytest.raises(ValueError, match=r"Cannot forget \['eva'\]: not enrolled in"):
        store.forget(["ana", "eva"])
    assert store.people == ["ana", "ben"]


def test_after_the_last_is_forgotten_the_store_takes_another_encoder(store, speech, encoder):
    with pytest.raises(ValueError, match="Nobody is enrolled"):
        store.forget(["ana", "ben"]).classifier()
    store.enrol(["ana"], speech[0][:1], encoder)
    assert store.voiceprints().encoder.startswith("FramePooling:")


# Following


def test_a_following_classifier_sees_every_change_of_another_process(store):
    who = store.classifier(follow=True)
    still = store.classifier()
    script = "import sys; from sklearn_siamese_speaker import SpeakerStore; "
    script += "SpeakerStore(sys.argv[1]).enrol(['eva'], [[0.0, 3.0]]).forget('ana')"
    subprocess.run([sys.executable, "-c", script, store.path], check=True)
    assert who.predict([EVA, ANA]).tolist() == ["eva", "eva"]
    assert who.rank([ANA], k=2).tolist() == [["eva", "ben"]]
    assert still.predict([EVA]).tolist() == ["ana"]


def test_a_following_classifier_takes_over_a_calibration(store):
    who = store.classifier(follow=True)
    assert who.predict([[90.0, 0.0]]).tolist() == ["ben"]
    calibrate(store)
    assert who.predict([[90.0, 0.0]]).tolist() == ["unknown"]


@pytest.mark.parametrize("method", ["fit", "partial_fit", "calibrate_threshold", "forget"])
def test_a_following_classifier_is_changed_in_the_store_only(store, method):
    who = store.classifier(follow=True)
    arguments = (["ana"],) if method == "forget" else ([EVA], ["eva"])
    with pytest.raises(AttributeError, match="enrol and forget there"):
        getattr(who, method)(*arguments)


def test_a_pickled_following_classifier_follows_and_a_clone_has_no_store(store):
    who = store.classifier(follow=True)
    again = pickle.loads(pickle.dumps(who))
    store.enrol(["eva"], [EVA])
    assert again.predict([EVA]).tolist() == ["eva"]
    free = clone(who).fit([ANA, EVA], ["x", "y"])
    assert free.partial_fit([BEN], ["z"]).predict([BEN]).tolist() == ["z"]
    assert free.forget("z").predict([BEN]).tolist() == ["x"]


def test_a_following_classifier_says_that_all_are_gone(store):
    who = store.classifier(follow=True)
    store.forget(["ana", "ben"])
    with pytest.raises(ValueError, match="Nobody is enrolled in"):
        who.predict([ANA])


def test_threads_that_follow_see_a_whole_enrolment(store):
    """The label and the similarity of one answer are of one state of the store."""
    who = store.classifier(follow=True)
    stop, wrong = threading.Event(), []

    def ask():
        while not stop.is_set():
            labels, similarities = who.rank([[9.0, 9.0]], k=1, return_similarities=True)
            expected = {"aaa": 0.0, "ben": -np.hypot(5, 9)}
            if not np.isclose(expected[labels[0, 0]], similarities[0, 0]):
                wrong.append((labels, similarities))
            stop.wait(0.001)  # without a pause, readers of a busy machine never let it be erased

    readers = [threading.Thread(target=ask) for _ in range(2)]
    for reader in readers:
        reader.start()
    for _ in range(15):
        store.enrol(["aaa"], [[9.0, 9.0]]).forget("aaa")
    stop.set()
    for reader in readers:
        reader.join()
    assert wrong == []


# Calibration


def calibrate(store, **parameters):
    rng = np.random.default_rng(0)
    y = np.repeat(np.arange(60), 3)
    X = 6 * rng.normal(size=(60, 2))[y] + 0.01 * rng.normal(size=(180, 2))
    who = store.classifier(threshold=None, **parameters).calibrate_threshold(X, y, target_far=0.1)
    store.keep_calibration(who)
    return who


def test_a_calibration_is_kept_and_used(store):
    calibrated = calibrate(store)
    who = SpeakerStore(store.path).classifier()
    assert who.threshold == calibrated.threshold
    assert who.calibration_ == calibrated.calibration_
    assert store.calibration["is_stale"] is False
    assert store.calibration["found"]["n_enrolled"] == 2
    assert store.classifier(threshold=-7.0).threshold == -7.0


def test_a_calibration_is_stale_when_people_join_and_says_so(store):
    calibrate(store)
    store.enrol(["ana"], [[0.1, 0.0]])
    assert not store.calibration["is_stale"]
    store.enrol(["eva"], [EVA])
    assert store.calibration["is_stale"]
    with pytest.warns(UserWarning, match="3 people are in the store, but .* calibrated for 2"):
        store.classifier()
    store.forget("eva")
    assert not store.calibration["is_stale"]


def test_a_calibration_made_with_other_parameters_is_not_used(store):
    calibrate(store, aggregation="nearest")
    assert store.classifier().aggregation == "nearest"
    assert store.classifier(aggregation="mean").threshold is None


def test_a_cohort_is_kept_with_the_calibration(store):
    rng = np.random.default_rng(1)
    y = np.repeat(np.arange(60), 2)
    X = 6 * rng.normal(size=(60, 2))[y] + 0.01 * rng.normal(size=(120, 2))
    cohort = 6 * rng.normal(size=(40, 2)).astype(np.float32)
    who = store.classifier().calibrate_threshold(X, y, target_far=0.1, cohort=cohort)
    again = store.keep_calibration(who).classifier()
    assert (again.predict(X) == who.predict(X)).all()
    assert again.cohort.shape == (40, 2)
    assert store.classifier(cohort=again.cohort).threshold == who.threshold
    assert store.classifier(cohort=cohort[1:]).threshold is None


@pytest.mark.parametrize(
    "wrap", [make_pipeline, FrozenEstimator, lambda e: make_pipeline(make_pipeline(e))]
)
def test_the_threshold_of_an_encoder_inside_another_estimator_is_found(wrap, tmp_path):
    encoder = FunctionTransformer().fit([[0.0, 0.0]])
    encoder.embedding_metric_, encoder.threshold_ = "euclidean", -1.0
    store = SpeakerStore(tmp_path / "people.db")
    store.enrol(["ana", "ben"], [[0.0, 0.0], [4.0, 0.0]], encoder=wrap(encoder))
    who = store.classifier(wrap(encoder))
    assert who.predict([[0.5, 0.0], [2.0, 0.0]]).tolist() == ["ana", "unknown"]


def test_without_a_calibration_the_threshold_is_that_of_the_encoder(speech, encoder, tmp_path):
    X, y = speech
    encoder = make_pipeline(MFCC(), FramePooling()).fit(X)
    encoder[-1].embedding_metric_, encoder[-1].threshold_ = "euclidean", -0.5
    store = SpeakerStore(tmp_path / "people.db").enrol(y[:1], X[:1], encoder)
    assert store.classifier(encoder).threshold == -0.5
    assert store.classifier(encoder, metric="cosine").threshold is None


@pytest.mark.parametrize("spoil", [lambda who: who, lambda who: who.set_params(threshold=-3.0)])
def test_a_threshold_that_is_not_calibrated_is_not_kept(store, spoil):
    who = store.classifier()
    if spoil(who).threshold is not None:
        who = spoil(calibrate(store))
    with pytest.raises(ValueError, match="call calibrate_threshold first"):
        store.keep_calibration(who)


# What is refused


def test_another_encoder_is_refused_with_both_names(store, speech, encoder, tmp_path):
    X, y = speech
    other = make_pipeline(MFCC(n_mfcc=13), FramePooling()).fit(X)
    store = SpeakerStore(tmp_path / "voices.db").enrol(y[:1], X[:1], encoder)
    message = "holds voiceprints of the encoder 'FramePooling:.*', and this one is 'FramePooling:"
    for refused in [lambda: store.enrol(y[:1], X[:1], other), lambda: store.classifier(other)]:
        with pytest.raises(ValueError, match=message):
            refused()
    with pytest.raises(ValueError, match="and this one is 'none'"):
        store.classifier()


def test_embeddings_of_other_dimensions_are_refused(store):
    with pytest.raises(ValueError, match=r"X has 3 dimensions, and the voiceprints in .* have 2"):
        store.enrol(["eva"], [[1.0, 2.0, 3.0]])


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("", "a name has letters"),
        (" ", "a name has letters"),
        ("a\nb", "nothing that cannot be printed"),
        ("a\0b", "nothing that cannot be printed"),
        ("\udcff", "nothing that cannot be printed"),
        ("unknown", "the answer for people who are not enrolled"),
    ],
)
def test_what_cannot_be_a_name_is_refused(store, name, error):
    with pytest.raises(ValueError, match=error):
        store.enrol(["eva", name], [EVA, BEN])
    assert store.people == ["ana", "ben"]


def test_numbers_paths_and_infinities_are_refused(store):
    with pytest.raises(TypeError, match="A store holds names, which are strings; got 7"):
        store.enrol([7], [EVA])
    with pytest.raises(ValueError, match=r"X holds 'eva\.wav', but embeddings are expected"):
        store.enrol(["eva"], ["eva.wav"])
    with pytest.raises(ValueError, match="infinity"):
        store.enrol(["eva"], [[1e60, 0.0]])
    with pytest.raises(TypeError, match="X is one path"):
        store.enrol(["eva"], "eva.wav")


def test_reading_does_not_make_a_store(tmp_path):
    store = SpeakerStore(tmp_path / "people.db")
    for read in [lambda: store.people, store.classifier, lambda: store.forget("ana")]:
        with pytest.raises(FileNotFoundError, match="There is no store"):
            read()
    assert os.listdir(tmp_path) == []


def test_an_empty_file_of_a_killed_process_becomes_a_store(tmp_path):
    (tmp_path / "people.db").touch()
    store = SpeakerStore(tmp_path / "people.db")
    with pytest.raises(FileNotFoundError, match="There is no store"):
        store.people  # noqa: B018
    assert store.enrol(["ana"], [ANA]).people == ["ana"]


def test_a_folder_that_is_not_there_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"nowhere/people\.db' cannot be opened or made"):
        SpeakerStore(tmp_path / "nowhere" / "people.db").enrol(["ana"], [ANA])


def test_other_files_are_refused(tmp_path):
    (tmp_path / "words").write_text("a few words" * 100)
    with pytest.raises(SpeakerStoreError, match="not a store of speakers, or its first bytes"):
        SpeakerStore(tmp_path / "words").enrol(["ana"], [ANA])
    with sqlite3.connect(tmp_path / "other.db") as db:
        db.execute("CREATE TABLE notes (text)")
    with pytest.raises(SpeakerStoreError, match="a database of another program"):
        SpeakerStore(tmp_path / "other.db").enrol(["ana"], [ANA])


def test_a_store_of_a_later_version_is_refused(store):
    with sqlite3.connect(store.path) as db:
        db.execute("PRAGMA user_version = 2")
    with pytest.raises(
        SpeakerStoreError, match=r"tables of version 2, and this version .* knows 1"
    ):
        store.people  # noqa: B018


def test_a_writer_that_does_not_end_is_named(store):
    store = SpeakerStore(store.path, timeout=0.1)
    with store._file().changing(), pytest.raises(SpeakerStoreError, match=r"more than 0\.1 s; try"):
        store.enrol(["eva"], [EVA])
    assert store.people == ["ana", "ben"]


def test_a_path_that_cannot_be_opened_is_named(tmp_path):
    with pytest.raises(SpeakerStoreError, match=r"cannot be opened .* needs the right to write"):
        SpeakerStore(tmp_path).people  # noqa: B018


def test_bytes_cannot_be_overwritten_while_another_process_writes(store):
    store = SpeakerStore(store.path, timeout=0.1)
    with store._file().reading() as reader:
        reader.execute("SELECT * FROM voiceprints").fetchone()
        with pytest.raises(NotErasedError):
            store.forget("ben")
    with store._file()._connected() as writer:
        writer.execute("BEGIN IMMEDIATE")
        with pytest.raises(NotErasedError, match="the next change of the store does it"):
            store.erase()
    assert b"ben" not in bytes_of(store.erase())


def test_a_disk_that_is_full_is_named_and_nothing_is_lost(store, monkeypatch):
    connected = StoreFile._connected

    def on_a_small_disk(self):
        context = connected(self)
        db = context.__enter__()
        db.execute("PRAGMA max_page_count = 5")
        context.__enter__ = lambda: db
        return Entered(context, db)

    class Entered:
        def __init__(self, context, db):
            self.context, self.db = context, db

        def __enter__(self):
            return self.db

        def __exit__(self, *error):
            return self.context.__exit__(*error)

    monkeypatch.setattr(StoreFile, "_connected", on_a_small_disk)
    with pytest.raises(SpeakerStoreError, match=r"cannot be read or written .*full"):
        store.enrol(["eva"] * 5000, np.ones((5000, 2)))
    monkeypatch.undo()
    assert store.people == ["ana", "ben"]


# Damage


def test_a_flipped_bit_of_a_voiceprint_is_noticed_and_the_others_are_rescued(store, tmp_path):
    store.enrol(["eva"], [[1.25, 3.5]])
    content = bytearray(store.path.read_bytes())
    content[content.index(np.array([1.25, 3.5], dtype="<f4").tobytes())] ^= 1
    store.path.write_bytes(content)
    with pytest.raises(SpeakerStoreError, match=r"damaged \(the checksum of voiceprint 3") as error:
        store.classifier()
    assert f"SpeakerStore(new_path).rescue({os.fspath(store.path)!r})" in str(error.value)
    rescued = SpeakerStore(tmp_path / "new.db")
    assert rescued.rescue(store.path) == 2
    assert rescued.people == ["ana", "ben"]
    np.testing.assert_array_equal(rescued.voiceprints().embeddings, [ANA, BEN])


def test_a_flipped_bit_that_turns_text_into_a_number_is_noticed(store):
    """The bits before a row tell the kinds of its columns."""
    content = bytearray(store.path.read_bytes())
    start = content.rindex(b"ana") - 7  # the kind of the name, behind the length of these kinds
    assert content[start + 1] == 13 + 2 * len("ana")
    content[start + 1] = 3  # an integer of three bytes
    store.path.write_bytes(content)
    with pytest.raises(SpeakerStoreError, match="is damaged"):
        store.voiceprints()
    assert SpeakerStore(store.path.parent / "new.db").rescue(store.path) == 1


def test_a_flipped_bit_of_the_calibration_is_noticed(store):
    calibrate(store)
    content = bytearray(store.path.read_bytes())
    content[content.index(b'"threshold": -') + len('"threshold": -')] ^= 1  # its first digit
    store.path.write_bytes(content)
    for read in [lambda: store.calibration, store.classifier]:
        with pytest.raises(SpeakerStoreError, match="the checksum of the calibration does not"):
            read()


def test_what_pages_are_left_is_rescued(tmp_path):
    names = np.array([f"person {i:03}" for i in range(100)])
    E = np.random.default_rng(0).normal(size=(100, 64))
    store = SpeakerStore(tmp_path / "people.db").enrol(names, E)
    content = bytearray(store.path.read_bytes())
    start = content.index(b"person 050") // 4096 * 4096
    content[start : start + 4096] = bytes(4096)
    store.path.write_bytes(content)
    with pytest.raises(SpeakerStoreError, match="is damaged"):
        store.voiceprints()
    rescued = SpeakerStore(tmp_path / "new.db")
    n_rescued = rescued.rescue(store.path)
    assert 80 <= n_rescued < 100
    assert set(rescued.people) < set(names)
    assert len(rescued.people) == n_rescued


def test_people_are_rescued_from_a_file_whose_beginning_is_damaged(store):
    content = store.path.read_bytes()
    store.path.write_bytes(bytes(4096) + content[4096:])
    with pytest.raises(SpeakerStoreError, match="or its first bytes are damaged"):
        store.people  # noqa: B018
    rescued = SpeakerStore(store.path.parent / "new.db")
    assert rescued.rescue(store.path) == 2
    assert rescued.people == ["ana", "ben"]


@pytest.mark.parametrize("content", [bytes(4096), b"words" * 900])
def test_a_file_that_is_nothing_but_damage_cannot_be_rescued(tmp_path, content):
    (tmp_path / "people.db").write_bytes(content)
    with pytest.raises(SpeakerStoreError, match=r"No voiceprint in .* can be read; bring back a"):
        SpeakerStore(tmp_path / "new.db").rescue(tmp_path / "people.db")
    with pytest.raises(FileNotFoundError, match=r"nothing\.db"):
        SpeakerStore(tmp_path / "new.db").rescue(tmp_path / "nothing.db")
    assert os.listdir(tmp_path) == ["people.db"]


def test_voiceprints_of_two_encoders_are_not_rescued_into_one_store(store, speech, encoder):
    other = SpeakerStore(store.path.parent / "other.db").enrol(["x"], speech[0][:1], encoder)
    with pytest.raises(ValueError, match="holds voiceprints of the encoder"):
        other.rescue(store.path)
