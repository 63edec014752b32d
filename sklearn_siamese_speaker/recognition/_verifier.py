"""Verify a claimed speaker: calibrated scores of trials, and a threshold with its errors."""

from __future__ import annotations

from numbers import Real
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit, logit
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils import Tags, assert_all_finite, check_array, check_consistent_length, gen_batches
from sklearn.utils.multiclass import check_classification_targets, type_of_target
from sklearn.utils.validation import check_is_fitted, column_or_1d, validate_data

from .._compat import HasMethods, Interval, StrOptions, fit_context
from .._docs import substitute
from .._estimators import published_threshold
from .._state import unchanged_on_error
from ..metrics import (
    bayes_threshold,
    equal_error_threshold,
    error_rate_bound,
    false_accept_threshold,
)
from ..metrics.log_likelihood_ratio import calibrate
from ..metrics.score_norm import standardize, summarize_cohort
from ..metrics.trials import check_speakers_agree, check_trial_speakers
from ..model_selection import find_embedding_metric
from ..similarity import METRICS, check_embeddings, paired_similarity, similarity
from ._embedding import check_recordings, embed, refuse_paths

_TRIALS = """\
X : array-like of shape (n_trials, 2, n_dims) or (n_trials, n_scores)
    Trials: 3-D are pairs of embeddings, 2-D are scores of one or several systems."""
_TEXTS = {
    "trials": _TRIALS,
    "trials_as_fitted": f"{_TRIALS} As they were in `fit`.",
    "pairs_of_recordings": """\
X_enrolment, X_test : array-like of shape (n_trials, ...)
    Recordings, as the encoder takes them.""",
    "decisions": """\
y : ndarray of shape (n_trials,)
    1 for one speaker, 0 for two.""",
}

_COSTS = ("p_target", "c_miss", "c_fa")
_COHORT_TRIALS = 256  # trials compared with the cohort at a time


