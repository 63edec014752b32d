"""What trained encoders with their own front end share: recordings in, embeddings out."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterable, Sequence
from typing import Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.utils import Tags

from ..._audio import AudioError, Recording, Recordings
from ..._docs import substitute
from ...features.base import TEXTS as FRONT_END_TEXTS
from ...features.base import RecordingTransformer, pass_in_blocks
from ...features.length import set_length

SAMPLE_RATE = 16000  # Hz, of all public encoders known here
# Rows of an array may be anything. They are padded with zeros to this many samples,
_SHORTEST = 1600
# and cut off at this many times full scale, where powers are finite in float32.
_LOUDEST = 1e6

# What all of them have, for their docstrings.
TEXTS = {
    **FRONT_END_TEXTS,
    "embedding_memory": """
        memory : str or object with the joblib.Memory interface, default=None
            Where to keep the embedding of each recording: the folder of a cache, or the cache. Its
            key is the content of the recording and of the weights, and the parameters.

        n_jobs : int, default=None
            Number of jobs, see the scikit-learn glossary. Every process loads the network once.
        """,
    "embedding_attributes": """
        embedding_metric_ : "cosine"
            How embeddings are compared.
        """,
}


def only_window(outputs: NDArray) -> NDArray:
    """Return the output (n_dims,) of the one window (1, n_dims) that a recording has."""
    return outputs[0]


class Embedder(NamedTuple):
    """A network, what it takes of a waveform, and what becomes of its outputs."""

    windows: Callable[[NDArray], NDArray]  # (n_times,) to (n_windows, ...)
    network: Callable[[NDArray], NDArray]  # (batch, ...) to (batch, n_dims)
    pool: Callable[[NDArray], NDArray] = only_window  # (n_windows, n_dims) to (n_dims,)
    # Windows that pass the network at once; more than one only where all have one shape.
    n_together: int = 1

    def embed(self, waveforms: Iterable[NDArray]) -> list[NDArray[np.float32]]:
        """Return the embedding of each waveform, of shape (n_dims,)."""
        outputs = pass_in_blocks(self.network, map(self._cut, waveforms), self.n_together)
        return [self.pool(windows).astype(np.float32, copy=False) for windows in outputs]

    def _cut(self, waveform: NDArray) -> NDArray:
        if len(waveform) < _SHORTEST:
            waveform = set_length(waveform, _SHORTEST)
        return self.windows(np.clip(waveform, -_LOUDEST, _LOUDEST))


class RecordingEncoder(RecordingTransformer):
    """Base class of encoders that take recordings and have nothing to learn."""

    # A subclass names its network by parameters and implements `_load`, `_count_features` and, for
    # the cache, `_identity`.
    _parameter_constraints: ClassVar[dict] = {
        name: constraint
        for name, constraint in RecordingTransformer._parameter_constraints.items()
        if name != "sample_rate"
    }
    sample_rate = SAMPLE_RATE  # for the base class; the networks know no other
    embedding_metric_ = "cosine"

    @abstractmethod
    def _load(self) -> Embedder:
        """Return the network that the parameters name, kept for the process; raise if none."""

    @substitute(**TEXTS)
    def fit_transform(self, X: Recordings, y: Any = None) -> NDArray[np.float32]:
        """Check all of `X` and return its embeddings, reading it once.

        Parameters
        ----------
        %(X)s

        y : None
            Ignored.

        Returns
        -------
        embeddings : ndarray of shape (n_samples, n_dims), float32
        """
        return super().fit_transform(X, y)

    @substitute(**TEXTS)
    def transform(self, X: Recordings) -> NDArray[np.float32]:
        """Return the embedding of each recording. `fit` is not needed before.

        Parameters
        ----------
        %(X)s

        Returns
        -------
        embeddings : ndarray of shape (n_samples, n_dims), float32
            The embedding of a recording does not depend on the others, to the bit.

        Raises
        ------
        %(AudioError)s
        """
        if not self.__sklearn_is_fitted__():
            return clone(self)._fit(X, extract=True)
        return self._transform(X)

    def _check_parameters(self) -> None:
        self._load()  # what is wrong with the weights shows in `fit`

    def _extract(self, waveform: NDArray) -> NDArray[np.float32]:
        return self._load().embed([waveform])[0]

    def _extract_recordings(self, recordings: Sequence[Recording]) -> list[NDArray | AudioError]:
        if self.memory is not None:  # it keeps recordings one by one
            return super()._extract_recordings(recordings)
        faults: list[AudioError] = []
        return self._load().embed(self._usable_waveforms(recordings, faults)) + faults

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.requires_fit = False
        return tags
