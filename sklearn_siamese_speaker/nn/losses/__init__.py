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

Each class says so in its attributes `metrics` and `takes_pairs`. A loss is registered in ``LOSSES``
by the name that ``SiameseSpeakerEncoder(loss=...)`` takes; its arguments are the encoder's
``loss__<argument>``.
"""

from __future__ import annotations

from ._aam import AdditiveAngularMargin
from ._base import CustomLoss, Loss
from ._pairs import BinaryCrossEntropy, Contrastive, PairLoss, RandomPairs
from ._prototypical import Prototypical
from ._triplet import Triplet

LOSSES: dict[str, type[Loss]] = {
    "bce": BinaryCrossEntropy,
    "contrastive": Contrastive,
    "triplet": Triplet,
    "prototypical": Prototypical,
    "aam": AdditiveAngularMargin,
}

__all__ = [
    "LOSSES",
    "AdditiveAngularMargin",
    "BinaryCrossEntropy",
    "Contrastive",
    "CustomLoss",
    "Loss",
    "PairLoss",
    "Prototypical",
    "RandomPairs",
    "Triplet",
]
