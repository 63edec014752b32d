"""From X to waveforms: each sound of an X is opened, checked and read; errors name it."""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import joblib
import numpy as np
import soxr
from numpy.typing import ArrayLike, NDArray
from soundfile import SoundFile

from .._files import read_and_hash
from ._sound_files import (
    MAX_CHANNELS,
    MAX_DURATION,
    MIN_DURATION,
    check_regular_file,
    decode,
    open_sound_file,
    too_long,
)

MAX_PEAK = 1.5  # full scale is 1; lossy codecs overshoot it a little
MIN_PEAK = 1e-6
MAX_CLIPPED = 0.01  # share of the samples

_PCM = {"uint8": (128, 2**7), "int16": (0, 2**15), "int32": (0, 2**31)}  # midpoint, full scale
_FULL_SCALE = 1 - 2**-12  # of the samples that a recorder of 16 bits cuts off, with some margin
_QUALITY = "HQ"  # of resampling
LISTED_FAULTS = 10
_NOT_THE_USER = {"sklearn_siamese_speaker", "sklearn", "joblib", "contextlib"}

Recordings: TypeAlias = ArrayLike | Sequence[str | os.PathLike[str]]
Waveform: TypeAlias = NDArray[np.float32]


class AudioError(ValueError):
    """Sound that cannot be used.

    Attributes
    ----------
    index : int or None
        Position in X of the first recording that cannot be used.

    path : str or None
        Its file, None for a waveform in memory.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_siamese_speaker import MFCC, AudioError
    >>> X = [np.sin(np.arange(1600.0)), np.array([0.0, np.nan])]
    >>> try:
    ...     MFCC().fit_transform(X)
    ... except AudioError as error:
    ...     print(error.index)
    1
    """

    def __init__(self, message: str, index: int | None = None, path: str | None = None) -> None:
        super().__init__(message)
        self.index = index
        self.path = path


class AudioQualityWarning(UserWarning):
    """Sound that can be used but is probably not what was meant.

    Examples
    --------
    >>> import warnings
    >>> import numpy as np
    >>> from sklearn_siamese_speaker import MFCC, AudioQualityWarning
    >>> silence = np.zeros((1, 1600))
    >>> with warnings.catch_warnings(record=True) as caught:
    ...     warnings.simplefilter("always")
    ...     frames = MFCC().fit_transform(silence)
    >>> caught[0].category.__name__
    'AudioQualityWarning'
    """


def warn_caller(message: str, category: type[Warning] = UserWarning) -> None:
    """Warn at the line of the user's code that led here, through any number of our functions."""
    level, frame = 1, sys._getframe()
    while frame.f_back and frame.f_globals["__name__"].partition(".")[0] in _NOT_THE_USER:
        level, frame = level + 1, frame.f_back
    warnings.warn(message, category, stacklevel=level)


# Samples: scaled, mixed to one channel, looked at for faults, resampled


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
        """Return a reason to doubt the recording - length, scale, silence -, else None."""
        if sample_rate is not None:  # of a row of an array, the length is not looked at
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


