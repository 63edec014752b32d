"""Statistics over frames: the one bridge from frames to vectors."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from sklearn.base import BaseEstimator, OneToOneFeatureMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from .._compat import StrOptions, _fit_context
from ._frames import check_frames

STATISTICS = {
    "mean": np.mean,
    "std": np.std,
    "min": np.min,
    "max": np.max,
    "median": np.median,
}


class FramePooling(OneToOneFeatureMixin, TransformerMixin, BaseEstimator):
    """One vector for each recording, from statistics of its features over frames.

    Each feature is first standardized with the mean and standard deviation of all frames in
    `fit`, so that a classifier which measures distances hears every feature alike.

    Read more in the :ref:`User Guide <frame_pooling>`.

    Parameters
    ----------
    statistics : "flatten" or sequence of {"mean", "std", "min", "max", "median"}, \
            default=("mean", "std")
        Statistics of each feature over frames, one after the other, or all frames in a row, which
        takes recordings of one length.

    standardize : bool, default=True
        Whether to standardize the features with the frame statistics learned in `fit`.

    Attributes
    ----------
    mean_, scale_ : ndarray of shape (n_features,)
        Mean and standard deviation of each feature over all frames in `fit`, the latter 1 for
        constant features. Only if `standardize`.

    n_frames_ : int
        Frames of each recording. Only if `statistics` is "flatten".

    n_features_in_ : int
        Number of features of a frame.

    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the columns, if `X` in `fit` was a data frame with names.

    See Also
    --------
    MFCC : The frames of a common baseline.

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

    _parameter_constraints: ClassVar[dict] = {
        "statistics": [StrOptions({"flatten"}), list, tuple],
        "standardize": ["boolean"],
    }

    def __init__(self, statistics=("mean", "std"), *, standardize=True):
        self.statistics = statistics
        self.standardize = standardize

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y=None):
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
        if self.statistics == "flatten":
            self.n_frames_ = _common_length(frames, np.shape(frames[0])[1])
        if self.standardize:
            self.mean_, self.scale_ = _frame_statistics(frames)
        return self

    def transform(self, X):
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
        return np.stack([self._pool(recording) for recording in frames])

    def get_feature_names_out(self, input_features=None):
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
            pooled = [f"{name}_{statistic}" for statistic in self.statistics for name in names]
        return np.array(pooled, dtype=object)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        tags.transformer_tags.preserves_dtype = ["float32"]
        return tags

    def _check_statistics(self):
        unknown = [] if self.statistics == "flatten" else set(self.statistics) - set(STATISTICS)
        if unknown or len(self.statistics) == 0:
            raise ValueError(
                f"statistics={self.statistics!r} must be 'flatten' or name at least one of "
                f"{', '.join(STATISTICS)}."
            )

    def _pool(self, recording):
        # One memory layout, hence one order of summation, however the recording arrived.
        recording = np.ascontiguousarray(recording, dtype=float)
        if self.standardize:
            recording = (recording - self.mean_[:, np.newaxis]) / self.scale_[:, np.newaxis]
        if self.statistics == "flatten":
            return recording.ravel().astype(np.float32)
        pooled = [STATISTICS[name](recording, axis=1) for name in self.statistics]
        return np.concatenate(pooled).astype(np.float32)


def _frame_statistics(frames):
    """Return mean and standard deviation of each feature over the frames of all recordings."""
    n_frames = sum(recording.shape[1] for recording in frames)
    mean = sum(recording.sum(axis=1, dtype=float) for recording in frames) / n_frames
    squares = (np.square(recording - mean[:, np.newaxis]).sum(axis=1) for recording in frames)
    scale = np.sqrt(sum(squares) / n_frames)
    # Rounding alone does not make a constant feature vary.
    scale[scale <= 10 * np.finfo(float).eps * np.abs(mean)] = 1.0
    return mean, scale


def _common_length(frames, n_frames):
    for index, recording in enumerate(frames):
        if recording.shape[1] != n_frames:
            raise ValueError(
                f"statistics='flatten' needs {n_frames} frames of every recording, X[{index}] has "
                f"{recording.shape[1]}; set duration in the front end."
            )
    return n_frames
