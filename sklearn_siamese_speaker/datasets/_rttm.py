"""RTTM files: who speaks when, one line a segment, as diarization programs exchange it."""

from __future__ import annotations

import re
from os import PathLike, fspath
from typing import Any

from ..metrics.segments import Segment, check_segments

_N_FIELDS = 10
_START, _DURATION, _SPEAKER = 3, 4, 7  # fields of a line


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
                where = f"Line {number} of {fspath(path)!r}"
                segments.setdefault(_recording(fields), []).append(_parse(fields, where))
    return {recording: sorted(found) for recording, found in segments.items()}


def write_rttm(path: str | PathLike[str], segments: dict[str, Any]) -> None:
    """Write who speaks when in each recording to an RTTM file.

    Times are rounded to milliseconds. A space in the name of a recording or a speaker becomes "_",
    for the format has no other way.

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
        format_rttm(recording, start, end, speaker)
        for recording, found in segments.items()
        for start, end, speaker in check_segments(found, f"segments[{recording!r}]")
    ]
    with open(path, "w", encoding="utf-8") as file:
        file.writelines(lines)


def format_rttm(recording: str, start: float, end: float, speaker: str) -> str:
    """Return the line of a segment."""
    recording, speaker = (re.sub(r"\s+", "_", name) for name in (recording, speaker))
    # Both times are rounded before they are subtracted, so that neighbors stay neighbors.
    duration = round(end, 3) - round(start, 3)
    return f"SPEAKER {recording} 1 {start:.3f} {duration:.3f} <NA> <NA> {speaker} <NA> <NA>\n"


def _recording(fields: list[str]) -> str:
    return fields[1] if len(fields) > 1 else ""


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
