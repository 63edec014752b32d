"""The callbacks of scikit-learn 1.9 follow the extraction."""

import warnings

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline

from sklearn_siamese_speaker import AudioError
from sklearn_siamese_speaker.features import MFCC, FramePooling, LogMelSpectrogram, RawAudio

callback = pytest.importorskip("sklearn.callback")


class Log:
    """Remember what is told."""

    def __init__(self):
        self.told = []

    def setup(self, estimator, context):
        self.told.append("setup")

    def teardown(self, estimator, context):
        self.told.append("teardown")

    def on_fit_task_begin(self, estimator, context):
        self.told.append(f"begin {context.task_name} of {context.max_subtasks}")

    def on_fit_task_end(self, estimator, context, fitted_estimator=None):
        self.told.append(f"end {context.task_name}")


STEP = ["begin recordings of 0", "end recordings"]


@pytest.mark.parametrize("front_end", [RawAudio(), LogMelSpectrogram(), MFCC(n_jobs=2)], ids=repr)
@pytest.mark.parametrize("method", ["fit", "fit_transform"])
def test_each_eight_recordings_are_a_task_of_the_fit(waveforms, front_end, method):
    log = Log()
    X = list(waveforms) * 3
    watched = clone(front_end).set_callbacks(log)
    result = getattr(watched, method)(X)
    assert log.told == ["setup", "begin fit of 3", *STEP * 3, "end fit", "teardown"]
    if method == "fit_transform":
        np.testing.assert_array_equal(result, clone(front_end).fit_transform(X))
    assert not hasattr(watched, "_callback_fit_ctx")


def test_pooling_is_one_task(waveforms):
    log = Log()
    FramePooling().set_callbacks(log).fit(MFCC().fit_transform(waveforms))
    assert log.told == ["setup", "begin fit of 0", "end fit", "teardown"]


def test_callbacks_are_told_of_the_end_of_a_fit_that_fails(waveforms):
    log = Log()
    with pytest.raises(AudioError):
        MFCC().set_callbacks(log).fit([*waveforms, np.zeros(8000)])
    assert log.told == ["setup", "begin fit of 1", *STEP, "teardown"]


def test_the_progress_bar_of_scikit_learn_reaches_the_front_end(waveforms, capsys, monkeypatch):
    pytest.importorskip("rich")
    monkeypatch.setenv("COLUMNS", "120")  # a narrow terminal shortens the names of steps
    pipeline = make_pipeline(MFCC(), FramePooling(), KNeighborsClassifier(1))
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # such as that an estimator does not support callbacks
        warnings.filterwarnings("ignore", message="The estimator KNeighborsClassifier does not")
        pipeline.set_callbacks(callback.ProgressBar()).fit(waveforms, [0, 1, 0, 1, 0, 1])
    assert "MFCC" in capsys.readouterr().out
