"""export_onnx: a trained pipeline as an ONNX file, its front end included."""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import scipy.fft
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

from ..._estimators import steps_of, unwrap
from ..._files import replacing
from ...features import MFCC, LogMelSpectrogram, RawAudio
from ...features.kaldi_fbank import kaldi_kernels
from ...features.length import set_length
from ...features.mel import MelFrontEnd
from ...features.spectral import fourier_kernels, hann_window, htk_filters
from ..pretrained import PretrainedSpeakerEncoder
from ..pretrained.public_models import BOX_FRAMES
from ..pretrained.recording_encoder import SAMPLE_RATE
from ..training import SiameseSpeakerEncoder

if TYPE_CHECKING:
    from torch import nn

_TOLERANCE = 1e-4
_LENGTHS = (0.11, 0.73, 2.9)  # seconds of the noise that a model is tried on


class _Network(NamedTuple):
    """What goes into a file, and what it must be equal to for one recording."""

    module: nn.Module
    input_name: str
    axes: list[str | int]
    metadata: dict[str, str]
    reference: Callable[[NDArray], NDArray]


def export_onnx(estimator: BaseEstimator, file: str | PathLike, *, front_end: bool = True) -> None:
    """Write a trained encoder as an ONNX model, which runs without Python or torch.

    The model takes waveforms of any length and returns embeddings:
    :class:`OnnxSpeakerEncoder`, onnxruntime in any language, or a telephone can run it. Before the
    file is written, the model is run on noise and compared with the estimator. This needs the extra
    ``onnx``: ``pip install "sklearn-siamese-speaker[onnx]"``.

    Read more in the :ref:`User Guide <export>`.

    Parameters
    ----------
    estimator : estimator
        Fitted; one of

        - a :class:`~sklearn.pipeline.Pipeline` of :class:`MFCC`, :class:`LogMelSpectrogram` or
          :class:`RawAudio` and a :class:`SiameseSpeakerEncoder`;
        - a :class:`SiameseSpeakerEncoder`, with ``front_end=False``;
        - ``PretrainedSpeakerEncoder("box")`` or ``("campplus")``.

        A :class:`~sklearn.frozen.FrozenEstimator` or a search may hold it.

    file : path
        Where to write; an existing file is replaced once the new one is complete.

    front_end : bool, default=True
        Whether the front end is part of the model. Its input is "waveform" then, float32 in
        [-1, 1] of shape (n_samples, n_times) at the sample rate in the metadata. Otherwise it is
        "frames" of shape (n_samples, n_features, n_frames). For CAM++ it is then "x" of shape
        (n_samples, n_frames, 80), as in the models of 3D-Speaker, with the metadata that
        sherpa-onnx reads.

    Raises
    ------
    ValueError
        If something has no ONNX form; it says what and why.

    ImportError
        Without the extra.

    Notes
    -----
    The output is "embedding" of shape (n_samples, n_dims). The metadata are those of sherpa-onnx -
    framework, sample_rate, output_dim, normalize_samples, feature_normalize_type, language - and
    ``embedding_metric``, how embeddings are compared. The model does not resample its input.

    Examples
    --------
    >>> from sklearn_siamese_speaker import MFCC, SiameseSpeakerEncoder, export_onnx
    >>> from sklearn_siamese_speaker.datasets import make_speakers
    >>> from sklearn.pipeline import make_pipeline
    >>> X, y = make_speakers(n_speakers=8, n_recordings=4, duration=0.5, random_state=0)
    >>> pipeline = make_pipeline(MFCC(), SiameseSpeakerEncoder(network="tdnn", max_epochs=1))
    >>> export_onnx(pipeline.fit(X, y), "speaker.onnx")  # doctest: +SKIP
    """
    try:
        import onnx  # noqa: F401
        import onnxruntime  # noqa: F401
    except ImportError as error:
        raise ImportError(
            f"export_onnx needs {error.name}: pip install 'sklearn-siamese-speaker[onnx]'."
        ) from error
    import torch

    from ._onnx_graph import make_model

    estimator = unwrap(estimator)
    check_is_fitted(estimator)
    network = _network_of(estimator, front_end)
    example = torch.from_numpy(_noise(network, seconds=1.0))
    model = make_model(network.module, example, network.input_name, network.axes, network.metadata)
    content = model.SerializeToString()
    _compare(network, content)
    with replacing(os.path.abspath(file)) as scratch:
        Path(scratch).write_bytes(content)


