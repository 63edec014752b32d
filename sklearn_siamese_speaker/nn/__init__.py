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

# isort: off
# The order of the API page.
from .. import _public
from .. import _torch  # noqa: F401 - torch is imported whole there, also if Ctrl-C is pressed
from ._augmentation import *
from ._vocal_tract import *
from .networks import *
from .losses import *
from ._siamese import *
from ._samplers import *

_public.publish(globals())
