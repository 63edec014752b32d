"""Encoders: from recordings or frames to speaker embeddings.

=================  ==================================================
``training/``      `SiameseSpeakerEncoder` and its training
``perturbation/``  training on copies through other speeds, channels
``pretrained/``    encoders that come trained
``export/``        ONNX files
``fingerprint.py`` which encoder made an embedding
=================  ==================================================

No estimator imports torch before its first fit.
"""

from .._public import publish
from .export import export_onnx
from .perturbation import ChannelPerturbation, SpeedPerturbation
from .pretrained import OnnxSpeakerEncoder, PretrainedSpeakerEncoder
from .training import SiameseSpeakerEncoder

__all__ = [
    "ChannelPerturbation",
    "OnnxSpeakerEncoder",
    "PretrainedSpeakerEncoder",
    "SiameseSpeakerEncoder",
    "SpeedPerturbation",
    "export_onnx",
]

publish(globals())
