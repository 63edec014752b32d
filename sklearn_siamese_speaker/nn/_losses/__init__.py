"""Losses: modules that map coordinates and labels to a scalar.

==================  ============  ===================  =========================
name                metrics       ``pairs="random"``   learned
==================  ============  ===================  =========================
``"bce"``           all four      yes                  scale and offset
``"contrastive"``   all four      yes
``"triplet"``       all four      no
``"prototypical"``  all four      no                   scale
``"aam"``           cosine        no                   a direction for a speaker
==================  ============  ===================  =========================

Each class says so in its attributes `metrics`, `takes_pairs` and `needs_classes`.
"""

from ._aam import AdditiveAngularMargin
from ._bce import BinaryCrossEntropy
from ._build import LOSSES, build_loss
from ._contrastive import Contrastive
from ._pairs import RandomPairs
from ._prototypical import Prototypical
from ._triplet import Triplet

__all__ = [
    "LOSSES",
    "AdditiveAngularMargin",
    "BinaryCrossEntropy",
    "Contrastive",
    "Prototypical",
    "RandomPairs",
    "Triplet",
    "build_loss",
]
