"""Damaged audio files: changed anywhere, or cut off."""

import io
import struct
import tempfile
from pathlib import Path

import numpy as np
import soundfile

from sklearn_siamese_speaker import MFCC
from sklearn_siamese_speaker.datasets import make_speakers

from .outcomes import Tally, outcome_of

ENCODINGS = [
    *(
        ("WAV", subtype)
        for subtype in (
            *("PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE"),
            *("ULAW", "ALAW", "IMA_ADPCM", "MS_ADPCM", "GSM610"),
        )
    ),
    ("FLAC", "PCM_16"),
    ("FLAC", "PCM_24"),
    ("OGG", "VORBIS"),
    ("OGG", "OPUS"),
    ("MP3", "MPEG_LAYER_III"),
    ("AIFF", "PCM_16"),
    ("AU", "PCM_16"),
    ("CAF", "ALAC_16"),
    ("W64", "PCM_16"),
]
CUT = [("WAV", "PCM_16"), ("WAV", "FLOAT"), ("FLAC", "PCM_16"), ("OGG", "VORBIS"), ("OGG", "OPUS")]
HEADER = 128  # bytes in which most formats say what follows
EXTREMES = (0, 1, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)


def encode(file_format, subtype, duration):
    """Return a voice as the bytes of an audio file."""
    X, _ = make_speakers(n_speakers=1, n_recordings=1, duration=duration, random_state=0)
    buffer = io.BytesIO()
    soundfile.write(buffer, X[0], 16000, format=file_format, subtype=subtype)
    return buffer.getvalue()


def mutate(content, rng):
    """Return the bytes of a file with one of nine kinds of damage."""
    changed = bytearray(content)
    where = HEADER if rng.random() < 0.5 else len(content)
    start = int(rng.integers(where))
    stop = start + int(rng.integers(1, 65))
    kind = rng.integers(9)
    if kind == 0:
        for bit in rng.integers(8 * where, size=rng.integers(1, 33)):
            changed[bit // 8] ^= 1 << (bit % 8)
    elif kind == 1:
        changed[start:stop] = rng.bytes(stop - start)
    elif kind == 2:
        del changed[start:stop]
    elif kind == 3:
        changed[start:start] = rng.bytes(stop - start)
    elif kind == 4:
        changed[start:start] = changed[start:stop]
    elif kind == 5:
        changed[start:stop] = bytes(stop - start)
    elif kind == 6:
        changed = changed[start:] + changed[:start]
    else:
        order = "<" if kind == 7 else ">"
        struct.pack_into(f"{order}I", changed, start % (where - 4), EXTREMES[rng.integers(7)])
    return bytes(changed)


def mutated_files(quick):
    """Read files of 20 encodings with random damage: refused by name, or finite frames."""
    rng = np.random.default_rng(0)
    tally = Tally()
    for encoding in ENCODINGS:
        content = encode(*encoding, duration=1.0)
        for repetition in range(15 if quick else 300):
            example = f"{encoding}, {repetition}"
            tally.add(_read(mutate(content, rng), encoding[0], np.isfinite), example)
    return tally


def truncated_files(quick):
    """Read files that were cut off anywhere: WAV, FLAC and OGG are always refused by name."""
    rng = np.random.default_rng(0)
    tally = Tally()
    for encoding in CUT:
        content = encode(*encoding, duration=4.0)
        for length in rng.integers(1, len(content), size=40 if quick else 400):
            outcome = _read(content[:length], encoding[0], np.isfinite)
            outcome = "accepted" if outcome == "read" else outcome
            tally.add(outcome, f"{encoding}, {length} of {len(content)} bytes")
    return tally


def truncated_mp3(quick):
    """Read MP3 files that were cut off: they have no length to compare with."""
    rng = np.random.default_rng(0)
    tally = Tally()
    content = encode("MP3", "MPEG_LAYER_III", duration=4.0)
    for length in rng.integers(1, len(content), size=40 if quick else 400):
        outcome = _read(content[:length], "MP3", np.isfinite)
        tally.add("read, shorter" if outcome == "read" else outcome, f"{length} bytes")
    return tally


def _read(content, file_format, is_right):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, f"voice.{file_format.lower()}")
        path.write_bytes(content)
        return outcome_of(
            lambda: MFCC(duration=1.0).fit_transform([str(path)]),
            path.name,
            lambda frames: is_right(frames).all(),
        )
