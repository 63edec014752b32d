"""The only entry point for sound: paths and arrays become checked float32 mono waveforms.

`open_recordings` looks at every sound of an X - the headers of files, the samples of arrays -
and returns the `Recording` objects beside an `AudioError` for each that cannot be used.
`Recording.read` decodes, checks and resamples one. `raise_faults` says it all in one error.
"""

from ._recordings import (
    AudioError,
    AudioQualityWarning,
    Recording,
    Recordings,
    is_list_of_recordings,
    open_recordings,
    open_some,
    raise_faults,
    resample,
    warn_caller,
    warn_of_doubts,
)
from ._sound_files import MAX_DURATION, MAX_SAMPLE_RATE, MIN_DURATION, MIN_SAMPLE_RATE
from ._speech import HOP, find_speech, frame_energy, frame_length, step_length

__all__ = [
    "HOP",
    "MAX_DURATION",
    "MAX_SAMPLE_RATE",
    "MIN_DURATION",
    "MIN_SAMPLE_RATE",
    "AudioError",
    "AudioQualityWarning",
    "Recording",
    "Recordings",
    "find_speech",
    "frame_energy",
    "frame_length",
    "is_list_of_recordings",
    "open_recordings",
    "open_some",
    "raise_faults",
    "resample",
    "step_length",
    "warn_caller",
    "warn_of_doubts",
]
