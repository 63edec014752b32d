"""Extraction, searches and evaluation on a cluster, through joblib's backend "dask"."""

import os
import pickle
import sys
from functools import partialmethod
from pathlib import Path

import joblib
import numpy as np
import pytest
import torch
from sklearn.model_selection import GridSearchCV, cross_val_score, cross_validate
from sklearn.pipeline import make_pipeline

from sklearn_siamese_speaker import MFCC, FramePooling, OneShotClassifier, SiameseSpeakerEncoder
from sklearn_siamese_speaker.datasets import make_speakers
from sklearn_siamese_speaker.features import FrameStore
from sklearn_siamese_speaker.model_selection import (
    NShotKWayScorer,
    NShotKWaySplit,
    SpeakerKFold,
    n_shot_k_way_curve,
)

distributed = pytest.importorskip("distributed")

HERE = Path(__file__).parent


class RobustClient(distributed.Client):
    """What the guide recommends: joblib's arrays go to all workers, so that one may die."""

    scatter = partialmethod(distributed.Client.scatter, broadcast=True)


@pytest.fixture(scope="module")
def cluster():
    """Two worker processes of one thread each, with one torch thread as here."""
    before = os.environ.get("PYTHONPATH", ""), sys.path[:], torch.get_num_threads()
    os.environ["PYTHONPATH"] = os.pathsep.join([str(HERE), *filter(None, sys.path)])
    sys.path.insert(0, str(HERE))
    torch.set_num_threads(1)
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, dashboard_address=":0"
        ) as cluster,
        RobustClient(cluster) as client,
    ):
        yield client
    os.environ["PYTHONPATH"], sys.path[:] = before[:2]
    torch.set_num_threads(before[2])


@pytest.fixture
def on_cluster(cluster):
    """Return a function that runs another one on the cluster, and fails if no worker worked."""

    def run(function, **config):
        cluster.wait_for_workers(2)  # joblib stays in this process where there is only one
        with (
            distributed.get_task_stream(cluster) as stream,
            joblib.parallel_config(backend="dask", **config),
        ):
            result = function()
        workers = {task["worker"] for task in stream.data if "batch_of" in str(task["key"])}
        assert workers, "nothing ran on the cluster"
        return result

    return run


@pytest.fixture(scope="module")
def paths(tmp_path_factory):
    import soundfile

    X, y = make_speakers(n_speakers=10, n_recordings=3, duration=0.5, random_state=0)
    folder = tmp_path_factory.mktemp("voices")
    for i, waveform in enumerate(X):
        soundfile.write(folder / f"{i:02}.wav", waveform, 16000, subtype="FLOAT")
    return [str(folder / f"{i:02}.wav") for i in range(len(X))], y


@pytest.fixture(scope="module")
def store(tmp_path_factory, paths):
    return FrameStore.write(tmp_path_factory.mktemp("store"), MFCC(), *paths)


def test_workers_extract_to_a_store_of_the_same_bits(on_cluster, tmp_path, paths, store):
    written = on_cluster(lambda: FrameStore.write(tmp_path / "store", MFCC(), *paths))
    assert written.digest == store.digest


def test_a_search_over_paths_scores_as_in_one_process(on_cluster, paths):
    X, y = paths
    search = GridSearchCV(
        make_pipeline(MFCC(), FramePooling()),
        {"mfcc__n_mfcc": [13, 40]},
        scoring=NShotKWayScorer(k_way=3, n_tasks=50),
        cv=SpeakerKFold(2),
        error_score="raise",
    )
    expected = search.fit(X, y).cv_results_["mean_test_score"].tolist()
    assert on_cluster(lambda: search.fit(X, y)).cv_results_["mean_test_score"].tolist() == expected


def test_trainings_on_a_store_have_the_same_bits(on_cluster, store):
    encoder = SiameseSpeakerEncoder("cnn1d", max_epochs=2, random_state=0)

    def train():
        options = {"cv": SpeakerKFold(2), "scoring": NShotKWayScorer(k_way=3)}
        folds = cross_validate(encoder, store, store.y, return_estimator=True, **options)
        return folds["test_score"].tolist(), [one.state_ for one in folds["estimator"]]

    scores, states = on_cluster(train)
    expected_scores, expected_states = train()
    assert scores == expected_scores
    for state, expected in zip(states, expected_states, strict=True):
        for name in expected:
            np.testing.assert_array_equal(state[name], expected[name])