class SpeakerVerifier(ClassifierMixin, BaseEstimator):
    """Decide whether two recordings are of one speaker.

    A classifier of trials: class 1 is one speaker, class 0 two. A trial is given by the embeddings
    of its two recordings, or by the scores that one or several systems gave it; several are fused.
    The decision threshold meets a stated target, and the error rates at it are reported with upper
    confidence bounds.

    It compares how two voices sound. It does not detect replayed or synthetic speech.

    Parameters
    ----------
    encoder : transformer or None, default=None
        Turns recordings into embeddings, for :meth:`verify`. It must be fitted and is used as it
        is; in a :class:`~sklearn.frozen.FrozenEstimator` it also survives
        :func:`~sklearn.base.clone`. The `threshold_` of a :class:`PretrainedSpeakerEncoder`
        decides in :meth:`verify` where nothing was fitted.
    metric : {"auto", "euclidean", "cosine", "manhattan"}, default="auto"
        How the embeddings of a pair are compared, as :class:`OneShotClassifier` does. "auto" is the
        `embedding_metric_` that `encoder` publishes, and "euclidean" without one.
    target : "eer", float or dict, default="eer"
        What the threshold is chosen for. "eer": equal error rates. A float between 0 and 1: at most
        this false-accept rate. A dict with any of `p_target`, `c_miss` and `c_fa`: the lowest cost,
        as in :func:`~sklearn_siamese_speaker.metrics.bayes_threshold`.
    prior : float or "auto", default="auto"
        Prior probability that a trial is of one speaker, in `predict_proba` and as the weight of
        the target trials in the calibration. "auto" weights both kinds of trials equally, and takes
        for `predict_proba` the prior that makes `threshold_` the Bayes threshold, so that `predict`
        is the more probable class.

    Attributes
    ----------
    classes_ : ndarray of shape (2,)
        0 and 1; of any other two labels the second, sorted, means one speaker.
    coef_ : ndarray of shape (n_scores,)
        Weight of each system's score in the log-likelihood ratio.
    intercept_ : float
        Log-likelihood ratio of a trial whose scores are 0.
    threshold_ : float
        Log-likelihood ratio above which a trial is accepted.
    false_accept_rate_, false_reject_rate_ : float
        Share of the non-target and of the target trials of `fit` that are decided wrongly.
    false_accept_bound_, false_reject_bound_ : float
        Upper 95 % confidence bounds of the two error rates, by
        :func:`~sklearn_siamese_speaker.metrics.error_rate_bound`: for other speakers if `fit` was
        given the speakers of the trials, else for independent trials.
    metric_ : {"euclidean", "cosine", "manhattan"}
        The metric in use.
    n_dims_ : int or None
        Dimensions of the embeddings of a pair; None if `fit` was given scores.
    cohort_ : ndarray of shape (n_cohort, n_dims) or None
        Embeddings that scores are normalized against.
    n_features_in_ : int
        Number of scores of a trial; 1 for pairs of embeddings.
    feature_names_in_ : ndarray of shape (n_scores,)
        Names of the systems; only if `X` has string column names.

    See Also
    --------
    sklearn_siamese_speaker.metrics.make_trials : Pair labeled embeddings into trials.

    Notes
    -----
    Scores become log-likelihood ratios by logistic regression [1]_. The trials must not be of
    speakers that an encoder was trained on. Error rates and bounds are of the trials that the
    threshold was chosen on. The bounds allow for that, but not for the choice of the weights of
    several systems: with few trials and many systems, measure the errors on others.

    References
    ----------
    .. [1] Brümmer, N., & de Villiers, E. (2013). The BOSARIS toolkit: theory, algorithms and code
       for surviving the new DCF. arXiv:1304.2865.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_siamese_speaker import SpeakerVerifier
    >>> from sklearn_siamese_speaker.metrics import make_trials
    >>> rng = np.random.default_rng(0)
    >>> y = np.repeat(np.arange(20), 4)
    >>> X = rng.normal(size=(20, 16))[y] + 0.5 * rng.normal(size=(80, 16))
    >>> trials = make_trials(X, y)
    >>> verifier = SpeakerVerifier(target=0.05).fit(
    ...     trials.data, trials.target, speakers=trials.speakers)
    >>> verifier.predict([[X[0], X[1]], [X[0], X[8]]])
    array([1, 0])
    >>> round(verifier.false_accept_rate_, 3), round(verifier.false_accept_bound_, 3)
    (0.05, 0.1...)

    The fusion of the scores of two systems, for a cost:

    >>> scores = np.column_stack([trials.target + rng.normal(size=len(trials.target))] * 2)
    >>> cost = {"p_target": 0.5, "c_miss": 1.0, "c_fa": 10.0}
    >>> SpeakerVerifier(target=cost).fit(scores, trials.target).threshold_
    2.302...
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "encoder": [HasMethods(["transform"]), None],
        "metric": [StrOptions({"auto", *METRICS})],
        "target": [StrOptions({"eer"}), Interval(Real, 0, 1, closed="neither"), dict],
        "prior": [StrOptions({"auto"}), Interval(Real, 0, 1, closed="neither")],
    }

    def __init__(
        self,
        encoder: BaseEstimator | None = None,
        *,
        metric: str = "auto",
        target: str | float | dict[str, float] = "eer",
        prior: str | float = "auto",
    ) -> None:
        self.encoder = encoder
        self.metric = metric
        self.target = target
        self.prior = prior

    @fit_context(prefer_skip_nested_validation=True)
    @substitute(**_TEXTS)
    def fit(
        self,
        X: ArrayLike,
        y: ArrayLike,
        *,
        speakers: ArrayLike | None = None,
        cohort: ArrayLike | None = None,
    ) -> Self:
        """Calibrate the scores and choose the threshold.

        Parameters
        ----------
        %(trials)s
        y : array-like of shape (n_trials,)
            1 where both recordings of the trial are of one speaker, else 0.
        speakers : array-like of shape (n_trials, 2), default=None
            Speaker of the enrolment and of the test recording of each trial. None assumes that the
            trials are independent of each other; all pairs of some recordings are not.
        cohort : array-like of shape (n_cohort, n_dims), default=None
            Embeddings of recordings of other speakers, for pairs of embeddings: their scores are
            then normalized by :func:`~sklearn_siamese_speaker.metrics.adaptive_s_norm`, here and
            in all other methods.

        Returns
        -------
        self : SpeakerVerifier
            The fitted verifier.

        Raises
        ------
        ValueError
            If the trials are too few for the false-accept rate `target`: fewer than 3 / `target`
            pairs of different speakers or, if `speakers` is None, non-target trials. Even without
            an error, a higher rate could not be excluded. If a cohort is given and X holds scores.
        NotFittedError
            If the encoder is not fitted.
        """
        with unchanged_on_error(self):
            self._fit(X, y, speakers, cohort)
        return self

    def _fit(
        self, X: ArrayLike, y: ArrayLike, speakers: ArrayLike | None, cohort: ArrayLike | None
    ) -> None:
        if self.encoder is not None:
            check_is_fitted(self.encoder)
        self.metric_ = self._find_metric()
        self.cohort_ = None if cohort is None else _check_cohort(cohort)
        scores = self._scores(X, reset=True)
        check_consistent_length(scores, y)
        self.classes_, same = _check_labels(y)
        if speakers is not None:
            speakers = check_trial_speakers(speakers, len(scores))
            check_speakers_agree(same, speakers)
        self._check_target(same, speakers)
        prior = 0.5 if isinstance(self.prior, str) else self.prior
        self.coef_, self.intercept_ = calibrate(scores, same, prior)
        ratios = self._ratios(scores)
        self.threshold_ = self._choose_threshold(same, ratios)
        self._report_errors(same, ratios > self.threshold_, speakers)

    @substitute(**_TEXTS)
    def log_likelihood_ratio(self, X: ArrayLike) -> NDArray[np.float64]:
        """Return how much more likely each trial is of one speaker than of two.

        Parameters
        ----------
        %(trials_as_fitted)s

        Returns
        -------
        ratios : ndarray of shape (n_trials,)
            Calibrated natural logarithms of the likelihood ratio.
        """
        check_is_fitted(self)
        return self._ratios(self._scores(X))

    @substitute(**_TEXTS)
    def decision_function(self, X: ArrayLike) -> NDArray[np.float64]:
        """Return the log-likelihood ratio minus `threshold_`.

        Parameters
        ----------
        %(trials_as_fitted)s

        Returns
        -------
        scores : ndarray of shape (n_trials,)
            Positive where the trial is accepted.
        """
        return self.log_likelihood_ratio(X) - self.threshold_

    @substitute(**_TEXTS)
    def predict(self, X: ArrayLike) -> NDArray[Any]:
        """Decide each trial.

        Parameters
        ----------
        %(trials_as_fitted)s

        Returns
        -------
        %(decisions)s
        """
        accepted = self.decision_function(X) > 0
        return self.classes_[accepted.astype(int)]

    @substitute(**_TEXTS)
    def predict_proba(self, X: ArrayLike) -> NDArray[np.float64]:
        """Return the posterior probabilities at `prior`.

        Parameters
        ----------
        %(trials_as_fitted)s

        Returns
        -------
        probabilities : ndarray of shape (n_trials, 2)
            Of two speakers, and of one. A `prior` given as a number leaves the threshold out.
        """
        ratios = self.log_likelihood_ratio(X)
        log_odds = ratios + (-self.threshold_ if self.prior == "auto" else logit(self.prior))
        return np.column_stack([expit(-log_odds), expit(log_odds)])

    @substitute(**_TEXTS)
    def pair(self, X_enrolment: ArrayLike, X_test: ArrayLike) -> NDArray[Any]:
        """Embed recordings with the encoder and pair them row by row.

        Parameters
        ----------
        %(pairs_of_recordings)s

        Returns
        -------
        pairs : ndarray of shape (n_trials, 2, n_dims)
            Trials, as the other methods take them.
        """
        if self.encoder is None:
            raise ValueError(
                "Recordings need an encoder, got encoder=None: pass a fitted one, or pairs of "
                "embeddings to predict."
            )
        sides = {"X_enrolment": X_enrolment, "X_test": X_test}
        for name, X in sides.items():
            check_recordings(X, name)
        check_consistent_length(X_enrolment, X_test)
        return np.stack([embed(X, self.encoder) for X in sides.values()], axis=1)

    @substitute(**_TEXTS)
    def verify(self, X_enrolment: ArrayLike, X_test: ArrayLike) -> NDArray[Any]:
        """Decide for each two recordings whether they are of one speaker.

        Parameters
        ----------
        %(pairs_of_recordings)s

        Returns
        -------
        %(decisions)s
        """
        metric = self._find_metric()
        threshold = published_threshold(self.encoder, metric)
        if threshold is None or hasattr(self, "coef_"):
            check_is_fitted(self)
            return self.predict(self.pair(X_enrolment, X_test))
        first, second = self.pair(X_enrolment, X_test).swapaxes(0, 1)
        return (paired_similarity(first, second, metric) >= threshold).astype(int)

    def _find_metric(self) -> str:
        return find_embedding_metric(self.encoder) if self.metric == "auto" else self.metric

    def _scores(self, X: ArrayLike, reset: bool = False) -> NDArray[np.float64]:
        """Return the scores of checked trials: (n_trials, n_scores)."""
        trials = _as_trials(X)
        shape = trials.shape
        if reset:
            self.n_dims_ = shape[2] if len(shape) == 3 else None
        self._check_kind(shape)
        if len(shape) == 3:
            trials = self._compare(check_array(trials, dtype=np.float64, allow_nd=True))
        return validate_data(
            self, trials, reset=reset, dtype=np.float64, ensure_min_samples=2 if reset else 1
        )

    def _check_kind(self, shape: tuple[int, ...]) -> None:
        """Raise unless trials of this shape are of the kind that `fit` was given."""
        n_dims = shape[2] if len(shape) == 3 else None
        if n_dims is None and self.cohort_ is not None:
            raise ValueError(
                "A cohort normalizes the scores of pairs of embeddings, but X holds scores: pass "
                "pairs, or scores normalized by metrics.adaptive_s_norm."
            )
        if n_dims == self.n_dims_:
            return
        if n_dims is None:
            raise ValueError(
                f"X has shape {shape}, scores, but SpeakerVerifier was fitted on pairs of "
                f"{self.n_dims_}-dimensional embeddings: pass an array of shape (n_trials, 2, "
                f"{self.n_dims_})."
            )
        fitted = "scores" if self.n_dims_ is None else f"{self.n_dims_}-dimensional ones"
        raise ValueError(
            f"X holds pairs of {n_dims}-dimensional embeddings, but SpeakerVerifier was fitted on "
            f"{fitted}: pass the same kind of trials, or fit it again."
        )

    def _compare(self, pairs: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the similarities of pairs, normalized against the cohort: (n_trials, 1)."""
        if pairs.shape[1] != 2:
            raise ValueError(
                "3-D X must hold pairs of embeddings of shape (n_trials, 2, n_dims), got "
                f"{pairs.shape}; scores are 2-D."
            )
        first, second = (check_embeddings(pairs[:, i], f"X[:, {i}]") for i in (0, 1))
        scores = paired_similarity(first, second, self.metric_)
        if self.cohort_ is not None:
            sides = [_compare_with_cohort(E, self.cohort_, self.metric_) for E in (first, second)]
            scores = standardize(scores, sides)
        return scores[:, np.newaxis]

    def _ratios(self, scores: NDArray[np.float64]) -> NDArray[np.float64]:
        # Not a matrix product, whose bits would depend on the number of trials.
        return (scores * self.coef_).sum(axis=1) + self.intercept_

    def _check_target(self, same: NDArray[np.bool_], speakers: NDArray[np.intp] | None) -> None:
        if isinstance(self.target, dict):
            unknown = set(self.target) - set(_COSTS)
            if unknown:
                raise ValueError(
                    f"target={self.target} has unknown keys {sorted(unknown)}: a cost is a dict "
                    f"with any of {_COSTS}."
                )
        elif not isinstance(self.target, str):
            unit, n_units = "non-target trials", int((~same).sum())
            if speakers is not None:
                unit = "pairs of different speakers"
                n_units = len(np.unique(np.sort(speakers[~same], axis=1), axis=0))
            if self.target * n_units < 3:
                raise ValueError(
                    f"target={self.target} needs at least {int(np.ceil(3 / self.target))} {unit}, "
                    f"got {n_units}: no error among them would still allow a rate of "
                    f"{3 / n_units:.2g}. Take more trials or a higher target."
                )

    def _choose_threshold(self, same: NDArray[np.bool_], ratios: NDArray[np.float64]) -> float:
        if isinstance(self.target, dict):
            return bayes_threshold(**self.target)
        if isinstance(self.target, str):
            return equal_error_threshold(same, ratios)
        return false_accept_threshold(same, ratios, far=self.target)

    def _report_errors(
        self,
        same: NDArray[np.bool_],
        accepted: NDArray[np.bool_],
        speakers: NDArray[np.intp] | None,
    ) -> None:
        for name, errors, kind in [
            ("false_accept", accepted[~same], ~same),
            ("false_reject", ~accepted[same], same),
        ]:
            setattr(self, f"{name}_rate_", float(errors.mean()))
            bound = error_rate_bound(errors, None if speakers is None else speakers[kind])
            setattr(self, f"{name}_bound_", bound)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_class = False
        tags.input_tags.three_d_array = True
        return tags


