"""The only door for sound: paths and arrays become checked float32 mono waveforms.

`open_recordings` looks at every sound of an X - the headers of files, the samples of arrays -
and returns the `Recording` objects beside an `AudioError` for each that cannot be used.
`Recording.read` decodes, checks and resamples one. `raise_faults` says it all in one error.
"""

from __future__ import annotations

import os
import re
import stat
import warnings
from dataclasses import dataclass

import joblib
import numpy as np
import soundfile
import soxr

MIN_SAMPLE_RATE, MAX_SAMPLE_RATE = 4_000, 192_000  # Hz
MAX_CHANNELS = 32
MIN_DURATION, MAX_DURATION = 0.1, 3_600.0  # seconds
MAX_PEAK = 1.5  # full scale is 1; lossy codecs overshoot it a little
MIN_PEAK = 1e-6
MAX_CLIPPED = 0.01  # share of the samples
LISTED_FAULTS = 10

_PCM = {"uint8": (128, 2**7), "int16": (0, 2**15), "int32": (0, 2**31)}  # midpoint, full scale
_UNKNOWN_LENGTH = 2**63 - 1  # libsndfile's
_FULL_SCALE = 1 - 2**-12  # of the samples that a recorder of 16 bits cuts off, with some margin
_BLOCK = 2**20  # sample frames decoded at a time, so that many channels never lie in memory at once


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

    def __init__(self, message, index=None, path=None):
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


@dataclass(frozen=True)
class Recording:
    """One sound of an X: a file, or a waveform in memory with its sample rate in Hz."""

    index: int
    path: str | None = None
    waveform: np.ndarray | None = None
    sample_rate: float | None = None

    def fault(self, reason):
        """Return, not raise, the `AudioError` that says why this recording cannot be used."""
        where = f"X[{self.index}]" + (f" {self.path!r}" if self.path is not None else "")
        return AudioError(f"{where} {reason}", self.index, self.path)

    def read(self, sample_rate=None):
        """Return the checked float32 mono waveform of shape (n_times,).

        It is resampled to `sample_rate`, in Hz, unless that is None.
        """
        if self.path is None:
            self._warn_if_clipped(self.waveform)
            return resample(self.waveform, self.sample_rate, sample_rate)
        with _open_sound_file(self) as sound:
            waveform, rate = _decode(self, sound), sound.samplerate
        reason = find_nonfinite(waveform) or find_quality_fault(waveform, rate)
        if reason:
            raise self.fault(reason)
        self._warn_if_clipped(waveform)
        return resample(waveform, rate, sample_rate)

    def _warn_if_clipped(self, waveform):
        magnitudes = np.abs(waveform)
        share = np.mean(magnitudes >= _FULL_SCALE)
        if share > MAX_CLIPPED and magnitudes.max() <= 1:  # above 1 nothing was cut off
            warnings.warn(
                f"X[{self.index}] {self.path or 'waveform'!r} is clipped: {share:.1%} of its "
                "samples are at full scale; record it at a lower level.",
                AudioQualityWarning,
                stacklevel=2,
            )

    def fingerprint(self):
        """Return what identifies the content: name, size and time of a file, or a hash."""
        if self.path is None:
            return joblib.hash(self.waveform), self.sample_rate
        status = os.stat(self.path)
        return os.path.abspath(self.path), status.st_size, status.st_mtime_ns


# From X to recordings


def is_list_of_recordings(X):
    """Whether `X` is a sequence of paths or of arrays, and not rows of numbers."""
    if isinstance(X, (str, bytes, os.PathLike)):
        raise TypeError(f"X is one path, {X!r}; pass a list of paths: [{X!r}].")
    if len(getattr(X, "shape", (0,))) != 1 or not hasattr(X, "__len__"):
        return False
    return any(_is_path(item) or len(getattr(item, "shape", ())) > 0 for item in X)


def open_recordings(X, input_sample_rate, sample_rate=None):
    """Look at every sound of a sequence of paths and arrays, or of the rows of an array.

    Parameters
    ----------
    X : sequence of path or array; or ndarray of shape (n_samples, n_times) or \
            (n_samples, n_channels, n_times)
        Rows of an array may be short; silent rows and rows beyond full scale warn.

    input_sample_rate : float
        Sample rate of arrays, in Hz.

    sample_rate : float, default=None
        What they will be resampled to, in Hz; recordings below it warn.

    Returns
    -------
    recordings : list of Recording
        Those that can be used as far as can be told without decoding files.

    faults : list of AudioError
        One for each of the others.
    """
    is_rows = not is_list_of_recordings(X)
    recordings, faults, doubts = [], [], []
    for index, item in enumerate(X):
        try:
            recordings.append(_open_item(Recording(index), item, input_sample_rate, is_rows))
        except AudioError as fault:
            faults.append(fault)
        else:
            reason = is_rows and find_quality_fault(recordings[-1].waveform)
            reason = reason or _find_narrow_band(recordings[-1].sample_rate, sample_rate)
            if reason:
                doubts.append(recordings[-1].fault(reason))
    if doubts:
        warnings.warn(_list_faults(doubts), AudioQualityWarning, stacklevel=4)
    return recordings, faults


