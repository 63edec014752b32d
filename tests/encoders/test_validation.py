"""Validation on held-out speakers: when, on whom, and what follows from it."""

import re
from functools import partial

import conftest
import numpy as np
import pytest
import torch
from numpy.testing import assert_array_equal
from sklearn.base import clone
from skorch.callbacks import Callback

from sklearn_siamese_speaker import SiameseSpeakerEncoder, _progress
from sklearn_siamese_speaker.encoders.training._loop import StopTraining, pair_accuracy
from sklearn_siamese_speaker.encoders.training._validation import draw_tasks, hold_out_speakers
from sklearn_siamese_speaker.model_selection import NShotKWaySplit


class StopAfter(Callback):
    """Stop after so many epochs."""

    def __init__(self, n_epochs):
        self.n_epochs = n_epochs

    def on_epoch_end(self, net, **kwargs):
        if len(net.history) == self.n_epochs:
            raise StopTraining


TINY = {
    "network": "cnn2d",
    "network__filters": (4, 4, 4),
    "network__embedding_dim": 8,
    "batch_size": 8,
    "random_state": 0,
}


make_frames = partial(conftest.make_frames, n_speakers=10)


def test_speakers_are_held_out_whole_by_their_share_and_the_seed():
    y = np.repeat(np.arange(20), 3)
    held_out = hold_out_speakers(y, 0.25, seed=0)
    assert len(np.unique(y[held_out])) == 5
    assert not set(y[held_out]) & set(y[~held_out])
    assert_array_equal(held_out, hold_out_speakers(y, 0.25, seed=0))
    assert not np.array_equal(held_out, hold_out_speakers(y, 0.25, seed=1))


@pytest.mark.parametrize(("fraction", "n_held_out"), [(0.05, 0), (0.1, 1), (0.9, 9)])
def test_too_few_speakers_on_either_side_are_counted(fraction, n_held_out):
    message = (
        f"validation_fraction={fraction} of 10 speakers holds out {n_held_out}, but at least 2"
    )
    with pytest.raises(ValueError, match=message):
        hold_out_speakers(np.arange(10), fraction, seed=0)


def test_holding_out_everybody_with_two_recordings_is_refused():
    y = np.repeat([0, 1, 2, 3], [1, 1, 3, 3])
    # A permutation of RandomState(0) begins with both speakers that have more.
    message = "validation_fraction=0.5 of 4 speakers leaves speakers with one recording only"
    with pytest.raises(ValueError, match=message):
        hold_out_speakers(y, 0.5, seed=0)


@pytest.mark.filterwarnings("ignore:1 of 3 speakers in y are left out of the tasks")
def test_tasks_shrink_to_the_speakers_there_are_and_say_when_there_are_too_few():
    y = np.repeat([0, 1, 2], [2, 2, 1])
    support, query = draw_tasks(None, y, seed=0)
    assert support.shape == (100, 2, 1)
    assert query.shape == (100, 2, 1)
    with pytest.raises(
        ValueError, match="needs at least 2 held-out speakers with 3 recordings, got 0"
    ):
        draw_tasks(NShotKWaySplit(2, 4), y, seed=0)


def test_it_validates_every_so_many_batches_of_the_training():
    X, y = make_frames()
    encoder = SiameseSpeakerEncoder(
        max_epochs=5, validation_fraction=0.4, validate_every=4, **TINY
    ).fit(X, y)
    rows = encoder.history_["validations"]  # 24 recordings left, 3 batches an epoch, 15 in all
    assert [(row["epoch"], row["batch"]) for row in rows] == [(2, 4), (3, 8), (4, 12)]
    assert all(0 <= row["accuracy"] <= 1 for row in rows)
    assert len(encoder.classes_) == 6


def test_validation_does_not_change_the_weights():
    X, y = make_frames()
    watched = SiameseSpeakerEncoder(
        max_epochs=3, validation_fraction=0.4, validate_every=2, **TINY
    ).fit(X, y)
    unwatched = clone(watched).set_params(validate_every=9).fit(X, y)
    assert_array_equal(watched.transform(X), unwatched.transform(X))
    assert [row["batch"] for row in unwatched.history_["validations"]] == [9]  # after the last one


@pytest.mark.parametrize("early_stopping", [False, True])
def test_a_validation_that_would_never_run_is_refused(early_stopping):
    encoder = SiameseSpeakerEncoder(
        max_epochs=3,
        validation_fraction=0.4,
        validate_every=10,
        early_stopping=early_stopping,
        **TINY,
    )
    sentence = "validate_every=10 batches, but the whole training has 9: it would never be"
    with pytest.raises(ValueError, match=sentence):
        encoder.fit(*make_frames())


def test_tasks_without_held_out_speakers_are_refused():
    encoder = SiameseSpeakerEncoder(validation=NShotKWaySplit(1, 2), **TINY)
    with pytest.raises(ValueError, match="validation needs speakers to validate on; set"):
        encoder.fit(*make_frames())


@pytest.mark.parametrize(
    ("params", "has_loss"),
    [
        ({}, True),
        ({"loss": "bce", "pairs": "random"}, True),
        ({"loss": "aam", "metric": "cosine"}, False),
    ],
)
def test_the_history_holds_loss_and_pair_accuracy_of_training_and_validation(params, has_loss):
    X, y = make_frames()
    encoder = SiameseSpeakerEncoder(
        max_epochs=4, lr=0.1, validation_fraction=0.4, validate_every=3, **params, **TINY
    ).fit(X, y)
    epochs, validations = encoder.history_["epochs"], encoder.history_["validations"]
    assert [set(row) for row in epochs] == [
        {"epoch", "train_loss", "train_pair_accuracy", "seconds"}
    ] * 4
    assert [set(row) for row in validations] == [
        {"epoch", "batch", "accuracy", "loss", "pair_accuracy"}
    ] * 4
    assert all(0.5 <= row["train_pair_accuracy"] <= 1 for row in epochs)
    assert all(0.5 <= row["pair_accuracy"] <= 1 for row in validations)
    assert [isinstance(row["loss"], float) for row in validations] == [has_loss] * 4


