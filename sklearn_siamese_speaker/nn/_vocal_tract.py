"""VocalTractWarp: further speakers from the same frames, by a longer or shorter vocal tract."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar

import torch
from torch import Tensor

__all__ = ["VocalTractWarp"]

_KNEE, _KNEE_MEL = 1000.0, 15.0  # Slaney's mel scale is linear up to 1 kHz, logarithmic above
_MELS_PER_LOG = 27 / math.log(6.4)


@dataclass(frozen=True)
class VocalTractWarp:
    """Learn from each recording also as from speakers with other vocal tracts.

    Source: [1]_ and [2]_.

    A vocal tract that is shorter by some percent moves all resonances up by as much: the spectrum
    is stretched along the frequency axis, and the voice sounds like somebody else's. The copies are
    further speakers for the training; nothing is warped after it. Behind :class:`MFCC` a warp is
    one matrix: from cepstra back to mel bands, along the bands, and to cepstra again.

    Parameters
    ----------
    factors : tuple of float, default=(0.88, 1.12)
        By which frequencies are multiplied; one further speaker for each speaker and factor.
    n_mels : int or None, default=None
        Mel bands of the front end; None is 64, or the number of cepstra where that is more.
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
    n_mels: int | None = None
    fmin: float = 20.0
    fmax: float = 8000.0
    domains: ClassVar[frozenset[str]] = frozenset({"mfcc"})

    def further_speakers(self, recording: Tensor) -> Iterator[Tensor]:
        """Yield a warped copy of a recording ``(n_features, n_frames)`` for each factor."""
        n_cepstra = len(recording)
        n_mels = max(64, n_cepstra) if self.n_mels is None else self.n_mels
        for factor in self.factors:
            warp = _warp(factor, n_cepstra, n_mels, self.fmin, self.fmax)
            yield warp.to(recording) @ recording


@lru_cache
def _warp(factor: float, n_cepstra: int, n_mels: int, fmin: float, fmax: float) -> Tensor:
    """Return the warp as a matrix of cepstra, ``(n_cepstra, n_cepstra)``."""
    bands = torch.arange(n_mels, dtype=torch.float64)
    lowest, highest = _to_mel(torch.tensor([fmin, fmax], dtype=torch.float64))
    spacing = (highest - lowest) / (n_mels + 1)
    centers = _to_hz(lowest + spacing * (bands + 1))
    # A band takes its energy from where its center was before the stretch, between two bands; the
    # outermost bands repeat.
    source = (_to_mel(centers / factor) - lowest) / spacing - 1
    source = source.clamp(0, n_mels - 1)
    weights = (1 - (source[:, None] - bands).abs()).clamp(min=0)  # linear interpolation
    cosines = torch.cos(math.pi / n_mels * torch.outer(bands, bands + 0.5))
    cosines *= math.sqrt(2 / n_mels)  # of the orthonormal cosine transform
    cosines[0] /= math.sqrt(2)
    transform = cosines[:n_cepstra]
    return transform @ weights @ transform.T


def _to_mel(frequencies: Tensor) -> Tensor:
    above = _KNEE_MEL + _MELS_PER_LOG * torch.log(frequencies / _KNEE)
    return torch.where(frequencies < _KNEE, frequencies * _KNEE_MEL / _KNEE, above)


def _to_hz(mels: Tensor) -> Tensor:
    above = _KNEE * torch.exp((mels - _KNEE_MEL) / _MELS_PER_LOG)
    return torch.where(mels < _KNEE_MEL, mels * _KNEE / _KNEE_MEL, above)
