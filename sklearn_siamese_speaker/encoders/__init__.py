"""Encoders: from recordings or frames to speaker embeddings.

No estimator imports torch before its first fit; the training loop stands beside its own.
"""

from .._public import publish
from ._pretrained import PretrainedSpeakerEncoder
from ._siamese_encoder import SiameseSpeakerEncoder
from ._speed_perturbation import SpeedPerturbation

__all__ = ["PretrainedSpeakerEncoder", "SiameseSpeakerEncoder", "SpeedPerturbation"]

publish(globals())
