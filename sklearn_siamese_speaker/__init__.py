"""One-shot speaker recognition with Siamese networks, as scikit-learn estimators.

Sound to frames
    RawAudio, MFCC, LogMelSpectrogram, VGGish; FramePooling leads on to any scikit-learn estimator.
Frames to speaker embeddings
    SiameseSpeakerEncoder
Embeddings to decisions
    OneShotClassifier (who is it?), SpeakerVerifier (is it the same speaker?)
Judging any of them
    ``model_selection`` (n-shot k-way tasks), ``metrics``, ``inspection`` (figures)
Data
    ``datasets``
Bad input
    AudioError, AudioQualityWarning
"""

from __future__ import annotations

from ._audio import AudioError, AudioQualityWarning
from .encoders import SiameseSpeakerEncoder
from .features import MFCC, FramePooling, LogMelSpectrogram, RawAudio, VGGish
from .recognition import OneShotClassifier, SpeakerVerifier

__version__ = "0.1.0.dev0"

__all__ = [
    "MFCC",
    "AudioError",
    "AudioQualityWarning",
    "FramePooling",
    "LogMelSpectrogram",
    "OneShotClassifier",
    "RawAudio",
    "SiameseSpeakerEncoder",
    "SpeakerVerifier",
    "VGGish",
]
