"""Train an encoder on recordings at other speeds too, as on recordings of other speakers."""

from __future__ import annotations

from collections.abc import Iterable
from numbers import Real
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, MetaEstimatorMixin, TransformerMixin, clone
from sklearn.utils import check_consistent_length, get_tags
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted, validate_data

from .._audio import (
    Recording,
    is_list_of_recordings,
    open_recordings,
    raise_faults,
    resample,
)
from .._compat import HasMethods, _check_feature_names_in, _fit_context
from .._labels import check_speakers
from .._state import unchanged_on_error
from ..model_selection import find_embedding_metric

_MIN_SPEED, _MAX_SPEED = 0.5, 2.0
_DEFAULT_SAMPLE_RATE = 16000  # Hz, of arrays, as in every front end


def _encoder_has(method: str) -> Any:
    return available_if(lambda self: hasattr(self.encoder, method))


class SpeedPerturbation(MetaEstimatorMixin, TransformerMixin, BaseEstimator):
    """Fit an encoder on every recording at several speeds, each speed as another speaker [1]_.

    A recording played faster is shorter and higher: it sounds like somebody else. The encoder
    thus learns from ``1 + len(speeds)`` times as many speakers. Only `fit` makes the copies, so in
    a cross-validation none of a test recording exists; `transform` is the encoder's.

    Speed has the meaning it has in Kaldi and torchaudio: a speed of 1.1 divides the length by 1.1
    and multiplies all frequencies by 1.1, by resampling (soxr, high quality).

    Read more in the :ref:`User Guide <speed_perturbation>`.

    Parameters
    ----------
    encoder : transformer
        Takes recordings, for example ``make_pipeline(MFCC(), SiameseSpeakerEncoder())``. A clone of
        it is fitted.

    speeds : sequence of float, default=(0.9, 1.1)
        Speeds of the copies, from 0.5 to 2 and without 1, which is the recording itself.

    Attributes
    ----------
    encoder_ : transformer
        The fitted encoder. Its own `classes_`, if it has any, are numbers: speaker i at the
        original speed is i, at the j-th of `speeds` it is ``i + (j + 1) * n_speakers``.

    classes_ : ndarray of shape (n_speakers,)
        The speakers of `y`.

    embedding_metric_ : {"euclidean", "cosine", "manhattan"}
        The metric in which embeddings are compared.

    n_features_in_ : int
        Number of samples of a recording; only if X in `fit` was a two-dimensional array.

    See Also
    --------
    SiameseSpeakerEncoder : Its `augment` changes the frames of a batch and keeps the speaker.

    Notes
    -----
    The copies lie in memory as float32 during `fit`: 64 kB a second and speed at 16 kHz.
    Files are decoded, perturbed and brought to the `input_sample_rate` of the front end in one
    step. Rows of an array keep their number of samples: a slower copy is cut at its end, a faster
    one repeated from its start.

    References
    ----------
    .. [1] T. Ko, V. Peddinti, D. Povey, S. Khudanpur, "Audio augmentation for speech recognition",
       Interspeech, 2015. As further speakers: H. Yamamoto, K. A. Lee, K. Okabe, T. Koshinaka,
       "Speaker augmentation and bandwidth extension for deep speaker embedding", Interspeech, 2019.

    Examples
    --------
    >>> from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn_siamese_speaker import MFCC, FramePooling, SpeedPerturbation
    >>> from sklearn_siamese_speaker.datasets import make_speakers
    >>> X, y = make_speakers(n_speakers=4, n_recordings=4, duration=1.0, random_state=0)
    >>> encoder = make_pipeline(MFCC(), FramePooling(), LinearDiscriminantAnalysis())
    >>> perturbed = SpeedPerturbation(encoder).fit(X, y)
    >>> len(perturbed.classes_), len(perturbed.encoder_.classes_)
    (4, 12)
    >>> perturbed.transform(X).shape
    (16, 11)
    """

    _parameter_constraints: ClassVar[dict] = {
        "encoder": [HasMethods(["fit", "transform"])],
        "speeds": [Iterable],
    }

    def __init__(self, encoder: Any, speeds: Iterable[float] = (0.9, 1.1)) -> None:
        self.encoder = encoder
        self.speeds = speeds

    @_fit_context(prefer_skip_nested_validation=False)
    def fit(self, X: ArrayLike, y: ArrayLike) -> SpeedPerturbation:
        """Fit a clone of the encoder on the recordings and their copies at other speeds.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_times) or (n_samples, 1, n_times), or list of \
                arrays of shape (n_times_i,), or list of paths
            Recordings.

        y : array-like of shape (n_samples,)
            The speaker of each recording.

        Returns
        -------
        self : SpeedPerturbation
            The fitted estimator.

        Raises
        ------
        AudioError
            If recordings cannot be used; the first ten are named.
        ValueError
            For a speed that is 1 or out of range.
        """
        if y is None:
            raise ValueError(
                f"{type(self).__name__} requires y to be passed, but the target y is None: it "
                "holds the speaker of each recording."
            )
        speeds = _check_speeds(self.speeds)
        with unchanged_on_error(self):
            X = self._check_recordings(X, reset=True)
            labels = check_speakers(y)
            check_consistent_length(X, labels)
            self.classes_, speakers = np.unique(labels, return_inverse=True)
            everyone = np.concatenate(
                [speakers + i * len(self.classes_) for i in range(1 + len(speeds))]
            )
            self.encoder_ = clone(self.encoder).fit(self._add_copies(X, speeds), everyone)
        return self

    def transform(self, X: ArrayLike) -> NDArray[np.float32]:
        """Embed recordings at the speed they have.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_times) or (n_samples, 1, n_times), or list of \
                arrays of shape (n_times_i,), or list of paths
            Recordings.

        Returns
        -------
        embeddings : ndarray of shape (n_samples, n_dims)
            What the encoder returns.
        """
        check_is_fitted(self)
        # An array, not the encoder's data frame: that one has lost the index of X.
        return np.asarray(self.encoder_.transform(self._check_recordings(X, reset=False)))

    @property
    def embedding_metric_(self) -> str:
        """The metric in which embeddings are compared, the encoder's."""
        check_is_fitted(self)
        return find_embedding_metric(self.encoder_)

    @_encoder_has("get_feature_names_out")
    def get_feature_names_out(self, input_features: ArrayLike | None = None) -> NDArray[np.object_]:
        """Return the names that the encoder gives to the dimensions of its embeddings.

        Parameters
        ----------
        input_features : array-like of str or None, default=None
            The names of the columns of `X` in `fit`, if it had any.

        Returns
        -------
        names : ndarray of shape (n_dims,)
            One name for each dimension.
        """
        check_is_fitted(self)
        if input_features is not None:
            _check_feature_names_in(self, input_features)
        return self.encoder_.get_feature_names_out()

    def _check_recordings(self, X: Any, *, reset: bool) -> Any:
        """Return recordings as a sequence; of rows the number of columns is set or checked."""
        if reset:
            self.__dict__.pop("n_features_in_", None)
        if is_list_of_recordings(X):
            return list(X)
        return validate_data(self, X, reset=reset, allow_nd=True, ensure_all_finite=False)

    def _add_copies(self, X: Any, speeds: list[float]) -> Any:
        """Return the recordings followed by their copies at each speed."""
        sample_rate = _find_sample_rate(self.encoder)
        recordings, faults = open_recordings(X, sample_rate)
        raise_faults(faults, len(X))
        copies = [perturb(one, speed, sample_rate) for speed in speeds for one in recordings]
        if isinstance(X, list):
            return [*X, *copies]
        rows = [np.resize(copy, X.shape[-1]) for copy in copies]  # cut, or repeated from its start
        return np.concatenate([X, np.reshape(rows, (len(rows), *X.shape[1:]))])

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "encoder_")

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        tags.input_tags.three_d_array = get_tags(self.encoder).input_tags.three_d_array
        tags.transformer_tags.preserves_dtype = ["float32"]
        return tags


