"""Losses: modules that map coordinates and labels to a scalar.

``SiameseSpeakerEncoder(loss=...)`` takes the name by which a file adds its loss to ``LOSSES``. Its
arguments are the encoder's ``loss__<argument>``. What goes with what, each class says in its
attributes `metrics` and `takes_pairs`; the guide has the table.
"""

# isort: off
# The order of the entries of ``LOSSES``.
from ... import _public
from ._base import *
from ._pairs import *
from ._triplet import *
from ._prototypical import *
from ._aam import *

_public.publish(globals())
