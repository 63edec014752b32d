"""The log-mel front end of VGGish against published numbers and against its formulas."""

import os
from pathlib import Path

import numpy as np
import pytest
import soundfile

from sklearn_siamese_speaker.features.spectral import vggish_log_mel, vggish_patches


def mel(frequency):
    return 1127 * np.log(1 + frequency / 700)


def slow_log_mel(waveform):
    """Return (n_frames, 64): a sum over samples for each frequency, loops over bands."""
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(400) / 400)
    kernel = np.exp(-2j * np.pi * np.outer(np.arange(400), np.arange(257)) / 512)
    edges = np.linspace(mel(125), mel(7500), 66)
    weights = np.zeros((257, 64))
    for i in range(1, 257):  # the constant component belongs to no band
        position = mel(i * 16000 / 512)
        for j in range(64):
            low, peak, high = edges[j : j + 3]
            rise, fall = (position - low) / (peak - low), (high - position) / (high - peak)
            weights[i, j] = max(0, min(rise, fall))
    starts = range(0, len(waveform) - 400 + 1, 160)
    magnitudes = [np.abs(waveform[start : start + 400] * window @ kernel) for start in starts]
    return np.log(np.array(magnitudes) @ weights + 0.01)


def test_log_mel_of_a_sine_is_the_published_one():
    log_mel = vggish_log_mel(np.sin(2 * np.pi * 1000 * np.arange(0, 3, 1 / 16000))).T
    assert log_mel.shape == (298, 64)
    assert log_mel.dtype == np.float32
    expected = np.tile([-4.48313, -4.27083, -4.17064, -4.60069, -4.60099, -4.60116], (298, 1))
    np.testing.assert_allclose(log_mel[:, [0, 1, 2, -3, -2, -1]], expected, atol=1e-4)
    np.testing.assert_array_equal(log_mel.argmax(axis=1), 19)
    assert log_mel.max() == pytest.approx(4.811118, abs=1e-4)
    assert log_mel.mean() == pytest.approx(-3.429619, abs=1e-4)
    assert log_mel.std() == pytest.approx(2.126577, abs=1e-4)


@pytest.mark.parametrize("level", [1.0, 1e-3])
def test_log_mel_of_noise_equals_the_formulas(level):
    noise = level * np.random.default_rng(0).uniform(-1, 1, 8000).astype(np.float32)
    np.testing.assert_allclose(vggish_log_mel(noise).T, slow_log_mel(noise), atol=1e-4)


def test_log_mel_of_speech_equals_the_formulas():
    folder = os.environ.get("SKLEARN_SIAMESE_SPEAKER_SPEECH")
    if not folder:
        pytest.skip("SKLEARN_SIAMESE_SPEAKER_SPEECH names no folder of speech")
    path = next(p for p in sorted(Path(folder).rglob("*")) if p.suffix in {".wav", ".flac"})
    speech, _ = soundfile.read(path, dtype="float32", always_2d=True)
    speech = speech[:32000, 0]
    np.testing.assert_allclose(vggish_log_mel(speech).T, slow_log_mel(speech), atol=1e-4)


@pytest.mark.parametrize("hop_length", [96, 40, 200])
def test_patches_are_96_frames_from_every_hop(hop_length):
    log_mel = np.random.default_rng(0).normal(size=(64, 298))
    patches = vggish_patches(log_mel, hop_length)
    starts = range(0, 298 - 96 + 1, hop_length)
    assert len(patches) == len(starts)
    for patch, start in zip(patches, starts, strict=True):
        np.testing.assert_array_equal(patch, log_mel.T[start : start + 96])
