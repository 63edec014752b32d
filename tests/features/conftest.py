"""Recordings as rows, as a list and as files."""

import numpy as np
import pytest
import soundfile


@pytest.fixture
def waveforms():
    """Six half seconds whose levels are 60 dB apart."""
    rng = np.random.default_rng(0)
    levels = 10.0 ** np.array([0, -3, 0, -1, -2, -3])
    return (levels[:, np.newaxis] * rng.uniform(-0.9, 0.9, (6, 8000))).astype(np.float32)


@pytest.fixture
def voices(waveforms):
    """The same recordings with lengths of their own."""
    return [waveform[: 8000 - 500 * index] for index, waveform in enumerate(waveforms)]


@pytest.fixture
def paths(tmp_path, voices):
    for index, waveform in enumerate(voices):
        soundfile.write(tmp_path / f"{index}.wav", waveform, 16000, subtype="FLOAT")
    return [str(tmp_path / f"{index}.wav") for index in range(len(voices))]
