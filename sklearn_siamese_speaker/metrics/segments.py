"""Who speaks from when to when: the segments of conversations, checked and laid side by side."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from numbers import Real
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Segment: TypeAlias = tuple[float, float, str]  # start and end in seconds, speaker
Segments: TypeAlias = Sequence[Segment]

TEXTS = {
    "one_recording": """\
segments : list of (start, end, speaker)
    Who speaks from when to when, in seconds. Segments may overlap, and no time need be
    covered.
""",
}


def check_conversations(conversations: Any, name: str) -> list[list[Segment]]:
    """Return the segments of each of several recordings.

    Parameters
    ----------
    conversations : list of list of (start, end, speaker)
        Times in seconds.
    name : str
        What they are called in errors.

    Returns
    -------
    conversations : list of list of (float, float, str)

    Raises
    ------
    TypeError
        If it is anything else.
    ValueError
        If a segment has no duration, or begins before 0.
    """
    if isinstance(conversations, str | bytes) or not isinstance(conversations, Iterable):
        raise TypeError(
            f"{name} is a {type(conversations).__name__}; pass a list with the segments of each "
            "recording."
        )
    return [
        check_segments(segments, f"{name}[{index}]") for index, segments in enumerate(conversations)
    ]


def check_segments(segments: Any, name: str) -> list[Segment]:
    """Return the segments of one recording: a list of (float, float, str)."""
    if isinstance(segments, str | bytes) or not isinstance(segments, Iterable):
        raise TypeError(
            f"{name} is {segments!r}; pass a list of (start, end, speaker) for each recording."
        )
    return [_check_segment(segment, f"{name}[{index}]") for index, segment in enumerate(segments)]


def _check_segment(segment: Any, name: str) -> Segment:
    if isinstance(segment, str) or not isinstance(segment, Sequence) or len(segment) != 3:
        raise TypeError(
            f"{name} is {segment!r}; a segment is (start, end, speaker), and each recording has a "
            "list of them."
        )
    start, end, speaker = segment
    for time in (start, end):
        if not isinstance(time, Real) or not math.isfinite(time):
            raise TypeError(f"{name} has the time {time!r}; pass seconds, as a finite number.")
    if not 0 <= start < end:
        raise ValueError(
            f"{name} lasts from {start:g} to {end:g} s; a segment begins at 0 or later, and ends "
            "after it begins."
        )
    return float(start), float(end), str(speaker)


def activity(segments: Segments, edges: NDArray[np.float64]) -> tuple[list[str], NDArray[np.bool_]]:
    """Return who speaks between each two edges.

    Parameters
    ----------
    segments : list of (start, end, speaker)
    edges : ndarray of shape (n_edges,)
        Ascending times; the start and the end of every segment are among them.

    Returns
    -------
    speakers : list of str
        Sorted.
    speaks : ndarray of shape (n_speakers, n_edges - 1), bool
    """
    speakers = sorted({speaker for _, _, speaker in segments})
    speaks = np.zeros((len(speakers), max(0, len(edges) - 1)), dtype=bool)
    for start, end, speaker in segments:
        first, last = np.searchsorted(edges, [start, end])
        speaks[speakers.index(speaker), first:last] = True
    return speakers, speaks
