"""The code that the library was designed around, on real files, small."""

import numpy as np
import pytest
import soundfile
from sklearn.base import clone
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import Pipeline, make_pipeline

from sklearn_siamese_speaker import MFCC, FramePooling, OneShotClassifier, SiameseSpeakerEncoder
from sklearn_siamese_speaker.datasets import load_speaker_folder, make_speakers
from sklearn_siamese_speaker.model_selection import NShotKWayScorer, NShotKWaySplit, SpeakerKFold

TINY = {"max_epochs": 2, "network": "cnn2d", "network__filters": (8, 8, 8), "random_state": 0}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """18 background speakers as voices/<speaker>/<recording>.flac, 6 others beside them."""
    folder = tmp_path_factory.mktemp("design")
    X, y = make_speakers(n_speakers=24, n_recordings=4, duration=1.2, random_state=0)
    names = np.unique(y)
    for i, (waveform, speaker) in enumerate(zip(X, y, strict=True)):
        part = "voices" if speaker in names[:18] else "others"
        (folder / part / speaker).mkdir(parents=True, exist_ok=True)
        soundfile.write(folder / part / speaker / f"{i}.flac", waveform, 16000)
    for name, i in [("ana", 72), ("ben", 76), ("eva", 80), ("somebody", 81)]:
        soundfile.write(folder / f"{name}.wav", X[i], 16000)
    return folder


def search_over_the_whole_pipeline(n_jobs=None):
    return GridSearchCV(
        Pipeline([("mfcc", MFCC()), ("encoder", SiameseSpeakerEncoder(**TINY))]),
        {
            "mfcc__duration": [1.0, 3.0],
            "mfcc__sample_rate": [8000, 16000],
            "encoder__metric": ["euclidean", "cosine"],
        },
        scoring=NShotKWayScorer(n_shots=1, k_way=5, n_tasks=1000),
        cv=SpeakerKFold(3),
        error_score="raise",
        n_jobs=n_jobs,
    )


@pytest.mark.slow
def test_the_design_runs(folder, monkeypatch):
    monkeypatch.chdir(folder)
    voices = load_speaker_folder("voices/")
    X, y = voices.data, voices.target

    search = search_over_the_whole_pipeline().fit(X, y)

    who = OneShotClassifier(FrozenEstimator(search.best_estimator_))
    who.fit(["ana.wav", "ben.wav"], ["ana", "ben"])
    who.partial_fit(["eva.wav"], ["eva"])
    assert who.predict(["somebody.wav"])[0] in ["ana", "ben", "eva"]
    assert who.predict(["ana.wav", "eva.wav"]).tolist() == ["ana", "eva"]

    others = load_speaker_folder("others/")
    X_new, y_new = others.data, others.target
    statistics = make_pipeline(MFCC(), FramePooling()).fit(X)
    knn = make_pipeline(FrozenEstimator(statistics), KNeighborsClassifier(1))
    tasks = NShotKWaySplit(n_shots=1, k_way=5, n_tasks=100, random_state=0)
    of_who = cross_val_score(who, X_new, y_new, cv=tasks)
    of_knn = cross_val_score(knn, X_new, y_new, cv=tasks)
    assert of_who.shape == of_knn.shape == (100,)
    assert of_knn.mean() > 0.5  # chance is 0.2

    parallel = search_over_the_whole_pipeline(n_jobs=2).fit(X, y)
    np.testing.assert_array_equal(
        parallel.cv_results_["mean_test_score"], search.cv_results_["mean_test_score"]
    )


def test_untrained_recognition_without_background_speakers(folder):
    others = load_speaker_folder(folder / "others")
    pooled = make_pipeline(MFCC(), FramePooling()).fit(others.data)
    who = OneShotClassifier(FrozenEstimator(pooled)).fit(others.data[::4], others.target[::4])
    assert who.score(others.data, others.target) > 0.5  # chance is 1 / 6


def test_a_grid_over_the_sample_rate_resamples_arrays():
    X, y = make_speakers(n_speakers=6, n_recordings=3, duration=0.6, random_state=0)
    search = GridSearchCV(
        Pipeline([("mfcc", MFCC(n_mfcc=8, n_mels=16)), ("encoder", SiameseSpeakerEncoder(**TINY))]),
        {"mfcc__sample_rate": [8000, 16000]},
        scoring=NShotKWayScorer(n_shots=1, k_way=2, n_tasks=50),
        cv=SpeakerKFold(2),
        error_score="raise",
    ).fit(X, y)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    half, whole = (
        clone(search.estimator["mfcc"]).set_params(sample_rate=rate).fit_transform(X)
        for rate in (8000, 16000)
    )
    assert half.shape == whole.shape  # the same seconds, read at either rate
    assert not np.allclose(half, whole)  # at half the rate a filter sees half the band
