"""Enrol speakers with one recording each, recognize them, reject everybody else."""

from __future__ import annotations

from contextlib import AbstractContextManager
from numbers import Integral, Real
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import softmax
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils import Tags, check_consistent_length, check_scalar, column_or_1d, get_tags
from sklearn.utils.validation import check_is_fitted, validate_data

from .._audio import warn_caller
from .._compat import HasMethods, Interval, StrOptions, fit_context
from .._docs import substitute
from .._estimators import find_threshold
from .._labels import are_strings, check_speakers, resolve_unknown_label
from .._state import changed_at_once, snapshot
from ..model_selection import find_embedding_metric
from ..model_selection.open_set import draw_enrolments
from ..similarity import (
    AGGREGATIONS,
    METRICS,
    build_prototypes,
    check_embeddings,
    most_similar,
    speaker_similarities,
)
from ._acceptance import (
    check_cohort,
    choose_cohort,
    compare_tasks,
    decide,
    leads,
    usual_similarity,
)
from ._embedding import check_recordings, embed, fit_encoder, refuse_paths
from ._threshold import N_ENROLMENTS, calibrate, check_target

# While another thread resets the classifier, some may be gone; it is fitted only if all exist.
_FITTED = ("encoder_", "classes_", "labels_", "embeddings_", "prototypes_", "first_prototype_")

_PROBA_SCALES = {"euclidean": 1.0, "manhattan": 1.0, "cosine": 10.0}

_TEXTS = {
    "recordings": """\
X : array-like of shape (n_samples, n_dims), or whatever the encoder takes
    Recordings.""",
    "classifier": """\
self : OneShotClassifier
    The fitted classifier.""",
}


