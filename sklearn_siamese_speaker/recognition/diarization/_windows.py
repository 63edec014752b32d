"""Windows of speech: cut, embedded in blocks, and put together to the segments of speakers."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..._audio import AudioQualityWarning
from ..._progress import Progress
from .._embedding import embed
from ._detector import SAMPLE_RATE, Span

_TOGETHER = 64  # windows that are in memory at a time
_LEAST_SOUND = 1e-5  # range of the samples; digital silence is nobody's voice
_LONGEST_VOICE = 30.0  # seconds of a voice that are compared with enrolled people
_SHORTEST = 0.5  # seconds; a shorter span is embedded with its surroundings


class Window(NamedTuple):
    """A part of a span of speech, in seconds."""

    span: int  # position of its span
    start: float  # of what is embedded
    end: float
    middle: float  # of what it stands for


@contextmanager
def ignore_quality_warnings() -> Iterator[None]:
    """Ignore warnings about parts of a recording, which has been looked at as a whole."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", AudioQualityWarning)
        yield


def cut_windows(
    waveform: NDArray[np.float32], spans: Sequence[Span], length: float, step: float
) -> list[Window]:
    """Return windows with sound, in seconds, that cover the spans evenly, at most a step apart."""
    windows = [
        window
        for index, span in enumerate(spans)
        for window in _cut_span(index, span, length, step, len(waveform) / SAMPLE_RATE)
    ]
    return [window for window in windows if np.ptp(samples(waveform, window)) > _LEAST_SOUND]


def _cut_span(index: int, span: Span, length: float, step: float, duration: float) -> list[Window]:
    start, end = span
    if end - start <= length:
        middle, half = (start + end) / 2, max(end - start, _SHORTEST) / 2
        return [Window(index, max(0.0, middle - half), min(duration, middle + half), middle)]
    n_windows = int(np.ceil((end - start - length) / step - 1e-9)) + 1
    starts = np.linspace(start, end - length, n_windows).tolist()
    return [Window(index, first, first + length, first + length / 2) for first in starts]


def samples(waveform: NDArray[np.float32], window: Window) -> NDArray[np.float32]:
    """Return the samples of a window, of shape (n_times,)."""
    return waveform[round(window.start * SAMPLE_RATE) : round(window.end * SAMPLE_RATE)]


def embed_windows(
    waveform: NDArray[np.float32], windows: Sequence[Window], encoder: Any
) -> NDArray[Any]:
    """Return the embedding of each window, of shape (n_windows, n_dims)."""
    if not windows:
        return np.empty((0, 0))
    embeddings = []
    with Progress("Embedding windows of speech", len(windows)) as progress:
        for first in range(0, len(windows), _TOGETHER):
            block = [samples(waveform, window) for window in windows[first : first + _TOGETHER]]
            with ignore_quality_warnings():
                embeddings.append(embed(block, encoder))
            progress.advance(len(block))
    return np.concatenate(embeddings)


def join_windows(
    windows: Sequence[Window], spans: Sequence[Span], labels: NDArray[np.intp]
) -> list[tuple[float, float, int]]:
    """Return who speaks when, in order; each moment of a span is that of the nearest window."""
    segments = []
    for i, (window, label) in enumerate(zip(windows, labels.tolist(), strict=True)):
        start, end = spans[window.span]
        if i > 0 and windows[i - 1].span == window.span:
            start = (windows[i - 1].middle + window.middle) / 2
        if i + 1 < len(windows) and windows[i + 1].span == window.span:
            end = (window.middle + windows[i + 1].middle) / 2
        segments.append((start, end, label))
    return join_segments(segments)


def join_segments(segments: Sequence[tuple[float, float, Any]]) -> list[tuple[float, float, Any]]:
    """Join segments of one speaker that touch; they are in order."""
    joined: list[tuple[float, float, Any]] = []
    for start, end, speaker in segments:
        if joined and joined[-1][1:] == (start, speaker):
            joined[-1] = joined[-1][0], end, speaker
        else:
            joined.append((start, end, speaker))
    return joined


def speech_of(
    waveform: NDArray[np.float32], segments: Sequence[tuple[float, float, Any]]
) -> NDArray[np.float32]:
    """Return at most the first 30 s of what is said in some segments: (n_times,)."""
    parts = [
        waveform[round(start * SAMPLE_RATE) : round(end * SAMPLE_RATE)]
        for start, end, _ in segments
    ]
    voice = np.concatenate(parts)[: round(_LONGEST_VOICE * SAMPLE_RATE)]
    return np.pad(voice, (0, max(0, round(_SHORTEST * SAMPLE_RATE) - len(voice))))
