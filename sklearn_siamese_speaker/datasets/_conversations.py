"""Conversations: recordings in which several people speak, and RTTM files that say who when."""

from __future__ import annotations

import re
from collections.abc import Sequence
from numbers import Real
from os import PathLike, fspath
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils import Bunch, check_consistent_length, check_random_state, check_scalar

from .._audio import open_recordings, raise_faults
from .._labels import check_speakers
from ..metrics.diarization import Segment, check_segments
from ._speaker_folder import EXTENSIONS

_N_FIELDS = 10
_START, _DURATION, _SPEAKER = 3, 4, 7  # fields of a line

_OVERLAPPING = 0.3  # share of the changes of speaker at which both speak for a while
_MOST_OVERLAP = 0.5  # of the shorter of two turns


def read_rttm(path: str | PathLike[str]) -> dict[str, list[Segment]]:
    """Read who speaks when in each recording of an RTTM file.

    Lines that do not begin with SPEAKER, and comments behind ";;", are ignored. A line has the
    fields type, recording, channel, start in seconds, duration in seconds, two unused ones, and the
    speaker [1]_.

    Parameters
    ----------
    path : str or path-like
        The file, in UTF-8.

    Returns
    -------
    segments : dict of list of (start, end, speaker)
        For each recording, its segments by start, in seconds.

    Raises
    ------
    ValueError
        If a line has other fields.

    See Also
    --------
    write_rttm : The inverse.
    load_conversations : Recordings with such files beside them.

    References
    ----------
    .. [1] NIST, "The 2009 (RT-09) rich transcription meeting recognition evaluation plan", appendix
       A.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from sklearn_siamese_speaker.datasets import read_rttm, write_rttm
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = Path(folder, "talk.rttm")
    ...     write_rttm(file, {"talk": [(0.5, 2.0, "ana"), (2.25, 3.0, "ben")]})
    ...     print(file.read_text(), end="")
    ...     segments = read_rttm(file)
    SPEAKER talk 1 0.500 1.500 <NA> <NA> ana <NA> <NA>
    SPEAKER talk 1 2.250 0.750 <NA> <NA> ben <NA> <NA>
    >>> segments
    {'talk': [(0.5, 2.0, 'ana'), (2.25, 3.0, 'ben')]}
    """
    segments: dict[str, list[Segment]] = {}
    with open(path, encoding="utf-8") as file:
        for number, line in enumerate(file, start=1):
            fields = line.partition(";;")[0].split()
            if fields[:1] == ["SPEAKER"]:
                segment = _parse(fields, f"Line {number} of {fspath(path)!r}")
                segments.setdefault(fields[1], []).append(segment)
    return {recording: sorted(found) for recording, found in segments.items()}


def write_rttm(path: str | PathLike[str], segments: dict[str, Any]) -> None:
    """Write who speaks when in each recording to an RTTM file.

    Times are rounded to milliseconds. A space in the name of a recording or a speaker becomes "_":
    fields of the format are separated by spaces.

    Parameters
    ----------
    path : str or path-like
        The file, replaced if it exists.
    segments : dict of list of (start, end, speaker)
        For each recording, its segments in seconds.

    Raises
    ------
    TypeError, ValueError
        If something is not a segment. Nothing is written then.

    See Also
    --------
    read_rttm : The inverse, with an example.

    Examples
    --------
    >>> import tempfile
    >>> from sklearn_siamese_speaker.datasets import write_rttm
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_rttm(f"{folder}/talk.rttm", {"talk": [(0.5, 2.0, "ana")]})
    """
    lines = [
        _format(recording, start, end, speaker)
        for recording, found in segments.items()
        for start, end, speaker in check_segments(found, f"segments[{recording!r}]")
    ]
    with open(path, "w", encoding="utf-8") as file:
        file.writelines(lines)


def _format(recording: str, start: float, end: float, speaker: str) -> str:
    """Return the line of a segment."""
    recording, speaker = (re.sub(r"\s+", "_", name) for name in (recording, speaker))
    # Both times are rounded before they are subtracted, so that neighbors stay neighbors.
    duration = round(end, 3) - round(start, 3)
    return f"SPEAKER {recording} 1 {start:.3f} {duration:.3f} <NA> <NA> {speaker} <NA> <NA>\n"


