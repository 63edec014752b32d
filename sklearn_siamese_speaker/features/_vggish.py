"""VGGish: embeddings of patches of 0.96 s by a network that was trained on AudioSet."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from numbers import Integral, Real
from os import PathLike
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from sklearn.utils import gen_batches

from .._audio import AudioError, Recording, warn_caller
from .._compat import Interval
from .._docs import substitute
from .base import TEXTS, Frames, FrontEnd, frames_or_fault, pass_in_blocks
from .length import set_length
from .spectral import VGGISH_PATCH_TIMES, VGGISH_SAMPLE_RATE, vggish_log_mel, vggish_patches
from .vggish_weights import find_weights, load_network, load_principal_components

if TYPE_CHECKING:
    from torch import device as Device  # noqa: N812
    from torch.nn import Module

__all__ = ["VGGish"]

N_DIMS = 128
# Rows that pass the dense layers at once, which take as long for one: to read 335 MB of weights for
# each recording takes a third of all time.
BLOCK = 8


def quantize(embeddings: NDArray, eigen_vectors: NDArray, means: NDArray) -> NDArray[np.float32]:
    """Return whitened embeddings (n_patches, n_dims) in 8 bits: 0 is -2 or less, 255 2 or more."""
    whitened = (embeddings - means) @ eigen_vectors.T
    return np.rint((np.clip(whitened, -2, 2) + 2) * (255 / 4)).astype(np.float32)


@substitute(**TEXTS)
class VGGish(FrontEnd):
    """Embeddings of patches of 0.96 s by a network trained on the sounds of AudioSet.

    Source: [1]_.

    Each patch of a recording becomes 128 numbers. The log-mel front end, the network and the
    post-processing are those of the published model; the weights are a conversion of the
    published ones [2]_, 289 MB, downloaded once into the data home (see
    :func:`~sklearn_siamese_speaker.datasets.get_data_home`). The network is not trained further.

    Read more in the :ref:`User Guide <front_ends>`.

    Parameters
    ----------
    weights : "audioset", path or None, default="audioset"
        "audioset" downloads the published weights when the data home lacks them. A path is a file
        of tensors with their names and shapes: of ``torch.save``, or ending in ".safetensors"
        (which needs the package safetensors). None draws random weights, for tests and
        comparisons; `fit` warns.

    hop : float, default=0.96
        Time between the starts of two patches, in seconds, rounded to 0.01. Patches overlap if it
        is less than 0.96.

    final_relu : bool, default=True
        Whether the embedding ends with a ReLU, as the published weights were used until 2020.
        Values are then never negative.

    postprocess : bool, default=False
        Whether to whiten the embeddings with the published principal components, clip them to
        [-2, 2] and round them to whole numbers from 0 to 255, as AudioSet's own features are.

    batch_size : int, default=32
        Patches that pass the convolutions at once; it bounds the memory. They are always patches
        of one recording, so that no recording depends on the others.

    device : str, default="auto"
        Where the network computes: "auto" (CUDA when present, else CPU) or a torch device.

    random_state : int, RandomState instance or None, default=None
        Seed of the weights with ``weights=None``.

    %(input_sample_rate)s
        All recordings are resampled to 16 kHz.

    %(duration)s

    pad : {"zero", "repeat"}, default="zero"
        What follows a recording shorter than `duration`, or than the 0.975 s that one patch needs:
        zeros, or the recording again.

    %(silence)s

    %(memory)s
        A cache knows the weights by their content too.

    %(n_jobs)s
        Every process loads the weights; the network uses several cores within one job.

    Attributes
    ----------
    weights_ : tuple
        What names the weights: ("audioset", SHA-256), (path, SHA-256) or (None, seed). The weights
        themselves are not part of the estimator or its pickle; they are read again when needed.

    %(columns)s

    See Also
    --------
    LogMelSpectrogram : Mel bands, to learn from.

    Notes
    -----
    A patch is 96 frames. Frames after the last whole patch are not used, as in the published model.
    That model gives nothing for a recording shorter than one patch; here it is padded to one.

    References
    ----------
    .. [1] S. Hershey et al., "CNN architectures for large-scale audio classification", ICASSP,
       2017.
    .. [2] H. Taylor, torchvggish, https://github.com/harritaylor/torchvggish, Apache-2.0.

    Examples
    --------
    With random weights, which need no download; without ``weights=None`` they are AudioSet's:

    >>> import warnings
    >>> from sklearn_siamese_speaker import VGGish
    >>> from sklearn_siamese_speaker.datasets import make_speakers
    >>> X, y = make_speakers(n_speakers=2, n_recordings=1, duration=2.0, random_state=0)
    >>> with warnings.catch_warnings(action="ignore"):  # of the random weights
    ...     vggish = VGGish(weights=None, random_state=0).fit(X)
    >>> vggish.transform(X).shape
    (2, 128, 2)

    A recording of another length has another number of patches:

    >>> [embedding.shape for embedding in vggish.transform([X[0], X[1, :16000]])]
    [(128, 2), (128, 1)]
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **FrontEnd._parameter_constraints,
        "weights": [str, PathLike, None],
        "hop": [Interval(Real, 0, None, closed="neither")],
        "final_relu": ["boolean"],
        "postprocess": ["boolean"],
        "batch_size": [Interval(Integral, 1, None, closed="left")],
        "device": [str],
        "random_state": ["random_state"],
    }
    del _parameter_constraints["sample_rate"]
    sample_rate = VGGISH_SAMPLE_RATE  # for the base class; the weights know no other

    def __init__(
        self,
        weights: str | PathLike | None = "audioset",
        *,
        hop: float = 0.96,
        final_relu: bool = True,
        postprocess: bool = False,
        batch_size: int = 32,
        device: str = "auto",
        random_state: Any = None,
        input_sample_rate: float = 16000,
        duration: float | None = None,
        crop: str = "center",
        pad: str = "zero",
        trim_silence: bool = False,
        drop_silence: bool = False,
        memory: Any = None,
        n_jobs: int | None = None,
    ) -> None:
        self.weights = weights
        self.hop = hop
        self.final_relu = final_relu
        self.postprocess = postprocess
        self.batch_size = batch_size
        self.device = device
        self.random_state = random_state
        self.input_sample_rate = input_sample_rate
        self.duration = duration
        self.crop = crop
        self.pad = pad
        self.trim_silence = trim_silence
        self.drop_silence = drop_silence
        self.memory = memory
        self.n_jobs = n_jobs

    def _check_parameters(self) -> None:
        """Set ``weights_``; what is wrong with them shows now and not in `transform`."""
        if self.weights is None:
            warn_caller(
                "VGGish(weights=None) has random weights, which know nothing of voices; pass "
                "weights='audioset' or the path of a file."
            )
        weights = find_weights(self.weights, self.random_state)
        load_network(weights, self.final_relu)
        if self.postprocess:
            load_principal_components()
        self.weights_ = weights

    def _extract(self, waveform: NDArray[np.float32]) -> Frames:
        return self._extract_all([waveform])[0]

    def _extract_recordings(self, recordings: Sequence[Recording]) -> list[Frames | AudioError]:
        if self.memory is not None:  # it keeps recordings one by one
            return super()._extract_recordings(recordings)
        faults: list[AudioError] = []
        frames = self._extract_all(self._usable_waveforms(recordings, faults))
        unusable = {fault.index for fault in faults}
        usable = [recording for recording in recordings if recording.index not in unusable]
        return [*map(frames_or_fault, usable, frames), *faults]

    def _extract_all(self, waveforms: Iterable[NDArray[np.float32]]) -> list[Frames]:
        """Return the frames of each; recordings share passes through the dense layers."""
        from .._torch import embed, resolve_device

        network, device = load_network(self.weights_, self.final_relu), resolve_device(self.device)
        patches = (self._convolve(network.features, waveform, device) for waveform in waveforms)
        embeddings = pass_in_blocks(
            lambda rows: embed(network.embeddings, [rows], device)[0], patches, BLOCK
        )
        return [self._finish(of_recording) for of_recording in embeddings]

    def _convolve(
        self, network: Module, waveform: NDArray[np.float32], device: Device
    ) -> Iterator[NDArray[np.float32]]:
        """Yield a row for each patch of a waveform."""
        from .._torch import embed

        if len(waveform) < VGGISH_PATCH_TIMES:
            waveform = set_length(waveform, VGGISH_PATCH_TIMES, pad=self.pad)
        patches = vggish_patches(vggish_log_mel(waveform), max(1, round(self.hop / 0.01)))
        for batch in gen_batches(len(patches), self.batch_size):
            yield from embed(network, [patches[batch]], device)[0]

    def _finish(self, embeddings: NDArray) -> Frames:
        """Return (128, n_patches) of (n_patches, 128)."""
        if self.postprocess:
            embeddings = quantize(embeddings, *load_principal_components())
        return np.ascontiguousarray(embeddings.T)

    def _count_features(self) -> int:
        return N_DIMS

    def _identity(self) -> dict[str, Any]:
        # A cache must know weights by their content: a path or no seed does not tell them apart.
        return {**super()._identity(), "weights": self.weights_, "random_state": None}
