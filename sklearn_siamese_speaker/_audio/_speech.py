"""The one detector of speech: where a recording has energy."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

FRAME, HOP = 0.025, 0.010  # seconds
DYNAMIC_RANGE_DB = 80.0  # what is further below the loudest frame counts as silent as that
_PERCENTILES = 5, 95


def find_speech(waveform: NDArray, sample_rate: float) -> NDArray[np.bool_]:
    """Return which steps of 10 ms of a recording are loud enough to be speech.

    The threshold is the middle, in dB, of the 5th and the 95th percentile of the energy of the
    recording's frames of 25 ms. It moves with the level and the noise of the recording, so that it
    needs no tuning; in return it finds speech and silence in a recording that has only one of them.

    Parameters
    ----------
    waveform : ndarray of shape (n_times,)

    sample_rate : float
        In Hz.

    Returns
    -------
    is_speech : ndarray of shape (n_steps,), bool
        One for each step of 10 ms, rounded to samples; the last step may be shorter. At least one
        is True.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_siamese_speaker._audio import find_speech
    >>> tone = np.sin(np.arange(8000))
    >>> is_speech = find_speech(np.concatenate([0.001 * tone, tone]), 16000)
    >>> is_speech.sum(), len(is_speech)
    (np.int64(51), 100)
    """
    length, hop = frame_length(sample_rate), step_length(sample_rate)
    n_steps = -(-len(waveform) // hop)
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
    """Return the sum of squares of each frame of 25 ms, one every 10 ms: (n_frames,).

    Only whole frames of the waveform, (n_times,), count; a shorter one has none. `sample_rate` is
    in Hz.
    """
    length = frame_length(sample_rate)
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
