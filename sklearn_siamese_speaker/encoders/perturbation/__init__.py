"""Encoders trained on changed copies of their recordings too: other speeds, other channels."""

from ._perturbation import ChannelPerturbation, SpeedPerturbation

__all__ = ["ChannelPerturbation", "SpeedPerturbation"]