@dataclass(frozen=True)
class Recording:
    """One sound of an X: a file, or a waveform in memory, with its sample rate in Hz."""

    index: int
    path: str | None = None
    waveform: Waveform | None = None
    sample_rate: float | None = None
    sound: SoundFile | None = None  # a file that is open already is not opened again

    def fault(self, reason: str) -> AudioError:
        """Return, not raise, the `AudioError` that says why this recording cannot be used."""
        where = f"X[{self.index}]" + (f" {self.path!r}" if self.path is not None else "")
        return AudioError(f"{where} {reason}", self.index, self.path)

    @property
    def duration(self) -> float:
        """Length in seconds, as far as the header of a file knows it."""
        if self.path is not None:
            with self._open() as sound:
                return sound.frames / sound.samplerate
        assert self.waveform is not None
        assert self.sample_rate is not None
        return len(self.waveform) / self.sample_rate

    def check(self) -> None:
        """Raise `AudioError` if the recording cannot be used; a file is decoded to its end."""
        if self.path is not None:
            self._read_file(None, lambda n_times: slice(0, 0))

    def read(
        self, sample_rate: float | None = None, keep: Callable[[int], slice] | None = None
    ) -> Waveform:
        """Return the checked mono waveform, (n_times,), or the part of it that `keep` returns."""
        if self.path is not None:
            # All of a file is decoded and checked, but only the part to keep, given the number of
            # samples at `sample_rate`, lies in memory.
            return self._read_file(sample_rate, keep)
        assert self.waveform is not None
        assert self.sample_rate is not None
        survey = Survey()
        survey.add(self.waveform[:, np.newaxis], self.waveform)
        self._warn(survey.find_clipping())
        waveform = resample(self.waveform, self.sample_rate, sample_rate)
        return waveform if keep is None else waveform[keep(len(waveform))]

    def fingerprint(self) -> tuple[str, float | None]:
        """Return what tells the content from any other: a hash, and the rate of a waveform."""
        if self.path is None:
            return joblib.hash(self.waveform), self.sample_rate
        check_regular_file(self.path, self.fault)
        # Read anew each time: a file may change while its frames are extracted.
        return read_and_hash(self.path), None

    def _read_file(
        self,
        sample_rate: float | None,
        keep: Callable[[int], slice] | None,
        length: int | None = None,
    ) -> Waveform:
        with self._open() as sound:
            rate = sound.samplerate
            if length is None:
                length = resampled_length(sound.frames, rate, sample_rate)
            survey = Survey()
            blocks = resample_blocks(self._mix_blocks(sound, survey), rate, sample_rate)
            part = slice(0, None) if keep is None else keep(length)
            waveform, found = _collect(blocks, part)
        reason = survey.find_nonfinite() or survey.find_quality_fault(rate)
        if reason:
            raise self.fault(reason)
        if keep is not None and found != length:  # the header did not say how long it is
            return self._read_file(sample_rate, keep, found)
        self._warn(survey.find_clipping())
        return waveform

    def _open(self) -> SoundFile:
        if self.sound is not None and not self.sound.closed:
            return self.sound
        assert self.path is not None
        return open_sound_file(self.path, self.fault)

    def close(self) -> None:
        """Close the file, if it is open."""
        if self.sound is not None:
            self.sound.close()

    def _mix_blocks(self, sound: Any, survey: Survey) -> Iterator[Waveform]:
        for channels in decode(sound, self.fault):
            waveform = mix(channels)
            survey.add(channels, waveform)
            yield waveform

    def _warn(self, reason: str | None) -> None:
        if reason:
            warn_caller(str(self.fault(reason)), AudioQualityWarning)


def _collect(blocks: Iterator[Waveform], part: slice) -> tuple[Waveform, int]:
    """Return the samples of `part` of a waveform in blocks, and how many it has in all."""
    kept, n_times = [np.empty(0, np.float32)], 0
    for block in blocks:
        stop = None if part.stop is None else max(0, part.stop - n_times)
        piece = block[max(0, part.start - n_times) : stop]
        if len(piece):
            kept.append(piece.copy() if len(piece) < len(block) else piece)
        n_times += len(block)
    return np.concatenate(kept), n_times


# From X to recordings


def is_list_of_recordings(X: Any) -> bool:
    """Whether `X` is a sequence of paths or of arrays, and not rows of numbers."""
    if isinstance(X, (str, bytes, os.PathLike)):
        raise TypeError(f"X is one path, {X!r}; pass a list of paths: [{X!r}].")
    if len(getattr(X, "shape", (0,))) != 1 or not hasattr(X, "__len__"):
        return False
    return any(_is_path(item) or len(getattr(item, "shape", ())) > 0 for item in X)


def open_recordings(
    X: Any, input_sample_rate: float, sample_rate: float | None = None
) -> tuple[list[Recording], list[AudioError]]:
    """Return the recordings of X that can be used, and a fault for each other; decode no file."""
    # Rows of an array may be short; silent rows and rows beyond full scale warn.
    is_rows = not is_list_of_recordings(X)
    recordings, faults, doubts = open_some(X, 0, is_rows, input_sample_rate, sample_rate)
    for recording in recordings:
        recording.close()
    warn_of_doubts(doubts)
    return recordings, faults