def _network_of(estimator: Any, with_front_end: bool) -> _Network:
    if isinstance(estimator, PretrainedSpeakerEncoder):
        return _of_pretrained(estimator, with_front_end)
    if isinstance(estimator, SiameseSpeakerEncoder) and not with_front_end:
        return _of_frames(estimator)
    if isinstance(estimator, Pipeline):
        steps = [unwrap(step) for step in steps_of(estimator)]
        if len(steps) == 2 and isinstance(steps[1], SiameseSpeakerEncoder):
            return _of_pipeline(*steps) if with_front_end else _of_frames(steps[1])
    raise ValueError(
        f"{type(estimator).__name__} cannot be exported with front_end={with_front_end}; pass a "
        "Pipeline of MFCC, LogMelSpectrogram or RawAudio and a SiameseSpeakerEncoder, a "
        "SiameseSpeakerEncoder alone with front_end=False, or a PretrainedSpeakerEncoder."
    )


def _metadata(encoder: Any, framework: str, sample_rate: float | None = None) -> dict[str, str]:
    return {
        "framework": framework,
        **({} if sample_rate is None else {"sample_rate": f"{sample_rate:g}"}),
        "output_dim": str(encoder._n_features_out),
        "normalize_samples": "1",
        "feature_normalize_type": "",
        "language": "",
        "embedding_metric": encoder.embedding_metric_,
    }


# Networks of this library


def _of_frames(encoder: SiameseSpeakerEncoder) -> _Network:
    axes: list[str | int] = ["N", encoder.n_features_in_, "T"]
    metadata = _metadata(encoder, "frames")
    siamese = _siamese_of(encoder)
    return _Network(siamese, "frames", axes, metadata, lambda frames: encoder._embed([frames]))


def _siamese_of(encoder: SiameseSpeakerEncoder) -> nn.Module:
    siamese, _ = encoder._rebuild_modules()
    reason = _why_not(siamese.network)
    if reason is not None:
        name = type(siamese.network).__name__
        raise ValueError(f"{name} cannot be written as ONNX, because {reason}.")
    return siamese


def _why_not(network: nn.Module) -> str | None:
    from ...nn.protocols import ask

    return ask(network, "no_onnx_form")


def _of_pipeline(front_end: Any, encoder: SiameseSpeakerEncoder) -> _Network:
    from torch import nn

    siamese = _siamese_of(encoder)
    features = _front_end_modules(front_end)
    module = nn.Sequential(*_length_modules(front_end), *features, siamese)
    metadata = _metadata(encoder, "waveform", front_end.sample_rate)

    def embed(waveform: NDArray) -> NDArray:
        return encoder._embed([front_end._extract(_set_length(front_end, waveform))])

    return _Network(module, "waveform", ["N", "T"], metadata, embed)


def _length_modules(reader: Any) -> list[nn.Module]:
    """Return what a front end or encoder does to a waveform first."""
    from ...nn.waveform import WaveformLength

    name = type(reader).__name__
    for option in ("trim_silence", "drop_silence"):
        if getattr(reader, option):
            raise ValueError(
                f"{name}({option}=True) cannot be exported, because the model would have to look "
                f"for the silence; cut it before the model, and train with {option}=False."
            )
    if reader.duration is None:
        return []
    if reader.crop == "loudest":
        raise ValueError(
            f"{name}(crop='loudest') cannot be exported, because the model would have to look "
            "for that part; train with crop='center' or 'start'."
        )
    return [WaveformLength(_n_times(reader), reader.crop, reader.pad)]


def _set_length(reader: Any, waveform: NDArray) -> NDArray:
    if reader.duration is None:
        return waveform
    return set_length(waveform, _n_times(reader), reader.crop, reader.pad)


def _n_times(reader: Any) -> int:
    return max(1, round(reader.duration * reader.sample_rate))


def _front_end_modules(front_end: Any) -> list[nn.Module]:
    from ...nn.waveform import Samples

    extract = type(front_end)._extract  # of a subclass with other frames another one
    if extract is RawAudio._extract:
        return [Samples()]
    if extract in (MFCC._extract, LogMelSpectrogram._extract):
        return _mel_modules(front_end)
    raise ValueError(
        f"{type(front_end).__name__} has no ONNX form here; export a Pipeline that begins with "
        "MFCC, LogMelSpectrogram or RawAudio, or the network alone with front_end=False."
    )


