"""Statistics over frames: the one way from frames to vectors."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, OneToOneFeatureMixin, TransformerMixin
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from .._compat import (
    CallbackSupportMixin,
    Interval,
    StrOptions,
    fit_context,
    fit_steps,
    with_callbacks,
)
from .._state import unchanged_on_error
from .frames import FrameSequence, check_frames, fit_mixture, fit_slope_scale, slopes

if TYPE_CHECKING:
    from torch.nn import Module

__all__ = ["FramePooling"]

Pooling = Callable[[NDArray], NDArray]  # (n_features, n_frames) to (n_columns,)


class Statistic(NamedTuple):
    """What a statistic of frames is: how it pools, what it is told in `fit`, its column names."""

    pooling: Callable[[FramePooling], Pooling]  # of a fitted FramePooling, for its recordings
    names: Callable[[Sequence[str], FramePooling], list[str]]
    learn: Callable[[FramePooling, FrameSequence], None] = lambda pooling, frames: None


def _of_each_feature(name: str, function: Callable[..., NDArray]) -> Statistic:
    """Return the statistic that pools each feature by itself."""
    return Statistic(
        lambda _: partial(function, axis=1), lambda names, _: [f"{n}_{name}" for n in names]
    )


def _names_of_pairs(ending: str, names: Sequence[str], _: FramePooling) -> list[str]:
    return [f"{a}_{b}_{ending}" for i, a in enumerate(names) for b in names[i:]]


def _names_of_mixture(names: Sequence[str], pooling: FramePooling) -> list[str]:
    return [f"{name}_mixture{k}" for k in range(pooling.n_mixtures) for name in names]


def _learn_slopes(pooling: FramePooling, frames: FrameSequence) -> None:
    pooling.slope_scale_ = fit_slope_scale(frames, pooling._standardize)


def _learn_mixture(pooling: FramePooling, frames: FrameSequence) -> None:
    seed = check_random_state(pooling.random_state).randint(np.iinfo(np.int32).max)
    mixture = fit_mixture(frames, pooling._standardize, pooling.n_mixtures, seed)
    pooling.mixture_weights_, pooling.mixture_means_, pooling.mixture_variances_ = mixture


def _covariance_pooling(_: FramePooling) -> Pooling:
    from ..nn import CovariancePooling

    return partial(_pool_by_torch, CovariancePooling())


def _slope_covariance_pooling(pooling: FramePooling) -> Pooling:
    from ..nn.networks.statistics import SLOPE_FACTOR

    pool, scale = _covariance_pooling(pooling), pooling.slope_scale_[:, np.newaxis]
    return lambda recording: SLOPE_FACTOR * pool(slopes(recording) / scale)


def _mixture_pooling(pooling: FramePooling) -> Pooling:
    from ..nn import MixturePooling

    n_mixtures, n_features = pooling.mixture_means_.shape
    module = MixturePooling(n_features, n_mixtures, pooling.relevance).double()
    module.set_mixture(pooling.mixture_weights_, pooling.mixture_means_, pooling.mixture_variances_)
    return partial(_pool_by_torch, module)


def _pool_by_torch(module: Module, recording: NDArray) -> NDArray:
    """Pool one recording in float64: the same pooling as in the network, one implementation."""
    import torch

    with torch.no_grad():
        return module(torch.from_numpy(recording[np.newaxis]))[0].numpy()


STATISTICS = {
    "mean": _of_each_feature("mean", np.mean),
    "std": _of_each_feature("std", np.std),
    "min": _of_each_feature("min", np.min),
    "max": _of_each_feature("max", np.max),
    "median": _of_each_feature("median", np.median),
    "covariance": Statistic(_covariance_pooling, partial(_names_of_pairs, "covariance")),
    "slope_covariance": Statistic(
        _slope_covariance_pooling, partial(_names_of_pairs, "slope_covariance"), _learn_slopes
    ),
    "mixture": Statistic(_mixture_pooling, _names_of_mixture, _learn_mixture),
}


class FramePooling(CallbackSupportMixin, OneToOneFeatureMixin, TransformerMixin, BaseEstimator):
    """One vector for each recording, from statistics of its features over frames.

    Each feature is first standardized with the mean and standard deviation of all frames in
    `fit`, so that every feature weighs alike in a classifier that measures distances.

    Read more in the :ref:`User Guide <frame_pooling>`.

    Parameters
    ----------
    statistics : "flatten" or sequence of {"mean", "std", "min", "max", "median", "covariance", \
            "slope_covariance", "mixture"}, default=("mean", "std")
        Statistics over frames, one after the other, or all frames in a row, which takes recordings
        of one length. "covariance" is the matrix logarithm of the covariance of the features
        [1]_: n_features * (n_features + 1) / 2 numbers. "slope_covariance" is that of their slopes
        over four frames, in units of the slopes' size in `fit`, times 0.7. "mixture" is how far a
        recording moves the means of a Gaussian mixture of all frames in `fit` [2]_ [3]_, times 4:
        n_mixtures * n_features numbers. The two factors make the statistics weigh alike in a
        discriminant that is shrunk.

    standardize : bool, default=True
        Whether to standardize the features with the frame statistics learned in `fit`.

    n_mixtures : int, default=64
        Components of the mixture, with diagonal covariances. It is fitted to 20,000 frames.

    relevance : float, default=6.0
        Frames that a component must see for half of its shift to count.

    random_state : int, RandomState instance or None, default=None
        Draws the frames of the mixture and starts its fit.

    Attributes
    ----------
    mean_, scale_ : ndarray of shape (n_features,)
        Mean and standard deviation of each feature over all frames in `fit`, the latter 1 for
        constant features. Only if `standardize`.

    slope_scale_ : ndarray of shape (n_features,)
        Root mean square of the slopes. Only with "slope_covariance".

    mixture_weights_ : ndarray of shape (n_mixtures,)
        Weight of each component. Only with "mixture".

    mixture_means_, mixture_variances_ : ndarray of shape (n_mixtures, n_features)
        Means and variances of the components. Only with "mixture".

    n_frames_ : int
        Frames of each recording. Only if `statistics` is "flatten".

    n_features_in_ : int
        Number of features of a frame.

    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the columns, if `X` in `fit` was a data frame with names.

    See Also
    --------
    MFCC : The frames of a common baseline.

    Notes
    -----
    A discriminant of the last three statistics, which are second-order and mixture statistics, is
    far ahead of one of mean and standard deviation. :class:`SiameseSpeakerEncoder` starts from
    them.

    References
    ----------
    .. [1] V. Arsigny, P. Fillard, X. Pennec, N. Ayache, "Log-Euclidean metrics for fast and simple
       calculus on diffusion tensors", Magnetic Resonance in Medicine 56(2), 2006.
    .. [2] D. A. Reynolds, T. F. Quatieri, R. B. Dunn, "Speaker verification using adapted Gaussian
       mixture models", Digital Signal Processing 10, 2000.
    .. [3] W. M. Campbell, D. E. Sturim, D. A. Reynolds, "Support vector machines using GMM
       supervectors for speaker verification", IEEE Signal Processing Letters 13(5), 2006.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_siamese_speaker import FramePooling
    >>> frames = np.array([[[1, 3]], [[5, 7]]])  # two recordings, one feature, two frames
    >>> FramePooling(standardize=False).fit_transform(frames)
    array([[2., 1.],
           [6., 1.]], dtype=float32)
    >>> FramePooling("flatten", standardize=False).fit_transform(frames)
    array([[1., 3.],
           [5., 7.]], dtype=float32)

    In a pipeline, with recordings of any length:

    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn_siamese_speaker import MFCC
    >>> from sklearn_siamese_speaker.datasets import make_speakers
    >>> X, y = make_speakers(n_speakers=2, n_recordings=1, duration=1.0, random_state=0)
    >>> statistics = make_pipeline(MFCC(n_mfcc=2), FramePooling())
    >>> statistics.fit_transform([X[0], X[1, :8000]]).shape
    (2, 4)
    >>> statistics.get_feature_names_out().tolist()
    ['mfcc0_mean', 'mfcc1_mean', 'mfcc0_std', 'mfcc1_std']
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "statistics": [StrOptions({"flatten"}), list, tuple],
        "standardize": ["boolean"],
        "n_mixtures": [Interval(Integral, 1, None, closed="left")],
        "relevance": [Interval(Real, 0, None, closed="neither")],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        statistics: str | Sequence[str] = ("mean", "std"),
        *,
        standardize: bool = True,
        n_mixtures: int = 64,
        relevance: float = 6.0,
        random_state: Any = None,
    ) -> None:
        self.statistics = statistics
        self.standardize = standardize
        self.n_mixtures = n_mixtures
        self.relevance = relevance
        self.random_state = random_state

    @fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: ArrayLike | Sequence[ArrayLike], y: Any = None) -> Self:
        """Learn the mean and standard deviation of each feature over all frames.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features, n_frames), or list of arrays of shape \
                (n_features, n_frames_i), or array-like of shape (n_samples, n_features)
            Frames; the last form is one frame each.

        y : None
            Ignored.

        Returns
        -------
        self : object
            The fitted transformer.
        """
        self._check_statistics()
        frames = check_frames(self, X, reset=True)
        with unchanged_on_error(self):
            self._learn(frames)
        return self

    @with_callbacks
    def _learn(self, frames: FrameSequence) -> None:
        with fit_steps(self, frames, 0):
            self._learn_statistics(frames)

    def _learn_statistics(self, frames: FrameSequence) -> None:
        if self.statistics == "flatten":
            self.n_frames_ = _common_length(frames, np.shape(frames[0])[1])
        if self.standardize:
            self.mean_, self.scale_ = _frame_statistics(frames)
        for name, statistic in STATISTICS.items():
            if name in self.statistics:
                statistic.learn(self, frames)

    def transform(self, X: ArrayLike | Sequence[ArrayLike]) -> NDArray[np.float32]:
        """Return one vector for each recording.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features, n_frames), or list of arrays of shape \
                (n_features, n_frames_i), or array-like of shape (n_samples, n_features)
            Frames.

        Returns
        -------
        X_new : ndarray of shape (n_samples, n_statistics * n_features), float32
            n_statistics is the number of frames if `statistics` is "flatten".
        """
        check_is_fitted(self)
        frames = check_frames(self, X, reset=False)
        if self.statistics == "flatten":
            _common_length(frames, self.n_frames_)
            poolings: list[Pooling] = [np.ravel]
        else:
            poolings = [STATISTICS[name].pooling(self) for name in self.statistics]
        return np.stack([self._pool(recording, poolings) for recording in frames])

    def get_feature_names_out(self, input_features: ArrayLike | None = None) -> NDArray[np.object_]:
        """Return names such as "mfcc0_mean".

        Parameters
        ----------
        input_features : array-like of str, default=None
            Names of the features of a frame; by default ``feature_names_in_`` or x0, x1, ...

        Returns
        -------
        feature_names_out : ndarray of str objects
            Names of the columns of `transform`.
        """
        names = super().get_feature_names_out(input_features)
        if self.statistics == "flatten":
            pooled = [f"{name}_frame{t}" for name in names for t in range(self.n_frames_)]
        else:
            pooled = [
                name
                for statistic in self.statistics
                for name in STATISTICS[statistic].names(names, self)
            ]
        return np.array(pooled, dtype=object)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        tags.transformer_tags.preserves_dtype = ["float32"]
        return tags

    def _check_statistics(self) -> None:
        unknown = [] if self.statistics == "flatten" else set(self.statistics) - set(STATISTICS)
        if unknown or len(self.statistics) == 0:
            raise ValueError(
                f"statistics={self.statistics!r} must be 'flatten' or name at least one of "
                f"{', '.join(STATISTICS)}."
            )

    def _standardize(self, recording: NDArray) -> NDArray:
        if not self.standardize:
            return recording
        return (recording - self.mean_[:, np.newaxis]) / self.scale_[:, np.newaxis]

    def _pool(self, recording: NDArray, poolings: Sequence[Pooling]) -> NDArray[np.float32]:
        # One memory layout, hence one order of summation, however the recording arrived.
        recording = self._standardize(np.ascontiguousarray(recording, dtype=float))
        pooled = [pool(recording) for pool in poolings]
        return np.concatenate(pooled).astype(np.float32)


def _frame_statistics(frames: FrameSequence) -> tuple[NDArray, NDArray]:
    """Return mean and standard deviation of each feature over the frames of all recordings."""
    n_frames = sum(recording.shape[1] for recording in frames)
    mean = sum(recording.sum(axis=1, dtype=float) for recording in frames) / n_frames
    squares = (np.square(recording - mean[:, np.newaxis]).sum(axis=1) for recording in frames)
    scale = np.sqrt(sum(squares) / n_frames)
    # Rounding alone does not make a constant feature vary.
    scale[scale <= 10 * np.finfo(float).eps * np.abs(mean)] = 1.0
    return mean, scale


def _common_length(frames: FrameSequence, n_frames: int) -> int:
    for index, recording in enumerate(frames):
        if recording.shape[1] != n_frames:
            raise ValueError(
                f"statistics='flatten' needs {n_frames} frames of every recording, X[{index}] has "
                f"{recording.shape[1]}; set duration in the front end."
            )
    return n_frames
