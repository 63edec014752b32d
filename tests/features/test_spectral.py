"""Against librosa, and against what can be derived on paper."""

import warnings

import librosa
import numpy as np
import pytest

from sklearn_siamese_speaker.features.spectral import (
    cepstra,
    deltas,
    frame,
    hann_window,
    htk_filters,
    mel_filters,
    mel_spectrum,
    normalize,
    power_spectrum,
    power_to_db,
)

OPTIONS = [(16000, 512, 64, 20.0, 8000.0), (8000, 256, 40, 0.0, 4000.0)]


def hz_to_mel(frequencies):
    """Slaney's scale: 3 mel are 200 Hz below 1 kHz, 27 mel a factor of 6.4 above."""
    above = 15 + 27 * np.log(np.maximum(frequencies, 1000) / 1000) / np.log(6.4)
    return np.where(frequencies < 1000, 3 * frequencies / 200, above)


@pytest.mark.parametrize("options", OPTIONS)
def test_mel_filters_are_triangles_of_area_one_between_points_equally_spaced_in_mel(options):
    sample_rate, n_fft, n_mels, fmin, fmax = options
    fine = np.linspace(fmin, fmax, 200_001)
    mels = np.linspace(hz_to_mel(fmin), hz_to_mel(fmax), n_mels + 2)
    edges = np.interp(mels, hz_to_mel(fine), fine)
    bins = np.arange(1 + n_fft // 2) * sample_rate / n_fft
    expected = [
        np.interp(bins, edges[i : i + 3], [0, 2 / (edges[i + 2] - edges[i]), 0])
        for i in range(n_mels)
    ]
    filters = mel_filters(*options)
    assert filters.dtype == np.float32
    np.testing.assert_allclose(filters.toarray(), expected, rtol=1e-3, atol=1e-7)


def test_empty_mel_filters_are_left_to_the_warning_of_the_front_ends():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert 0 in np.diff(mel_filters(4000, 64, 64, 0.0, 2000.0).indptr)


def test_htk_filters_form_a_partition_between_the_outer_peaks():
    filters = htk_filters(16000, 512, 64, 125.0, 7500.0).toarray()
    limits = 1127 * np.log1p(np.array([125.0, 7500.0]) / 700)
    peaks = 700 * np.expm1(np.linspace(*limits, 66) / 1127)
    bins = np.arange(257) * 16000 / 512
    between = (bins >= peaks[1]) & (bins <= peaks[-2])
    np.testing.assert_allclose(filters[:, between].sum(axis=0), 1, rtol=1e-5)
    assert not filters[:, (bins <= 125) | (bins >= 7500)].any()


def test_power_of_a_tone_is_that_of_its_amplitude():
    # A tone in the center of bin k has magnitude amplitude / 2 * sum(window) there.
    window = hann_window(512, 512)
    waveform = 0.5 * np.cos(2 * np.pi * 32 * np.arange(512) / 512)
    power = power_spectrum(frame(waveform, 512, 512, center=False), window)
    assert power.shape == (257, 1)
    assert power.argmax() == 32
    assert power[32, 0] == pytest.approx((0.5 / 2 * window.sum()) ** 2)


def signals():
    rng = np.random.default_rng(0)
    times = np.arange(16000) / 16000
    tone = np.sin(2 * np.pi * 150.3 * times)
    return {
        "noise": 0.1 * rng.standard_normal(16000),
        "quiet noise": 1e-5 * rng.standard_normal(16000),
        "tone": 0.9 * tone,
        "tone above noise": 0.5 * tone + 1e-4 * rng.standard_normal(16000),
        "offset": 0.3 + 1e-3 * rng.standard_normal(16000),
        "short": rng.standard_normal(300),
    }


@pytest.mark.filterwarnings("ignore:n_fft=512 is too large for input signal")
@pytest.mark.parametrize("waveform", signals().values(), ids=signals().keys())
def test_mel_spectrum_and_cepstra_equal_librosa_within_a_thousandth_of_a_decibel(waveform):
    waveform = waveform.astype(np.float32)
    filters = mel_filters(16000, 512, 64, 20.0, 8000.0)
    ours = power_to_db(mel_spectrum(waveform, filters, hann_window(400, 512), 160))
    options = {"n_fft": 512, "win_length": 400, "hop_length": 160, "n_mels": 64, "fmin": 20.0}
    theirs = librosa.feature.melspectrogram(y=waveform, sr=16000, **options)
    np.testing.assert_allclose(ours, librosa.power_to_db(theirs), atol=1e-3)
    mfcc = librosa.feature.mfcc(y=waveform, sr=16000, n_mfcc=20, **options)
    np.testing.assert_allclose(cepstra(ours, 20), mfcc, atol=1e-3)


def test_deltas_equal_those_of_librosa_with_repeated_ends():
    frames = np.random.default_rng(0).standard_normal((3, 50))
    expected = librosa.feature.delta(frames, width=9, mode="nearest")
    np.testing.assert_allclose(deltas(frames), expected, atol=1e-12)


def test_deltas_of_deltas_of_a_parabola_are_its_curvature():
    parabola = np.arange(40.0)[np.newaxis] ** 2
    np.testing.assert_allclose(deltas(deltas(parabola))[0, 8:-8], 2)


def test_deltas_of_one_frame_are_zero():
    assert not deltas(np.ones((2, 1))).any()


def test_power_to_db_raises_values_to_a_distance_from_the_maximum():
    power = np.float32([100, 1e-3, 1e-9, 0])
    np.testing.assert_allclose(power_to_db(power, top_db=80), [20, -30, -60, -60], atol=1e-5)
    np.testing.assert_allclose(power_to_db(power, top_db=None), [20, -30, -90, -100], atol=1e-5)


def test_normalize_removes_what_it_says():
    frames = np.float32([[1, 3], [5, 5]])
    assert normalize(frames, None) is frames
    np.testing.assert_array_equal(normalize(frames, "mean"), [[-1, 1], [0, 0]])
    np.testing.assert_array_equal(normalize(4 * frames, "mean_variance"), [[-1, 1], [0, 0]])
