"""What torch does: networks, spaces, losses, samplers, augmentation. Torch only.

===================  ===========================================================================
networks             ``(batch, n_features, n_frames)`` to ``(batch, n_dims)`` embeddings, for any
                     number of frames: ``NETWORKS``
spaces               embeddings to coordinates, and distances between coordinates: ``SPACES``
losses               coordinates and labels to a scalar: ``LOSSES``
samplers             which recordings make a batch: ``SAMPLERS``
augmentation         seeded ``(batch, generator) -> batch``: :class:`TimeMask`,
                     :class:`FeatureMask`, :class:`RandomChannel`, :class:`BandLimit`,
                     :class:`AdditiveNoise`
:class:`Siamese`     what both recordings of a pair pass through
===================  ===========================================================================

Every class can be given to the encoder in place of its registered name:
``SiameseSpeakerEncoder(network=TDNN, network__attentive=True, loss=Triplet)``.
"""

from .. import _torch  # noqa: F401 - torch is imported whole there, also if Ctrl-C is pressed
from .._public import publish
from ._augmentation import AdditiveNoise, BandLimit, FeatureMask, RandomChannel, TimeMask
from ._samplers import SAMPLERS, RandomPairSampler, SpeakerBatchSampler
from ._siamese import Siamese, frame_statistics
from ._spaces import (
    SPACES,
    CosineSpace,
    EuclideanSpace,
    ManhattanSpace,
    Space,
    WeightedManhattanSpace,
)
from ._vocal_tract import VocalTractWarp
from .losses import (
    LOSSES,
    AdditiveAngularMargin,
    BinaryCrossEntropy,
    Contrastive,
    CustomLoss,
    Loss,
    PairLoss,
    Prototypical,
    RandomPairs,
    Triplet,
)
from .networks import (
    CNNLSTM,
    LSTM,
    NETWORKS,
    TDNN,
    CNN1d,
    CNN2d,
    CovariancePooling,
    DiscriminantNetwork,
    MixturePooling,
    StatisticsNetwork,
    StatisticsPooling,
    auto_network,
)

__all__ = [
    "CNNLSTM",
    "LOSSES",
    "LSTM",
    "NETWORKS",
    "SAMPLERS",
    "SPACES",
    "TDNN",
    "AdditiveAngularMargin",
    "AdditiveNoise",
    "BandLimit",
    "BinaryCrossEntropy",
    "CNN1d",
    "CNN2d",
    "Contrastive",
    "CosineSpace",
    "CovariancePooling",
    "CustomLoss",
    "DiscriminantNetwork",
    "EuclideanSpace",
    "FeatureMask",
    "Loss",
    "ManhattanSpace",
    "MixturePooling",
    "PairLoss",
    "Prototypical",
    "RandomChannel",
    "RandomPairSampler",
    "RandomPairs",
    "Siamese",
    "Space",
    "SpeakerBatchSampler",
    "StatisticsNetwork",
    "StatisticsPooling",
    "TimeMask",
    "Triplet",
    "VocalTractWarp",
    "WeightedManhattanSpace",
    "auto_network",
    "frame_statistics",
]

publish(globals())