def _mel_modules(front_end: MelFrontEnd) -> list[nn.Module]:
    from ...nn import waveform as modules

    n_fft, hop = front_end._n_fft(), max(1, round(front_end.hop * front_end.sample_rate))
    kernels = fourier_kernels(hann_window(front_end._window_length(), n_fft))
    filters = _tensor(front_end._filters().toarray())
    steps = [
        modules.Spectrum(_tensor(kernels), filters, hop, n_fft // 2),
        modules.LogPower(10 / math.log(10), 1e-10, 80.0),
    ]
    if isinstance(front_end, MFCC):
        cosines = scipy.fft.dct(np.eye(front_end.n_mels), type=2, norm="ortho", axis=0)
        steps.append(modules.Projection(_tensor(cosines[: front_end.n_mfcc])))
    if front_end.deltas:
        steps.append(modules.Slopes(front_end.deltas))
    if front_end.normalize is not None:
        steps.append(modules.Standardized(front_end.normalize == "mean_variance"))
    return steps


# Encoders that come trained


def _of_pretrained(encoder: PretrainedSpeakerEncoder, with_front_end: bool) -> _Network:
    from torch import nn

    from ...nn.waveform import SwapAxes

    is_box, network, embedder = encoder.weights == "box", encoder._read_network(), encoder._load()
    reason = _why_not(network)
    if reason is not None:
        raise ValueError(
            f"PretrainedSpeakerEncoder({encoder.weights!r}) cannot be exported, because {reason}; "
            "'box' and 'campplus' can."
        )
    if with_front_end:
        front_end = _mel_modules(BOX_FRAMES) if is_box else _kaldi_modules()
        module = nn.Sequential(*_length_modules(encoder), *front_end, network)
        metadata = _metadata(encoder, "waveform", encoder.sample_rate)

        def embed(waveform: NDArray) -> NDArray:
            return embedder.embed([_set_length(encoder, waveform)])[0]

        return _Network(module, "waveform", ["N", "T"], metadata, embed)
    run = embedder.network
    if is_box:
        axes: list[str | int] = ["N", BOX_FRAMES.n_mfcc, "T"]
        metadata = _metadata(encoder, "frames")
        return _Network(network, "frames", axes, metadata, lambda frames: run(frames[np.newaxis]))
    # As 3D-Speaker exports it, so that sherpa-onnx knows it.
    metadata = _metadata(encoder, "3d-speaker", encoder.sample_rate)
    metadata.update(feature_normalize_type="global-mean", language="Chinese, English")
    alone = nn.Sequential(SwapAxes(), network)
    return _Network(alone, "x", ["N", "T", 80], metadata, lambda frames: run(frames.T[np.newaxis]))


def _kaldi_modules() -> list[nn.Module]:
    from ...nn import waveform as modules

    filters = htk_filters(SAMPLE_RATE, 512, 80, 20.0, SAMPLE_RATE / 2)
    kernels = _tensor(kaldi_kernels(SAMPLE_RATE))
    return [
        modules.Spectrum(kernels, _tensor(filters.toarray()), SAMPLE_RATE // 100, 0),
        modules.LogPower(1.0, float(np.finfo(np.float32).eps)),
        modules.Standardized(scale=False),
    ]


def _tensor(array: NDArray) -> Any:
    import torch

    return torch.from_numpy(np.asarray(array, dtype=np.float32))


# The file


def _compare(network: _Network, content: bytes) -> None:
    """Run the model beside the estimator on noise of several lengths."""
    import onnxruntime

    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    for seconds in _LENGTHS:
        noise = _noise(network, seconds)
        (embedding,) = session.run(["embedding"], {network.input_name: noise})
        expected = network.reference(noise[0])
        difference = float(np.abs(embedding - expected).max())
        if not difference <= _TOLERANCE * max(1, np.abs(expected).max()):
            raise ValueError(
                f"The ONNX model differs from the estimator by {difference:.2g}, more than "
                f"{_TOLERANCE:g}, on noise of {seconds} s; nothing was written."
            )


def _noise(network: _Network, seconds: float) -> NDArray[np.float32]:
    """Return an input of one recording."""
    length = int(seconds * (16_000 if network.input_name == "waveform" else 100))
    shape = [1, *(length if isinstance(size, str) else size for size in network.axes[1:])]
    return np.random.default_rng(0).normal(0, 0.1, shape).astype(np.float32)
