"""A classifier that recognizes the people of a store, and follows the changes of the store."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator
from sklearn.utils import Bunch

from ..._audio import warn_caller
from ..._estimators import published_threshold
from ..._state import changed_at_once
from ...model_selection import find_embedding_metric
from .._one_shot import OneShotClassifier

if TYPE_CHECKING:
    from ._speaker_store import SpeakerStore

# Parameters of a classifier that its threshold was calibrated with, and the threshold.
CALIBRATED = ("threshold", "margin", "aggregation", "metric", "cohort")


def take_over(
    who: OneShotClassifier,
    encoder: BaseEstimator | None,
    contents: Bunch,
    given: dict[str, Any],
) -> None:
    """Enrol in a classifier all whom a store holds, and take the threshold that is kept there.

    Parameters
    ----------
    who : OneShotClassifier
        What to change.
    encoder : transformer or None
        Ready to embed.
    contents : Bunch
        As `SpeakerStore._contents` returns it.
    given : dict
        Parameters that the user chose; they stand above those of the calibration.
    """
    who._validate_params()
    calibration = _usable(contents.calibration, given)
    if calibration is not None:
        who.set_params(**calibration["parameters"])
    elif not given.keys() & {"threshold", "metric"}:
        metric = find_embedding_metric(encoder)
        who.set_params(threshold=published_threshold(encoder, metric))
    who._unknown_label(np.unique(contents.names))
    who.encoder_ = encoder
    who.calibration_ = None if calibration is None else calibration["found"]
    who._enrol(contents.embeddings, contents.names)
    _warn_if_stale(who)


def _usable(calibration: dict[str, Any] | None, given: dict[str, Any]) -> dict[str, Any] | None:
    """Return a calibration, None if it was made with other parameters than the given ones."""
    if calibration is None:
        return None
    parameters = calibration["parameters"]
    chosen = given.keys() & set(CALIBRATED)
    if not all(np.array_equal(given[name], parameters[name]) for name in chosen):
        return None
    if parameters["cohort"] is not None:
        parameters["cohort"] = np.array(parameters["cohort"], dtype=np.float32)
    return calibration


def _warn_if_stale(who: OneShotClassifier) -> None:
    if who.calibration_ is None:
        return
    n_now, n_calibrated = len(who.classes_), who.calibration_["n_enrolled"]
    if n_now > n_calibrated:
        warn_caller(
            f"{n_now} people are in the store, but its threshold was calibrated for "
            f"{n_calibrated}: more than target_far={who.calibration_['target_far']} of unknown "
            "recordings may pass. Calibrate again, and keep_calibration.",
            UserWarning,
        )


class FollowingClassifier(OneShotClassifier):
    """A `OneShotClassifier` that looks into its store before each answer.

    A copy that is made for one answer does not look again, and a clone has no store.
    """

    _store: SpeakerStore | None = None
    _change: str
    _given: dict[str, Any]

    def follow(
        self, store: SpeakerStore, encoder: BaseEstimator | None, given: dict[str, Any]
    ) -> Self:
        """Follow a store from now on."""
        self._store, self._given, self.encoder_ = store, given, encoder
        self._catch_up(store)
        return self

    def _catch_up(self, store: SpeakerStore) -> None:
        with changed_at_once(self) as changed:
            contents = store._contents(self.encoder_)
            take_over(changed, self.encoder_, contents, self._given)
            changed._change = contents.change

    def _now(self) -> Self:
        if self._store is not None and self._store._change() != self._change:
            self._catch_up(self._store)
        now = super()._now()
        now._store = None
        return now

    def fit(self, X: ArrayLike, y: ArrayLike) -> Self:
        """Raise where there is a store, else as `OneShotClassifier`."""
        self._refuse_to_change()
        return super().fit(X, y)

    def partial_fit(self, X: ArrayLike, y: ArrayLike, classes: ArrayLike | None = None) -> Self:
        """Raise where there is a store, else as `OneShotClassifier`."""
        self._refuse_to_change()
        return super().partial_fit(X, y, classes)

    def forget(self, labels: ArrayLike) -> Self:
        """Raise where there is a store, else as `OneShotClassifier`."""
        self._refuse_to_change()
        return super().forget(labels)

    def calibrate_threshold(self, X: ArrayLike, y: ArrayLike, *args: Any, **kwargs: Any) -> Self:
        """Raise where there is a store, else as `OneShotClassifier`."""
        self._refuse_to_change()
        return super().calibrate_threshold(X, y, *args, **kwargs)

    def _refuse_to_change(self) -> None:
        if self._store is not None:
            raise AttributeError(
                f"This classifier follows {self._store!r}: enrol and forget there. To calibrate, "
                "take store.classifier(encoder) without follow, and store.keep_calibration of it."
            )
