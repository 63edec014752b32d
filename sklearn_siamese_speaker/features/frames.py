"""Frames as estimators take them: checked, and a mixture and the size of slopes fitted to all."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn import config_context
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.validation import validate_data

from .store import FrameStore

FrameSequence = NDArray[np.float32] | Sequence[NDArray[np.float32]]  # each (n_features, n_frames_i)
Standardize = Callable[[NDArray], NDArray]  # of a recording, (n_features, n_frames)

_DRAWN_FRAMES = 20_000  # a mixture of 64 components is as good on speakers not heard from 40,000
_STEPS = 15
_SMALLEST_VARIANCE = 1e-2  # of a component; standardized frames have a variance of 1
_CONSTANT = 1e-6  # slopes smaller than this are rounding


def check_frames(
    estimator: Any,
    X: Any,
    *,
    reset: bool,
    ensure_min_samples: int = 1,
) -> FrameSequence:
    """Return float32 frames, a list only where lengths differ, and set or check the features."""
    # Frames are (n_samples, n_features, n_frames); a list or an object array of arrays of shape
    # (n_features, n_frames_i); or (n_samples, n_features), which is one frame each.
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
) -> FrameSequence:
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


# What pooling learns from all frames of the background speakers


def fit_mixture(
    frames: FrameSequence, standardize: Standardize, n_mixtures: int, seed: int
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Fit a Gaussian mixture to standardized frames, the same number drawn of each recording.

    Weights come back, means and variances: (n_mixtures,) and twice (n_mixtures, n_features).
    """
    from sklearn.mixture import GaussianMixture  # slow to import

    rng = np.random.default_rng(seed)
    share = -(-_DRAWN_FRAMES // len(frames))
    drawn = []
    for index in rng.permutation(len(frames))[:_DRAWN_FRAMES]:
        recording = frames[index]
        n_frames = recording.shape[1]
        places = rng.choice(n_frames, min(share, n_frames), replace=False)
        drawn.append(standardize(recording[:, places]))
    points = np.hstack(drawn).T.astype(float)
    n_fitted = min(n_mixtures, len(np.unique(points, axis=0)))
    fitted = GaussianMixture(
        n_fitted,
        covariance_type="diag",
        reg_covar=_SMALLEST_VARIANCE,
        max_iter=_STEPS,
        random_state=seed,
    )
    # A few steps are enough, whether or not they converge. These are NumPy's arrays in any case,
    # and scikit-learn starts a mixture of arrays that it dispatches in another way.
    with config_context(array_api_dispatch=False), warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        fitted.fit(points)
    # Where there are fewer different frames than components, the last have no weight.
    missing = n_mixtures - n_fitted
    rows = ((0, missing), (0, 0))
    return (
        np.pad(fitted.weights_, (0, missing)),
        np.pad(fitted.means_, rows),
        np.pad(fitted.covariances_, rows, constant_values=1.0),
    )


def slopes(recording: NDArray) -> NDArray:
    """Return the difference of the frames two later and two earlier, the ends repeated."""
    padded = np.pad(recording, ((0, 0), (2, 2)), mode="edge")
    return padded[:, 4:] - padded[:, :-4]


def fit_slope_scale(frames: FrameSequence, standardize: Standardize) -> NDArray[np.float64]:
    """Return the root mean square of the slopes of each feature, 1 where there are none."""
    squares, n_frames = np.zeros(len(frames[0])), 0
    for recording in frames:
        squares += np.square(slopes(standardize(recording)), dtype=float).sum(axis=1)
        n_frames += recording.shape[1]
    scale = np.sqrt(squares / n_frames)
    return np.where(scale > _CONSTANT, scale, 1.0)
