"""Augmentation: small seeded callables ``(batch, generator) -> batch``.

=======================  =====================================================
what                     front ends (the attribute `domains`)
=======================  =====================================================
:class:`TimeMask`        any
:class:`FeatureMask`     MFCC, LogMelSpectrogram
:class:`RandomChannel`   MFCC or LogMelSpectrogram (``front_end=``)
:class:`BandLimit`       LogMelSpectrogram
:class:`AdditiveNoise`   LogMelSpectrogram or RawAudio (``front_end=``)
=======================  =====================================================

All take ``(batch, n_features, n_frames)`` as the front end gives it, before any standardization,
never change it in place, draw from the given generator only, and are equal when their parameters
are.
"""

from ._band_limit import BandLimit
from ._channel import RandomChannel
from ._masks import FeatureMask, TimeMask
from ._noise import AdditiveNoise

__all__ = ["AdditiveNoise", "BandLimit", "FeatureMask", "RandomChannel", "TimeMask"]