def test_pair_accuracy_by_hand():
    def accuracy(distances, same):
        return pair_accuracy(torch.tensor(distances), torch.tensor(same))

    assert accuracy([1.0, 2.0, 3.0, 4.0], [True, True, False, False]) == 1
    assert accuracy([1.0, 1.0, 1.0, 1.0], [True, True, False, False]) == 0.5
    assert accuracy([3.0, 4.0, 1.0, 2.0], [True, True, False, False]) == 0.5
    # Accepted up to 2: both of the same, one of three different ones.
    assert accuracy([1.0, 2.0, 1.5, 3.0, 4.0], [True, True, False, False, False]) == 5 / 6
    assert accuracy([1.0, 2.0], [True, True]) is None


def test_a_verbose_training_prints_a_line_an_epoch(capsys):
    X, y = make_frames()
    SiameseSpeakerEncoder(
        max_epochs=2, validation_fraction=0.4, validate_every=4, verbose=1, **TINY
    ).fit(X, y)
    out, err = capsys.readouterr()
    lines = out.splitlines()
    assert re.fullmatch(r"epoch 1/2, loss \d\.\d{4}, \d+ s left", lines[0])
    assert re.fullmatch(r"epoch 2/2, loss \d\.\d{4}, validation [01]\.\d{3}, 0 s left", lines[1])
    assert (len(lines), err) == (2, "")


def test_a_training_longer_than_five_seconds_says_so_in_one_line(capsys, monkeypatch):
    monkeypatch.setattr(_progress, "QUIET_SECONDS", 0.0)
    SiameseSpeakerEncoder(max_epochs=2, **TINY).fit(*make_frames())
    out, err = capsys.readouterr()
    assert out == ""
    assert re.fullmatch(r"Training, batch: 1 of 10, .* left, epoch 1/2, loss [\d.]+\n", err)


def test_early_stopping_keeps_the_weights_of_the_best_validation():
    X, y = make_frames()
    encoder = SiameseSpeakerEncoder(
        max_epochs=50, validation_fraction=0.4, validate_every=3, early_stopping=3, **TINY
    ).fit(X, y)
    accuracies = [row["accuracy"] for row in encoder.history_["validations"]]
    best = int(np.argmax(accuracies))
    assert len(accuracies) - 1 - best == 3  # every epoch is one validation
    assert encoder.n_iter_ == len(accuracies) < 50
    # A schedule of the same length that is cut at the best epoch gives the same weights.
    cut = clone(encoder).set_params(early_stopping=False, net__callbacks=[StopAfter(best + 1)])
    assert_array_equal(cut.fit(X, y).transform(X), encoder.transform(X))


def test_early_stopping_without_held_out_speakers_is_refused():
    X, y = make_frames()
    with pytest.raises(ValueError, match="early_stopping needs speakers to validate on; set"):
        SiameseSpeakerEncoder(early_stopping=True, **TINY).fit(X, y)


def test_a_collapsed_network_is_noticed():
    X, y = make_frames()

    def to_one_point(embeddings, labels):
        return (embeddings - 1).pow(2).mean() * 0 + (embeddings * 0).sum()

    encoder = SiameseSpeakerEncoder(Constant(), loss=to_one_point, max_epochs=1, batch_size=8)
    with pytest.warns(UserWarning, match="The network has collapsed: embeddings of size"):
        encoder.fit(X, y)


def Constant():  # noqa: N802 - reads as the module it returns
    import torch

    class _Constant(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.point = torch.nn.Parameter(torch.ones(4))

        def forward(self, frames):
            return self.point.expand(len(frames), 4)

    return _Constant()


def test_warm_start_goes_on_with_other_speakers():
    X, y = make_frames()
    encoder = SiameseSpeakerEncoder(max_epochs=1, lr=1e-12, **TINY).fit(X, y)
    before = encoder.state_
    names = np.array([f"new{i}" for i in y % 5])
    encoder.set_params(warm_start=True).fit(X + 100, names)
    assert encoder.classes_.tolist() == [f"new{i}" for i in range(5)]
    # The rate is next to nothing: the standardization and the weights are those of the first fit.
    assert_array_equal(encoder.state_["mean"], before["mean"])
    weight = "network.embedding.0.weight"
    np.testing.assert_allclose(encoder.state_[weight], before[weight], atol=1e-6)
    encoder.set_params(warm_start=False, random_state=1).fit(X + 100, names)
    assert (encoder.state_["mean"] > before["mean"] + 50).all()
    assert np.abs(encoder.state_[weight] - before[weight]).max() > 0.1


def test_scikit_learn_callbacks_follow_the_epochs_and_can_watch_without_changing_the_fit():
    callback = pytest.importorskip("sklearn.callback")
    X, y = make_frames()
    plain = SiameseSpeakerEncoder(max_epochs=3, **TINY).fit(X, y)
    monitor = callback.ScoringMonitor(scoring={"size": embedding_size})
    watched = clone(plain).set_callbacks(monitor).fit(X, y)
    assert_array_equal(watched.transform(X), plain.transform(X))
    rows = monitor.get_logs().data
    assert [row["task_name"] for row in rows] == ["epoch"] * 3
    assert rows[-1]["size"] == pytest.approx(embedding_size(plain, X, y))


def embedding_size(estimator, X, y):
    return float(np.abs(estimator.transform(X)).mean())
