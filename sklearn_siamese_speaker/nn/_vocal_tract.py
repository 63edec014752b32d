"""VocalTractWarp: further speakers from the same frames, by a longer or shorter vocal tract."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import torch
from torch import Tensor

_KNEE, _KNEE_MEL = 1000.0, 15.0  # Slaney's mel scale is linear up to 1 kHz, logarithmic above
_MELS_PER_LOG = 27 / math.log(6.4)


@dataclass(frozen=True)
class VocalTractWarp:
    """Learn from each recording also as from speakers with other vocal tracts [1]_ [2]_.

    A vocal tract that is shorter by some percent moves all resonances up by as much: the spectrum
    is stretched along the frequency axis, and the voice sounds like somebody else's. The copies are
    further speakers for the training; nothing is warped after it. Behind :class:`MFCC` a warp is
    one matrix: from cepstra back to mel bands, along the bands, and to cepstra again.

    Parameters
    ----------
    factors : tuple of float, default=(0.88, 1.12)
        By which frequencies are multiplied; one further speaker for each speaker and factor.
    n_mels : int, default=64
        Mel bands of the front end.
    fmin, fmax : float, defaults=20.0, 8000.0
        Lowest and highest frequency of the bands, in Hz.

    References
    ----------
    .. [1] N. Jaitly, G. E. Hinton, "Vocal tract length perturbation (VTLP) improves speech
       recognition", ICML Workshop on Deep Learning for Audio, Speech and Language, 2013.
    .. [2] As further speakers: H. Yamamoto, K. A. Lee, K. Okabe, T. Koshinaka, "Speaker
       augmentation and bandwidth extension for deep speaker embedding", Interspeech, 2019.

    Examples
    --------
    >>> import torch
    >>> from sklearn_siamese_speaker.nn import VocalTractWarp
    >>> copies = list(VocalTractWarp().further_speakers(torch.randn(40, 100)))
    >>> len(copies), copies[0].shape
    (2, torch.Size([40, 100]))
    """

    factors: tuple[float, ...] = (0.88, 1.12)
    n_mels: int = 64
    fmin: float = 20.0
    fmax: float = 8000.0
    domains: ClassVar[frozenset[str]] = frozenset({"mfcc"})

    def further_speakers(self, recording: Tensor) -> Iterator[Tensor]:
        """Yield a warped copy of a recording ``(n_features, n_frames)`` for each factor."""
        for factor in self.factors:
            yield self._matrix(factor, len(recording)).to(recording) @ recording

    def _matrix(self, factor: float, n_cepstra: int) -> Tensor:
        """Return the warp as a matrix of cepstra, ``(n_cepstra, n_cepstra)``.

        A band takes its energy from where its center was before the stretch, between two bands; the
        outermost bands repeat.
        """
        places = torch.arange(self.n_mels, dtype=torch.float64)
        source = self._band_of(self._center_of(places) / factor).clamp(0, self.n_mels - 1)
        weights = (1 - (source[:, None] - places).abs()).clamp(min=0)  # linear interpolation
        cosines = torch.cos(math.pi / self.n_mels * torch.outer(places, places + 0.5))
        cosines *= math.sqrt(2 / self.n_mels)  # of the orthonormal cosine transform
        cosines[0] /= math.sqrt(2)
        transform = cosines[:n_cepstra]
        return transform @ weights @ transform.T

    @cached_property
    def _spacing(self) -> float:
        return (_to_mel(self.fmax) - _to_mel(self.fmin)) / (self.n_mels + 1)

    def _center_of(self, bands: Tensor) -> Tensor:
        """Return the center frequencies of bands, in Hz."""
        mels = _to_mel(self.fmin) + self._spacing * (bands + 1)
        above = _KNEE * torch.exp((mels - _KNEE_MEL) / _MELS_PER_LOG)
        return torch.where(mels < _KNEE_MEL, mels * _KNEE / _KNEE_MEL, above)

    def _band_of(self, frequencies: Tensor) -> Tensor:
        """Return the position among the bands of frequencies in Hz, fractions between two."""
        above = _KNEE_MEL + _MELS_PER_LOG * torch.log(frequencies / _KNEE)
        mels = torch.where(frequencies < _KNEE, frequencies * _KNEE_MEL / _KNEE, above)
        return (mels - _to_mel(self.fmin)) / self._spacing - 1


def _to_mel(frequency: float) -> float:
    if frequency < _KNEE:
        return frequency * _KNEE_MEL / _KNEE
    return _KNEE_MEL + _MELS_PER_LOG * math.log(frequency / _KNEE)
