"""Train an encoder on changed copies of its recordings too: other speeds, other channels."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Sequence
from numbers import Real
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, MetaEstimatorMixin, TransformerMixin, clone
from sklearn.utils import check_consistent_length, check_random_state, get_tags
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted, validate_data

from ..._audio import (
    Recording,
    is_list_of_recordings,
    open_recordings,
    raise_faults,
    resample,
)
from ..._compat import HasMethods, check_feature_names_in, fit_context
from ..._docs import substitute
from ..._estimators import find_sample_rate
from ..._labels import check_speakers
from ..._state import unchanged_on_error
from ...model_selection import find_embedding_metric
from ._channels import CHANNELS

Waveform = NDArray[np.float32]

_MIN_SPEED, _MAX_SPEED = 0.5, 2.0
_DEFAULT_SAMPLE_RATE = 16000  # Hz, of arrays, as in every front end

_TEXTS = {
    "example_encoder": """
>>> from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
>>> from sklearn.pipeline import make_pipeline
>>> from sklearn_siamese_speaker import MFCC, FramePooling
>>> from sklearn_siamese_speaker.datasets import make_speakers
>>> X, y = make_speakers(n_speakers=4, n_recordings=4, duration=1.0, random_state=0)
>>> encoder = make_pipeline(MFCC(), FramePooling(), LinearDiscriminantAnalysis())
""",
    "encoder": """
encoder : transformer
    Takes recordings, for example ``make_pipeline(MFCC(), SiameseSpeakerEncoder())``. A clone of
    it is fitted.
""",
    "fitted": """
classes_ : ndarray of shape (n_speakers,)
    The speakers of `y`.

embedding_metric_ : {"euclidean", "cosine", "manhattan"}
    The metric in which embeddings are compared.

n_features_in_ : int
    Number of samples of a recording; only if X in `fit` was a two-dimensional array.
""",
    "memory": """
`fit` keeps the copies in memory as float32: 64 kB for each second of a copy at 16 kHz. Files are
decoded and resampled to the `input_sample_rate` of the front end. Rows of an array keep their
number of samples: a longer copy is cut at its end, a shorter one repeated from its start.
""",
    "recordings": """
X : array-like of shape (n_samples, n_times) or (n_samples, 1, n_times), or list of arrays of \
shape (n_times_i,), or list of paths
    Recordings.
""",
}


def _encoder_has(method: str) -> Any:
    return available_if(lambda self: hasattr(self.encoder, method))


class Perturbation(MetaEstimatorMixin, TransformerMixin, BaseEstimator):
    """Base of the estimators that fit an encoder on recordings and on changed copies of them."""

    # A subclass says in `_perturb` what the copies are, and in `_label` whose they are.
    encoder: Any
    encoder_: Any
    classes_: NDArray
    _parameter_constraints: ClassVar[dict] = {"encoder": [HasMethods(["fit", "transform"])]}

    @abstractmethod
    def _check(self) -> None:
        """Raise a ValueError for parameters that make no copies."""

    @abstractmethod
    def _perturb(self, recordings: Sequence[Recording], sample_rate: float) -> list[list[Waveform]]:
        """Return sets of copies: in each a copy of every recording, at `sample_rate` Hz."""

    @abstractmethod
    def _label(self, speakers: NDArray[np.intp], n_set: int) -> NDArray:
        """Return the labels of the n-th set of copies, 0 for the recordings themselves."""

    @substitute(**_TEXTS)
    @fit_context(prefer_skip_nested_validation=False)
    def fit(self, X: Any, y: ArrayLike) -> Self:
        """Fit a clone of the encoder on the recordings and their copies.

        Parameters
        ----------
        %(recordings)s

        y : array-like of shape (n_samples,)
            The speaker of each recording.

        Returns
        -------
        self : object
            The fitted estimator.

        Raises
        ------
        AudioError
            If recordings cannot be used; the first ten are named.
        ValueError
            For parameters that make no copies.
        """
        if y is None:
            raise ValueError(
                f"{type(self).__name__} requires y to be passed, but the target y is None: it "
                "holds the speaker of each recording."
            )
        self._check()
        with unchanged_on_error(self):
            X = self._check_recordings(X, reset=True)
            labels = check_speakers(y)
            check_consistent_length(X, labels)
            self.classes_, speakers = np.unique(labels, return_inverse=True)
            copies = self._make_copies(X)
            everyone = [self._label(speakers, i) for i in range(1 + len(copies))]
            self.encoder_ = clone(self.encoder).fit(_join(X, copies), np.concatenate(everyone))
        return self

    @substitute(**_TEXTS)
    def transform(self, X: Any) -> NDArray[np.float32]:
        """Embed recordings as they are.

        Parameters
        ----------
        %(recordings)s

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
            check_feature_names_in(self, input_features)
        return self.encoder_.get_feature_names_out()

    def _check_recordings(self, X: Any, *, reset: bool) -> Any:
        """Return recordings as a sequence; of rows the number of columns is set or checked."""
        if reset:
            self.__dict__.pop("n_features_in_", None)
        if is_list_of_recordings(X):
            return list(X)
        return validate_data(self, X, reset=reset, allow_nd=True, ensure_all_finite=False)

    def _make_copies(self, X: Any) -> list[list[Waveform]]:
        sample_rate = find_sample_rate(self.encoder, _DEFAULT_SAMPLE_RATE)
        recordings, faults = open_recordings(X, sample_rate)
        raise_faults(faults, len(X))
        return self._perturb(recordings, sample_rate)

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "encoder_")

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        tags.input_tags.three_d_array = get_tags(self.encoder).input_tags.three_d_array
        tags.transformer_tags.preserves_dtype = ["float32"]
        return tags