def _parse(fields: list[str], where: str) -> Segment:
    """Return the segment of a line; `where` names the line in errors."""
    if len(fields) not in (_N_FIELDS - 1, _N_FIELDS):  # older files lack the last one
        raise ValueError(f"{where} has {len(fields)} fields, not {_N_FIELDS}; is it an RTTM file?")
    try:
        start, duration = float(fields[_START]), float(fields[_DURATION])
        # The sum has digits that neither of the two has.
        segments = check_segments([(start, round(start + duration, 9), fields[_SPEAKER])], where)
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"{where} says that somebody speaks for {fields[_DURATION]} s from {fields[_START]} s; "
            "repair it or leave it out."
        ) from error
    return segments[0]


def load_conversations(
    path: str | PathLike[str], *, return_X_y: bool = False
) -> Bunch | tuple[NDArray[Any], list[list[Segment]]]:
    """List the recordings in a folder that have an RTTM file of the same name beside them.

    `talk.flac` belongs to `talk.rttm`. Files named .wav, .flac, .ogg, .opus or .mp3, in any case,
    are recordings. No sound is read.

    Parameters
    ----------
    path : str or path-like
        The folder.
    return_X_y : bool, default=False
        Whether to return `(data, target)` instead of a Bunch.

    Returns
    -------
    conversations : :class:`~sklearn.utils.Bunch`
        data : ndarray of shape (n_samples,), str
            Absolute paths of the recordings, sorted.
        target : list of list of (start, end, speaker)
            Who speaks when in each, in seconds.
        DESCR : str
            Number of recordings and segments.
    (data, target) : tuple
        Only if `return_X_y=True`.

    Raises
    ------
    ValueError
        If a recording has no RTTM file, if that file holds several recordings, or if there are no
        recordings.

    See Also
    --------
    read_rttm : What is read.
    make_conversation : A conversation made of recordings of single speakers.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from sklearn_siamese_speaker.datasets import load_conversations, write_rttm
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     Path(folder, "talk.wav").touch()
    ...     write_rttm(Path(folder, "talk.rttm"), {"talk": [(0.5, 2.0, "ana")]})
    ...     conversations = load_conversations(folder)
    >>> conversations.target
    [[(0.5, 2.0, 'ana')]]
    """
    folder = Path(path).absolute()
    files = sorted(
        file
        for file in folder.iterdir()
        if file.suffix.lower() in EXTENSIONS and not file.name.startswith(".")
    )
    if not files:
        raise ValueError(f"{str(folder)!r} holds no recordings ({', '.join(EXTENSIONS)}).")
    data, target = np.array([str(file) for file in files]), [_read_truth(file) for file in files]
    if return_X_y:
        return data, target
    description = f"{len(data)} recordings with {sum(map(len, target))} segments."
    return Bunch(data=data, target=target, DESCR=description)


def _read_truth(file: Path) -> list[Segment]:
    rttm = file.with_suffix(".rttm")
    if not rttm.is_file():
        raise ValueError(f"{str(file)!r} has no {rttm.name!r} beside it; add it or move the file.")
    recordings = list(read_rttm(rttm).values())
    if len(recordings) > 1:
        raise ValueError(
            f"{str(rttm)!r} speaks of {len(recordings)} recordings; write one file for each."
        )
    return recordings[0] if recordings else []