def raise_faults(faults, n_recordings):
    """Raise one `AudioError` that lists the first ten `faults`, if there are any."""
    if faults:
        faults = sorted(faults, key=lambda fault: fault.index)
        message = _list_faults(faults)
        if len(faults) > 1:
            message = f"{len(faults)} of {n_recordings} recordings cannot be used:\n{message}"
        raise AudioError(message, faults[0].index, faults[0].path) from faults[0].__cause__


def _list_faults(faults):
    lines = [str(fault) for fault in faults[:LISTED_FAULTS]]
    if len(faults) > LISTED_FAULTS:
        lines.append(f"... and {len(faults) - LISTED_FAULTS} more.")
    return "\n".join(lines)


def _is_path(item):
    return isinstance(item, (str, bytes, os.PathLike))


def _open_item(recording, item, sample_rate, is_row):
    if isinstance(item, (str, os.PathLike)):
        recording = Recording(recording.index, path=str(os.fspath(item)))  # not numpy's str_
        with _open_sound_file(recording) as sound:
            return Recording(recording.index, path=recording.path, sample_rate=sound.samplerate)
    waveform = _to_mono(recording, item, is_row)
    reason = find_nonfinite(waveform)
    if not is_row:
        reason = reason or find_quality_fault(waveform, sample_rate)
    if reason:
        raise recording.fault(reason)
    return Recording(recording.index, waveform=waveform, sample_rate=sample_rate)


def _to_mono(recording, item, is_row):
    """Return one channel as float32 of shape (n_times,); PCM integers are scaled."""
    array = np.asarray(item)
    if array.dtype.kind not in "iuf":
        raise recording.fault(
            f"holds {array.dtype} values ({type(item).__name__}); pass a path, or an array of "
            "floats in [-1, 1] or of int16, int32 or uint8 PCM."
        )
    if array.size == 0:
        raise recording.fault("holds no samples; leave it out.")
    if array.ndim == 1:
        return _scale(array)
    if array.ndim == 0:
        raise recording.fault(f"is the number {item}; pass a path or an array of samples.")
    channel_axis = 0 if is_row else int(np.argmin(array.shape))
    if array.ndim != 2 or array.shape[channel_axis] > MAX_CHANNELS:
        raise recording.fault(
            f"has shape {array.shape}; a waveform has shape (n_times,), or (n_channels, n_times) "
            f"with at most {MAX_CHANNELS} channels."
        )
    return _scale(array).mean(axis=channel_axis)


def _scale(array):
    """Return float32 samples; the bits are those of soundfile for PCM of the same width."""
    if array.dtype.name not in _PCM:
        with np.errstate(over="ignore"):
            return array.astype(np.float32, copy=False)
    midpoint, full_scale = _PCM[array.dtype.name]
    return (array.astype(np.float32) - np.float32(midpoint)) * np.float32(1 / full_scale)


# Files


def _open_sound_file(recording):
    """Open a file as a `soundfile.SoundFile` once all that its header says is acceptable."""
    _check_regular_file(recording)
    # Bytes also name files whose names are not valid text; Windows wants text.
    name = recording.path if os.name == "nt" else os.fsencode(recording.path)
    try:
        sound = soundfile.SoundFile(name)
    except (soundfile.SoundFileError, TypeError) as error:
        reason = f"is not audio that libsndfile can read ({_reason_of(error)}); "
        raise recording.fault(reason + "convert it to WAV or FLAC.") from error
    reason = _find_header_fault(sound)
    if reason:
        sound.close()
        raise recording.fault(reason)
    return sound


def _check_regular_file(recording):
    try:
        status = os.stat(recording.path)
        readable = os.access(recording.path, os.R_OK)
    except (OSError, ValueError) as error:
        reason = f"cannot be opened ({getattr(error, 'strerror', None) or error}); "
        raise recording.fault(reason + "check the path.") from error
    if stat.S_ISDIR(status.st_mode):
        raise recording.fault("is a directory; pass the audio files in it.")
    if not stat.S_ISREG(status.st_mode):
        raise recording.fault("is not a regular file; save the sound to a file first.")
    if status.st_size == 0:
        raise recording.fault("is empty (0 bytes); copy it again or leave it out.")
    if not readable:
        raise recording.fault("cannot be opened (Permission denied); make it readable.")