@substitute(**_TEXTS)
class SpeedPerturbation(Perturbation):
    """Fit an encoder on every recording at several speeds, each speed as another speaker.

    Source: [1]_.

    A recording played faster is shorter and higher: it sounds like somebody else. The encoder
    thus learns from ``1 + len(speeds)`` times as many speakers. Only `fit` makes copies: in a
    cross-validation, no copy of a test recording exists. `transform` is that of the encoder.

    Speed has the meaning it has in Kaldi and torchaudio: a speed of 1.1 divides the length by 1.1
    and multiplies all frequencies by 1.1, by resampling (soxr, high quality).

    Read more in the :ref:`User Guide <speed_perturbation>`.

    Parameters
    ----------
    %(encoder)s

    speeds : sequence of float, default=(0.9, 1.1)
        Speeds of the copies, from 0.5 to 2 and without 1, which is the recording itself.

    Attributes
    ----------
    encoder_ : transformer
        The fitted encoder. Its own `classes_`, if it has any, are numbers: speaker i at the
        original speed is i, at the j-th of `speeds` it is ``i + (j + 1) * n_speakers``.

    %(fitted)s

    See Also
    --------
    ChannelPerturbation : Copies through other channels, of the same speaker.
    SiameseSpeakerEncoder : Its `augment` changes the frames of a batch.

    Notes
    -----
    %(memory)s

    References
    ----------
    .. [1] T. Ko, V. Peddinti, D. Povey, S. Khudanpur, "Audio augmentation for speech recognition",
       Interspeech, 2015. As further speakers: H. Yamamoto, K. A. Lee, K. Okabe, T. Koshinaka,
       "Speaker augmentation and bandwidth extension for deep speaker embedding", Interspeech, 2019.

    Examples
    --------
    %(example_encoder)s
    >>> from sklearn_siamese_speaker import SpeedPerturbation
    >>> perturbed = SpeedPerturbation(encoder).fit(X, y)
    >>> len(perturbed.classes_), len(perturbed.encoder_.classes_)
    (4, 12)
    >>> perturbed.transform(X).shape
    (16, 11)
    """

    _parameter_constraints: ClassVar[dict] = {
        **Perturbation._parameter_constraints,
        "speeds": [Iterable],
    }

    def __init__(self, encoder: Any, speeds: Iterable[float] = (0.9, 1.1)) -> None:
        self.encoder = encoder
        self.speeds = speeds

    def _check(self) -> None:
        speeds = list(self.speeds)
        for speed in speeds:
            is_number = isinstance(speed, Real) and not isinstance(speed, bool)
            if not is_number or not _MIN_SPEED <= speed <= _MAX_SPEED or speed == 1:
                raise ValueError(
                    f"speeds holds {speed!r}; every speed is a number from {_MIN_SPEED} to "
                    f"{_MAX_SPEED} other than 1, which is the recording itself."
                )
        if not speeds or len(set(speeds)) < len(speeds):
            raise ValueError(f"speeds={self.speeds!r} must hold one or more different speeds.")

    def _perturb(self, recordings: Sequence[Recording], sample_rate: float) -> list[list[Waveform]]:
        return [
            [_play_at(recording, speed, sample_rate) for recording in recordings]
            for speed in self.speeds
        ]

    def _label(self, speakers: NDArray[np.intp], n_set: int) -> NDArray:
        return speakers + n_set * len(self.classes_)


