"""What torch does: networks, spaces, losses, samplers, augmentation. Torch only.

===================  ===========================================================================
networks             ``(batch, n_features, n_frames)`` to ``(batch, n_dims)`` embeddings, for any
                     number of frames: :func:`build_network`, ``NETWORKS``
spaces               embeddings to coordinates, and distances between coordinates:
                     :func:`build_space`, ``SPACES``
losses               coordinates and labels to a scalar: :func:`build_loss`, ``LOSSES``
samplers             which recordings make a batch: :class:`SpeakerBatchSampler`,
                     :class:`RandomPairSampler`
augmentation         seeded ``(batch, generator) -> batch``: :class:`TimeMask`,
                     :class:`FeatureMask`, :class:`RandomChannel`, :class:`BandLimit`,
                     :class:`AdditiveNoise`
the twin             what both recordings of a pair pass through: :class:`Siamese`
===================  ===========================================================================
"""

from .._public import publish
from ._assemble import build_modules
from ._augment import AdditiveNoise, BandLimit, FeatureMask, RandomChannel, TimeMask
from ._losses import LOSSES, RandomPairs, build_loss
from ._networks import NETWORKS, CovariancePooling, MixturePooling, StatisticsNetwork, build_network
from ._samplers import RandomPairSampler, SpeakerBatchSampler
from ._siamese import Siamese, frame_statistics
from ._spaces import SPACES, build_space
from ._vocal_tract import VocalTractWarp

__all__ = [
    "LOSSES",
    "NETWORKS",
    "SPACES",
    "AdditiveNoise",
    "BandLimit",
    "CovariancePooling",
    "FeatureMask",
    "MixturePooling",
    "RandomChannel",
    "RandomPairSampler",
    "RandomPairs",
    "Siamese",
    "SpeakerBatchSampler",
    "StatisticsNetwork",
    "TimeMask",
    "VocalTractWarp",
    "build_loss",
    "build_modules",
    "build_network",
    "build_space",
    "frame_statistics",
]

publish(globals())
