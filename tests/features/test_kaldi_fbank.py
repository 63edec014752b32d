"""Kaldi's filter bank against its definition, frame by frame, and against Kaldi's own code."""

import numpy as np
import pytest

from sklearn_siamese_speaker.features.kaldi_fbank import kaldi_fbank, nemo_fbank

RATE = 16000


def make_waveform(seed=0, n_times=8000):
    """Return noise whose loudness falls by 80 dB, on a constant offset."""
    noise = np.random.default_rng(seed).uniform(-0.5, 0.5, n_times)
    return (noise * np.logspace(0, -4, n_times) + 0.05).astype(np.float32)


def reference(waveform, n_mels, window, rate=RATE):
    """Return (n_mels, n_frames): each coefficient written out, in float64."""
    length, hop, n_fft = rate * 25 // 1000, rate // 100, 512 if rate == RATE else 256
    n = np.arange(length)
    raised = 0.5 - 0.5 * np.cos(2 * np.pi * n / (length - 1))
    weights = {"povey": raised**0.85, "hamming": 0.08 + 0.92 * raised}[window]
    mel = 1127 * np.log(1 + np.arange(n_fft // 2) * rate / n_fft / 700)
    low, high = 1127 * np.log(1 + np.array([20, rate / 2]) / 700)
    step = (high - low) / (n_mels + 1)
    columns = []
    for start in range(0, len(waveform) - length + 1, hop):
        frame = waveform[start : start + length].astype(np.float64)
        frame = frame - frame.mean()
        emphasized = np.append(frame[0] - 0.97 * frame[0], frame[1:] - 0.97 * frame[:-1])
        power = np.abs(np.fft.fft(emphasized * weights, n_fft)[: n_fft // 2]) ** 2
        center = low + step * np.arange(1, n_mels + 1)[:, None]
        triangles = np.maximum(0, 1 - np.abs(mel - center) / step)
        columns.append(np.log(np.maximum(triangles @ power, 2.0**-23)))
    return np.array(columns).T


@pytest.mark.parametrize(
    ("n_mels", "window", "rate"),
    [(80, "povey", RATE), (80, "hamming", RATE), (40, "povey", RATE), (40, "povey", 8000)],
)
def test_frames_are_those_of_the_definition(n_mels, window, rate):
    waveform = make_waveform()
    frames = kaldi_fbank(waveform, n_mels=n_mels, window=window, sample_rate=rate)
    assert frames.dtype == np.float32
    np.testing.assert_allclose(frames, reference(waveform, n_mels, window, rate), atol=2e-5)


def test_silence_lies_at_the_floor():
    frames = kaldi_fbank(np.zeros(400, dtype=np.float32))
    np.testing.assert_array_equal(frames, np.full((80, 1), np.log(np.float32(2.0**-23))))


def kaldi_native_fbank(waveform, n_mels, window, *, nemo=False):
    kaldi = pytest.importorskip("kaldi_native_fbank")
    options = kaldi.FbankOptions()
    options.frame_opts.dither, options.frame_opts.window_type = 0, window
    options.mel_opts.num_bins = n_mels
    if nemo:
        options.frame_opts.remove_dc_offset = False
        options.mel_opts.low_freq, options.mel_opts.is_librosa = 0, True
    bank = kaldi.OnlineFbank(options)
    bank.accept_waveform(RATE, waveform.tolist())
    bank.input_finished()
    return np.transpose([bank.get_frame(i) for i in range(bank.num_frames_ready)])


@pytest.mark.parametrize("window", ["povey", "hamming"])
@pytest.mark.parametrize("scale", [1, 32768])
def test_frames_are_those_of_kaldi(window, scale):
    waveform = make_waveform() * np.float32(scale)
    difference = kaldi_fbank(waveform, window=window) - kaldi_native_fbank(waveform, 80, window)
    # Kaldi computes in float32: what it takes the mean from is far louder than what is left.
    assert np.abs(difference).max() < 0.05
    assert np.median(np.abs(difference)) < 1e-4


def test_frames_of_nemo_are_those_of_kaldi_with_the_options_of_sherpa_onnx():
    waveform = make_waveform()
    expected = kaldi_native_fbank(waveform, 64, "hann", nemo=True)
    np.testing.assert_allclose(nemo_fbank(waveform, n_mels=64), expected, atol=0.01)