def open_some(
    items: Any,
    first: int,
    is_rows: bool,
    input_sample_rate: float,
    sample_rate: float | None = None,
) -> tuple[list[Recording], list[AudioError], list[AudioError]]:
    """Open some of the sounds of an X, ``items[0]`` being number `first`; return doubts too."""
    # Files are left open, so that each is opened once: whoever calls this closes the recordings.
    recordings, faults, doubts = [], [], []
    for index, item in enumerate(items, first):
        try:
            recording, reason = _open_item(Recording(index), item, input_sample_rate, is_rows)
        except AudioError as fault:
            faults.append(fault)
            continue
        recordings.append(recording)
        reason = reason or _find_narrow_band(recording.sample_rate, sample_rate)
        if reason:
            doubts.append(recording.fault(reason))
    return recordings, faults, doubts


def warn_of_doubts(doubts: Sequence[AudioError]) -> None:
    """Warn once of the recordings that are probably not what was meant, if there are any."""
    if doubts:
        warn_caller(_list_faults(doubts), AudioQualityWarning)


def raise_faults(faults: Sequence[AudioError], n_recordings: int) -> None:
    """Raise one `AudioError` that lists the first ten `faults`, if there are any."""
    if faults:
        faults = sorted(faults, key=lambda fault: fault.index or 0)
        message = _list_faults(faults)
        if len(faults) > 1:
            message = f"{len(faults)} of {n_recordings} recordings cannot be used:\n{message}"
        raise AudioError(message, faults[0].index, faults[0].path) from faults[0].__cause__


def _list_faults(faults: Sequence[AudioError]) -> str:
    lines = [str(fault) for fault in faults[:LISTED_FAULTS]]
    if len(faults) > LISTED_FAULTS:
        lines.append(f"... and {len(faults) - LISTED_FAULTS} more.")
    return "\n".join(lines)


def _is_path(item: Any) -> bool:
    return isinstance(item, (str, bytes, os.PathLike))


def _open_item(
    recording: Recording, item: Any, sample_rate: float, is_row: bool
) -> tuple[Recording, str | None]:
    """Return the recording and, for the row of an array, a reason to doubt it."""
    if isinstance(item, (str, os.PathLike)):
        path = str(os.fspath(item))  # not numpy's str_
        sound = open_sound_file(path, Recording(recording.index, path).fault)
        return Recording(recording.index, path, sample_rate=sound.samplerate, sound=sound), None
    channels = _to_channels(recording, item, is_row)
    waveform = mix(channels)
    survey = Survey()
    survey.add(channels, waveform)
    doubt = survey.find_quality_fault(None if is_row else sample_rate)
    reason = survey.find_nonfinite() or (None if is_row else doubt)
    if reason:
        raise recording.fault(reason)
    return Recording(recording.index, waveform=waveform, sample_rate=sample_rate), doubt


def _to_channels(recording: Recording, item: Any, is_row: bool) -> Waveform:
    """Return float32 samples of shape (n_times, n_channels); PCM integers are scaled."""
    array = np.asarray(item)
    if array.dtype.kind not in "iuf":
        raise recording.fault(
            f"holds {array.dtype} values ({type(item).__name__}); pass a path, or an array of "
            "floats in [-1, 1] or of int16, int32 or uint8 PCM."
        )
    if array.size == 0:
        raise recording.fault("holds no samples; leave it out.")
    if array.ndim == 0:
        raise recording.fault(f"is the number {item}; pass a path or an array of samples.")
    if array.ndim == 1:
        return scale(array)[:, np.newaxis]
    channel_axis = 0 if is_row else int(np.argmin(array.shape))
    if array.ndim != 2 or array.shape[channel_axis] > MAX_CHANNELS:
        raise recording.fault(
            f"has shape {array.shape}; a waveform has shape (n_times,), or (n_channels, n_times) "
            f"with at most {MAX_CHANNELS} channels."
        )
    return np.moveaxis(scale(array), channel_axis, 1)


def _find_narrow_band(source_rate: float | None, sample_rate: float | None) -> str | None:
    """Return a reason to doubt sound that was recorded at a lower rate than it is resampled to."""
    if source_rate is None or sample_rate is None or source_rate >= sample_rate:
        return None
    return (
        f"has {source_rate:g} Hz, less than the {sample_rate:g} Hz it is resampled to: the upper "
        f"part of its spectrum is empty; set sample_rate={source_rate:g} for all recordings."
    )
