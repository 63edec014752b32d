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

import sys
from typing import TYPE_CHECKING, Any

from . import _public
from ._audio import AudioError as AudioError
from ._audio import AudioQualityWarning as AudioQualityWarning
from .encoders import *
from .features import *
from .recognition import *

del FrameStore  # noqa: F821 - its address is features.FrameStore

__version__ = "0.1.0.dev0"

TRUSTED_TYPES: list[str]

if not TYPE_CHECKING:  # where every name would be known

    def __getattr__(name: str) -> Any:
        """Return `TRUSTED_TYPES`, computed when it is asked for: that imports torch."""
        if name != "TRUSTED_TYPES":
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from . import model_selection, nn

        names = _public.trusted_types(sys.modules[__name__], model_selection, nn)
        return globals().setdefault(name, names)


_public.publish(globals(), "TRUSTED_TYPES")
