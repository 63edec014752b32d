"""What pooling learns from all frames of the background speakers: a mixture, the size of slopes."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn import config_context
from sklearn.exceptions import ConvergenceWarning

Frames = NDArray[np.floating]  # (n_features, n_frames) of a recording
Standardize = Callable[[Frames], Frames]

_DRAWN_FRAMES = 20_000  # a mixture of 64 components is as good on speakers not heard from 40,000
_STEPS = 15
_SMALLEST_VARIANCE = 1e-2  # of a component; standardized frames have a variance of 1
_CONSTANT = 1e-6  # slopes smaller than this are rounding


class Mixture(NamedTuple):
    """A Gaussian mixture with diagonal covariances."""

    weights: NDArray[np.float64]  # (n_mixtures,)
    means: NDArray[np.float64]  # (n_mixtures, n_features)
    variances: NDArray[np.float64]  # (n_mixtures, n_features)


def fit_mixture(
    frames: Sequence[Frames] | Frames, standardize: Standardize, n_mixtures: int, seed: int
) -> Mixture:
    """Fit a mixture to frames drawn from all recordings, the same number of each.

    Parameters
    ----------
    frames : sequence of ndarray of shape (n_features, n_frames_i)
        Recordings.
    standardize : callable
        Applied to the frames that were drawn, (n_features, n_drawn).
    n_mixtures : int
        Components. Where there are fewer different frames, the last components have no weight.
    seed : int
        Draws the frames and starts the fit.

    Returns
    -------
    mixture : Mixture
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
    missing = n_mixtures - n_fitted
    rows = ((0, missing), (0, 0))
    return Mixture(
        np.pad(fitted.weights_, (0, missing)),
        np.pad(fitted.means_, rows),
        np.pad(fitted.covariances_, rows, constant_values=1.0),
    )


def slopes(recording: Frames) -> Frames:
    """Return the difference of the frames two later and two earlier, the ends repeated."""
    padded = np.pad(recording, ((0, 0), (2, 2)), mode="edge")
    return padded[:, 4:] - padded[:, :-4]


def fit_slope_scale(
    frames: Sequence[Frames] | Frames, standardize: Standardize
) -> NDArray[np.float64]:
    """Return the root mean square of the slopes of each feature, 1 where there are none."""
    squares, n_frames = np.zeros(len(frames[0])), 0
    for recording in frames:
        squares += np.square(slopes(standardize(recording)), dtype=float).sum(axis=1)
        n_frames += recording.shape[1]
    scale = np.sqrt(squares / n_frames)
    return np.where(scale > _CONSTANT, scale, 1.0)
