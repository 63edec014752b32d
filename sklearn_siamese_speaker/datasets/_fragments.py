"""Long recordings cut into fragments of one length."""

from __future__ import annotations

from numbers import Integral, Real
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils import check_consistent_length, check_scalar

from .._audio import AudioError, open_recordings, raise_faults


def split_into_fragments(
    X: Any,
    y: ArrayLike,
    duration: float,
    *,
    hop: float | None = None,
    n_fragments: int | None = None,
    sample_rate: float = 16000,
) -> tuple[NDArray[np.float32], NDArray[Any], NDArray[np.int_]]:
    """Cut recordings into fragments of one length.

    Fragments of one recording share its session, its noise and perhaps its samples: pass the
    recording ids as `groups` to evaluate with support and queries from different recordings.

    Parameters
    ----------
    X : array-like of shape (n_recordings, n_times), or list of arrays of shape (n_times,), or \
            list of paths
        Waveforms of any lengths. Arrays are at `sample_rate`, files are resampled to it.

    y : array-like of shape (n_recordings,)
        Speakers.

    duration : float
        Length of a fragment, in seconds.

    hop : float, default=None
        Time from the start of a fragment to the start of the next, in seconds. None is `duration`:
        fragments touch and do not overlap. What remains at the end of a recording is left out.

    n_fragments : int, default=None
        Fragments of each recording instead of a hop, with evenly spaced starts, the first at the
        start and the last at the end of the recording. They overlap in a short one.

    sample_rate : float, default=16000
        Samples a second of the arrays in `X` and of the fragments, in Hz.

    Returns
    -------
    fragments : ndarray of shape (n_samples, n_times), float32
        Waveforms, recording after recording.

    labels : ndarray of shape (n_samples,)
        Speakers, the `y` of each fragment's recording.

    recordings : ndarray of shape (n_samples,), int
        Position in `X` of each fragment's recording.

    Raises
    ------
    AudioError
        If recordings cannot be read or are shorter than their fragments; the first ten are named.

    ValueError
        If both `hop` and `n_fragments` are given, or a parameter is out of its range.

    Examples
    --------
    >>> from sklearn_siamese_speaker.datasets import make_speakers, split_into_fragments
    >>> X, y = make_speakers(n_speakers=2, n_recordings=1, duration=3.5, random_state=0)
    >>> fragments, labels, recordings = split_into_fragments(X, y, duration=1.0)
    >>> fragments.shape
    (6, 16000)
    >>> recordings
    array([0, 0, 0, 1, 1, 1])

    Half-overlapping fragments, and a number of them:

    >>> split_into_fragments(X, y, duration=1.0, hop=0.5)[0].shape
    (12, 16000)
    >>> split_into_fragments(X, y, duration=1.0, n_fragments=5)[0].shape
    (10, 16000)
    """
    check_scalar(sample_rate, "sample_rate", Real, min_val=0, include_boundaries="neither")
    check_scalar(duration, "duration", Real, min_val=1 / sample_rate)
    if hop is not None and n_fragments is not None:
        raise ValueError(f"Pass hop={hop!r} or n_fragments={n_fragments!r}, not both.")
    if hop is not None:
        check_scalar(hop, "hop", Real, min_val=1 / sample_rate)
    if n_fragments is not None:
        check_scalar(n_fragments, "n_fragments", Integral, min_val=1)
    check_consistent_length(X, y)
    n_times = round(duration * sample_rate)
    step = n_times if hop is None else hop * sample_rate

    recordings, faults = open_recordings(X, sample_rate)
    raise_faults(faults, len(X))
    pieces = []
    for recording in recordings:
        try:
            waveform = recording.read(sample_rate)
        except AudioError as fault:
            faults.append(fault)
            continue
        slack = len(waveform) - n_times
        if slack < (n_fragments or 1) - 1:
            seconds = len(waveform) / sample_rate
            faults.append(recording.fault(_too_short(seconds, duration, n_fragments or 1)))
        elif not faults:
            starts = _starts(slack, step, n_fragments)
            pieces.append(np.lib.stride_tricks.sliding_window_view(waveform, n_times)[starts])
    raise_faults(faults, len(X))
    counts = [len(piece) for piece in pieces]
    return (
        np.concatenate(pieces),
        np.repeat(np.asarray(y), counts),
        np.repeat(np.arange(len(X)), counts),
    )


def _starts(slack: int, step: float, n_fragments: int | None) -> NDArray[np.int_]:
    """First samples of fragments whose last possible start is `slack`."""
    if n_fragments is None:
        starts = np.arange(0, slack + 0.5, step)  # a last start of slack survives rounding of step
    else:
        starts = np.linspace(0, slack, n_fragments)
    return np.rint(starts).astype(int)


def _too_short(seconds: float, duration: float, n_fragments: int) -> str:
    fragments = f"{n_fragments} fragment{'s' if n_fragments > 1 else ''}"
    return (
        f"lasts {seconds:.3g} s, too short for {fragments} of {duration:.3g} s; leave it out or "
        "lower duration."
    )
