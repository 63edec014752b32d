"""Networks: ``(batch, n_features, n_frames)`` to ``(batch, n_dims)``, for any number of frames.

``SiameseSpeakerEncoder(network=...)`` takes the name by which a file adds its network to
``NETWORKS``. It is built as ``cls(n_features, **arguments)``; its keyword arguments are the
encoder's ``network__<argument>``.
"""

# isort: off
# The order of the entries of ``NETWORKS``.
from ... import _public
from ._layers import *
from ._cnn import *
from ._lstm import *
from ._tdnn import *
from .statistics import *
from ._pooling import *

_public.publish(globals())
