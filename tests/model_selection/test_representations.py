"""Tests of the comparison of representations."""

import time

import numpy as np
import pytest
import soundfile
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.exceptions import NotFittedError
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.utils.validation import check_is_fitted

from sklearn_siamese_speaker.datasets import make_speakers
from sklearn_siamese_speaker.model_selection import (
    compare_representations,
    n_shot_k_way_curve,
    n_shot_k_way_score,
    paired_difference,
)

pytestmark = pytest.mark.filterwarnings("ignore:.*too few for an interval over speakers")


class Spectrum(TransformerMixin, BaseEstimator):
    """Mean power in so many bands; a front end that knows nothing of this library."""

    log = None  # of the recordings and speakers of each fit

    def __init__(self, n_bands=8):
        self.n_bands = n_bands

    def fit(self, X, y=None):
        self.n_fitted_ = len(X)
        if self.log is not None:
            self.log.append(set(y))
        return self

    def transform(self, X):
        check_is_fitted(self)
        bands = np.array_split(np.abs(np.fft.rfft(np.asarray(X)))[:, 1:] ** 2, self.n_bands, axis=1)
        return np.log(np.stack([band.mean(axis=1) for band in bands], axis=1))


@pytest.fixture(scope="module")
def voices():
    return make_speakers(n_speakers=16, n_recordings=5, duration=0.5, random_state=0)


ARRAYS = [
    "n_values",
    "mean",
    "lower",
    "upper",
    "difference",
    "difference_lower",
    "difference_upper",
    "p_value",
    "fit_seconds",
    "embed_milliseconds",
]


def test_each_row_is_what_the_curve_and_the_paired_difference_say(voices):
    X, y = voices
    unseen = [f"speaker{i:02}" for i in (0, 1, 4, 5, 6, 8, 10, 12, 14, 15)]
    pipelines = {"coarse": Spectrum(2), "fine": Spectrum(40), "middle": Spectrum(8)}
    comparison = compare_representations(pipelines, X, y, unseen=unseen, k_way=4, n_tasks=200)
    assert comparison.names == ["coarse", "fine", "middle"]
    assert {comparison[name].shape for name in ARRAYS} == {(3,)}
    assert comparison.chance == 0.25
    mask = np.isin(y, unseen)
    curves = [
        n_shot_k_way_curve(
            p.fit(X[~mask], y[~mask]), X[mask], y[mask], k_ways=[4], n_shots=[1], n_tasks=200
        )
        for p in pipelines.values()
    ]
    best = max(curves, key=lambda curve: curve.mean.item())
    assert np.ptp([curve.mean for curve in curves]) > 0.05
    for i, curve in enumerate(curves):
        for name in ("mean", "lower", "upper"):
            assert comparison[name][i] == pytest.approx(curve[name].item())
        paired = paired_difference(curve, best)
        assert comparison.difference[i] == pytest.approx(paired.difference.item())
        assert comparison.difference_lower[i] == pytest.approx(paired.lower.item())
        assert comparison.difference_upper[i] == pytest.approx(paired.upper.item())
        assert comparison.p_value[i] == pytest.approx(paired.p_value.item())


def test_pipelines_are_cloned_and_fitted_on_none_of_the_unseen(voices, monkeypatch):
    X, y = voices
    fitted_on = []
    monkeypatch.setattr(Spectrum, "log", fitted_on)
    pipeline = make_pipeline(Spectrum())
    comparison = compare_representations({"a": pipeline, "b": pipeline}, X, y, k_way=4, n_tasks=5)
    assert fitted_on[0] == fitted_on[1]
    assert len(fitted_on[0]) == 12  # of 16, a quarter is unseen
    with pytest.raises(NotFittedError):
        check_is_fitted(pipeline[0])
    assert comparison.estimators["b"][0].n_fitted_ == 60
    left = set(y) - fitted_on[0]
    named = compare_representations({"a": pipeline}, X, y, unseen=sorted(left), k_way=4, n_tasks=5)
    assert named.mean == comparison.mean[:1]


def test_classifiers_are_evaluated_as_the_score_evaluates_them(voices):
    X, y = voices
    knn = make_pipeline(Spectrum(), KNeighborsClassifier(1))
    comparison = compare_representations(
        {"k-NN": knn}, X, y, unseen=np.unique(y)[:6], n_shots=2, k_way=3, n_tasks=50, random_state=3
    )
    mask = np.isin(y, np.unique(y)[:6])
    scores = n_shot_k_way_score(
        comparison.estimators["k-NN"],
        X[mask],
        y[mask],
        n_shots=2,
        k_way=3,
        n_tasks=50,
        random_state=3,
    )
    assert comparison.mean == pytest.approx([scores.mean()])
    assert comparison.difference == 0


