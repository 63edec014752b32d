"""Enrol speakers with one recording each, recognise them, reject everybody else."""

from __future__ import annotations

import warnings
from numbers import Integral, Real

import numpy as np
from scipy.special import softmax
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.frozen import FrozenEstimator
from sklearn.utils import (
    check_consistent_length,
    check_scalar,
    column_or_1d,
    get_tags,
)
from sklearn.utils.validation import check_is_fitted, validate_data

from .._compat import HasMethods, Interval, StrOptions, _fit_context
from .._labels import are_strings, check_speakers, resolve_unknown_label
from ..model_selection import find_embedding_metric
from ..model_selection._open_set import draw_enrolments
from ..similarity import (
    AGGREGATIONS,
    build_prototypes,
    check_embeddings,
    most_similar,
    speaker_similarities,
    task_similarities,
    two_highest,
)
from ._threshold import N_ENROLMENTS, calibrate, check_target

_FLOATS = (np.float64, np.float32)
_PROBA_SCALES = {"euclidean": 1.0, "manhattan": 1.0, "cosine": 10.0}


class OneShotClassifier(ClassifierMixin, BaseEstimator):
    """Recognise speakers from as little as one enrolled recording each.

    Every speaker is enrolled with one or more recordings, and a recording is recognised as the
    speaker whose enrolment is most similar in the embedding space. A speaker enrolled, added or
    removed leaves the similarities to the others unchanged to the bit.

    Parameters
    ----------
    encoder : transformer or None, default=None
        Turns X into embeddings of shape (n_samples, n_dims). `X` is then whatever the encoder
        takes - paths, waveforms, ragged lists - in every method. An encoder in a
        :class:`~sklearn.frozen.FrozenEstimator` is used as it is, so is a
        :class:`PretrainedSpeakerEncoder`, which learns nothing; any other is cloned and fitted on
        the enrolment first. None: `X` is embeddings.
    metric : {"auto", "euclidean", "cosine", "manhattan"}, default="auto"
        How embeddings are compared. "auto" is the `embedding_metric_` that the encoder publishes,
        and "euclidean" without one.
    aggregation : {"mean", "nearest", "medoid"}, default="mean"
        What stands for a speaker with several recordings: the mean of their embeddings, the
        recording nearest to the one to recognise, or the one nearest to the speaker's others.
    threshold : float or None, default=None
        Similarity to the best speaker below which a recording is of somebody unknown: a negative
        number for the distances, between -1 and 1 for the cosine. None accepts everybody.
        :meth:`calibrate_threshold` sets it for a false-accept rate.
    margin : float or None, default=None
        Least lead of the best speaker's similarity over the second best's; a recording with less
        is of somebody unknown. A speaker enrolled alone always has it.
    unknown_label : str, int or "auto", default="auto"
        What `predict` returns for somebody unknown. "auto" is "unknown" where labels are strings
        and -1 where they are integers.

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
    pair. `predict` with the Euclidean distance or the cosine, and without `margin`, costs about one
    matrix product; everything else compares all pairs exactly, at about 0.1 microseconds a pair and
    128 dimensions.

    References
    ----------
    .. [1] Koch, G., Zemel, R., & Salakhutdinov, R. (2015). Siamese neural networks for one-shot
       image recognition. ICML Deep Learning Workshop.
    .. [2] Snell, J., Swersky, K., & Zemel, R. (2017). Prototypical networks for few-shot learning.
       Advances in Neural Information Processing Systems 30, eq. (1): the mean as prototype.

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

    _parameter_constraints: dict = {  # noqa: RUF012
        "encoder": [HasMethods(["fit", "transform"]), None],
        "metric": [StrOptions({"auto", "euclidean", "cosine", "manhattan"})],
        "aggregation": [StrOptions(set(AGGREGATIONS))],
        "threshold": [Interval(Real, None, None, closed="neither"), None],
        "margin": [Interval(Real, 0, None, closed="left"), None],
        "unknown_label": [str, Integral],
    }

    def __init__(
        self,
        encoder=None,
        *,
        metric="auto",
        aggregation="mean",
        threshold=None,
        margin=None,
        unknown_label="auto",
    ):
        self.encoder = encoder
        self.metric = metric
        self.aggregation = aggregation
        self.threshold = threshold
        self.margin = margin
        self.unknown_label = unknown_label

    @_fit_context(prefer_skip_nested_validation=False)
    def fit(self, X, y):
        """Enrol the speakers of `y`, and forget all others.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_dims), or whatever the encoder takes
            Recordings; one speaker alone is enough.
        y : array-like of shape (n_samples,)
            Speaker of each recording: strings or integers.

        Returns
        -------
        self : OneShotClassifier
            The fitted classifier.

        Raises
        ------
        ValueError
            If a label is missing, or nobody could be told from an unknown speaker.

        Warns
        -----
        UserWarning
            If the encoder was fitted already and is not frozen: what it learned is not used.
        """
        labels = check_speakers(y)
        self._unknown_label(np.unique(labels))
        check_consistent_length(X, labels)
        encoder = self._fit_encoder(X, labels)
        E = self._embed(X, encoder, reset=True)
        self.encoder_, self.calibration_ = encoder, None
        return self._enrol(E, labels)

    @_fit_context(prefer_skip_nested_validation=False)
    def partial_fit(self, X, y, classes=None):
        """Enrol more recordings, of speakers enrolled already or of others.

        The encoder is fitted in the first call only. If anything is wrong with the recordings or
        labels, none of them is enrolled.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_dims), or whatever the encoder takes
            Recordings.
        y : array-like of shape (n_samples,)
            Speaker of each recording.
        classes : array-like of shape (n_speakers,), default=None
            Accepted as in scikit-learn's other `partial_fit`, and not needed: new speakers are
            always allowed.

        Returns
        -------
        self : OneShotClassifier
            The fitted classifier.
        """
        if not hasattr(self, "classes_"):
            return self.fit(X, y)
        labels = check_speakers(y)
        if are_strings(labels) != are_strings(self.classes_):
            raise ValueError(
                f"y holds labels like {labels.tolist()[0]!r} but speakers like "
                f"{self.classes_.tolist()[0]!r} are enrolled: use strings only or integers only."
            )
        self._unknown_label(np.union1d(self.classes_, labels))
        check_consistent_length(X, labels)
        E = self._embed(X, self.encoder_).astype(self.embeddings_.dtype)
        return self._enrol(
            np.concatenate([self.embeddings_, E]), np.concatenate([self.labels_, labels])
        )

    def forget(self, labels):
        """Remove speakers for good: neither label nor embedding is kept anywhere in the object.

        An encoder that was fitted on their recordings is not un-trained, and keeps their names if
        it keeps any. After the last speaker is
        forgotten, the classifier is as before `fit`.

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
        check_is_fitted(self)
        labels = column_or_1d(np.atleast_1d(labels)).tolist()
        unknown = set(labels) - set(self.classes_.tolist())
        if unknown:
            raise ValueError(f"Cannot forget {sorted(unknown)}: not among the enrolled speakers.")
        keep = ~np.isin(self.labels_, labels)
        if not keep.any():
            return self._reset()
        kept = self.labels_[keep]
        # The width of a string array would still tell how long the longest forgotten label was.
        kept = np.array(kept.tolist()) if kept.dtype.kind == "U" else kept
        return self._enrol(self.embeddings_[keep], kept)

    def calibrate_threshold(self, X, y, target_far=0.01, n_enrolled=None, n_shots=None):
        """Set `threshold` for a share of unknown recordings that may be accepted as anybody.

        Calibration speakers are enrolled a hundred times, some at a time and always the same
        draws; the others are unknown. The more speakers are enrolled, the more easily is somebody
        unknown like one of them: the threshold holds for `n_enrolled` and `n_shots`. The recordings
        of enrolled speakers teach the scale of :meth:`predict_proba` meanwhile.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_dims), or whatever the encoder takes
            Recordings of speakers that the encoder was not trained on.
        y : array-like of shape (n_samples,)
            Speaker of each recording. Nobody of them is enrolled for good.
        target_far : float, default=0.01
            Share of the unknown recordings to accept at most, between 0 and 1.
        n_enrolled : int, default=None
            Speakers enrolled at a time. None is the number enrolled in this classifier.
        n_shots : int, default=None
            Recordings each is enrolled with. None is the median here, rounded down.

        Returns
        -------
        self : OneShotClassifier
            With `threshold`, a constructor parameter that :func:`~sklearn.base.clone` and a new
            `fit` keep, and with `calibration_`, a dict of `target_far`, `n_enrolled`, `n_shots`,
            `n_speakers`, the `threshold`, the `false_accept_rate` of the calibration, its upper
            95 % confidence bound for other unknown speakers `false_accept_bound`, and
            `proba_scale`.

        Raises
        ------
        ValueError
            If there are too few speakers to enrol or for the target: fewer than
            ``3 * n_enrolled / target_far`` pairs of them. Even without an error, a higher rate
            could not be excluded then. Nothing has been embedded.

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
        0.08
        """
        check_is_fitted(self)
        check_scalar(
            target_far, "target_far", Real, min_val=0, max_val=1, include_boundaries="neither"
        )
        resolve_unknown_label(self.unknown_label, self.classes_)
        labels, speakers = np.unique(check_speakers(y), return_inverse=True)
        check_consistent_length(X, speakers)
        n_enrolled = len(self.classes_) if n_enrolled is None else n_enrolled
        if n_shots is None:
            n_shots = int(np.median(np.unique(self.labels_, return_counts=True)[1]))
        enrolments = draw_enrolments(speakers, n_enrolled, n_shots, N_ENROLMENTS, random_state=0)
        check_target(target_far, n_enrolled, len(labels))
        self.calibration_ = calibrate(
            self._embed(X, self.encoder_),
            speakers,
            enrolments,
            metric=self.metric_,
            aggregation=self.aggregation,
            margin=self.margin,
            target_far=target_far,
        )
        self.calibration_.update(
            target_far=target_far, n_enrolled=n_enrolled, n_shots=n_shots, n_speakers=len(labels)
        )
        self.threshold = self.calibration_["threshold"]
        return self

    def predict(self, X):
        """Recognise the speaker of each recording.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_dims), or whatever the encoder takes
            Recordings.

        Returns
        -------
        y : ndarray of shape (n_samples,)
            The most similar speaker, of equals the first of `classes_`; the unknown label where
            `threshold` or `margin` rejects.
        """
        check_is_fitted(self)
        unknown = self._unknown_label(self.classes_)
        position = self._recognise(self._embed(X, self.encoder_))
        speakers = self.classes_[position]
        if unknown is None:
            return speakers
        # As an array it widens a narrow dtype, in which -1 could be the label of a speaker.
        return np.where(position < 0, np.asarray(unknown), speakers)

    def predict_proba(self, X):
        """Return the softmax of the scaled similarities, among the enrolled speakers.

        :meth:`calibrate_threshold` learns the scale. Before it, the similarities are multiplied by
        10 for the cosine, whose range is small, and by 1 for the distances: a convention, whose
        probabilities are not calibrated. `threshold` and `margin` play no part.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_dims), or whatever the encoder takes
            Recordings.

        Returns
        -------
        probabilities : ndarray of shape (n_samples, n_speakers)
            Rows sum to 1.
        """
        similarities = self.similarities(X)
        scale = None if self.calibration_ is None else self.calibration_["proba_scale"]
        scale = _PROBA_SCALES[self.metric_] if scale is None else scale
        return softmax(scale * similarities, axis=1)

    def decision_function(self, X):
        """Return the similarities in the shape that scikit-learn gives decision functions.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_dims), or whatever the encoder takes
            Recordings.

        Returns
        -------
        scores : ndarray of shape (n_samples,) or (n_samples, n_speakers)
            With two speakers the lead of the second over the first, else :meth:`similarities`.
            `threshold` and `margin` play no part.
        """
        similarities = self.similarities(X)
        if len(self.classes_) == 2:
            return similarities[:, 1] - similarities[:, 0]
        return similarities

    def rank(self, X, k):
        """Return the `k` most similar speakers, the best first.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_dims), or whatever the encoder takes
            Recordings.
        k : int
            Number of speakers, from 1 to n_speakers.

        Returns
        -------
        labels : ndarray of shape (n_samples, k)
            Speakers; `threshold` and `margin` play no part.
        """
        check_is_fitted(self)
        if not 1 <= k <= len(self.classes_):
            raise ValueError(
                f"k={k} must be from 1 to the number of enrolled speakers, {len(self.classes_)}."
            )
        best_first = np.argsort(-self.similarities(X), axis=1, kind="stable")
        return self.classes_[best_first[:, :k]]

    def similarities(self, X):
        """Compare each recording with each enrolled speaker.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_dims), or whatever the encoder takes
            Recordings.

        Returns
        -------
        similarities : ndarray of shape (n_samples, n_speakers)
            Higher is more alike, in the order of `classes_`. Each is the same to the bit whatever
            other recordings are in `X` and whoever else is enrolled.
        """
        check_is_fitted(self)
        return self._similarities(self._embed(X, self.encoder_))

    def predict_tasks(self, E, support, query):
        """Recognise the queries of many tasks at once, without `fit`.

        Equal to the bit to a `fit` on the support and a `predict` of the queries in each task.

        Parameters
        ----------
        E : array-like of shape (n_samples, n_dims)
            Embeddings.
        support : ndarray of shape (n_tasks, k_way, n_shots)
            Rows of `E` that define the speakers.
        query : ndarray of shape (n_tasks, k_way, n_queries)
            Rows of `E` to recognise.

        Returns
        -------
        recognised : ndarray of shape (n_tasks, k_way, n_queries)
            Position of the recognised speaker along `k_way`, of equals the first; -1 where
            `threshold` or `margin` rejects.
        """
        self._validate_params()
        recognised = np.empty(query.shape, dtype=int)
        blocks = task_similarities(
            E,
            support,
            query,
            metric=self._find_metric(getattr(self, "encoder_", self.encoder)),
            aggregation=self.aggregation,
        )
        for block, similarities in blocks:
            accepted = self._accepts(*two_highest(similarities))
            recognised[block] = np.where(accepted, similarities.argmax(axis=-1), -1)
        return recognised

    def _fit_encoder(self, X, labels):
        if self.encoder is None:
            return None
        if _was_trained(self.encoder):
            warnings.warn(
                f"The {type(self.encoder).__name__} was fitted already; a clone of it is fitted "
                "anew on the enrolled recordings. To use it as it was trained, pass "
                "FrozenEstimator(encoder).",
                UserWarning,
                stacklevel=4,
            )
        return clone(self.encoder).fit(X, labels)

    def _embed(self, X, encoder, reset=False):
        if encoder is None:
            return check_embeddings(validate_data(self, X, reset=reset, dtype=_FLOATS), "X")
        embeddings = encoder.transform(X)
        if np.ndim(embeddings) != 2:
            raise ValueError(
                f"The encoder must return embeddings of shape (n_samples, n_dims), got "
                f"{np.shape(embeddings)}: end it with FramePooling or a SiameseSpeakerEncoder."
            )
        if reset and hasattr(encoder, "n_features_in_"):
            self.n_features_in_ = encoder.n_features_in_
        return check_embeddings(embeddings)

    def _find_metric(self, encoder):
        return find_embedding_metric(encoder) if self.metric == "auto" else self.metric

    def _enrol(self, E, labels):
        """Replace everything learned from the enrolment, which is `E` and `labels` from now on."""
        classes, speakers = np.unique(labels, return_inverse=True)
        order = np.argsort(speakers, kind="stable")
        first = np.searchsorted(speakers[order], np.arange(len(classes)))
        E, metric = E[order], self._find_metric(self.encoder_)
        prototypes, first_prototype = build_prototypes(E, first, metric, self.aggregation)
        self.classes_, self.labels_, self.embeddings_ = classes, labels[order], E
        self.prototypes_, self.first_prototype_, self.metric_ = prototypes, first_prototype, metric
        return self

    def _reset(self):
        for name in [name for name in vars(self) if name.endswith("_")]:
            delattr(self, name)
        return self

    def _similarities(self, E):
        """Compare embeddings with each enrolled speaker: (n_samples, n_speakers)."""
        return speaker_similarities(E, self.prototypes_, self.first_prototype_, self.metric_)

    def _recognise(self, E):
        """Return the position of each embedding's speaker in `classes_`, -1 if rejected."""
        if self.margin is None:
            prototype, best = most_similar(E, self.prototypes_, self.metric_)
            position = np.searchsorted(self.first_prototype_, prototype, side="right") - 1
            return np.where(self._accepts(best, -np.inf), position, -1)
        similarities = self._similarities(E)
        accepted = self._accepts(*two_highest(similarities))
        return np.where(accepted, similarities.argmax(axis=1), -1)

    def _accepts(self, best, second):
        accepted = np.ones(best.shape, dtype=bool)
        if self.threshold is not None:
            accepted &= best >= self.threshold
        if self.margin is not None:
            accepted &= best - second >= self.margin
        return accepted

    def _unknown_label(self, classes):
        """Return the label of unknown speakers among `classes`, None if nobody is rejected."""
        if self.threshold is None and self.margin is None:
            return None
        return resolve_unknown_label(self.unknown_label, classes)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        if self.encoder is not None:
            tags.input_tags = get_tags(self.encoder).input_tags
            tags.input_tags.allow_nan = False  # embeddings must be finite
        return tags


def _was_trained(encoder):
    """Whether fitting `encoder` again would discard something it learned."""
    if isinstance(encoder, FrozenEstimator):
        return False
    if hasattr(encoder, "steps"):
        return any(_was_trained(step) for _, step in encoder.steps)
    fitted = {name for name in getattr(encoder, "__dict__", {}) if name.endswith("_")}
    return bool(fitted - {"n_features_in_", "feature_names_in_"}) and get_tags(encoder).requires_fit