def perturb(recording: Recording, speed: float, sample_rate: float) -> NDArray[np.float32]:
    """Return a recording at another speed, as samples at `sample_rate`, in Hz: (n_times / speed,).

    Resampling to a rate and playing at another one changes the speed by the ratio of the two.
    """
    own_rate = recording.sample_rate or sample_rate
    return resample(recording.read(), own_rate * speed, sample_rate)


def _check_speeds(speeds: Iterable[float]) -> list[float]:
    checked = list(speeds)
    for speed in checked:
        is_number = isinstance(speed, Real) and not isinstance(speed, bool)
        if not is_number or not _MIN_SPEED <= speed <= _MAX_SPEED or speed == 1:
            raise ValueError(
                f"speeds holds {speed!r}; every speed is a number from {_MIN_SPEED} to "
                f"{_MAX_SPEED} other than 1, which is the recording itself."
            )
    if not checked or len(set(checked)) < len(checked):
        raise ValueError(f"speeds={speeds!r} must hold one or more different speeds.")
    return checked


def _find_sample_rate(encoder: Any) -> float:
    """Return the rate that the front end inside an encoder takes arrays to have, in Hz."""
    for name, value in encoder.get_params().items():
        if name.rpartition("__")[2] == "input_sample_rate":
            return value
    return _DEFAULT_SAMPLE_RATE