class OneShotClassifier(ClassifierMixin, BaseEstimator):
    """Recognize speakers from as little as one enrolled recording each.

    Every speaker is enrolled with one or more recordings, and a recording is recognized as the
    speaker whose enrolment is most similar in the embedding space. Enrolling or removing a speaker
    does not change the similarities to the others, to the bit.

    Parameters
    ----------
    encoder : transformer or None, default=None
        Turns X into embeddings of shape (n_samples, n_dims). `X` is then whatever the encoder
        takes - paths, waveforms, ragged lists - in every method. An encoder in a
        :class:`~sklearn.frozen.FrozenEstimator` is used as it is, so is a
        :class:`PretrainedSpeakerEncoder`, which learns nothing; any other is cloned and fitted on
        the enrolment first. None: `X` is embeddings.
    metric : {"auto", "euclidean", "cosine", "manhattan"}, default="auto"
        How embeddings are compared. "auto" is the `embedding_metric_` that `encoder` publishes, and
        "euclidean" without one. As the last step of a pipeline, behind the encoder, the classifier
        sees only arrays: give the encoder's metric here, or the encoder as `encoder`.
    aggregation : {"mean", "nearest", "medoid"}, default="mean"
        What stands for a speaker with several recordings: the mean of their embeddings, the
        recording nearest to the one to recognize, or the one nearest to the speaker's others.
    threshold : float, "encoder" or None, default=None
        Similarity to the best speaker below which a recording is of somebody unknown: a negative
        number for the distances, between -1 and 1 for the cosine. None accepts everybody.
        :meth:`calibrate_threshold` sets it for a false-accept rate. With `cohort` it is compared
        with the normalized similarity instead. If you have no calibration speakers, use "encoder",
        the `threshold_` that a :class:`PretrainedSpeakerEncoder` comes with. It is made for about
        five people with one recording each; more people, or more recordings of each, let more
        strangers pass.
    margin : float or None, default=None
        Least lead of the best speaker's similarity over the second best's; a recording with less
        is of somebody unknown. A speaker enrolled alone always has it. `cohort` plays no part.
    unknown_label : str, int or "auto", default="auto"
        What `predict` returns for somebody unknown. "auto" is "unknown" where labels are strings
        and -1 where they are integers.
    cohort : array-like of shape (n_cohort, n_dims) or None, default=None
        Embeddings of many other people's recordings, as :meth:`calibrate_threshold` sets it along
        with `threshold`. The similarity to the best speaker is then normalized before it is
        compared with `threshold`.

    Attributes
    ----------
    classes_ : ndarray of shape (n_speakers,)
        Labels of the enrolled speakers, sorted.
    encoder_ : transformer or None
        The fitted encoder.
    metric_ : {"euclidean", "cosine", "manhattan"}
        The metric in use.
    embeddings_ : ndarray of shape (n_enrolled, n_dims)
        Embeddings of the enrolled recordings, sorted by speaker.
    labels_ : ndarray of shape (n_enrolled,)
        Speaker of each of them.
    prototypes_ : ndarray of shape (n_prototypes, n_dims)
        What recordings are compared with: one row a speaker, or all `embeddings_` with
        ``aggregation="nearest"``.
    first_prototype_ : ndarray of shape (n_speakers,)
        Row of `prototypes_` at which each speaker's begin.
    calibration_ : dict or None
        What :meth:`calibrate_threshold` found, else None; a new `fit` forgets it.
    n_features_in_ : int
        Number of features seen in `fit`; only if `X` has features.

    See Also
    --------
    sklearn.neighbors.NearestCentroid : The mean of each class, without rejection or enrolment.
    sklearn.frozen.FrozenEstimator : Keeps an encoder as it was trained.

    Notes
    -----
    Similarities go up: the cosine, or the distance negated. They are computed in float64 pair by
    pair, and of speakers with exactly equal ones the first in label order is recognized, by every
    method. An embedding of zeros has no direction: its cosine to everybody is -1. Embeddings beyond
    1e100 are refused. `predict` with the Euclidean distance or the cosine, and without `margin`,
    costs about one matrix product; everything else compares all pairs exactly, at about 0.1
    microseconds a pair and 128 dimensions.

    With a `cohort`, half the mean of a recording's 10 highest similarities to the cohort is
    subtracted from its similarity to the best speaker: a voice that is like many others needs a
    higher similarity to be accepted. This is adaptive test normalization [3]_ [4]_ at half
    strength and without its division by a standard deviation. Who is most similar, and what every
    method but `predict` and `predict_tasks` returns, is as without a cohort.

    One classifier may serve several threads. Each call sees the enrolment as it was before or after
    a change, never a mixture, and the changes of several threads follow one another. Only one call
    at a time enrols: a slow encoder delays other enrolments, but not recognition.

    References
    ----------
    .. [1] Koch, G., Zemel, R., & Salakhutdinov, R. (2015). Siamese neural networks for one-shot
       image recognition. ICML Deep Learning Workshop.
    .. [2] Snell, J., Swersky, K., & Zemel, R. (2017). Prototypical networks for few-shot learning.
       Advances in Neural Information Processing Systems 30, eq. (1): the mean as prototype.
    .. [3] Auckenthaler, R., Carey, M., & Lloyd-Thomas, H. (2000). Score normalization for
       text-independent speaker verification systems. Digital Signal Processing 10, 42-54.
    .. [4] Sturim, D. E., & Reynolds, D. A. (2005). Speaker adaptive cohort selection for Tnorm in
       text-independent speaker verification. ICASSP, 741-744.

    Examples
    --------
    Enrol two speakers with one embedding each; a third joins later:

    >>> from sklearn_siamese_speaker import OneShotClassifier
    >>> who = OneShotClassifier().fit([[0.0, 0.0], [4.0, 0.0]], ["ana", "ben"])
    >>> who.predict([[1.0, 0.0]])
    array(['ana'], dtype='<U3')
    >>> who.partial_fit([[0.0, 3.0]], ["eva"]).similarities([[0.0, 2.0]]).round(2)
    array([[-2.  , -4.47, -1.  ]])
    >>> who.rank([[0.0, 2.0]], k=2)
    array([['eva', 'ana']], dtype='<U3')

    Whoever is further than 2 away is unknown:

    >>> who.set_params(threshold=-2.0).predict([[4.0, 1.0], [9.0, 9.0]])
    array(['ben', 'unknown'], dtype='<U7')

    An encoder in front, used as it was trained:

    >>> from sklearn.frozen import FrozenEstimator
    >>> from sklearn.preprocessing import StandardScaler
    >>> encoder = StandardScaler().fit([[0.0, 0.0], [0.0, 2.0], [2.0, 0.0], [2.0, 2.0]])
    >>> who = OneShotClassifier(FrozenEstimator(encoder)).fit([[1.0, 0.0], [1.0, 2.0]], [7, 8])
    >>> who.predict([[0.0, 1.9]])
    array([8])
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "encoder": [HasMethods(["fit", "transform"]), None],
        "metric": [StrOptions({"auto", *METRICS})],
        "aggregation": [StrOptions(AGGREGATIONS.keys())],
        "threshold": [Interval(Real, None, None, closed="neither"), StrOptions({"encoder"}), None],
        "margin": [Interval(Real, 0, None, closed="left"), None],
        "unknown_label": [str, Integral],
        "cohort": ["array-like", None],
    }
    calibration_: dict[str, Any] | None

    def __init__(
        self,
        encoder: BaseEstimator | None = None,
        *,
        metric: str = "auto",
        aggregation: str = "mean",
        threshold: float | str | None = None,
        margin: float | None = None,
        unknown_label: str | int = "auto",
        cohort: ArrayLike | None = None,
    ) -> None:
        self.encoder = encoder
        self.metric = metric
        self.aggregation = aggregation
        self.threshold = threshold
        self.margin = margin
        self.unknown_label = unknown_label
        self.cohort = cohort

    @fit_context(prefer_skip_nested_validation=False)
    @substitute(**_TEXTS)
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
            If a label is missing, or `unknown_label` cannot stand for unknown speakers. If
            ``threshold="encoder"`` and the encoder comes without a threshold.

        Warns
        -----
        UserWarning
            If the encoder was fitted already and is not frozen: what it learned is not used. If
            more speakers are enrolled than `threshold` was calibrated for.
        """
        with self._changing() as changed:
            changed._fit(X, y)
        return self

    @fit_context(prefer_skip_nested_validation=False)
    @substitute(**_TEXTS)
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
            If more speakers are enrolled after the call than before it, and than `threshold` was
            calibrated for: more unknown recordings pass than its target.
        """
        with self._changing() as changed:
            if hasattr(changed, "classes_"):
                changed._add(X, y)
            else:
                changed._fit(X, y)
        return self

    def forget(self, labels: ArrayLike) -> Self:
        """Remove speakers for good: neither label nor embedding is kept anywhere in the object.

        An encoder that was fitted on their recordings stays as it is, with their names if it holds
        any. After the last speaker is forgotten, the classifier is as before `fit`.

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
        with self._changing() as changed:
            changed._forget(labels)
        return self

    def calibrate_threshold(
        self,
        X: ArrayLike,
        y: ArrayLike,
        target_far: float = 0.01,
        n_enrolled: int | None = None,
        n_shots: int | None = None,
        *,
        cohort: ArrayLike | None = None,
    ) -> Self:
        """Set `threshold` for a share of unknown recordings that may be accepted as anybody.

        A hundred times, some of the calibration speakers are enrolled and the others are unknown;
        the draws are fixed. An unknown speaker is more easily like one of many enrolled speakers
        than like one of few: the threshold holds for `n_enrolled` and `n_shots`. The scale of
        :meth:`predict_proba` is learned from the other recordings of the enrolled speakers.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_dims), or whatever the encoder takes
            Recordings of speakers that the encoder was not trained on.
        y : array-like of shape (n_samples,)
            Speaker of each recording. None of them stays enrolled.
        target_far : float, default=0.01
            Share of the unknown recordings to accept at most, between 0 and 1.
        n_enrolled : int, default=None
            Speakers enrolled at a time. None is the number enrolled in this classifier.
        n_shots : int, default=None
            Recordings each is enrolled with. None is the median here, rounded down.
        cohort : array-like of shape (n_cohort, n_dims), or whatever the encoder takes, default=None
            Recordings of many people who are neither in `y` nor to be enrolled, such as those the
            encoder was trained on: similarities are then normalized against them, and `threshold`
            is on the normalized scale. None normalizes nothing, and removes an earlier cohort.

        Returns
        -------
        self : OneShotClassifier
            With `threshold` and `cohort`, constructor parameters that :func:`~sklearn.base.clone`
            and a new `fit` keep, and with `calibration_`, a dict of `target_far`, `n_enrolled`,
            `n_shots`, `n_speakers`, the `threshold`, the `false_accept_rate` of the calibration,
            its upper 95 % confidence bound for other unknown speakers `false_accept_bound`, and
            `proba_scale`. `cohort` holds the different embeddings of the cohort, or None.

        Raises
        ------
        ValueError
            If there are too few speakers to enrol or for the target: fewer than
            ``3 * n_enrolled / target_far`` pairs of them. Even without an error, a higher rate
            could not be excluded. This is checked before anything is embedded. If the cohort has
            fewer than 2 different recordings, or shares one with `X`.

        Examples
        --------
        >>> import numpy as np
        >>> from sklearn_siamese_speaker import OneShotClassifier
        >>> rng = np.random.default_rng(0)
        >>> y = np.repeat(np.arange(60), 6)
        >>> X = 2 * rng.normal(size=(60, 16))[y] + rng.normal(size=(360, 16))
        >>> who = OneShotClassifier().fit(X[:60:6], y[:60:6])  # 10 speakers, one recording each
        >>> who.calibrate_threshold(X, y, target_far=0.05).threshold
        -7.0...
        >>> round(who.calibration_["false_accept_bound"], 2)
        0.09
        """
        with self._changing() as changed:
            changed._calibrate(X, y, target_far, n_enrolled, n_shots, cohort)
        return self

    @substitute(**_TEXTS)
    def predict(self, X: ArrayLike) -> NDArray[Any]:
        """Recognize the speaker of each recording.

        Parameters
        ----------
        %(recordings)s

        Returns
        -------
        y : ndarray of shape (n_samples,)
            The most similar speaker, of equals the first of `classes_`; the unknown label where
            `threshold` or `margin` rejects.
        """
        now = self._now()
        unknown = now._unknown_label(now.classes_)
        position = now._recognize(now._embed(X))
        speakers = now.classes_[position]
        if unknown is None:
            return speakers
        # As an array it widens a narrow dtype, in which -1 could be the label of a speaker.
        return np.where(position < 0, np.asarray(unknown), speakers)

    @substitute(**_TEXTS)
    def predict_proba(self, X: ArrayLike) -> NDArray[np.float64]:
        """Return the softmax of the scaled similarities, among the enrolled speakers.

        :meth:`calibrate_threshold` learns the scale. Before it, the similarities are multiplied by
        10 for the cosine, whose range is small, and by 1 for the distances: a convention, whose
        probabilities are not calibrated. `threshold` and `margin` play no part.

        Parameters
        ----------
        %(recordings)s

        Returns
        -------
        probabilities : ndarray of shape (n_samples, n_speakers)
            Rows sum to 1.
        """
        now = self._now()
        scale = None if now.calibration_ is None else now.calibration_["proba_scale"]
        scale = _PROBA_SCALES[now.metric_] if scale is None else scale
        return softmax(scale * now.similarities(X), axis=1)

    @substitute(**_TEXTS)
    def decision_function(self, X: ArrayLike) -> NDArray[np.float64]:
        """Return the similarities in the shape that scikit-learn gives decision functions.

        Parameters
        ----------
        %(recordings)s

        Returns
        -------
        scores : ndarray of shape (n_samples,) or (n_samples, n_speakers)
            With two speakers the lead of the second over the first, else :meth:`similarities`.
            `threshold` and `margin` play no part.
        """
        similarities = self.similarities(X)
        if similarities.shape[1] == 2:
            return similarities[:, 1] - similarities[:, 0]
        return similarities

    @substitute(**_TEXTS)
    def rank(
        self, X: ArrayLike, k: int, return_similarities: bool = False
    ) -> NDArray[Any] | tuple[NDArray[Any], NDArray[np.float64]]:
        """Return the `k` most similar speakers, the best first.

        Parameters
        ----------
        %(recordings)s
        k : int
            Number of speakers, from 1 to n_speakers.
        return_similarities : bool, default=False
            Whether to return also how similar they are.

        Returns
        -------
        labels : ndarray of shape (n_samples, k)
            Speakers; `threshold` and `margin` play no part.
        similarities : ndarray of shape (n_samples, k)
            Of each of them, as :meth:`similarities` returns them. Only if `return_similarities`.
        """
        now = self._now()
        check_scalar(k, "k", Integral)
        if not 1 <= k <= len(now.classes_):
            raise ValueError(
                f"k={k} must be from 1 to the number of enrolled speakers, {len(now.classes_)}."
            )
        similarities = now.similarities(X)
        best_first = np.argsort(-similarities, axis=1, kind="stable")[:, :k]
        labels = now.classes_[best_first]
        if return_similarities:
            return labels, np.take_along_axis(similarities, best_first, axis=1)
        return labels

    @substitute(**_TEXTS)
    def similarities(self, X: ArrayLike) -> NDArray[np.float64]:
        """Compare each recording with each enrolled speaker.

        Parameters
        ----------
        %(recordings)s

        Returns
        -------
        similarities : ndarray of shape (n_samples, n_speakers)
            Higher is more alike, in the order of `classes_`. Each is the same to the bit whatever
            other recordings are in `X` and whoever else is enrolled.
        """
        now = self._now()
        return now._compare(now._embed(X))

    def predict_tasks(
        self, E: ArrayLike, support: NDArray[np.intp], query: NDArray[np.intp]
    ) -> NDArray[np.intp]:
        """Recognize the queries of many tasks at once, without `fit`.

        Equal to the bit to a `fit` on the support and a `predict` of the queries in each task.

        Parameters
        ----------
        E : array-like of shape (n_samples, n_dims)
            Embeddings.
        support : ndarray of shape (n_tasks, k_way, n_shots)
            Rows of `E` that define the speakers.
        query : ndarray of shape (n_tasks, k_way, n_queries)
            Rows of `E` to recognize.

        Returns
        -------
        recognized : ndarray of shape (n_tasks, k_way, n_queries)
            Position of the recognized speaker along `k_way`, of equals the first; -1 where
            `threshold` or `margin` rejects.
        """
        now = snapshot(self)
        now._validate_params()
        encoder = getattr(now, "encoder_", now.encoder)
        metric, threshold = now._find_metric(encoder), now._find_threshold(encoder)
        E = check_embeddings(E)
        blocks = compare_tasks(
            E,
            support,
            query,
            metric=metric,
            aggregation=now.aggregation,
            cohort=now._check_cohort(E),
        )
        recognized = np.empty(query.shape, dtype=np.intp)
        for block, similarities, best in blocks:
            position, leading = similarities.argmax(axis=-1), leads(similarities, now.margin)
            recognized[block] = decide(position, best, leading, threshold)
        return recognized

    # Methods that change the enrolment change a copy of the classifier, and `_changing` takes the
    # changes over at once. Methods that read the enrolment read a copy, which `_now` makes.

    def _changing(self) -> AbstractContextManager[Self]:
        """Yield the copy to change."""
        return changed_at_once(self)

    def _now(self) -> Self:
        """Return a copy that no other thread changes: all that is read from it is of one moment."""
        now = snapshot(self)
        check_is_fitted(now, _FITTED)
        return now

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

    def _forget(self, names: ArrayLike) -> None:
        check_is_fitted(self)
        forgotten = column_or_1d(np.atleast_1d(names)).tolist()
        unknown = set(forgotten) - set(self.classes_.tolist())
        if unknown:
            raise ValueError(f"Cannot forget {sorted(unknown)}: not among the enrolled speakers.")
        keep = ~np.isin(self.labels_, forgotten)
        if keep.any():
            labels = self.labels_[keep]
            # The width of a string array would still tell how long the longest forgotten label was.
            labels = np.array(labels.tolist()) if labels.dtype.kind == "U" else labels
            self._enrol(self.embeddings_[keep], labels)
        else:
            self._unfit()

    def _enrol(self, E: NDArray[Any], labels: NDArray[Any]) -> None:
        """Replace everything learned from the enrolment, which is `E` and `labels` from now on."""
        self.metric_ = self._find_metric(self.encoder_)
        self.classes_, speakers = np.unique(labels, return_inverse=True)
        order = np.argsort(speakers, kind="stable")  # of one speaker, in the order they came
        self.labels_, self.embeddings_ = labels[order], E[order]
        first = np.searchsorted(speakers[order], np.arange(len(self.classes_)))
        self.prototypes_, self.first_prototype_ = build_prototypes(
            self.embeddings_, first, self.metric_, self.aggregation
        )

    def _unfit(self) -> None:
        for name in [name for name in vars(self) if name.endswith("_")]:
            delattr(self, name)

    def _calibrate(
        self,
        X: ArrayLike,
        y: ArrayLike,
        target_far: float,
        n_enrolled: int | None,
        n_shots: int | None,
        cohort: ArrayLike | None,
    ) -> None:
        check_is_fitted(self)
        check_scalar(
            target_far, "target_far", Real, min_val=0, max_val=1, include_boundaries="neither"
        )
        resolve_unknown_label(self.unknown_label, self.classes_)
        check_recordings(X)
        if cohort is not None:
            check_recordings(cohort, "cohort")
        labels, speakers = np.unique(check_speakers(y), return_inverse=True)
        check_consistent_length(X, speakers)
        n_enrolled = len(self.classes_) if n_enrolled is None else n_enrolled
        if n_shots is None:
            n_shots = int(np.median(np.unique(self.labels_, return_counts=True)[1]))
        enrolments = draw_enrolments(speakers, n_enrolled, n_shots, N_ENROLMENTS, random_state=0)
        check_target(target_far, n_enrolled, len(labels))
        E = self._embed(X)
        self.cohort = None if cohort is None else choose_cohort(self._embed(cohort), E)
        found = calibrate(
            E,
            speakers,
            enrolments,
            metric=self.metric_,
            aggregation=self.aggregation,
            margin=self.margin,
            cohort=self.cohort,
            target_far=target_far,
        )
        self.calibration_ = found | {
            "target_far": target_far,
            "n_enrolled": n_enrolled,
            "n_shots": n_shots,
            "n_speakers": len(labels),
        }
        self.threshold = found["threshold"]

    def _find_threshold(self, encoder: BaseEstimator | None) -> float | None:
        """Return the similarity below which somebody is unknown; raise if the encoder has none."""
        if not isinstance(self.threshold, str):
            return self.threshold
        if self.cohort is not None:
            raise ValueError(
                "threshold='encoder' is for similarities as they are, and cohort normalizes them; "
                "set cohort=None, or call calibrate_threshold with the cohort."
            )
        return find_threshold(encoder, self._find_metric(encoder))

    def _warn_of_more_speakers(self, calibration: dict[str, Any] | None, n_before: int) -> None:
        """Warn if somebody joined beyond the number that the threshold in use is made for."""
        if calibration is None or calibration["threshold"] != self.threshold:
            return
        n_now, n_calibrated = len(self.classes_), calibration["n_enrolled"]
        if n_now > max(n_before, n_calibrated):
            warn_caller(
                f"{n_now} speakers are enrolled, but threshold={self.threshold:.4g} was calibrated "
                f"for {n_calibrated}: more than target_far={calibration['target_far']} of unknown "
                "recordings may pass. Call calibrate_threshold again."
            )

    def _check_cohort(self, E: NDArray[Any]) -> NDArray[Any] | None:
        """Return the cohort for the embeddings `E`, None where nothing is to be normalized."""
        if self.cohort is None or self.threshold is None:
            return None
        return check_cohort(self.cohort, E.shape[1])

    def _unknown_label(self, classes: NDArray[Any]) -> str | int | None:
        """Return the label of unknown speakers among `classes`, None if nobody is rejected."""
        if self.threshold is None and self.margin is None:
            return None
        return resolve_unknown_label(self.unknown_label, classes)

    def _embed(self, X: ArrayLike, reset: bool = False) -> NDArray[Any]:
        encoder = self.encoder_
        if encoder is not None:
            E = embed(X, encoder)
            if reset and hasattr(encoder, "n_features_in_"):
                self.n_features_in_ = encoder.n_features_in_
            return E
        check_recordings(X)
        refuse_paths(
            X,
            "embeddings are expected where encoder=None: give OneShotClassifier the encoder, or "
            "pass its embeddings.",
        )
        checked = validate_data(self, X, reset=reset, dtype=(np.float64, np.float32))
        return check_embeddings(checked, "X")

    def _compare(self, E: NDArray[Any]) -> NDArray[np.float64]:
        """Return the similarity of each embedding to each speaker: (n_samples, n_speakers)."""
        return speaker_similarities(E, self.prototypes_, self.first_prototype_, self.metric_)

    def _recognize(self, E: NDArray[Any]) -> NDArray[np.intp]:
        """Return the position of the most similar speaker, -1 if rejected: (n_samples,)."""
        threshold, cohort = self._find_threshold(self.encoder_), self._check_cohort(E)
        leading: NDArray[np.bool_] | np.bool_ = np.True_
        # Without a margin only the best speaker matters, who is found at the cost of a product.
        if self.margin is None:
            row, best = most_similar(E, self.prototypes_, self.metric_)
            position = np.searchsorted(self.first_prototype_, row, side="right") - 1
        else:
            similarities = self._compare(E)
            position, best = similarities.argmax(axis=1), similarities.max(axis=1)
            leading = leads(similarities, self.margin)
        if cohort is not None:
            best = best - usual_similarity(E, cohort, self.metric_)
        return decide(position, best, leading, threshold)

    def _find_metric(self, encoder: BaseEstimator | None) -> str:
        return find_embedding_metric(encoder) if self.metric == "auto" else self.metric

    def __sklearn_is_fitted__(self) -> bool:
        # scikit-learn would walk over all attributes, of which another thread may make new ones.
        return all(hasattr(self, name) for name in _FITTED)

    def __getstate__(self) -> dict[str, Any]:
        # A copy: pickle would read the attributes one by one while another thread enrols.
        return dict(super().__getstate__())

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        if self.encoder is not None:
            tags.input_tags = get_tags(self.encoder).input_tags
            tags.input_tags.allow_nan = False  # embeddings must be finite
        return tags
