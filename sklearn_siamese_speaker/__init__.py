"""One-shot speaker recognition with Siamese networks, as scikit-learn estimators.

Sound to frames
    RawAudio, MFCC, LogMelSpectrogram, VGGish; FramePooling leads on to any scikit-learn estimator.
Frames to speaker embeddings
    SiameseSpeakerEncoder; SpeedPerturbation, ChannelPerturbation (train on copies too)
Recordings to speaker embeddings, already trained
    PretrainedSpeakerEncoder (public ones by name), OnnxSpeakerEncoder (any ONNX model)
Encoders to ONNX files
    export_onnx
Embeddings to decisions
    OneShotClassifier (who is it?), SpeakerVerifier (is it the same speaker?),
    SpeakerDiarizer (who spoke when?)
Enrolled people in a file
    SpeakerStore; SpeakerStoreError, NotErasedError
Evaluation of any of them
    ``model_selection`` (n-shot k-way tasks), ``metrics``, ``inspection`` (figures)
Data
    ``datasets``
Bad input
    AudioError, AudioQualityWarning
Loading saved files
    TRUSTED_TYPES, the list for ``skops.io.load(file, trusted=TRUSTED_TYPES)``
"""

from __future__ import annotations

from ._audio import AudioError, AudioQualityWarning
from ._public import TRUSTED_TYPES, publish
from .encoders import (
    ChannelPerturbation,
    OnnxSpeakerEncoder,
    PretrainedSpeakerEncoder,
    SiameseSpeakerEncoder,
    SpeedPerturbation,
    export_onnx,
)
from .features import MFCC, FramePooling, LogMelSpectrogram, RawAudio, VGGish
from .recognition import (
    NotErasedError,
    OneShotClassifier,
    SpeakerDiarizer,
    SpeakerStore,
    SpeakerStoreError,
    SpeakerVerifier,
)

__version__ = "0.1.0.dev0"

__all__ = [
    "MFCC",
    "TRUSTED_TYPES",
    "AudioError",
    "AudioQualityWarning",
    "ChannelPerturbation",
    "FramePooling",
    "LogMelSpectrogram",
    "NotErasedError",
    "OneShotClassifier",
    "OnnxSpeakerEncoder",
    "PretrainedSpeakerEncoder",
    "RawAudio",
    "SiameseSpeakerEncoder",
    "SpeakerDiarizer",
    "SpeakerStore",
    "SpeakerStoreError",
    "SpeakerVerifier",
    "SpeedPerturbation",
    "VGGish",
    "export_onnx",
]

publish(globals())
