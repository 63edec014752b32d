"""Pure functions that give a waveform its length: silence trimmed, cropped, padded."""

from __future__ import annotations

import numpy as np

from ._spectral import frame

SILENCE_DB = 40.0  # below the loudest frame
_FRAME, _HOP = 0.025, 0.010  # seconds


def trim_silent_ends(waveform, sample_rate):
    """Return the waveform from the first to the last frame that is not silent.

    Parameters
    ----------
    waveform : ndarray of shape (n_times,)

    sample_rate : float
        In Hz.

    Returns
    -------
    trimmed : ndarray of shape (n_times_left,)
        A view. A frame of 25 ms is silent if it is 40 dB or more below the loudest; a waveform
        that is silent throughout is returned whole.
    """
    length, hop = max(1, round(_FRAME * sample_rate)), max(1, round(_HOP * sample_rate))
    if len(waveform) <= length:
        return waveform
    frames = frame(waveform, length, hop, center=False)
    energy = np.einsum("ij,ij->i", frames, frames)
    loud = np.flatnonzero(energy > energy.max() * 10 ** (-SILENCE_DB / 10))
    if len(loud) == 0:
        return waveform
    # The last frame answers for the samples behind it that fill no frame.
    end = None if loud[-1] == len(energy) - 1 else loud[-1] * hop + length
    return waveform[loud[0] * hop : end]


def set_length(waveform, n_times, crop="center", pad="zero"):
    """Return a waveform of `n_times` samples.

    Parameters
    ----------
    waveform : ndarray of shape (n_times_before,)

    n_times : int

    crop : {"start", "center", "loudest"}, default="center"
        The part that is kept of a longer waveform; "loudest" has the largest energy.

    pad : {"zero", "repeat"}, default="zero"
        What follows a shorter waveform: zeros, or the waveform again.

    Returns
    -------
    waveform : ndarray of shape (n_times,)
    """
    missing = n_times - len(waveform)
    if missing > 0:
        return np.resize(waveform, n_times) if pad == "repeat" else np.pad(waveform, (0, missing))
    start = {"start": _at_start, "center": _at_center, "loudest": _at_loudest}[crop]
    first = start(waveform, n_times)
    return waveform[first : first + n_times]


def _at_start(waveform, n_times):
    return 0


def _at_center(waveform, n_times):
    return (len(waveform) - n_times) // 2


def _at_loudest(waveform, n_times):
    energy = np.concatenate([[0.0], np.cumsum(np.square(waveform, dtype=float))])
    return int(np.argmax(energy[n_times:] - energy[:-n_times]))
