"""Who spoke when: the segments of conversations, checked, and how wrong an answer is."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from numbers import Real
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from .._docs import substitute

Segment: TypeAlias = tuple[float, float, str]  # start and end in seconds, speaker

TEXTS = {
    "conversations": """\
Parameters
----------
y_true : list of list of (start, end, speaker)
    For each recording, who speaks from when to when, in seconds. Segments may overlap.
y_pred : list of list of (start, end, speaker)
    The same as found by a system, of the same recordings. Its names of speakers need not
    be those of `y_true`.
""",
    "raises": """\
Raises
------
TypeError
    If something is not a list of segments for each recording.
ValueError
    If the numbers of recordings differ, nobody speaks in `y_true`, or a segment has no
    duration.
""",
}


@substitute(**TEXTS)
def diarization_error_rate(y_true: Any, y_pred: Any) -> float:
    """Return the share of the time of speech that is given to nobody or to a wrong speaker.

    The diarization error rate of NIST [1]_: missed speech, false alarms and speech given to another
    speaker, in seconds, over the seconds of speech in `y_true`. Time in which two people speak
    counts twice. No time around the edges of segments is left out ("no collar"). In each recording,
    speakers found are matched with true ones such that as much time as possible is right.

    %(conversations)s

    Returns
    -------
    error_rate : float
        0 where all is right; it can be above 1. Long recordings count more than short ones.

    %(raises)s

    See Also
    --------
    diarization_errors : The three kinds of errors, in seconds.

    References
    ----------
    .. [1] NIST, "The 2009 (RT-09) rich transcription meeting recognition evaluation plan", section
       6.1.

    Examples
    --------
    Ana speaks for 6 s, and Ben for 4 s; the last second of Ana is taken for Ben's:

    >>> from sklearn_siamese_speaker.metrics import diarization_error_rate
    >>> y_true = [[(0, 6, "ana"), (6, 10, "ben")]]
    >>> diarization_error_rate(y_true, [[(0, 5, "S1"), (5, 10, "S2")]])
    0.1
    """
    errors = diarization_errors(y_true, y_pred)
    return (errors["missed"] + errors["false_alarm"] + errors["confused"]) / errors["speech"]


@substitute(**TEXTS)
def diarization_errors(y_true: Any, y_pred: Any) -> dict[str, float]:
    """Return the seconds of each kind of error in who spoke when.

    %(conversations)s

    Returns
    -------
    errors : dict of float
        In seconds: "speech", the time in `y_true`, where that of two people at once counts twice;
        "missed", what of it is given to nobody; "false_alarm", what is given to somebody beyond
        those who speak; "confused", what is given to another speaker.

    %(raises)s

    See Also
    --------
    diarization_error_rate : The sum of the errors over the time of speech.

    Examples
    --------
    >>> from sklearn_siamese_speaker.metrics import diarization_errors
    >>> y_true = [[(0, 6, "ana"), (6, 10, "ben")]]
    >>> diarization_errors(y_true, [[(0, 5, "S1"), (5, 9, "S2"), (10, 12, "S2")]])
    {'speech': 10.0, 'missed': 1.0, 'false_alarm': 2.0, 'confused': 1.0}
    """
    y_true = check_conversations(y_true, "y_true")
    y_pred = check_conversations(y_pred, "y_pred")
    if len(y_true) != len(y_pred):
        raise ValueError(
            f"y_true holds {len(y_true)} recordings and y_pred {len(y_pred)}; pass the segments of "
            "the same recordings."
        )
    errors = {"speech": 0.0, "missed": 0.0, "false_alarm": 0.0, "confused": 0.0}
    for truth, found in zip(y_true, y_pred, strict=True):
        for kind, seconds in _errors(truth, found).items():
            errors[kind] += seconds
    if errors["speech"] == 0:
        raise ValueError("Nobody speaks in y_true; pass recordings with at least one segment.")
    return errors


def _errors(truth: list[Segment], found: list[Segment]) -> dict[str, float]:
    """Return the errors in one recording."""
    edges = np.unique([time for start, end, _ in truth + found for time in (start, end)])
    seconds = np.diff(edges)
    is_true, is_found = (_activity(segments, edges) for segments in (truth, found))
    n_true, n_found = is_true.sum(axis=0), is_found.sum(axis=0)
    shared = (is_true * seconds) @ is_found.T.astype(float)  # (n_true_speakers, n_found_speakers)
    right = shared[linear_sum_assignment(shared, maximize=True)].sum()
    return {
        "speech": float(n_true @ seconds),
        "missed": float(np.maximum(n_true - n_found, 0) @ seconds),
        "false_alarm": float(np.maximum(n_found - n_true, 0) @ seconds),
        # Not below zero by the rounding of the two sums.
        "confused": max(0.0, float(np.minimum(n_true, n_found) @ seconds - right)),
    }


def _activity(segments: Sequence[Segment], edges: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return who speaks between each two of ascending edges: (n_speakers, n_edges - 1)."""
    speakers = sorted({speaker for _, _, speaker in segments})
    speaks = np.zeros((len(speakers), max(0, len(edges) - 1)), dtype=bool)
    for start, end, speaker in segments:
        first, last = np.searchsorted(edges, [start, end])
        speaks[speakers.index(speaker), first:last] = True
    return speaks


def check_conversations(conversations: Any, name: str) -> list[list[Segment]]:
    """Return the segments of each of several recordings, called `name` in errors."""
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