@substitute(**_TEXTS)
class ChannelPerturbation(Perturbation):
    """Fit an encoder on recordings and on copies of them through simulated channels.

    A copy is of the same speaker: the encoder learns to ignore what a channel changes. Only `fit`
    makes copies; `transform` is that of the encoder.

    "telephone" is a line of 8 kHz with about 300 to 3,400 Hz, a random slope of the spectrum, line
    noise and 8-bit mu-law; "room" adds echoes that die away within 0.2 to 0.8 s; "noise" adds noise
    between white and pink, 5 to 30 dB below the speech. Every copy has a channel of its own.

    Read more in the :ref:`User Guide <channels>`.

    Parameters
    ----------
    %(encoder)s

    channels : sequence of {"telephone", "room", "noise"}, default=("telephone", "room", "noise")
        One copy of each recording through each of them.

    random_state : int, RandomState instance or None, default=None
        Draws the channels.

    Attributes
    ----------
    encoder_ : transformer
        The fitted encoder. Its own `classes_`, if it has any, are those of `y`.

    %(fitted)s

    See Also
    --------
    SpeedPerturbation : Copies at other speeds, of further speakers.

    Notes
    -----
    %(memory)s

    Examples
    --------
    %(example_encoder)s
    >>> from sklearn_siamese_speaker import ChannelPerturbation
    >>> ChannelPerturbation(encoder, ["telephone"], random_state=0).fit(X, y).transform(X).shape
    (16, 3)
    """

    _parameter_constraints: ClassVar[dict] = {
        **Perturbation._parameter_constraints,
        "channels": [list, tuple],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        encoder: Any,
        channels: Sequence[str] = ("telephone", "room", "noise"),
        random_state: Any = None,
    ) -> None:
        self.encoder = encoder
        self.channels = channels
        self.random_state = random_state

    def _check(self) -> None:
        unknown = [channel for channel in self.channels if channel not in CHANNELS]
        if unknown or not self.channels:
            raise ValueError(
                f"channels={self.channels!r} must name at least one of {', '.join(CHANNELS)}."
            )

    def _perturb(self, recordings: Sequence[Recording], sample_rate: float) -> list[list[Waveform]]:
        rng = np.random.default_rng(
            check_random_state(self.random_state).randint(np.iinfo(np.int32).max)
        )
        return [
            [
                CHANNELS[channel](recording.read(sample_rate), sample_rate, rng)
                for recording in recordings
            ]
            for channel in self.channels
        ]

    def _label(self, speakers: NDArray[np.intp], n_set: int) -> NDArray:
        return self.classes_[speakers]


def _play_at(recording: Recording, speed: float, sample_rate: float) -> Waveform:
    """Return a recording at another speed, (n_times / speed,), at `sample_rate` in Hz."""
    # To resample from one rate and play at another changes the speed by the ratio of the two.
    own_rate = recording.sample_rate or sample_rate
    return resample(recording.read(), own_rate * speed, sample_rate)


def _join(X: Any, copies: list[list[Waveform]]) -> Any:
    """Return the recordings followed by all copies, as rows where the recordings are rows."""
    flat = [copy for copies_of_all in copies for copy in copies_of_all]
    if isinstance(X, list):
        return [*X, *flat]
    rows = [np.resize(copy, X.shape[-1]) for copy in flat]
    return np.concatenate([X, np.reshape(rows, (len(rows), *X.shape[1:]))])
