"""Who is enrolled: speakers join and leave, and other threads never see half of a change."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator
from sklearn.utils import Tags, check_consistent_length, column_or_1d, get_tags
from sklearn.utils.validation import check_is_fitted, validate_data

from .._compat import fit_context
from .._docs import substitute
from .._labels import are_strings, check_speakers
from .._state import changed_at_once, snapshot
from ..model_selection import find_embedding_metric
from ..similarity import check_embeddings
from ._embedding import check_recordings, embed, find_path, fit_encoder
from ._voiceprints import enrol, shrink_strings

# Of a classifier that is being unfitted, another thread may see some; it is not fitted without all.
_FITTED = ("encoder_", "classes_", "labels_", "embeddings_", "prototypes_", "first_prototype_")

TEXTS = {
    "recordings": """\
X : array-like of shape (n_samples, n_dims), or whatever the encoder takes
    Recordings.""",
    "classifier": """\
self : OneShotClassifier
    The fitted classifier.""",
}


class SpeakerEnrolment(BaseEstimator):
    """What `OneShotClassifier` does to enrol speakers and to forget them.

    Everything that changes the enrolment works on a copy, and what it changed is taken over at
    once. Everything that reads it works on a copy too, made in one piece by `_now`.
    """

    # The parameters and attributes of `OneShotClassifier` that enrolling needs.
    encoder: BaseEstimator | None
    metric: str
    aggregation: str
    encoder_: BaseEstimator | None
    classes_: NDArray[Any]
    labels_: NDArray[Any]
    embeddings_: NDArray[Any]
    prototypes_: NDArray[Any]
    first_prototype_: NDArray[np.intp]
    metric_: str
    calibration_: dict[str, Any] | None

    def __sklearn_is_fitted__(self) -> bool:
        # scikit-learn would walk over all attributes, of which another thread may make new ones.
        return all(hasattr(self, name) for name in _FITTED)

    @abstractmethod
    def _unknown_label(self, classes: NDArray[Any]) -> str | int | None:
        """Return the label of unknown speakers among `classes`, None if nobody is rejected."""

    @abstractmethod
    def _find_threshold(self, encoder: BaseEstimator | None) -> float | None:
        """Return the similarity below which somebody is unknown; raise if the encoder has none."""

    @abstractmethod
    def _warn_of_more_speakers(self, calibration: dict[str, Any] | None, n_before: int) -> None:
        """Warn if somebody joined beyond the number that the threshold in use is made for."""

    @fit_context(prefer_skip_nested_validation=False)
    @substitute(**TEXTS)
    def fit(self, X: ArrayLike, y: ArrayLike) -> Self:
        """Enrol the speakers of `y`, and forget all others.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_dims), or whatever the encoder takes
            Recordings; one speaker alone is enough.
        y : array-like of shape (n_samples,)
            Speaker of each recording: strings or integers.

        Returns
        -------
        %(classifier)s

        Raises
        ------
        ValueError
            If a label is missing, or nobody could be told from an unknown speaker. If
            ``threshold="encoder"`` and the encoder comes without a threshold.

        Warns
        -----
        UserWarning
            If the encoder was fitted already and is not frozen: what it learned is not used. If
            more speakers are enrolled than `threshold` was calibrated for.
        """
        with changed_at_once(self) as changed:
            changed._fit(X, y)
        return self

    @fit_context(prefer_skip_nested_validation=False)
    @substitute(**TEXTS)
    def partial_fit(self, X: ArrayLike, y: ArrayLike, classes: ArrayLike | None = None) -> Self:
        """Enrol more recordings, of speakers enrolled already or of others.

        The encoder is fitted in the first call only. If anything is wrong with the recordings or
        labels, none of them is enrolled.

        Parameters
        ----------
        %(recordings)s
        y : array-like of shape (n_samples,)
            Speaker of each recording.
        classes : array-like of shape (n_speakers,), default=None
            Accepted as in scikit-learn's other `partial_fit`, and not needed: new speakers are
            always allowed.

        Returns
        -------
        %(classifier)s

        Warns
        -----
        UserWarning
            If somebody joins and more speakers are enrolled now than `threshold` was calibrated
            for: more unknown recordings pass than its target.
        """
        with changed_at_once(self) as changed:
            if hasattr(changed, "classes_"):
                changed._add(X, y)
            else:
                changed._fit(X, y)
        return self

    def forget(self, labels: ArrayLike) -> Self:
        """Remove speakers for good: neither label nor embedding is kept anywhere in the object.

        An encoder that was fitted on their recordings is not un-trained, and keeps their names if
        it keeps any. After the last speaker is forgotten, the classifier is as before `fit`.

        Parameters
        ----------
        labels : label or array-like of shape (n_forgotten,)
            Speakers to remove.

        Returns
        -------
        self : OneShotClassifier
            The classifier without them.

        Raises
        ------
        ValueError
            If a label is not enrolled; then nobody is forgotten.
        """
        with changed_at_once(self) as changed:
            changed._forget(labels)
        return self

    # The work of the writers, on the copy that `changed_at_once` gives them.

    def _fit(self, X: ArrayLike, y: ArrayLike) -> None:
        check_recordings(X)
        labels = check_speakers(y)
        self._unknown_label(np.unique(labels))
        check_consistent_length(X, labels)
        calibration = getattr(self, "calibration_", None)
        self._unfit()
        self.encoder_ = None if self.encoder is None else fit_encoder(self.encoder, X, labels)
        self._find_threshold(self.encoder_)
        self._enrol(self._embed(X, reset=True), labels)
        self._warn_of_more_speakers(calibration, n_before=0)
        self.calibration_ = None

    def _add(self, X: ArrayLike, y: ArrayLike) -> None:
        check_recordings(X)
        labels = check_speakers(y)
        if are_strings(labels) != are_strings(self.classes_):
            raise ValueError(
                f"y holds labels like {labels.tolist()[0]!r} but speakers like "
                f"{self.classes_.tolist()[0]!r} are enrolled: use strings only or integers only."
            )
        n_before = len(self.classes_)
        self._unknown_label(np.union1d(self.classes_, labels))
        check_consistent_length(X, labels)
        E = self._embed(X).astype(self.embeddings_.dtype)
        self._enrol(np.concatenate([self.embeddings_, E]), np.concatenate([self.labels_, labels]))
        self._warn_of_more_speakers(self.calibration_, n_before)

    def _forget(self, labels: ArrayLike) -> None:
        check_is_fitted(self)
        forgotten = column_or_1d(np.atleast_1d(labels)).tolist()
        unknown = set(forgotten) - set(self.classes_.tolist())
        if unknown:
            raise ValueError(f"Cannot forget {sorted(unknown)}: not among the enrolled speakers.")
        keep = ~np.isin(self.labels_, forgotten)
        if keep.any():
            self._enrol(self.embeddings_[keep], shrink_strings(self.labels_[keep]))
        else:
            self._unfit()

    def _enrol(self, E: NDArray[Any], labels: NDArray[Any]) -> None:
        """Replace everything learned from the enrolment, which is `E` and `labels` from now on."""
        self.__dict__.update(enrol(E, labels, self._find_metric(self.encoder_), self.aggregation))

    def _unfit(self) -> None:
        for name in [name for name in vars(self) if name.endswith("_")]:
            delattr(self, name)

    # The work of the readers.

    def _now(self) -> Self:
        """Return a copy that no other thread changes: all that is read from it is of one moment."""
        now = snapshot(self)
        check_is_fitted(now, _FITTED)
        return now

    def _embed(self, X: ArrayLike, reset: bool = False) -> NDArray[Any]:
        encoder = self.encoder_
        if encoder is not None:
            E = embed(X, encoder)
            if reset and hasattr(encoder, "n_features_in_"):
                self.n_features_in_ = encoder.n_features_in_
            return E
        check_recordings(X)
        path = find_path(X)
        if path is not None:
            raise ValueError(
                f"X holds {path!r}, but embeddings are expected where encoder=None: give "
                "OneShotClassifier the encoder, or pass its embeddings."
            )
        return check_embeddings(
            validate_data(self, X, reset=reset, dtype=(np.float64, np.float32)), "X"
        )

    def _find_metric(self, encoder: BaseEstimator | None) -> str:
        return find_embedding_metric(encoder) if self.metric == "auto" else self.metric

    def __getstate__(self) -> dict[str, Any]:
        # A copy: pickle would read the attributes one by one while another thread enrols.
        return dict(super().__getstate__())

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        if self.encoder is not None:
            tags.input_tags = get_tags(self.encoder).input_tags
            tags.input_tags.allow_nan = False  # embeddings must be finite
        return tags