def _check_labels(y: ArrayLike) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """Return the two classes, and whether each trial is of the second: (n_trials,)."""
    y = column_or_1d(y, warn=True)
    assert_all_finite(y, input_name="y")
    check_classification_targets(y)
    classes, position = np.unique(y, return_inverse=True)
    if len(classes) == 1:
        raise ValueError(
            "A verifier needs trials of one speaker (y 1) and of two (y 0), got 1 class, "
            f"{classes[0]!r}."
        )
    kind = type_of_target(y, input_name="y")
    if kind != "binary":
        raise ValueError(
            f"Only binary classification is supported. The type of the target is {kind}."
        )
    return classes, position == 1


def _as_trials(X: ArrayLike) -> Any:
    """Return what has a shape; raise if it holds recordings in the place of trials, or nothing."""
    refuse_paths(
        X,
        "trials are pairs of embeddings or scores: make them from recordings with "
        "pair(X_enrolment, X_test), or from labeled embeddings with metrics.make_trials.",
    )
    trials: Any = X if hasattr(X, "shape") else np.asarray(X)
    if 0 in trials.shape[:1]:
        raise ValueError("X holds no trials: pass at least one, and in fit one of each class.")
    return trials


def _compare_with_cohort(E: NDArray[Any], cohort: NDArray[Any], metric: str) -> NDArray[np.float64]:
    """Return mean and deviation of the scores of each embedding with the cohort: (2, n)."""
    if E.shape[1] != cohort.shape[1]:
        raise ValueError(
            f"cohort holds {cohort.shape[1]}-dimensional embeddings, but the pairs in X are of "
            f"{E.shape[1]} dimensions: embed both with the same encoder."
        )
    summaries = [
        summarize_cohort(similarity(E[batch], cohort, metric))
        for batch in gen_batches(len(E), _COHORT_TRIALS)
    ]
    return np.hstack(summaries)


def _check_cohort(cohort: ArrayLike) -> NDArray[Any]:
    check_recordings(cohort, "cohort")
    return check_embeddings(cohort, "cohort")
