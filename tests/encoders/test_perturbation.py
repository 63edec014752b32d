"""Copies at other speeds and through other channels, for the training only."""

import numpy as np
import pytest
import soundfile
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline

from sklearn_siamese_speaker import (
    MFCC,
    AudioError,
    ChannelPerturbation,
    FramePooling,
    SpeedPerturbation,
)
from sklearn_siamese_speaker.datasets import make_speakers
from sklearn_siamese_speaker.encoders.perturbation._channels import CHANNELS, add_noise, mu_law
from sklearn_siamese_speaker.model_selection import NShotKWayScorer, SpeakerKFold

RATE = 16000


class Keep(TransformerMixin, BaseEstimator):
    """An encoder that keeps what it was fitted on."""

    def fit(self, X, y):
        self.X_, self.y_ = X, y
        return self

    def transform(self, X):
        return np.array([[len(x)] for x in X], dtype=np.float32)


def sine(frequency, n_times=RATE):
    return 0.5 * np.sin(2 * np.pi * frequency * np.arange(n_times) / RATE).astype(np.float32)


def main_frequency(waveform):
    spectrum = np.abs(np.fft.rfft(waveform * np.hanning(len(waveform))))
    return spectrum.argmax() * RATE / len(waveform)


@pytest.fixture(scope="module")
def recordings():
    return make_speakers(n_speakers=6, n_recordings=4, duration=0.5, random_state=0)


def test_a_faster_copy_is_shorter_and_higher_by_the_speed():
    fitted = SpeedPerturbation(Keep(), speeds=[1.25]).fit([sine(400), sine(500)], ["a", "b"])
    copy = fitted.encoder_.X_[2]
    assert len(copy) == RATE / 1.25
    assert main_frequency(copy) == pytest.approx(500, abs=2)


def test_each_speed_is_another_speaker_and_recordings_come_first():
    X, y = [sine(f) for f in (300, 400, 500)], ["b", "a", "b"]
    fitted = SpeedPerturbation(Keep(), speeds=(0.8, 1.1)).fit(X, y)
    assert fitted.encoder_.y_.tolist() == [1, 0, 1, 3, 2, 3, 5, 4, 5]
    assert [len(x) for x in fitted.encoder_.X_[3:9:3]] == [20000, 14545]
    assert fitted.encoder_.X_[:3] == X
    assert fitted.classes_.tolist() == ["a", "b"]


@pytest.mark.parametrize("y", [[3, 3, 7, 7], ["x", "x", "y", "y"], np.array([0, 0, 1, 1], "u1")])
def test_labels_of_any_kind(y):
    X = [sine(f) for f in (300, 310, 500, 510)]
    fitted = SpeedPerturbation(Keep()).fit(X, y)
    assert_array_equal(fitted.classes_, np.unique(y))
    assert len(np.unique(fitted.encoder_.y_)) == 6


@pytest.mark.filterwarnings("ignore::sklearn_siamese_speaker.AudioQualityWarning")
@pytest.mark.parametrize("file_rate", [8000, 22050])
def test_a_file_is_perturbed_at_its_own_rate_and_brought_to_that_of_the_front_end(
    tmp_path, file_rate
):
    path = tmp_path / "voice.wav"
    times = np.arange(file_rate) / file_rate
    soundfile.write(path, 0.5 * np.sin(2 * np.pi * 400 * times), file_rate)
    inner = SpeedPerturbation(Keep(), speeds=[0.5])
    copy = inner.fit([path, sine(300)], ["a", "b"]).encoder_.X_[2]
    assert len(copy) == 2 * RATE
    assert main_frequency(copy) == pytest.approx(200, abs=1)


@pytest.mark.filterwarnings("ignore::sklearn_siamese_speaker.AudioQualityWarning")
def test_files_are_brought_to_the_rate_of_arrays_that_the_front_end_has(tmp_path):
    path = tmp_path / "voice.wav"
    soundfile.write(path, sine(400), RATE)
    encoder = make_pipeline(MFCC(input_sample_rate=8000, sample_rate=8000), Keep())
    frames = SpeedPerturbation(encoder, speeds=[1.6]).fit([path, path], [0, 1]).encoder_[1].X_
    assert frames[0].shape[1] == 101  # every 10 ms of a second
    assert frames[2].shape[1] == 63