class Frames(TransformerMixin, BaseEstimator):
    """40 values for every 100 ms of an array at 8 kHz."""

    input_sample_rate = 8000

    def __sklearn_is_fitted__(self):
        return True

    def fit(self, X, y=None):
        return self

    def transform(self, X):
        return np.stack([np.resize(x, (40, len(x) // 800)) for x in X])


def test_values_are_those_of_the_first_step_scaled_to_3_s_of_its_own_sample_rate(voices):
    X, y = voices  # 8000 samples: 1 s at 8 kHz, 0.5 s at 16 kHz
    systems = {
        "frames": make_pipeline(Frames(), Flat(), Spectrum(4)),
        "bands": make_pipeline("passthrough", Spectrum(4)),
        "nothing": KNeighborsClassifier(1),
    }
    comparison = compare_representations(systems, X, y, k_way=4, n_tasks=5)
    assert comparison.n_values.tolist() == [3 * 10 * 40, 6 * 4, 48000]


class Flat(Frames):
    def transform(self, X):
        return X.reshape(len(X), -1)


def test_values_of_files_are_scaled_by_their_duration(voices, tmp_path):
    X, y = voices
    paths = []
    for i, waveform in enumerate(X):
        paths.append(str(tmp_path / f"{i}.wav"))
        soundfile.write(paths[-1], waveform, 8000)
    bands = make_pipeline(FromFiles(), Spectrum())
    comparison = compare_representations({"files": bands}, paths, y, k_way=4, n_tasks=5)
    assert comparison.n_values.tolist() == [24000]  # 8000 a second


def test_an_embedding_has_as_many_values_however_long_the_recording(voices):
    X, y = voices
    embedding = make_pipeline(Embedding(4))
    comparison = compare_representations({"embedding": embedding}, X, y, k_way=4, n_tasks=5)
    assert comparison.n_values.tolist() == [4]


class Embedding(Spectrum):
    embedding_metric_ = "cosine"


class FromFiles(Frames):
    def transform(self, X):
        return np.stack([soundfile.read(path)[0] for path in X])


class Slow(Spectrum):
    def fit(self, X, y=None):
        time.sleep(0.2)
        return super().fit(X, y)

    def transform(self, X):
        time.sleep(0.01 * len(X))
        return super().transform(X)


def test_times_are_those_of_fit_and_of_one_recording(voices):
    comparison = compare_representations({"slow": Slow()}, *voices, k_way=4, n_tasks=5)
    assert comparison.fit_seconds >= 0.2
    assert comparison.embed_milliseconds >= 10  # lower bounds: a busy machine cannot break them


def test_sessions_reach_the_tasks(voices):
    X, y = voices
    groups = np.tile([0, 0, 0, 0, 1], 16)
    with pytest.raises(ValueError, match="in separate sessions"):
        compare_representations({"a": Spectrum()}, X, y, k_way=4, n_tasks=5, groups=groups * 0)
    by_session, anyhow = (
        compare_representations({"a": Spectrum()}, X, y, k_way=4, n_tasks=100, groups=g)
        for g in (groups, None)
    )
    assert by_session.mean != anyhow.mean


def test_progress_is_printed_when_asked_for(voices, capsys):
    compare_representations({"a": Spectrum()}, *voices, k_way=4, n_tasks=5)
    assert capsys.readouterr().out == ""
    compare_representations({"a": Spectrum()}, *voices, k_way=4, n_tasks=5, verbose=1)
    assert capsys.readouterr().out == "fitting a on 60 recordings\n"


@pytest.mark.parametrize(
    ("pipelines", "arguments", "message"),
    [
        ({}, {}, "pipelines is empty; name at least one"),
        ({"a": Spectrum()}, {"unseen": ["eva", "speaker01"]}, "without recordings in y: eva"),
        ({"a": Spectrum()}, {"unseen": [f"speaker{i:02d}" for i in range(16)]}, "all 16 speakers"),
        ({"a": Spectrum()}, {"k_way": 5}, "k_way=5 needs at least 5 speakers .* got 4 of 4"),
    ],
)
def test_what_cannot_be_compared_is_said_before_anything_is_fitted(
    voices, monkeypatch, pipelines, arguments, message
):
    monkeypatch.setattr(Spectrum, "log", log := [])
    with pytest.raises(ValueError, match=message):
        compare_representations(pipelines, *voices, **arguments)
    assert log == []
