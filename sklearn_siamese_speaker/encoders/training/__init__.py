"""SiameseSpeakerEncoder and its training: parts, batches, validation, checkpoints.

The estimator imports torch in its first fit; the files beside it import torch at once.
"""

from ._siamese_encoder import SiameseSpeakerEncoder

__all__ = ["SiameseSpeakerEncoder"]
