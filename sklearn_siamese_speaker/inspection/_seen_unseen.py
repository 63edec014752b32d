"""SeenUnseenDisplay: accuracy for speakers of the training set and for others."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator
from sklearn.utils import Bunch

from .._docs import substitute
from ..model_selection import seen_unseen_score
from ._style import TEXTS, figure_and_axes, style

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_TESTS = ("seen", "unseen")
_WIDTH = 0.3  # of the row of systems above "seen" and above "unseen"


@substitute(**TEXTS)
class SeenUnseenDisplay:
    """Accuracy of one or several systems on speakers of the training set and on others.

    Parameters
    ----------
    scores : dict of str to Bunch
        A name for each result of :func:`~sklearn_siamese_speaker.model_selection.\
seen_unseen_score`; all with the same `k_way`.

    %(attributes)s

    Examples
    --------
    >>> from sklearn_siamese_speaker.inspection import SeenUnseenDisplay

    %(embeddings)s

    >>> display = SeenUnseenDisplay.from_estimators(
    ...     {"scaled": StandardScaler()}, X, y, k_way=4, n_tasks=50, random_state=0)
    >>> [label.get_text() for label in display.ax_.get_xticklabels()]
    ['seen speakers', 'unseen speakers']
    """

    def __init__(self, scores: Mapping[str, Bunch]) -> None:
        self.scores = scores

    @classmethod
    @substitute(**TEXTS)
    def from_estimators(
        cls,
        estimators: Mapping[str, BaseEstimator],
        X: ArrayLike,
        y: ArrayLike,
        *,
        ax: Axes | None = None,
        **kwargs: Any,
    ) -> Self:
        """Fit estimators, evaluate them on the same tasks and draw their accuracies.

        Parameters
        ----------
        estimators : dict of str to estimator
            Systems, as `seen_unseen_score` takes them; it fits clones.
        %(X)s
        %(y)s
        %(ax)s
        **kwargs : dict
            Passed to `seen_unseen_score`; an integer `random_state` gives all the same tasks.

        %(returns)s
        """
        scores = {name: seen_unseen_score(e, X, y, **kwargs) for name, e in estimators.items()}
        return cls(scores).plot(ax=ax)

    @substitute(**TEXTS)
    def plot(self, ax: Axes | None = None) -> Self:
        """Draw accuracies with their speaker-level intervals, and chance.

        %(drawn_on_ax)s
        """
        self.figure_, (self.ax_,) = figure_and_axes(ax)
        offsets = _WIDTH * (np.arange(len(self.scores)) - (len(self.scores) - 1) / 2)
        offsets /= max(1, len(self.scores) - 1)
        for i, (name, scores) in enumerate(self.scores.items()):
            _draw_intervals(self.ax_, np.arange(2) + offsets[i], scores, style(i) | {"label": name})
        chance = next(iter(self.scores.values())).chance
        self.ax_.axhline(chance, color="0.4", ls=":", label="chance")
        self.ax_.set_xticks([0, 1], [f"{test} speakers" for test in _TESTS])
        self.ax_.set(ylabel="accuracy", xlim=(-0.5, 1.5), ylim=(0, 1.02))
        self.ax_.legend(frameon=False)
        return self


def _draw_intervals(ax: Axes, x: NDArray, scores: Bunch, look: dict[str, Any]) -> None:
    mean, lower, upper = (
        np.array([scores[test][name] for test in _TESTS]) for name in ("mean", "lower", "upper")
    )
    ax.errorbar(x, mean, [mean - lower, upper - mean], ls="", capsize=3, **look)