def test_tasks_of_a_classifier_are_scored_alike(on_cluster, store):
    who, cv = OneShotClassifier(FramePooling()), NShotKWaySplit(k_way=3, n_tasks=6, random_state=0)
    scores = on_cluster(lambda: cross_val_score(who, store, store.y, cv=cv))
    np.testing.assert_array_equal(scores, cross_val_score(who, store, store.y, cv=cv))


def test_a_curve_extracts_on_the_cluster(on_cluster, paths):
    X, y = paths
    fitted = make_pipeline(MFCC(), FramePooling()).fit(X)

    def curve():
        options = {"n_shots": (1, 2), "k_ways": (2, 4), "n_tasks": 50, "random_state": 0}
        return n_shot_k_way_curve(fitted, X, y, **options).mean

    np.testing.assert_array_equal(on_cluster(curve), curve())


def test_arrays_are_scattered_once_and_stores_travel_by_name(on_cluster, store, monkeypatch):
    frames = np.stack(list(store))
    scattered = []

    def scatter(self, data, **kwargs):
        scattered.append(data.nbytes)
        return distributed.Client.scatter(self, data, **{**kwargs, "broadcast": True})

    monkeypatch.setattr(RobustClient, "scatter", scatter)
    search = GridSearchCV(
        FramePooling(),
        {"statistics": [("mean",), ("std",), ("median",)]},
        scoring=NShotKWayScorer(k_way=3),
        cv=SpeakerKFold(2),
        refit=False,
    )
    expected = on_cluster(lambda: search.fit(frames, store.y)).cv_results_["mean_test_score"]
    assert scattered.count(frames.nbytes) == 1
    scattered.clear()
    found = on_cluster(lambda: search.fit(store, store.y)).cv_results_["mean_test_score"]
    np.testing.assert_array_equal(found, expected)
    assert max(scattered) == store.y.nbytes
    assert len(pickle.dumps(store)) < 1000


@pytest.mark.skipif(os.name == "nt", reason="no SIGKILL")
def test_a_search_survives_a_worker_that_is_killed(on_cluster, store, tmp_path):
    from deadly import DeadlyPooling

    search = GridSearchCV(
        DeadlyPooling(marker=tmp_path / "died"),
        {"statistics": [("mean",), ("mean", "std")]},
        scoring=NShotKWayScorer(k_way=3),
        cv=SpeakerKFold(2),
        error_score="raise",
        refit=False,
    )
    scores = on_cluster(lambda: search.fit(store, store.y)).cv_results_["mean_test_score"]
    assert (tmp_path / "died").exists()
    expected = search.fit(store, store.y).cv_results_["mean_test_score"]
    np.testing.assert_array_equal(scores, expected)


@pytest.mark.skipif(os.name == "nt", reason="no SIGKILL")
def test_a_training_whose_worker_is_killed_costs_an_epoch_at_most(on_cluster, store, tmp_path):
    from deadly import DeadlyEpoch

    encoder = SiameseSpeakerEncoder(
        "cnn1d", max_epochs=4, checkpoint_dir=tmp_path / "checkpoints", random_state=0
    )
    deadly = encoder.set_params(net__callbacks=[DeadlyEpoch(tmp_path)])
    options = {"cv": SpeakerKFold(2), "scoring": NShotKWayScorer(k_way=3), "error_score": "raise"}
    scores = on_cluster(lambda: cross_val_score(deadly, store, store.y, **options))
    assert (tmp_path / "died").exists()
    epochs = (tmp_path / "epochs.txt").read_text().split("\n")[:-1]
    assert 8 <= len(epochs) <= 10  # two folds of four epochs, an epoch at most lost in each
    undisturbed = SiameseSpeakerEncoder("cnn1d", max_epochs=4, random_state=0)
    np.testing.assert_array_equal(scores, cross_val_score(undisturbed, store, store.y, **options))
