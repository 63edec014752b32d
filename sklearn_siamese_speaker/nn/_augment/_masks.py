"""TimeMask and FeatureMask: hide a stretch of each recording."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch

from ._draw import uniform


@dataclass(frozen=True)
class TimeMask:
    """Replace stretches of frames by the mean of each feature over the recording [1]_.

    Works behind every front end. Every recording has stretches of its own.

    Parameters
    ----------
    max_share : float, default=0.2
        Longest stretch, as a share of the frames; lengths are uniform between 0 and it.
    n_masks : int, default=2
        Stretches in a recording; they may overlap.

    References
    ----------
    .. [1] D. S. Park, W. Chan, Y. Zhang, C.-C. Chiu, B. Zoph, E. D. Cubuk, Q. V. Le, "SpecAugment:
       a simple data augmentation method for automatic speech recognition", Interspeech, 2019.

    Examples
    --------
    >>> import torch
    >>> from sklearn_siamese_speaker.nn import TimeMask
    >>> frames = torch.arange(50.0).reshape(1, 1, 50)
    >>> int((TimeMask()(frames, torch.Generator().manual_seed(0)) != frames).sum())
    9
    """

    max_share: float = 0.2
    n_masks: int = 2
    domains: ClassVar[frozenset] = frozenset({"any"})

    def __call__(self, batch, generator):
        """Return a changed copy of a batch ``(batch, n_features, n_frames)``."""
        hidden = _stretches(batch, batch.shape[2], self.max_share, self.n_masks, generator)
        return torch.where(hidden[:, None, :], batch.mean(2, keepdim=True), batch)


@dataclass(frozen=True)
class FeatureMask:
    """Replace neighbouring features by their mean over the recording [1]_.

    Needs a front end whose features have an order: MFCC or LogMelSpectrogram. Every recording has
    stretches of its own.

    Parameters
    ----------
    max_share : float, default=0.2
        Widest stretch, as a share of the features; widths are uniform between 0 and it.
    n_masks : int, default=2
        Stretches in a recording; they may overlap.

    References
    ----------
    .. [1] D. S. Park, W. Chan, Y. Zhang, C.-C. Chiu, B. Zoph, E. D. Cubuk, Q. V. Le, "SpecAugment:
       a simple data augmentation method for automatic speech recognition", Interspeech, 2019.

    Examples
    --------
    >>> import torch
    >>> from sklearn_siamese_speaker.nn import FeatureMask
    >>> FeatureMask(max_share=0.1)
    FeatureMask(max_share=0.1, n_masks=2)
    >>> FeatureMask()(torch.randn(4, 40, 100), torch.Generator().manual_seed(0)).shape
    torch.Size([4, 40, 100])
    """

    max_share: float = 0.2
    n_masks: int = 2
    domains: ClassVar[frozenset] = frozenset({"mfcc", "log_mel"})

    def __call__(self, batch, generator):
        """Return a changed copy of a batch ``(batch, n_features, n_frames)``."""
        hidden = _stretches(batch, batch.shape[1], self.max_share, self.n_masks, generator)
        return torch.where(hidden[:, :, None], batch.mean(2, keepdim=True), batch)


def _stretches(batch, length, max_share, n_masks, generator):
    """Return which places ``(batch, length)`` lie in one of the stretches of a recording."""
    shape = (len(batch), n_masks, 1)
    # Whole numbers 0 .. max_share * length, all equally likely.
    widths = uniform(batch, shape, 0, int(max_share * length) + 1, generator).floor()
    starts = (uniform(batch, shape, 0, 1, generator) * (length - widths + 1)).floor()
    places = torch.arange(length, device=batch.device)
    return ((places >= starts) & (places < starts + widths)).any(1)
