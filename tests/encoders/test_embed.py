"""Embedding many recordings: shared where joblib is told so, with the bits of one by one."""

import os
import pickle
import threading

import joblib
import numpy as np
import pytest
import torch
from conftest import make_frames
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

from sklearn_siamese_speaker import PretrainedSpeakerEncoder, SiameseSpeakerEncoder, _torch
from sklearn_siamese_speaker._torch import embed
from sklearn_siamese_speaker.datasets import make_speakers
from sklearn_siamese_speaker.features import FrameStore
from sklearn_siamese_speaker.nn import StatisticsNetwork


@pytest.fixture(autouse=True)
def small_tasks(monkeypatch):
    monkeypatch.setattr(_torch, "_RECORDINGS_PER_TASK", 16)


class MeetingNetwork(torch.nn.Module):
    """Waits, with its first recording, until several threads have come to it."""

    def __init__(self, n_threads):
        super().__init__()
        self.barrier = threading.Barrier(n_threads)
        self.met = set()

    def forward(self, frames):
        if threading.get_ident() not in self.met:
            self.barrier.wait(timeout=20)
            self.met.add(threading.get_ident())
        return frames.mean(2)


def test_threads_share_the_recordings():
    X, _ = make_frames(n_speakers=10, n_recordings=10)
    network = MeetingNetwork(2)
    with joblib.parallel_config(backend="threading", n_jobs=2):
        embeddings = embed(network, X, torch.device("cpu"))
    assert len(network.met) == 2
    np.testing.assert_array_equal(embeddings, embed(MeetingNetwork(1), X, torch.device("cpu")))


class ProcessNetwork(torch.nn.Module):
    """Embeds every recording as the number of its process, and of the threads of torch there."""

    def forward(self, frames):
        return torch.tensor([[os.getpid(), torch.get_num_threads()]], dtype=torch.float64)


def count_threads_there():
    """Return the numbers of torch threads in two processes of joblib."""
    return set(joblib.Parallel(2)(joblib.delayed(torch.get_num_threads)() for _ in range(2)))


def test_processes_share_the_recordings_with_the_threads_of_this_one():
    X, _ = make_frames(n_speakers=10, n_recordings=20)
    here, there = torch.get_num_threads(), count_threads_there()
    try:
        for n_threads in (1, 2):
            torch.set_num_threads(n_threads)
            with joblib.parallel_config(n_jobs=2):
                parts = embed(ProcessNetwork(), X, torch.device("cpu"))
            assert os.getpid() not in parts[:, 0]
            assert set(parts[:, 1]) == {n_threads}
            assert count_threads_there() == there
    finally:
        torch.set_num_threads(here)


class StayingNetwork(torch.nn.Module):
    """Cannot be sent to another process."""

    def forward(self, frames):
        return frames.mean(2)

    def __reduce__(self):
        raise AssertionError("sent")


@pytest.mark.filterwarnings("ignore:.*:DeprecationWarning")  # of torch's compiler
def test_a_compiled_network_is_not_sent_to_another_process():
    X, _ = make_frames(n_speakers=10, n_recordings=20)
    compiled = torch.compile(StayingNetwork(), backend="eager")
    with joblib.parallel_config(n_jobs=2):
        embeddings = embed(compiled, X, torch.device("cpu"))
        with pytest.raises((AssertionError, pickle.PicklingError)):
            embed(StayingNetwork(), X, torch.device("cpu"))
    np.testing.assert_array_equal(embeddings, embed(MeetingNetwork(1), X, torch.device("cpu")))


@pytest.mark.parametrize("backend", ["threading", "loky"])
def test_embeddings_have_the_bits_of_recordings_one_by_one(backend):
    X, y = make_frames(n_speakers=10, n_recordings=5, n_frames=60)
    encoder = SiameseSpeakerEncoder(max_epochs=1, augment=None, network__n_mixtures=4).fit(X, y)
    with joblib.parallel_config(backend=backend, n_jobs=2):
        together = encoder.transform(X)
    np.testing.assert_array_equal(together, np.concatenate([encoder.transform(x[None]) for x in X]))


def test_no_thread_records_a_gradient():
    X, _ = make_frames(n_speakers=10, n_recordings=5)
    with joblib.parallel_config(backend="threading", n_jobs=2):
        embeddings = embed(StatisticsNetwork(5, n_mixtures=4), X, torch.device("cpu"))
    assert embeddings.dtype == np.float32  # a tensor with a gradient has no array


def test_embeddings_of_a_trained_encoder_are_stored_for_what_learns_from_them(small, tmp_path):
    X, y = make_speakers(n_speakers=4, n_recordings=3, duration=2.0, random_state=0)
    encoder = PretrainedSpeakerEncoder("dvector", file=small["dvector"])
    store = FrameStore.write(tmp_path / "store", encoder, list(X), y)
    embeddings = encoder.transform(list(X))
    assert store.shape == embeddings.shape
    np.testing.assert_array_equal(store, embeddings)
    encoder = SiameseSpeakerEncoder("cnn1d", max_epochs=1, random_state=0)
    for learner in (LinearDiscriminantAnalysis(), encoder):
        np.testing.assert_array_equal(
            learner.fit(store, store.y).transform(store),
            learner.fit(embeddings, y).transform(store),
        )
