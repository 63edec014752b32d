"""Samples: scaled, mixed to one channel, looked at for faults, resampled."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import soxr
from numpy.typing import NDArray

MIN_SAMPLE_RATE, MAX_SAMPLE_RATE = 4_000, 192_000  # Hz
MIN_DURATION, MAX_DURATION = 0.1, 3_600.0  # seconds
MAX_PEAK = 1.5  # full scale is 1; lossy codecs overshoot it a little
MIN_PEAK = 1e-6
MAX_CLIPPED = 0.01  # share of the samples

_PCM = {"uint8": (128, 2**7), "int16": (0, 2**15), "int32": (0, 2**31)}  # midpoint, full scale
_FULL_SCALE = 1 - 2**-12  # of the samples that a recorder of 16 bits cuts off, with some margin
_QUALITY = "HQ"  # of resampling

Waveform = NDArray[np.float32]


def scale(array: NDArray) -> Waveform:
    """Return float32 samples; the bits are those of soundfile for PCM of the same width."""
    if array.dtype.name not in _PCM:
        with np.errstate(over="ignore"):
            return array.astype(np.float32, copy=False)
    midpoint, full_scale = _PCM[array.dtype.name]
    return (array.astype(np.float32) - np.float32(midpoint)) * np.float32(1 / full_scale)


def mix(channels: Waveform) -> Waveform:
    """Return the mean of channels of shape (n_times, n_channels), of shape (n_times,)."""
    return channels[:, 0] if channels.shape[1] == 1 else channels.mean(axis=1)


@dataclass
class Survey:
    """What is wrong with a recording, found block by block, so that it need not lie in memory."""

    n_times: int = 0
    low: float = np.inf
    high: float = -np.inf
    n_clipped: int = 0
    n_nonfinite: int = 0
    first_nonfinite: int = 0
    lows: NDArray | float = np.inf  # of each channel
    highs: NDArray | float = -np.inf

    def add(self, channels: Waveform, waveform: Waveform) -> None:
        """Look at a block of shape (n_times, n_channels) and at what it is mixed to."""
        finite = np.isfinite(waveform)
        if not finite.all():
            if not self.n_nonfinite:
                self.first_nonfinite = self.n_times + int(np.argmin(finite))
            self.n_nonfinite += int(np.sum(~finite))
        self.n_times += len(waveform)
        self.low, self.high = min(self.low, waveform.min()), max(self.high, waveform.max())
        if self.peak >= _FULL_SCALE:
            self.n_clipped += int(np.sum(np.abs(waveform) >= _FULL_SCALE))
        if channels.shape[1] > 1:
            self.lows = np.minimum(self.lows, channels.min(axis=0))
            self.highs = np.maximum(self.highs, channels.max(axis=0))

    @property
    def peak(self) -> float:
        """Largest magnitude of a sample."""
        return float(max(-self.low, self.high))

    def find_nonfinite(self) -> str | None:
        """Return a reason to refuse the recording if any sample is NaN or infinite, else None."""
        if not self.n_nonfinite:
            return None
        return (
            f"holds {self.n_nonfinite} NaN or infinite samples, the first at "
            f"{self.first_nonfinite}; repair it or leave it out."
        )

    def find_quality_fault(self, sample_rate: float | None = None) -> str | None:
        """Return a reason to doubt the recording - length, scale, silence -, else None.

        The length is not looked at without `sample_rate`, in Hz.
        """
        if sample_rate is not None:
            duration = self.n_times / sample_rate
            if duration < MIN_DURATION:
                return f"lasts {duration:.3g} s, less than {MIN_DURATION} s; leave it out."
            if duration > MAX_DURATION:
                return too_long(duration)
        if self.peak > MAX_PEAK:
            return (
                f"peaks at {self.peak:.3g}, beyond full scale (1.0); scale it to [-1, 1], or pass "
                "PCM as int16, int32 or uint8."
            )
        if self.high - self.low >= 2 * MIN_PEAK:
            return None
        if np.max(self.highs - self.lows) >= 2 * MIN_PEAK:
            return "is silent once its channels are averaged: they cancel out; pass one of them."
        return "is silent (all samples are equal); leave it out."

    def find_clipping(self) -> str | None:
        """Return a reason to doubt the recording if many samples are at full scale, else None."""
        share = self.n_clipped / max(self.n_times, 1)
        if share <= MAX_CLIPPED or self.peak > 1:  # above 1 nothing was cut off
            return None
        return (
            f"is clipped: {share:.1%} of its samples are at full scale; record it at a lower level."
        )


def too_long(duration: float) -> str:
    """Return the reason to refuse a recording of that many seconds."""
    return f"lasts {duration:.6g} s, more than {MAX_DURATION:g} s; cut it into shorter ones."


def resample(waveform: Waveform, sample_rate: float, target_rate: float | None) -> Waveform:
    """Return the waveform of shape (n_times,) at `target_rate` Hz; at least one sample."""
    if target_rate in (None, sample_rate):
        return waveform
    resampled = soxr.resample(waveform, sample_rate, target_rate, quality=_QUALITY)
    return resampled if len(resampled) else waveform[:1]


def resample_blocks(
    blocks: Iterable[Waveform], sample_rate: float, target_rate: float | None
) -> Iterator[Waveform]:
    """Yield the bits of `resample` for a waveform that comes in blocks."""
    if target_rate in (None, sample_rate):
        yield from blocks
        return
    stream = soxr.ResampleStream(sample_rate, target_rate, 1, dtype="float32", quality=_QUALITY)
    for block in blocks:
        yield stream.resample_chunk(block)
    yield stream.resample_chunk(np.empty(0, np.float32), last=True)


def resampled_length(n_times: int, sample_rate: float, target_rate: float | None) -> int:
    """Return the number of samples that soxr makes of `n_times`."""
    if target_rate in (None, sample_rate):
        return n_times
    return int(n_times * target_rate / sample_rate + 0.5)
