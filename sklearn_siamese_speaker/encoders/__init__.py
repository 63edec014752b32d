"""Encoders: from recordings or frames to speaker embeddings.

No estimator imports torch before its first fit; the training loop stands beside its own.
"""

from .._public import publish
from ._export_onnx import export_onnx
from ._onnx import OnnxSpeakerEncoder
from ._perturbation import ChannelPerturbation, SpeedPerturbation
from ._pretrained import PretrainedSpeakerEncoder
from ._siamese_encoder import SiameseSpeakerEncoder

__all__ = [
    "ChannelPerturbation",
    "OnnxSpeakerEncoder",
    "PretrainedSpeakerEncoder",
    "SiameseSpeakerEncoder",
    "SpeedPerturbation",
    "export_onnx",
]

publish(globals())
