"""What an encoder is given: frames, not sound; speakers to learn from; pairs of two."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from os import PathLike
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator

from ...features.frames import check_frames
from ._settings import Frames

# Half a second at 16 kHz. Vectors of statistics are shorter, all but the largest.
_LONGEST_VECTOR = 8000


def check_frames_of(
    estimator: BaseEstimator, X: ArrayLike, *, reset: bool, ensure_min_samples: int = 1
) -> Frames:
    """Return frames as `check_frames` does; sound in their place is named.

    Raises
    ------
    ValueError
        For paths and for waveforms.
    """
    owner = type(estimator).__name__
    cure = f"put a front end before it, as in make_pipeline(MFCC(), {owner}())."
    for index, recording in enumerate(_items(X)):
        if isinstance(recording, str | PathLike):
            raise ValueError(
                f"{owner} takes frames, but X[{index}] is the path {recording!r}; {cure}"
            )
    lengths = {np.shape(item) for item in _items(X) if isinstance(item, np.ndarray)}
    if len(lengths) > 1 and all(len(shape) == 1 for shape in lengths):
        raise ValueError(
            f"{owner} takes frames, but X holds one-dimensional arrays of different lengths, as "
            f"waveforms are; {cure}"
        )
    frames = check_frames(estimator, X, reset=reset, ensure_min_samples=ensure_min_samples)
    shape = np.shape(frames[0])
    if reset and shape[1] == 1 and shape[0] >= _LONGEST_VECTOR:
        raise ValueError(
            f"{owner} takes X of shape ({len(frames)}, {shape[0]}) for one frame of {shape[0]} "
            f"features of each recording, which is too many. If these are waveforms, {cure}"
        )
    return frames


def _items(X: Any) -> Sequence[Any]:
    """Return what a list, an object array or a Series holds, nothing for other containers."""
    if isinstance(X, list | tuple):
        return X
    values = getattr(X, "values", X)
    if isinstance(values, np.ndarray) and values.ndim == 1 and values.dtype.kind in "OUT":
        return values.tolist()
    return ()


def check_background_speakers(owner: str, y: NDArray) -> None:
    """Raise a ValueError unless there are two speakers, one of them with two recordings."""
    speakers, counts = np.unique(y, return_counts=True)
    if len(speakers) < 2:
        raise ValueError(
            f"{owner} learns from the differences between at least 2 speakers; "
            f"y holds {len(speakers)} class."
        )
    if counts.max() < 2:
        named = ", ".join(map(str, speakers[:5])) + ", ..." * (len(speakers) > 5)
        raise ValueError(
            f"{owner} needs speakers with at least 2 recordings; y holds one "
            f"recording of each of {len(speakers)} speakers: {named}."
        )


def halves_of_pairs(X: Any) -> tuple[Any, Any]:
    """Return the first and the second recordings of an array or a list of pairs.

    Raises
    ------
    ValueError
        Unless each item holds two recordings.
    """
    if isinstance(X, np.ndarray) and X.dtype != object:
        if X.ndim < 3 or X.shape[1] != 2:
            raise ValueError(
                "Pairs have the shape (n_pairs, 2, n_features, n_frames) or (n_pairs, 2, "
                f"n_features), got {X.shape}."
            )
        return X[:, 0], X[:, 1]
    for index, pair in enumerate(X):
        if len(pair) != 2:
            raise ValueError(f"A pair holds two recordings, but X[{index}] holds {len(pair)}.")
    return [first for first, _ in X], [second for _, second in X]


def check_embeddings_are_finite(embeddings: NDArray, frames: Frames) -> None:
    """Raise a ValueError that names the first recording whose embedding is NaN or infinite."""
    bad = ~np.isfinite(embeddings).all(axis=1)
    if bad.any():
        index = int(np.argmax(bad))
        raise ValueError(
            f"The embedding of X[{index}] is not finite: its frames hold values of up to "
            f"{np.abs(frames[index]).max():.3g}. Leave it out, or use the front end and the scale "
            "of the training."
        )


def warn_if_collapsed(embeddings: NDArray) -> None:
    """Warn when the network maps everybody to one point."""
    spread, size = embeddings.std(axis=0).max(), np.abs(embeddings).max()
    if spread <= 1e-3 * size:
        warnings.warn(
            f"The network has collapsed: embeddings of size {size:.2g} differ by {spread:.2g} "
            "only, so it tells nobody apart. Lower lr, train for more epochs, or choose "
            "another loss.",
            UserWarning,
            stacklevel=3,
        )
