"""What public ONNX speaker models take as input: who made them, and their front ends."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache, partial
from typing import Any, NamedTuple

import numpy as np
import scipy.signal
import scipy.sparse
from numpy.typing import NDArray

from ...features.kaldi_fbank import kaldi_fbank, nemo_fbank
from ...features.spectral import frame, power_spectrum
from .recording_encoder import SAMPLE_RATE

Metadata = Mapping[str, str]
Arrays = tuple[NDArray, ...]


# Without metadata: name and number of axes of the first input, and the size of one of them.
_RECOGNIZED = {
    "wespeaker": ("feats", 3, -1, 80),
    "3d-speaker": ("feature", 3, -1, 80),
    "redimnet": ("features", 4, -2, 72),
}


class Convention(NamedTuple):
    """How a toolkit's models are fed."""

    description: str  # for errors
    # The arrays for the inputs of the model, in order, with a batch axis of one.
    make_inputs: Callable[[NDArray, Metadata], Arrays]
    # Values that `make_inputs` knows; of other keys it knows all.
    metadata: dict[str, list[str]]
    output: int = 0  # which one is the embedding


def find_convention(file: str, metadata: Metadata, inputs: list[tuple[str, list[Any]]]) -> str:
    """Return the name of the convention that metadata, or the first input's name and shape, say."""
    # Metadata are those that sherpa-onnx writes. Axes that are free have no number.
    framework = metadata.get("framework")
    if framework in CONVENTIONS:
        return str(framework)
    name, shape = inputs[0]
    if framework is None:
        for convention, (input_name, n_axes, axis, size) in _RECOGNIZED.items():
            if (name, len(shape)) == (input_name, n_axes) and shape[axis] == size:
                return convention
    known = "; ".join(f"{known!r}: {c.description}" for known, c in CONVENTIONS.items())
    raise ValueError(
        f"{file!r} does not say which front end it needs: its metadata has framework={framework!r},"
        f" and its input {name!r} has shape {shape}. Pass front_end=, one of these names, or a "
        f"function from a waveform to the input of the model. Known are {known}."
    )


def check_metadata(file: str, name: str, metadata: Metadata) -> None:
    """Raise ValueError if the metadata ask for anything but what the convention does."""
    for key, values in CONVENTIONS[name].metadata.items():
        if key in metadata and metadata[key] not in values:
            raise ValueError(
                f"{file!r} has {key}={metadata[key]!r} in its metadata, and the front end {name!r} "
                f"knows {' or '.join(map(repr, values))} only; pass a function as front_end= that "
                "makes what the model expects."
            )


def _kaldi(window: str, full_scale: int, waveform: NDArray, metadata: Metadata) -> Arrays:
    """Return Kaldi's filter bank without its mean over time, ``(1, n_frames, 80)``."""
    scale = {"0": 32768, "1": 1, "": full_scale}[metadata.get("normalize_samples", "")]
    frames = kaldi_fbank(waveform * np.float32(scale), window=window)
    return (_contiguous((frames - frames.mean(axis=1, keepdims=True)).T[np.newaxis]),)


def _nemo(waveform: NDArray, metadata: Metadata) -> Arrays:
    """Return standardized frames, ``(1, n_mels, n_frames)``, padded to 16, and their number."""
    frames = nemo_fbank(waveform, n_mels=int(metadata.get("feat_dim", 80)))
    if metadata.get("feature_normalize_type", "per_feature"):
        deviation = frames.std(axis=1, keepdims=True) + np.float32(1e-5)
        frames = (frames - frames.mean(axis=1, keepdims=True)) / deviation
    n_frames = frames.shape[1]
    padded = np.pad(frames, ((0, 0), (0, -n_frames % 16)))
    return padded[np.newaxis], np.array([n_frames], dtype=np.int64)


def _redimnet(waveform: NDArray, metadata: Metadata) -> Arrays:
    """Return log-mel frames without their mean over time, ``(1, 1, 72, n_frames)``."""
    before = np.concatenate([waveform[1:2], waveform[:-1]])
    emphasized = np.pad(waveform - np.float32(0.97) * before, 256, mode="reflect")
    window = np.pad(scipy.signal.windows.hamming(400, sym=False), 56)
    power = power_spectrum(frame(emphasized, 512, 160, center=False), window)
    frames = np.log(_redimnet_filters() @ power + np.float32(1e-6))
    frames -= frames.mean(axis=1, keepdims=True)
    # The network takes multiples of 4 frames; what is left over at the end is not used.
    return (_contiguous(frames[np.newaxis, np.newaxis, :, : frames.shape[1] // 4 * 4]),)


@lru_cache(maxsize=1)
def _redimnet_filters() -> scipy.sparse.csr_array:
    import librosa.filters

    filters = librosa.filters.mel(
        sr=SAMPLE_RATE, n_fft=512, n_mels=72, fmin=20, fmax=7600, htk=True, norm=None
    )
    return scipy.sparse.csr_array(filters)


def _waveform(waveform: NDArray, metadata: Metadata) -> Arrays:
    return (waveform[np.newaxis],)


def _contiguous(array: NDArray) -> NDArray[np.float32]:
    return np.ascontiguousarray(array, dtype=np.float32)


_RATE = {"sample_rate": [str(SAMPLE_RATE)]}
_KALDI_METADATA = {
    **_RATE,
    "normalize_samples": ["0", "1"],
    "feature_normalize_type": ["global-mean", ""],
}
_NEMO_METADATA = {
    **_RATE,
    "feature_normalize_type": ["per_feature", ""],
    "window_size_ms": ["25"],
    "window_stride_ms": ["10"],
    "window_type": ["hann"],
}

CONVENTIONS = {
    "3d-speaker": Convention(
        "80 bands of Kaldi's filter bank, mean removed, (1, n_frames, 80)",
        partial(_kaldi, "povey", 1),
        _KALDI_METADATA,
    ),
    "wespeaker": Convention(
        "the same with a Hamming window and samples of 16-bit size",
        partial(_kaldi, "hamming", 32768),
        _KALDI_METADATA,
    ),
    "nemo": Convention(
        "standardized log-mel bands, (1, n_mels, n_frames), and the number of frames",
        _nemo,
        _NEMO_METADATA,
        output=1,
    ),
    "redimnet": Convention(
        "72 log-mel bands, mean removed, (1, 1, 72, n_frames), n_frames a multiple of 4",
        _redimnet,
        _RATE,
    ),
    "waveform": Convention("samples in [-1, 1], (1, n_times)", _waveform, {}),
}
