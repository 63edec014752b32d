"""TrialScoreDisplay: the scores of target and of non-target trials."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator

from .._docs import substitute
from ..metrics import equal_error_rate
from ._style import PALETTE, figure_and_axes
from ._style import TEXTS as SHARED_TEXTS

if TYPE_CHECKING:
    from matplotlib.axes import Axes

TEXTS = SHARED_TEXTS | {
    "trials": """\
y_true : array-like of shape (n_trials,)
    1 where both recordings of the trial are of one speaker, else 0.
y_score : array-like of shape (n_trials,)
    Scores, higher for more alike.
threshold : float, default=None
    Score above which a trial is accepted. None draws none.
""",
    "bins": """\
bins : int, default=50
    Number of bars over the range of the scores.
""",
}


@substitute(**TEXTS)
class TrialScoreDisplay:
    """Histograms of the scores of target and non-target trials, with the threshold.

    Each kind is drawn as a density, because there are far more non-target trials. The title gives
    the equal error rate.

    Parameters
    ----------
    %(trials)s
    %(bins)s

    %(attributes)s

    See Also
    --------
    sklearn.metrics.DetCurveDisplay : The two error rates against each other.

    Examples
    --------
    >>> from sklearn_siamese_speaker.inspection import TrialScoreDisplay
    >>> display = TrialScoreDisplay.from_predictions(
    ...     [0, 0, 0, 1, 1], [-3.0, -1.0, 1.0, 2.0, 4.0], threshold=1.5)
    >>> display.ax_.get_title()
    'equal error rate 0.0 %'
    """

    def __init__(
        self,
        y_true: ArrayLike,
        y_score: ArrayLike,
        threshold: float | None = None,
        bins: int = 50,
    ) -> None:
        self.y_true = y_true
        self.y_score = y_score
        self.threshold = threshold
        self.bins = bins

    @classmethod
    @substitute(**TEXTS)
    def from_estimator(
        cls,
        estimator: BaseEstimator,
        X: ArrayLike,
        y: ArrayLike,
        *,
        bins: int = 50,
        ax: Axes | None = None,
    ) -> Self:
        """Draw the scores that a fitted binary classifier gives to trials.

        Parameters
        ----------
        estimator : classifier
            A :class:`~sklearn_siamese_speaker.SpeakerVerifier`, whose log-likelihood ratios are
            drawn, or any other with a `decision_function`.
        X : array-like of shape (n_trials, ...)
            Trials, as the estimator takes them.
        y : array-like of shape (n_trials,)
            Their labels; the second of the estimator's classes is one speaker.
        %(bins)s
        %(ax)s

        %(returns)s
        """
        if hasattr(estimator, "log_likelihood_ratio"):
            y_score, threshold = estimator.log_likelihood_ratio(X), estimator.threshold_
        else:
            y_score, threshold = estimator.decision_function(X), 0.0
        y_true = (np.asarray(y) == estimator.classes_[1]).astype(int)
        display = cls.from_predictions(y_true, y_score, threshold=threshold, bins=bins, ax=ax)
        if hasattr(estimator, "log_likelihood_ratio"):
            display.ax_.set_xlabel("log-likelihood ratio (natural)")
        return display

    @classmethod
    @substitute(**TEXTS)
    def from_predictions(
        cls,
        y_true: ArrayLike,
        y_score: ArrayLike,
        *,
        threshold: float | None = None,
        bins: int = 50,
        ax: Axes | None = None,
    ) -> Self:
        """Draw given scores.

        Parameters
        ----------
        %(trials)s
        %(bins)s
        %(ax)s

        %(returns)s
        """
        return cls(y_true, y_score, threshold, bins).plot(ax=ax)

    @substitute(**TEXTS)
    def plot(self, ax: Axes | None = None) -> Self:
        """Draw.

        %(drawn_on_ax)s
        """
        eer = equal_error_rate(self.y_true, self.y_score)
        self.figure_, (self.ax_,) = figure_and_axes(ax)
        y_true, y_score = np.asarray(self.y_true), np.asarray(self.y_score)
        # The same bars for both kinds of trials.
        edges = np.histogram_bin_edges(y_score, self.bins).tolist()
        for kind, name, color in [(0, "different speakers", 1), (1, "same speaker", 0)]:
            scores = y_score[y_true == kind]
            label = f"{name} ({len(scores)} trials)"
            self.ax_.hist(
                scores, edges, density=True, color=PALETTE[color], alpha=0.55, label=label
            )
        if self.threshold is not None:
            self.ax_.axvline(self.threshold, color="0.2", ls="--", label="threshold")
        title = f"equal error rate {100 * eer:.1f} %"
        self.ax_.set(xlabel="score", ylabel="density", title=title)
        self.ax_.legend(frameon=False)
        return self
