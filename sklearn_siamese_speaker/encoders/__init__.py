"""Encoders: from recordings or frames to speaker embeddings.

The estimator imports no torch before its first fit; the training loop stands beside it.
"""

from .._public import publish
from ._siamese_encoder import SiameseSpeakerEncoder
from ._speed_perturbation import SpeedPerturbation

__all__ = ["SiameseSpeakerEncoder", "SpeedPerturbation"]

publish(globals())