def test_rows_keep_their_length_and_a_fast_copy_repeats():
    X = np.stack([sine(300), sine(400)])
    inner = SpeedPerturbation(Keep(), speeds=(0.5, 2.0)).fit(X, [0, 1]).encoder_
    assert inner.X_.shape == (6, RATE)
    assert_allclose(inner.X_[4][: RATE // 2], inner.X_[4][RATE // 2 :])
    with pytest.raises(ValueError, match="X has 100 features, but SpeedPerturbation is expecting"):
        SpeedPerturbation(Keep()).fit(X, [0, 1]).transform(X[:, :100])


def test_no_copy_is_made_after_the_fit(recordings):
    X, y = recordings
    encoder = make_pipeline(MFCC(n_mfcc=8), FramePooling(), LinearDiscriminantAnalysis())
    fitted = SpeedPerturbation(encoder).fit(X, y)
    assert_array_equal(fitted.transform(X), fitted.encoder_.transform(X))
    assert len(fitted.get_feature_names_out()) == fitted.transform(X).shape[1]


def test_it_is_searched_together_with_what_it_holds(recordings):
    X, y = recordings
    encoder = make_pipeline(MFCC(n_mfcc=8), FramePooling(), LinearDiscriminantAnalysis())
    grid = {"speeds": [(0.9,), (0.9, 1.1)], "encoder__mfcc__n_mfcc": [4, 8]}
    scoring = NShotKWayScorer(k_way=3, n_tasks=20)
    search = GridSearchCV(
        SpeedPerturbation(encoder), grid, scoring=scoring, cv=SpeakerKFold(2), error_score="raise"
    ).fit(list(X), y)
    assert search.best_params_["encoder__mfcc__n_mfcc"] in (4, 8)


def test_a_memory_of_the_front_end_serves_the_copies_again(tmp_path, recordings):
    X, y = recordings
    encoder = make_pipeline(MFCC(memory=str(tmp_path)), FramePooling())
    first = SpeedPerturbation(encoder).fit(list(X), y).transform(list(X))
    n_files = len(list(tmp_path.rglob("*.pkl")))
    again = SpeedPerturbation(encoder).fit(list(X), y).transform(list(X))
    assert len(list(tmp_path.rglob("*.pkl"))) == n_files > 0
    assert_array_equal(first, again)


@pytest.mark.parametrize(
    ("speeds", "message"),
    [
        ((1.0,), "speeds holds 1.0; every speed is a number from 0.5 to 2.0 other than 1"),
        ((0.9, 3), "speeds holds 3; every speed"),
        (("fast",), "speeds holds 'fast'; every speed"),
        ((True,), "speeds holds True; every speed"),
        ((), "must hold one or more different speeds"),
        ((0.9, 0.9), "must hold one or more different speeds"),
    ],
)
def test_bad_speeds_are_named(speeds, message):
    with pytest.raises(ValueError, match=message):
        SpeedPerturbation(Keep(), speeds).fit([sine(300), sine(400)], [0, 1])


def test_bad_recordings_and_a_missing_y_are_named():
    with pytest.raises(AudioError, match=r"X\[1\] 'missing.wav'"):
        SpeedPerturbation(Keep()).fit([sine(300), "missing.wav"], [0, 1])
    with pytest.raises(ValueError, match="the target y is None"):
        SpeedPerturbation(Keep()).fit([sine(300)], None)


def test_a_failed_fit_leaves_a_fitted_one_as_it_was():
    fitted = SpeedPerturbation(Keep()).fit([sine(300), sine(400)], [0, 1])
    before = fitted.encoder_
    with pytest.raises(AudioError):
        fitted.fit(["missing.wav", sine(300)], [0, 1])
    assert fitted.encoder_ is before


def power_between(waveform, low, high):
    spectrum = np.abs(np.fft.rfft(waveform)) ** 2
    frequencies = np.fft.rfftfreq(len(waveform), 1 / RATE)
    return spectrum[(frequencies >= low) & (frequencies < high)].mean()


def test_a_telephone_passes_its_band_only():
    rng = np.random.default_rng(0)
    changed = CHANNELS["telephone"](0.1 * rng.standard_normal(RATE), RATE, rng)
    assert changed.shape == (RATE,)
    inside = power_between(changed, 500, 2500)
    assert power_between(changed, 4200, 8000) < 1e-3 * inside
    assert power_between(changed, 0, 60) < 0.05 * inside


def test_a_room_makes_a_click_die_away_exponentially():
    click = np.zeros(2 * RATE, dtype=np.float32)
    click[0] = 0.5
    rng = np.random.default_rng(0)
    echoes = CHANNELS["room"](click, RATE, rng)[1:]
    level = [np.mean(echoes[i : i + 800] ** 2) for i in (0, 800, 1600)]
    assert level[0] > level[1] > level[2] > 0
    assert abs(np.log(level[0] / level[1]) - np.log(level[1] / level[2])) < 0.7


@pytest.mark.parametrize("snr", [0, 20])
def test_noise_lies_so_many_decibels_below_the_speech(snr):
    rng = np.random.default_rng(0)
    speech = sine(400)
    hiss = add_noise(speech, snr, rng) - speech
    assert 10 * np.log10(np.mean(speech**2) / np.mean(hiss**2)) == pytest.approx(snr, abs=0.01)


def test_mu_law_is_finer_for_small_samples():
    samples = np.linspace(-1, 1, 2001)
    error = np.abs(mu_law(samples) - samples)
    assert error.max() < 0.03
    assert error[np.abs(samples) < 0.05].max() < 0.003
    assert len(np.unique(mu_law(samples))) <= 255


def test_copies_through_channels_are_of_the_same_speaker():
    X, y = [sine(300), sine(400, 8000)], ["b", "a"]
    fitted = ChannelPerturbation(Keep(), ["room", "noise"], random_state=0).fit(X, y)
    assert fitted.encoder_.y_.tolist() == ["b", "a"] * 3
    assert [len(x) for x in fitted.encoder_.X_] == [RATE, 8000] * 3
    assert np.abs(fitted.encoder_.X_[4] - X[0]).max() > 0.001


def test_the_same_seed_draws_the_same_channels():
    X, y = [sine(300), sine(400)], [0, 1]
    first, again, other = (
        ChannelPerturbation(Keep(), random_state=seed).fit(X, y).encoder_.X_[-1]
        for seed in (0, 0, 1)
    )
    assert_array_equal(first, again)
    assert np.abs(first - other).max() > 1e-3


@pytest.mark.parametrize("channels", [[], ["radio"]])
def test_unknown_channels_are_named(channels):
    with pytest.raises(ValueError, match="must name at least one of telephone, room, noise"):
        ChannelPerturbation(Keep(), channels).fit([sine(300)], [0])
