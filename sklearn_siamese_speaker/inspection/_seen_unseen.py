"""SeenUnseenDisplay: how much of the accuracy is left for speakers never trained on."""

from __future__ import annotations

import numpy as np

from ..model_selection import seen_unseen_score
from ._style import MARKERS, PALETTE, figure_and_axes

_TESTS = ("seen", "unseen")
_WIDTH = 0.3  # of the row of systems above "seen" and above "unseen"


class SeenUnseenDisplay:
    """Accuracy of one or several systems on speakers of the training set and on others.

    Parameters
    ----------
    scores : dict of str to Bunch
        A name for each result of :func:`~sklearn_siamese_speaker.model_selection.\
seen_unseen_score`; all with the same `k_way`.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Where the accuracies were drawn.
    figure_ : matplotlib Figure
        The figure.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.preprocessing import StandardScaler
    >>> from sklearn_siamese_speaker.inspection import SeenUnseenDisplay
    >>> rng = np.random.default_rng(0)
    >>> y = np.repeat(np.arange(20), 8)
    >>> X = 2 * rng.normal(size=(20, 8))[y] + rng.normal(size=(160, 8))
    >>> display = SeenUnseenDisplay.from_estimators(
    ...     {"scaled": StandardScaler()}, X, y, k_way=4, n_tasks=50, random_state=0)
    >>> [label.get_text() for label in display.ax_.get_xticklabels()]
    ['seen speakers', 'unseen speakers']
    """

    def __init__(self, scores):
        self.scores = scores

    @classmethod
    def from_estimators(cls, estimators, X, y, *, ax=None, **kwargs):
        """Fit estimators, judge them on the same tasks and draw their accuracies.

        Parameters
        ----------
        estimators : dict of str to estimator
            Systems, as `seen_unseen_score` takes them; it fits clones.
        X : array-like
            Recordings, or whatever else the estimators take.
        y : array-like of shape (n_samples,)
            Their speakers.
        ax : matplotlib Axes, default=None
            Where to draw; None makes a figure.
        **kwargs : dict
            Passed to `seen_unseen_score`; an integer `random_state` gives all the same tasks.

        Returns
        -------
        display : SeenUnseenDisplay
            The display.
        """
        scores = {name: seen_unseen_score(e, X, y, **kwargs) for name, e in estimators.items()}
        return cls(scores).plot(ax=ax)

    def plot(self, *, ax=None):
        """Draw accuracies with their speaker-level intervals, and chance.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; None makes a figure.

        Returns
        -------
        display : SeenUnseenDisplay
            This object.
        """
        self.figure_, self.ax_ = figure_and_axes(ax)
        offsets = _WIDTH * (np.arange(len(self.scores)) - (len(self.scores) - 1) / 2)
        offsets /= max(1, len(self.scores) - 1)
        for i, (name, scores) in enumerate(self.scores.items()):
            style = {"color": PALETTE[i % len(PALETTE)], "marker": MARKERS[i % len(MARKERS)]}
            _draw_intervals(self.ax_, np.arange(2) + offsets[i], scores, style | {"label": name})
        chance = next(iter(self.scores.values())).chance
        self.ax_.axhline(chance, color="0.4", ls=":", label="chance")
        self.ax_.set_xticks([0, 1], [f"{test} speakers" for test in _TESTS])
        self.ax_.set(ylabel="accuracy", xlim=(-0.5, 1.5), ylim=(0, 1.02))
        self.ax_.legend(frameon=False)
        return self


def _draw_intervals(ax, x, scores, style):
    mean, lower, upper = (
        np.array([scores[test][name] for test in _TESTS]) for name in ("mean", "lower", "upper")
    )
    ax.errorbar(x, mean, [mean - lower, upper - mean], ls="", capsize=3, **style)
