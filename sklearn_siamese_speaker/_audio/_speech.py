"""The one detector of speech: where a recording has energy."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

FRAME, HOP = 0.025, 0.010  # seconds
DYNAMIC_RANGE_DB = 80.0  # what is further below the loudest frame counts as silent as that
_PERCENTILES = 5, 95


def find_speech(waveform: NDArray, sample_rate: float) -> NDArray[np.bool_]:
    """Return which steps of 10 ms of a waveform are loud enough to be speech, at least one."""
    # The threshold moves with the level and the noise of the recording, so that it needs no tuning;
    # in return it finds speech and silence in a recording that has only one of them.
    length, hop = frame_length(sample_rate), step_length(sample_rate)
    n_steps = -(-len(waveform) // hop)  # the last may be shorter
    # The frame of a step has its middle in the middle of the step; those at the ends are shorter.
    margin = (length - hop) // 2
    energy = frame_energy(np.pad(waveform, (margin, margin + hop)), sample_rate)[:n_steps]
    starts = np.arange(n_steps) * hop - margin
    power = energy / (np.minimum(starts + length, len(waveform)) - np.maximum(starts, 0))
    levels = 10 * np.log10(np.maximum(power, np.finfo(float).tiny))
    levels = np.maximum(levels, levels.max() - DYNAMIC_RANGE_DB)
    quiet, loud = np.percentile(levels, _PERCENTILES)
    return levels >= (quiet + loud) / 2


def frame_energy(waveform: NDArray, sample_rate: float) -> NDArray[np.float64]:
    """Return the sum of squares of each frame of 25 ms, one every 10 ms: (n_frames,)."""
    length = frame_length(sample_rate)  # only whole frames count
    if len(waveform) < length:
        return np.empty(0)
    frames = np.lib.stride_tricks.sliding_window_view(waveform, length)
    frames = frames[:: step_length(sample_rate)]
    return np.einsum("ij,ij->i", frames, frames, dtype=float)


def frame_length(sample_rate: float) -> int:
    """Return the samples of a frame of 25 ms."""
    return round(FRAME * sample_rate)


def step_length(sample_rate: float) -> int:
    """Return the samples of a step of 10 ms."""
    return round(HOP * sample_rate)
