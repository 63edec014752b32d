"""How wrong an answer to "who spoke when" is: the diarization error rate and its parts."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.optimize import linear_sum_assignment

from .._docs import substitute
from .segments import Segment, activity, check_conversations

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
    is_true, is_found = (activity(segments, edges)[1] for segments in (truth, found))
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