def _reason_of(error):
    return str(getattr(error, "error_string", error)).rstrip(".")


def _find_header_fault(sound):
    """Return why a header is not believed, before anything of the size it declares is made."""
    rate, channels, n_times = sound.samplerate, sound.channels, sound.frames
    if not MIN_SAMPLE_RATE <= rate <= MAX_SAMPLE_RATE:
        return (
            f"declares a sample rate of {rate} Hz, outside {MIN_SAMPLE_RATE} to "
            f"{MAX_SAMPLE_RATE} Hz; its header is damaged or it needs resampling."
        )
    if channels > MAX_CHANNELS:
        return f"declares {channels} channels, more than {MAX_CHANNELS}; save it with one or two."
    if n_times == _UNKNOWN_LENGTH:
        return "declares no length, as a stream does; encode it again as WAV or FLAC."
    if n_times > MAX_DURATION * rate:
        return _too_long(n_times / rate)
    if _is_truncated(sound.extra_info):
        return "is truncated: it holds less sound than its header declares; copy it again."
    return None


def _is_truncated(log):
    """Whether libsndfile's log says that a chunk declares more bytes than the file holds.

    Programs that write a WAV to a pipe cannot know its length and declare 0xFFFFFFFF.
    """
    sizes = re.findall(r": (\d+) \(should be (-?\d+)", log)
    return any(int(actual) < int(declared) < 0xFFFFFFFF for declared, actual in sizes)


def _decode(recording, sound):
    """Return all samples of an open file, mixed down to float32 of shape (n_times,)."""
    declared = sound.frames
    try:
        blocks = [_mix(block) for block in _blocks(sound)]
    except (soundfile.SoundFileError, MemoryError) as error:
        reason = f"cannot be decoded ({_reason_of(error)}); encode it again as WAV or FLAC."
        raise recording.fault(reason) from error
    n_times = sum(map(len, blocks))
    if n_times == 0:
        raise recording.fault("holds no samples; it is truncated or was saved empty.")
    if n_times < declared:
        raise recording.fault(
            f"is truncated: it holds {n_times} of the {declared} samples its header declares; "
            "copy it again."
        )
    return np.concatenate(blocks)


def _blocks(sound):
    """Yield what the file holds; `SoundFile.blocks` would fill up what it lacks."""
    while len(block := sound.read(_BLOCK, dtype="float32", always_2d=True)):
        yield block


def _mix(block):
    return block[:, 0] if block.shape[1] == 1 else block.mean(axis=1)


# Waveforms


def find_nonfinite(waveform):
    """Return a reason to refuse the waveform if any sample is NaN or infinite, else None."""
    finite = np.isfinite(waveform)
    if finite.all():
        return None
    return (
        f"holds {np.sum(~finite)} NaN or infinite samples, the first at {np.argmin(finite)}; "
        "repair it or leave it out."
    )


def _find_narrow_band(source_rate, sample_rate):
    """Return a reason to doubt sound that was recorded at a lower rate than it is resampled to."""
    if sample_rate is None or source_rate >= sample_rate:
        return None
    return (
        f"has {source_rate:g} Hz, less than the {sample_rate:g} Hz it is resampled to: the upper "
        f"part of its spectrum is empty; set sample_rate={source_rate:g} for all recordings."
    )


def find_quality_fault(waveform, sample_rate=None):
    """Return a reason to doubt the waveform - length, scale, silence -, else None.

    The length is not looked at without `sample_rate`, in Hz.
    """
    if sample_rate is not None:
        duration = len(waveform) / sample_rate
        if duration < MIN_DURATION:
            return f"lasts {duration:.3g} s, less than {MIN_DURATION} s; leave it out."
        if duration > MAX_DURATION:
            return _too_long(duration)
    low, high = float(waveform.min()), float(waveform.max())
    peak = max(-low, high)
    if peak > MAX_PEAK:
        return (
            f"peaks at {peak:.3g}, beyond full scale (1.0); scale it to [-1, 1], or pass PCM as "
            "int16, int32 or uint8."
        )
    if high - low < 2 * MIN_PEAK:
        return "is silent (all samples are equal); leave it out."
    return None


def _too_long(duration):
    return f"lasts {duration:.6g} s, more than {MAX_DURATION:g} s; cut it into shorter ones."


def resample(waveform, sample_rate, target_rate):
    """Return the waveform of shape (n_times,) at `target_rate` Hz; at least one sample."""
    if target_rate in (None, sample_rate):
        return waveform
    resampled = soxr.resample(waveform, sample_rate, target_rate, quality="HQ")
    return resampled if len(resampled) else waveform[:1]
