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
from ...features.base import TEXTS as FRONT_END_TEXTS
from ...features.base import RecordingTransformer, pass_in_blocks
from ...features.length import set_length

SAMPLE_RATE = 16000  # Hz, of all public encoders known here
# Rows of an array may be anything. They are padded to this many samples,
_SHORTEST = 1600
# and cut off at this many times full scale, where powers are finite in float32.
_LOUDEST = 1e6

# What all of them have, for their docstrings.
TEXTS = {
    **FRONT_END_TEXTS,
    "embedding_memory": """
        memory : str or object with the joblib.Memory interface, default=None
            Where to keep the embedding of each recording: the folder of a cache, or the cache. It
            is found again by the content of the recording and of the weights, and the parameters.

        n_jobs : int, default=None
            Number of jobs, see the scikit-learn glossary. Every process loads the network once.
        """,
    "embedding_attributes": """
        embedding_metric_ : "cosine"
            How embeddings are compared.
        """,
}


class Embedder(NamedTuple):
    """A network and what belongs to it.

    Attributes
    ----------
    windows : callable
        A waveform of shape (n_times,) at 16 kHz to inputs of shape (n_windows, ...).
    network : callable
        Inputs of shape (batch, ...) to an array of shape (batch, n_dims).
    pool : callable
        The outputs of a recording, of shape (n_windows, n_dims), to its embedding.
    n_together : int
        Windows that pass the network at once. It is more than one only where all windows have one
        shape. The batch is filled up with zeros, for the bits of a matrix product depend on its
        shape, and a recording must not depend on its neighbors.
    shortest : int
        Samples that a waveform is padded to.
    """

    windows: Callable[[NDArray], NDArray]
    network: Callable[[NDArray], NDArray]
    pool: Callable[[NDArray], NDArray]
    n_together: int = 1
    shortest: int = _SHORTEST

    def embed(self, waveforms: Iterable[NDArray]) -> list[NDArray[np.float32]]:
        """Return the embedding of each waveform, of shape (n_dims,)."""
        outputs = pass_in_blocks(self.network, map(self._cut, waveforms), self.n_together)
        return [self.pool(windows).astype(np.float32, copy=False) for windows in outputs]

    def _cut(self, waveform: NDArray) -> NDArray:
        if len(waveform) < self.shortest:
            waveform = set_length(waveform, self.shortest)
        return self.windows(np.clip(waveform, -_LOUDEST, _LOUDEST))


class RecordingEncoder(RecordingTransformer):
    """Base class of encoders that take recordings and have nothing to learn.

    A subclass names its network by parameters and implements `_load`, `_count_features` and, for
    the cache, `_identity`.
    """

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

    def fit_transform(self, X: Recordings, y: Any = None) -> NDArray[np.float32]:
        """Check all of `X` and return its embeddings, reading it once.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_times) or (n_samples, 1, n_times), or list of \
                arrays of shape (n_times_i,), or list of paths
            Recordings.

        y : None
            Ignored.

        Returns
        -------
        embeddings : ndarray of shape (n_samples, n_dims), float32
        """
        return super().fit_transform(X, y)

    def transform(self, X: Recordings) -> NDArray[np.float32]:
        """Return the embedding of each recording. `fit` is not needed before.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_times) or (n_samples, 1, n_times), or list of \
                arrays of shape (n_times_i,), or list of paths
            Recordings.

        Returns
        -------
        embeddings : ndarray of shape (n_samples, n_dims), float32
            The embedding of a recording does not depend on the others, to the bit.

        Raises
        ------
        AudioError
            If recordings cannot be used; the first ten are named.
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
