"""Pure functions that give a waveform its length: silence left out, cropped, padded."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .._audio import find_speech, frame_energy, frame_length, step_length

SILENCE_DB = 40.0  # below the loudest frame


def trim_silent_ends(waveform: NDArray, sample_rate: float) -> NDArray:
    """Return a view of a waveform without ends 40 dB or more below its loudest frame."""
    # Of a waveform without a loud frame, or shorter than a frame, all is returned.
    energy, length = frame_energy(waveform, sample_rate), frame_length(sample_rate)
    loud = np.flatnonzero(energy > energy.max(initial=0) * 10 ** (-SILENCE_DB / 10))
    if len(loud) == 0:
        return waveform
    hop = step_length(sample_rate)
    # The last frame answers for the samples behind it that fill no frame.
    end = None if loud[-1] == len(energy) - 1 else loud[-1] * hop + length
    return waveform[loud[0] * hop : end]


def leave_out_silence(waveform: NDArray, sample_rate: float) -> NDArray:
    """Return the steps of 10 ms of a waveform, (n_times,), with speech, joined: at least one."""
    is_speech = np.repeat(find_speech(waveform, sample_rate), step_length(sample_rate))
    return waveform[is_speech[: len(waveform)]]


def set_length(waveform: NDArray, n_times: int, crop: str = "center", pad: str = "zero") -> NDArray:
    """Return a waveform of `n_times` samples: a part of it, or with `pad` behind it."""
    missing = n_times - len(waveform)
    if missing > 0:
        return np.resize(waveform, n_times) if pad == "repeat" else np.pad(waveform, (0, missing))
    if crop == "loudest":
        first = _find_loudest(waveform, n_times)
        return waveform[first : first + n_times]
    return waveform[find_part(len(waveform), n_times, crop)]


def find_part(n_times_before: int, n_times: int, crop: str) -> slice:
    """Return which samples `set_length` keeps, for the crops that do not look at them."""
    first = 0 if crop == "start" else max(0, n_times_before - n_times) // 2
    return slice(first, first + n_times)


def _find_loudest(waveform: NDArray, n_times: int) -> int:
    energy = np.concatenate([[0.0], np.cumsum(np.square(waveform, dtype=float))])
    return int(np.argmax(energy[n_times:] - energy[:-n_times]))