def make_conversation(
    X: Any,
    y: ArrayLike,
    *,
    pause: tuple[float, float] = (0.2, 1.0),
    overlap: float = 0.05,
    sample_rate: float = 16000,
    random_state: int | np.random.RandomState | None = None,
) -> tuple[NDArray[np.float32], list[Segment]]:
    """Let the recordings of single speakers follow one another as turns of a conversation.

    Each recording is one turn, in random order. Between two turns there is a pause; at some of the
    changes of speaker, the next one begins before the last has ended. The segments are exact to the
    sample if each recording is speech from its start to its end.

    Parameters
    ----------
    X : array-like of shape (n_recordings, n_times), or list of arrays of shape (n_times,), or \
            list of paths
        The turns. Arrays are at `sample_rate`, files are resampled to it.
    y : array-like of shape (n_recordings,)
        Speaker of each.
    pause : (float, float), default=(0.2, 1.0)
        The shortest and the longest pause, in seconds; each is drawn from between.
    overlap : float, default=0.05
        Share of the time of speech in which two people speak, from 0 to 0.1. It is less where
        there are too few changes of speaker: nobody is interrupted in the first half of a turn.
    sample_rate : float, default=16000
        Samples a second of the arrays in `X` and of the conversation, in Hz.
    random_state : int, RandomState instance or None, default=None
        Decides the order, the pauses and where speech overlaps.

    Returns
    -------
    waveform : ndarray of shape (n_times,), float32
        The conversation. It is scaled down where the sum of two voices is beyond full scale.
    segments : list of (start, end, speaker)
        The turns, in seconds.

    Raises
    ------
    AudioError
        If recordings cannot be used; the first ten are named.
    ValueError
        If a parameter is out of its range.

    See Also
    --------
    make_speakers : Synthetic recordings of single speakers.

    Examples
    --------
    >>> from sklearn_siamese_speaker.datasets import make_conversation, make_speakers
    >>> X, y = make_speakers(n_speakers=2, n_recordings=2, duration=2.0, random_state=0)
    >>> waveform, segments = make_conversation(X, y, overlap=0, random_state=0)
    >>> for start, end, speaker in segments:
    ...     print(f"{start:.1f} {end:.1f} {speaker}")
    0.7 2.7 speaker01
    3.3 5.3 speaker01
    5.9 7.9 speaker00
    8.6 10.6 speaker00
    """
    check_scalar(overlap, "overlap", Real, min_val=0, max_val=0.1)
    check_scalar(sample_rate, "sample_rate", Real, min_val=0, include_boundaries="neither")
    if not 0 <= pause[0] <= pause[1]:
        raise ValueError(f"pause={pause} must be a shortest and a longest one, in seconds.")
    rng = check_random_state(random_state)
    speakers = check_speakers(y)
    check_consistent_length(X, speakers)
    order = rng.permutation(len(speakers))
    recordings, faults = open_recordings(X, sample_rate)
    raise_faults(faults, len(X))
    turns = [recording.read(sample_rate) for recording in recordings]
    turns, speakers = [turns[i] for i in order], speakers[order]
    gaps = rng.uniform(*pause, size=len(turns)) * sample_rate  # before each turn
    # A gap below zero is an overlap.
    _let_overlap(gaps, [len(turn) for turn in turns], speakers, overlap, rng)
    return _join(turns, np.rint(gaps).astype(int), speakers, sample_rate)


def _let_overlap(
    gaps: NDArray[np.float64],
    lengths: Sequence[int],
    speakers: NDArray[Any],
    overlap: float,
    rng: np.random.RandomState,
) -> None:
    """Make some of the gaps before a change of speaker negative."""
    changes = 1 + np.flatnonzero(speakers[1:] != speakers[:-1])
    chosen = rng.permutation(changes)[: int(np.ceil(_OVERLAPPING * len(changes)))]
    if overlap == 0 or not len(chosen):
        return
    # Overlapped time o of n samples of turns is the share o / (n - o) of the time of speech.
    wanted = overlap / (1 + overlap) * sum(lengths) / len(chosen)
    for i in chosen:
        gaps[i] = -min(wanted, _MOST_OVERLAP * min(lengths[i - 1], lengths[i]))


def _join(
    turns: Sequence[NDArray[np.float32]],
    gaps: NDArray[np.int_],
    speakers: NDArray[Any],
    sample_rate: float,
) -> tuple[NDArray[np.float32], list[Segment]]:
    lengths = np.array([len(turn) for turn in turns])
    starts = np.cumsum(gaps) + np.append(0, np.cumsum(lengths)[:-1])
    ends = starts + lengths
    waveform = np.zeros(ends[-1] + abs(gaps[0]), dtype=np.float32)  # as quiet at the end
    for turn, start in zip(turns, starts, strict=True):
        waveform[start : start + len(turn)] += turn
    segments = [
        (float(start / sample_rate), float(end / sample_rate), str(speaker))
        for start, end, speaker in zip(starts, ends, speakers, strict=True)
    ]
    return waveform / max(1.0, np.abs(waveform).max()), segments
