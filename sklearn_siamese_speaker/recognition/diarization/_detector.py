"""Where somebody speaks: by a detector of speech, or by the energy of the sound."""

from __future__ import annotations

import os
from functools import lru_cache
from importlib.util import find_spec
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..._audio import HOP, find_speech

SAMPLE_RATE = 16000  # Hz
SHORTEST = 0.2  # seconds; a shorter sound is a click, in which no voice is recognized

# Both detectors find only the core of words, so that spans are widened. All values were chosen on
# conversations of train speakers and on the tuning half of the meeting excerpts.
_BEGINS, _ENDS = 0.15, 0.1  # speech begins at the one probability and ends below the other
_LOUD_ENDS = 0.2  # seconds by which the ends move at most while the sound there is loud
_MARGIN = {"silero": 0.15, "energy": 0.1}  # seconds added before and after
_BRIDGED = 0.3  # seconds of the longest pause within a span

_FRAME, _CONTEXT, _UNITS = 512, 64, 128  # samples, samples, size of the state
_FRAMES_TOGETHER = 512
_MODEL = "data/silero_vad_16k_sequence.onnx"

Span = tuple[float, float]  # start and end in seconds


def find_spans(waveform: NDArray[np.float32], detector: str) -> list[Span]:
    """Return in order the spans in which somebody speaks, in a waveform at 16 kHz."""
    if detector == "auto":
        detector = "silero" if _find_model() and find_spec("onnxruntime") else "energy"
    is_loud = find_speech(waveform, SAMPLE_RATE)
    if detector == "silero":
        spans = [
            _move_ends(start, end, is_loud)
            for start, end in _runs(_above(_probabilities(waveform)), _FRAME / SAMPLE_RATE)
        ]
    else:
        spans = _runs(is_loud, HOP)
    margin, duration = _MARGIN[detector], len(waveform) / SAMPLE_RATE
    spans = [(max(0.0, start - margin), min(duration, end + margin)) for start, end in spans]
    joined = join_spans(spans, _BRIDGED)
    return [(start, end) for start, end in joined if end - start >= SHORTEST]


def join_spans(spans: list[Span], bridged: float = 0.0) -> list[Span]:
    """Return spans that do not overlap; those no further apart than `bridged` seconds are one."""
    joined: list[Span] = []
    for start, end in sorted(spans):
        if joined and start - joined[-1][1] <= bridged:
            joined[-1] = joined[-1][0], max(end, joined[-1][1])
        else:
            joined.append((start, end))
    return joined


def _runs(mask: NDArray[np.bool_], step: float) -> list[Span]:
    """Return the start and the end of each run of True, where an item lasts `step` seconds."""
    changes = np.flatnonzero(np.diff(np.concatenate([[False], mask, [False]])))
    return [(first * step, end * step) for first, end in changes.reshape(-1, 2).tolist()]


def _move_ends(start: float, end: float, is_loud: NDArray[np.bool_]) -> Span:
    """Return a span that reaches as far as the sound on both sides is loud."""
    first, last, most = round(start / HOP), round(end / HOP), round(_LOUD_ENDS / HOP)
    before = is_loud[max(0, first - most) : first][::-1]
    behind = is_loud[last : last + most]
    n_before, n_behind = (np.argmin(np.append(steps, False)) for steps in (before, behind))
    return start - float(n_before) * HOP, end + float(n_behind) * HOP


def _above(probabilities: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Return where the probability has been high and not yet low again."""
    is_edge = (probabilities >= _BEGINS) | (probabilities < _ENDS)
    last_edge = np.maximum.accumulate(np.where(is_edge, np.arange(len(is_edge)), 0))
    return probabilities[last_edge] >= _BEGINS


def _probabilities(waveform: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the probability of speech in each frame of 32 ms."""
    session = _load()
    n_frames = -(-len(waveform) // _FRAME)
    state = cell = np.zeros((1, 1, _UNITS), dtype=np.float32)
    probabilities = []
    for first in range(0, n_frames, _FRAMES_TOGETHER):
        frames = _frames(waveform, first, min(first + _FRAMES_TOGETHER, n_frames))
        found, state, cell = session.run(None, {"input": frames, "h": state, "c": cell})
        probabilities.append(found)
    return np.concatenate(probabilities)


def _frames(waveform: NDArray[np.float32], first: int, end: int) -> NDArray[np.float32]:
    """Return frames `first` to `end`, each behind the last samples of the one before."""
    part = waveform[max(0, first * _FRAME - _CONTEXT) : end * _FRAME]
    before = _CONTEXT if first == 0 else 0
    missing = (end - first) * _FRAME + _CONTEXT - before - len(part)
    padded = np.pad(part, (before, missing))
    return np.lib.stride_tricks.sliding_window_view(padded, _CONTEXT + _FRAME)[::_FRAME]


def _find_model() -> str | None:
    """Return the path of the model in the package, which need not be imported."""
    spec = find_spec("silero_vad")
    paths = [
        os.path.join(folder, _MODEL) for folder in (spec and spec.submodule_search_locations) or ()
    ]
    return next(filter(os.path.isfile, paths), None)


@lru_cache(maxsize=1)
def _load() -> Any:
    """Return the model as a session of onnxruntime, loaded once a process."""
    path = _find_model()
    if path is None or find_spec("onnxruntime") is None:
        raise ImportError(
            'speech="silero" needs the packages onnxruntime and silero-vad (6.2.3 or later): '
            "pip install 'sklearn-siamese-speaker[diarization]', or set speech=\"energy\"."
        )
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1  # its layers are too small for more
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
