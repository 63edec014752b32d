"""The one check of frames, the arrays that go from the front ends to whatever learns from them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils.validation import validate_data

from .store._frame_store import FrameStore


def check_frames(
    estimator: Any,
    X: Any,
    *,
    reset: bool,
    ensure_min_samples: int = 1,
) -> NDArray[np.float32] | list[NDArray[np.float32]] | FrameStore:
    """Validate frames and set or check ``n_features_in_``, the number of features of a frame.

    Parameters
    ----------
    estimator : estimator instance
        Receives ``n_features_in_`` (and ``feature_names_in_``), and names itself in errors.

    X : array-like
        One of

        - an array of shape (n_samples, n_features, n_frames);
        - a list or object array of arrays of shape (n_features, n_frames_i);
        - a :class:`FrameStore`, which is returned as it is: nothing of it is read;
        - an array of shape (n_samples, n_features), which is one frame each.

    reset : bool
        True in `fit`, False in the methods that follow it.

    ensure_min_samples : int, default=1
        Fewer samples raise.

    Returns
    -------
    frames : ndarray of shape (n_samples, n_features, n_frames) or sequence of ndarray of \
            shape (n_features, n_frames_i)
        float32; a list only where the numbers of frames differ.

    Raises
    ------
    ValueError
        For anything else, values that are not finite, recordings without frames, and another
        number of features than in `fit`.
    """
    options = {"reset": reset, "ensure_min_samples": ensure_min_samples}
    if isinstance(X, FrameStore):
        # Front ends give finite frames only. scikit-learn counts features and samples.
        counted = np.broadcast_to(np.float32(0), (len(X), X.n_features))
        validate_data(estimator, counted, **options)
        return X
    if _is_list_of_frames(X):
        return _check_list_of_frames(estimator, X, options)
    frames = validate_data(estimator, X, dtype=np.float32, allow_nd=True, **options)
    if frames.ndim == 2:
        return frames[:, :, np.newaxis]
    if frames.ndim != 3 or 0 in frames.shape:
        raise ValueError(
            f"{type(estimator).__name__} takes frames of shape (n_samples, n_features, n_frames) "
            f"with at least one feature and one frame, got shape {frames.shape}."
        )
    return frames


def _is_list_of_frames(X: Any) -> bool:
    """Whether `X` is one-dimensional and holds arrays; nested lists of numbers are arrays."""
    if len(getattr(X, "shape", (0,))) != 1 or not hasattr(X, "__len__"):
        return False
    return any(len(getattr(frames, "shape", ())) > 1 for frames in X)


def _check_list_of_frames(
    estimator: Any, X: Sequence[ArrayLike], options: dict[str, Any]
) -> NDArray[np.float32] | list[NDArray[np.float32]]:
    frames = [_check_recording(index, recording) for index, recording in enumerate(X)]
    counts = np.array([len(recording) for recording in frames])
    if np.any(counts != counts[0]):
        odd = int(np.argmax(counts != counts[0]))
        raise ValueError(
            f"X[{odd}] has {counts[odd]} features where X[0] has {counts[0]}; all recordings "
            "must come from one front end."
        )
    # One frame of each recording is enough for scikit-learn to count features and samples.
    validate_data(estimator, np.stack([recording[:, 0] for recording in frames]), **options)
    one_length = len({recording.shape[1] for recording in frames}) == 1
    return np.stack(frames) if one_length else frames


def _check_recording(index: int, item: ArrayLike) -> NDArray[np.float32]:
    recording = np.asarray(item)
    if recording.ndim != 2 or 0 in recording.shape:
        raise ValueError(
            f"X[{index}] has shape {recording.shape}; a recording in a list is an array of "
            "shape (n_features, n_frames) with at least one feature and one frame."
        )
    recording = recording.astype(np.float32, copy=False)
    if not np.isfinite(recording).all():
        raise ValueError(f"X[{index}] contains NaN or infinity; leave the recording out.")
    return recording
