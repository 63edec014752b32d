"""What skops saves loads with TRUSTED_TYPES alone, and names no private module of the library."""

import importlib
import os
import re
import zipfile
from pathlib import Path

import numpy as np
import pytest
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

import sklearn_siamese_speaker
from sklearn_siamese_speaker import (
    MFCC,
    TRUSTED_TYPES,
    FramePooling,
    LogMelSpectrogram,
    OneShotClassifier,
    RawAudio,
    SiameseSpeakerEncoder,
    SpeakerDiarizer,
    SpeakerVerifier,
    nn,
)
from sklearn_siamese_speaker.datasets import make_conversation, make_speakers
from sklearn_siamese_speaker.model_selection import NShotKWayScorer, SpeakerKFold

skops_io = pytest.importorskip("skops.io")

TINY = {
    "network": "cnn2d",
    "network__filters": (4, 4, 4),
    "network__embedding_dim": 8,
    "max_epochs": 1,
    "random_state": 0,
}
PRIVATE = re.compile(r"sklearn_siamese_speaker(?:\.\w+)*\._\w+")
PACKAGES = ["", ".model_selection", ".metrics", ".datasets", ".inspection", ".nn"]


@pytest.fixture(scope="module")
def voices():
    return make_speakers(n_speakers=6, n_recordings=4, duration=0.5, random_state=0)


@pytest.fixture(scope="module")
def pipeline(voices):
    augment = [nn.TimeMask(), nn.RandomChannel()]
    return make_pipeline(MFCC(), SiameseSpeakerEncoder(augment=augment, **TINY)).fit(*voices)


def load_as_a_user_does(path):
    """Load with the fixed list; the file names no private module of the library."""
    with zipfile.ZipFile(path) as archive:
        assert not PRIVATE.search(archive.read("schema.json").decode())
    return skops_io.load(path, trusted=TRUSTED_TYPES)


def test_a_pipeline_loads_with_the_trusted_types_alone(pipeline, voices, tmp_path):
    X, _ = voices
    skops_io.dump(pipeline, tmp_path / "pipeline.skops")
    loaded = load_as_a_user_does(tmp_path / "pipeline.skops")
    np.testing.assert_array_equal(loaded.transform(X), pipeline.transform(X))


def test_a_classifier_loads_with_the_trusted_types_alone(pipeline, voices, tmp_path):
    X, y = voices
    who = OneShotClassifier(FrozenEstimator(pipeline)).fit(X[::4], y[::4])
    skops_io.dump(who, tmp_path / "who.skops")
    loaded = load_as_a_user_does(tmp_path / "who.skops")
    assert loaded.predict(X).tolist() == who.predict(X).tolist()
    loaded.partial_fit(X[1:2], ["somebody else"]).forget(["somebody else"])


@pytest.mark.parametrize(
    "front_end", [RawAudio(), LogMelSpectrogram(), MFCC()], ids=lambda one: type(one).__name__
)
def test_statistics_of_any_front_end_load_with_the_trusted_types_alone(front_end, voices, tmp_path):
    X, _ = voices
    statistics = make_pipeline(front_end, FramePooling()).fit(X)
    skops_io.dump(statistics, tmp_path / "statistics.skops")
    loaded = load_as_a_user_does(tmp_path / "statistics.skops")
    np.testing.assert_array_equal(loaded.transform(X), statistics.transform(X))


def test_a_verifier_loads_with_the_trusted_types_alone(tmp_path):
    pairs = np.random.default_rng(0).normal(size=(40, 2, 3))
    verifier = SpeakerVerifier().fit(pairs, np.arange(40) % 2)
    skops_io.dump(verifier, tmp_path / "verifier.skops")
    loaded = load_as_a_user_does(tmp_path / "verifier.skops")
    np.testing.assert_array_equal(loaded.predict(pairs), verifier.predict(pairs))


def test_a_diarizer_loads_with_the_trusted_types_alone(voices, tmp_path):
    talk, truth = make_conversation(*voices, random_state=0)
    diarizer = SpeakerDiarizer(speech="energy").fit([talk], [truth])
    skops_io.dump(diarizer, tmp_path / "diarizer.skops")
    loaded = load_as_a_user_does(tmp_path / "diarizer.skops")
    assert loaded.threshold_ == diarizer.threshold_
    assert loaded.predict([talk]) == diarizer.predict([talk])


def test_a_search_loads_with_the_trusted_types_alone(voices, tmp_path):
    search = GridSearchCV(
        make_pipeline(MFCC(), FramePooling()),
        {"mfcc__n_mfcc": [8]},
        scoring=NShotKWayScorer(k_way=2, n_tasks=10),
        cv=SpeakerKFold(2),
        error_score="raise",
    ).fit(*voices)
    skops_io.dump(search, tmp_path / "search.skops")
    assert load_as_a_user_does(tmp_path / "search.skops").best_score_ == search.best_score_


