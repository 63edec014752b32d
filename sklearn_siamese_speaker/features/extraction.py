"""What front ends do with a few recordings, in this process or in another: read them, extract."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from .._audio import AudioError, Recording, open_some, raise_faults, warn_of_doubts
from .length import find_part, leave_out_silence, set_length, trim_silent_ends

if TYPE_CHECKING:
    from .base import RecordingTransformer

Frames = NDArray[np.float32]
_Result = TypeVar("_Result")


@dataclass
class Extracted:
    """What became of some recordings.

    Parameters
    ----------
    n_recordings : int
    frames : list of ndarray
        One for each recording, unless there are faults or they were only checked.
    faults : list of AudioError
        One for each recording that cannot be used.
    doubts : list of AudioError
        One for each that is probably not what was meant.
    """

    n_recordings: int = 0
    frames: list[Frames] = field(default_factory=list)
    faults: list[AudioError] = field(default_factory=list)
    doubts: list[AudioError] = field(default_factory=list)

    def add(self, others: Extracted) -> None:
        """Append what became of further recordings."""
        self.n_recordings += others.n_recordings
        self.frames += others.frames
        self.faults += others.faults
        self.doubts += others.doubts

    def raise_faults(self) -> None:
        """Warn of doubts; raise one `AudioError` if there are faults."""
        warn_of_doubts(self.doubts)
        raise_faults(self.faults, self.n_recordings)


# A function of the module, because joblib sends it to other processes.
def extract_batch(
    front_end: RecordingTransformer, items: Any, first: int, is_rows: bool, extract: bool
) -> Extracted:
    """Open recordings and, if all can be used as far as can be told then, extract their frames."""
    rates = front_end.input_sample_rate, front_end.sample_rate
    recordings, faults, doubts = open_some(items, first, is_rows, *rates)
    results: Sequence[Frames | AudioError | None]
    try:
        if extract and not faults:
            with np.errstate(over="ignore", invalid="ignore"):  # `frames_or_fault` looks at them
                results = front_end._extract_recordings(recordings)
        else:
            results = [catch(Recording.check, recording) for recording in recordings]
    finally:
        for recording in recordings:
            recording.close()
    faults += [result for result in results if isinstance(result, AudioError)]
    frames = [] if faults else [result for result in results if isinstance(result, np.ndarray)]
    return Extracted(len(items), frames, faults, doubts)


def usable_waveforms(
    front_end: RecordingTransformer,
    recordings: Sequence[Recording],
    faults: list[AudioError],
) -> Iterator[NDArray[np.float32]]:
    """Yield waveforms as the front end wants them; the others are added to the list of faults."""
    for recording in recordings:
        waveform = catch(partial(_read_waveform, front_end), recording)
        if isinstance(waveform, AudioError):
            faults.append(waveform)
        else:
            yield waveform


def frames_or_fault(recording: Recording, frames: Frames) -> Frames | AudioError:
    """Return the frames, or the fault of a recording that has such frames."""
    if np.isfinite(frames).all():
        return frames
    return recording.fault(
        "has samples so large that its frames are not finite; scale it to [-1, 1]."
    )


def catch(function: Callable[[Recording], _Result], recording: Recording) -> _Result | AudioError:
    """Return what the function returns, or the fault of a recording that it cannot use."""
    try:
        return function(recording)
    except AudioError as fault:
        return fault
    except MemoryError as error:
        return recording.fault(
            f"needs more memory than there is ({error or 'MemoryError'}); set duration, lower "
            "sample_rate, or cut it into shorter ones."
        )


def extract_frames(front_end: RecordingTransformer, recording: Recording) -> Frames:
    """Return the frames of a recording; raise `AudioError` if it cannot be used."""
    checked = frames_or_fault(recording, front_end._extract(_read_waveform(front_end, recording)))
    if isinstance(checked, AudioError):
        raise checked
    return checked


def _read_waveform(front_end: RecordingTransformer, recording: Recording) -> NDArray[np.float32]:
    rate, keep, n_times = front_end.sample_rate, None, None
    cuts_silence = front_end.trim_silence or front_end.drop_silence
    if front_end.duration is not None:
        n_times = max(1, round(front_end.duration * rate))
        if front_end.crop != "loudest" and not cuts_silence:
            keep = partial(find_part, n_times=n_times, crop=front_end.crop)
    waveform = recording.read(rate, keep)
    if front_end.trim_silence:
        waveform = trim_silent_ends(waveform, rate)
    if front_end.drop_silence:
        waveform = leave_out_silence(waveform, rate)
    if n_times is not None:
        waveform = set_length(waveform, n_times, front_end.crop, front_end.pad)
    return waveform


def as_array(frames: list[Frames]) -> NDArray:
    """Return one array of recordings of one length, an object array of others."""
    if len({recording.shape for recording in frames}) == 1:
        return np.stack(frames)
    ragged = np.empty(len(frames), dtype=object)
    for index, recording in enumerate(frames):
        ragged[index] = recording
    return ragged
