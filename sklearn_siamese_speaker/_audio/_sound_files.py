"""Sound files: opened if all that their headers say is acceptable, and decoded block by block."""

from __future__ import annotations

import os
import re
import stat
import struct
from collections.abc import Callable, Iterator
from typing import BinaryIO

import numpy as np
import soundfile
from numpy.typing import NDArray

MIN_SAMPLE_RATE, MAX_SAMPLE_RATE = 4_000, 192_000  # Hz
MIN_DURATION, MAX_DURATION = 0.1, 3_600.0  # seconds
MAX_CHANNELS = 32

_UNKNOWN_LENGTH = 2**63 - 1  # libsndfile's
_BLOCK = 2**16  # sample frames decoded at a time, so that many channels never lie in memory at once

_Fault = Callable[[str], ValueError]  # makes the error that names the file from a reason


def open_sound_file(path: str, fault: _Fault) -> soundfile.SoundFile:
    """Open a file that can be used as far as can be told without decoding it."""
    check_regular_file(path, fault)
    # Bytes also name files whose names are not valid text; Windows wants text.
    name = path if os.name == "nt" else os.fsencode(path)
    try:
        sound = soundfile.SoundFile(name)
    except (soundfile.SoundFileError, TypeError) as error:
        reason = f"is not audio that libsndfile can read ({_reason_of(error)}); "
        raise fault(reason + "convert it to WAV or FLAC.") from error
    found = _find_header_fault(sound)
    if sound.format == "OGG":
        found = found or _find_ogg_fault(name)
    if found:
        sound.close()
        raise fault(found)
    return sound


def check_regular_file(path: str, fault: _Fault) -> None:
    """Raise unless the path names a file with bytes that may be read."""
    try:
        status = os.stat(path)
        readable = os.access(path, os.R_OK)
    except (OSError, ValueError) as error:
        reason = f"cannot be opened ({getattr(error, 'strerror', None) or error}); "
        raise fault(reason + "check the path.") from error
    if stat.S_ISDIR(status.st_mode):
        raise fault("is a directory; pass the audio files in it.")
    if not stat.S_ISREG(status.st_mode):
        raise fault("is not a regular file; save the sound to a file first.")
    if status.st_size == 0:
        raise fault("is empty (0 bytes); copy it again or leave it out.")
    if not readable:
        raise fault("cannot be opened (Permission denied); make it readable.")


def decode(sound: soundfile.SoundFile, fault: _Fault) -> Iterator[NDArray[np.float32]]:
    """Yield all samples of an open file in blocks of shape (n_times, n_channels)."""
    declared, n_times = sound.frames, 0
    try:
        # `SoundFile.blocks` would fill up what the file lacks.
        while len(block := sound.read(_BLOCK, dtype="float32", always_2d=True)):
            n_times += len(block)
            yield block
    except soundfile.SoundFileError as error:
        reason = f"cannot be decoded ({_reason_of(error)}); encode it again as WAV or FLAC."
        raise fault(reason) from error
    if n_times == 0:
        raise fault("holds no samples; it is truncated or was saved empty.")
    if n_times < declared:
        raise fault(
            f"is truncated: it holds {n_times} of the {declared} samples its header declares; "
            "copy it again."
        )


def too_long(duration: float) -> str:
    """Return the reason to refuse a recording of that many seconds."""
    return f"lasts {duration:.6g} s, more than {MAX_DURATION:g} s; cut it into shorter ones."


def _reason_of(error: Exception) -> str:
    return str(getattr(error, "error_string", error)).rstrip(".")


def _find_header_fault(sound: soundfile.SoundFile) -> str | None:
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
        return too_long(n_times / rate)
    if _is_truncated(sound.extra_info):
        return "is truncated: it holds less sound than its header declares; copy it again."
    return None


def _is_truncated(log: str) -> bool:
    """Whether libsndfile's log says that a chunk declares more bytes than the file holds."""
    # Programs that write a WAV to a pipe cannot know its length and declare 0xFFFFFFFF.
    sizes = re.findall(r": (\d+) \(should be (-?\d+)", log)
    return any(int(actual) < int(declared) < 0xFFFFFFFF for declared, actual in sizes)


# Ogg declares no length: only the flag on the last page of each stream [RFC 3533] says that it is
# whole, and libsndfile reads what there is up to a cut without a word.

_BEGINS, _ENDS = 2, 4  # flags of a page


def _find_ogg_fault(name: str | bytes) -> str | None:
    """Return why an Ogg file is not whole, None for a whole one."""
    unfinished: set[int] = set()
    n_groups = 0  # of streams that sound together; one group follows another in a chained file
    with open(name, "rb") as file:
        for flags, stream in _ogg_pages(file):
            if flags & _BEGINS:
                n_groups += not unfinished
                unfinished.add(stream)
            if flags & _ENDS:
                unfinished.discard(stream)
    if unfinished:
        return (
            "is truncated: its last page does not end the stream; copy it again, or encode it "
            "again if it was recorded from a stream."
        )
    if n_groups > 1:
        return (
            f"holds {n_groups} streams one after another, of which only the first can be read; "
            "save them as files of their own."
        )
    return None


def _ogg_pages(file: BinaryIO) -> Iterator[tuple[int, int]]:
    """Yield flags and stream number of each whole page up to the first thing that is none."""
    end = os.fstat(file.fileno()).st_size
    while (header := file.read(27))[:4] == b"OggS" and len(header) == 27:
        flags, stream, n_segments = struct.unpack("<5xB8xI8xB", header)
        sizes = file.read(n_segments)
        if len(sizes) < n_segments or file.tell() + sum(sizes) > end:
            return
        file.seek(sum(sizes), os.SEEK_CUR)
        yield flags, stream