def test_a_file_that_names_another_function_is_refused(tmp_path):
    evil = make_pipeline(FunctionTransformer(os.system), FramePooling())
    skops_io.dump(evil, tmp_path / "evil.skops")
    assert skops_io.get_untrusted_types(file=tmp_path / "evil.skops")[0].endswith("system")
    with pytest.raises(skops_io.exceptions.UntrustedTypesFoundException, match="system"):
        skops_io.load(tmp_path / "evil.skops", trusted=TRUSTED_TYPES)


@pytest.mark.parametrize("package", PACKAGES)
def test_public_classes_and_functions_report_their_public_module(package):
    module = importlib.import_module(f"sklearn_siamese_speaker{package}")
    for name in module.__all__:
        thing = getattr(module, name)
        if callable(thing):
            assert thing.__module__ == module.__name__, name


def test_trusted_types_are_the_classes_that_a_saved_estimator_holds():
    for address in TRUSTED_TYPES:
        module, name = address.rsplit(".", 1)
        assert isinstance(getattr(importlib.import_module(module), name), type), address
    estimators = {
        f"sklearn_siamese_speaker.{name}"
        for name in sklearn_siamese_speaker.__all__
        if hasattr(getattr(sklearn_siamese_speaker, name), "get_params")
    }
    parts = {
        f"sklearn_siamese_speaker.nn.{name}"
        for name in nn.__all__
        if isinstance(getattr(nn, name), type)
    }
    assert estimators | parts <= set(TRUSTED_TYPES)


def test_what_writes_files_or_raises_is_not_trusted():
    classes = {
        f"sklearn_siamese_speaker.{name}"
        for name in sklearn_siamese_speaker.__all__
        if isinstance(getattr(sklearn_siamese_speaker, name), type)
    }
    assert {name.rsplit(".")[-1] for name in classes - set(TRUSTED_TYPES)} == {
        *["AudioError", "AudioQualityWarning", "NotErasedError"],
        *["SpeakerStore", "SpeakerStoreError"],
    }
    assert not [name for name in TRUSTED_TYPES if name.endswith("FrameStore")]
    assert len(TRUSTED_TYPES) == len(set(TRUSTED_TYPES))


def test_a_name_that_a_user_registers_is_not_trusted(monkeypatch):
    monkeypatch.setitem(nn.NETWORKS, "mine", nn.TDNN)
    monkeypatch.delattr(sklearn_siamese_speaker, "TRUSTED_TYPES")
    assert sorted(sklearn_siamese_speaker.TRUSTED_TYPES) == sorted(TRUSTED_TYPES)


def test_an_encoder_of_classes_loads_with_the_trusted_types_alone(voices, tmp_path):
    X, y = voices
    encoder = SiameseSpeakerEncoder(nn.TDNN, loss=nn.Contrastive, max_epochs=1)
    pipeline = make_pipeline(MFCC(), encoder).fit(X, y)
    skops_io.dump(pipeline, tmp_path / "pipeline.skops")
    loaded = load_as_a_user_does(tmp_path / "pipeline.skops")
    np.testing.assert_array_equal(loaded.transform(X), pipeline.transform(X))


@pytest.fixture
def enrolled():
    E = np.random.default_rng(0).normal(size=(6, 16))
    return OneShotClassifier().fit(E, ["ana", "ben", "cleo", "dan", "eve", "fay"]), E


def test_a_flipped_bit_of_a_skops_file_gives_no_other_answer(enrolled, tmp_path):
    who, E = enrolled
    skops_io.dump(who, tmp_path / "who.skops")
    content = (tmp_path / "who.skops").read_bytes()
    n_refused = 0
    for at in np.random.default_rng(0).integers(8 * len(content), size=80):
        damaged = bytearray(content)
        damaged[at // 8] ^= 1 << at % 8
        (tmp_path / "damaged.skops").write_bytes(damaged)
        try:
            loaded = skops_io.load(tmp_path / "damaged.skops", trusted=TRUSTED_TYPES)
        except Exception:
            n_refused += 1
        else:
            np.testing.assert_array_equal(loaded.similarities(E), who.similarities(E))
    assert n_refused > 60


def test_a_file_saved_after_forget_holds_no_trace_of_the_speaker(enrolled, tmp_path):
    who, E = enrolled
    before, after = tmp_path / "before.skops", tmp_path / "after.skops"
    skops_io.dump(who, before)
    skops_io.dump(who.forget(["cleo"]), after)
    for file, is_there in ((before, True), (after, False)):
        with zipfile.ZipFile(file) as archive:
            content = b"".join(archive.read(name) for name in archive.namelist())
        assert (E[2].tobytes() in content) == is_there, file
        assert ("cleo".encode("utf-32-le") in content) == is_there, file


def test_the_page_says_what_damage_goes_unnoticed_and_what_forget_cannot_reach():
    page = (Path(__file__).parents[1] / "docs/saved_files.rst").read_text()
    damages, forget = page.split("Damaged files\n")[1].split("What `forget` cannot reach\n")
    assert re.search(
        r"joblib and pickle: no checksum\. \d+ of \d+ damaged files were loaded", damages
    )
    assert re.search(r"skops: .*None of \d+ damaged files gave other answers", damages, re.DOTALL)
    for place in ("saved before", "an encoder that was fitted", "`memory=`", "`checkpoint_dir`"):
        assert place in forget
