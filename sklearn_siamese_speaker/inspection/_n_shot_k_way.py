"""NShotKWayDisplay: accuracy against the number of speakers to choose from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator
from sklearn.utils import Bunch

from .._docs import substitute
from ..model_selection import n_shot_k_way_curve
from ._style import TEXTS, figure_and_axes, style

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@substitute(**TEXTS)
class NShotKWayDisplay:
    """Accuracy of one or several systems in n-shot k-way tasks, against k.

    Parameters
    ----------
    curves : dict of str to Bunch
        A name for each result of :func:`~sklearn_siamese_speaker.model_selection.\
n_shot_k_way_curve`; all with the same `k_ways` and `n_shots`.

    %(attributes_of_several_axes)s

    Examples
    --------
    >>> from sklearn_siamese_speaker.inspection import NShotKWayDisplay

    %(embeddings)s

    >>> display = NShotKWayDisplay.from_estimators(
    ...     {"scaled": StandardScaler().fit(X)}, X, y, k_ways=[2, 4, 6], n_shots=[1], n_tasks=50)
    >>> display.axes_[0].get_title()
    '1-shot'
    """

    def __init__(self, curves: Mapping[str, Bunch]) -> None:
        self.curves = curves

    @classmethod
    @substitute(**TEXTS)
    def from_estimators(
        cls,
        estimators: Mapping[str, BaseEstimator],
        X: ArrayLike,
        y: ArrayLike,
        *,
        ax: Axes | Sequence[Axes] | None = None,
        **kwargs: Any,
    ) -> Self:
        """Evaluate estimators on the same tasks and draw their curves.

        Parameters
        ----------
        estimators : dict of str to estimator
            Fitted systems, as `n_shot_k_way_curve` takes them.
        %(X)s
        %(y)s
        ax : matplotlib Axes or sequence of them, default=None
            One for each number of shots. None makes a figure.
        **kwargs : dict
            Passed to `n_shot_k_way_curve`.

        %(returns)s
        """
        curves = {name: n_shot_k_way_curve(e, X, y, **kwargs) for name, e in estimators.items()}
        return cls(curves).plot(ax=ax)

    @substitute(**TEXTS)
    def plot(self, ax: Axes | Sequence[Axes] | None = None) -> Self:
        """Draw one axes for each number of shots: curves, speaker-level intervals, chance.

        Parameters
        ----------
        ax : matplotlib Axes or sequence of them, default=None
            One for each number of shots. None makes a figure.

        %(returns)s
        """
        from matplotlib.ticker import MaxNLocator

        first = next(iter(self.curves.values()))
        self.figure_, self.axes_ = figure_and_axes(ax, n_axes=len(first.n_shots))
        for row, (axes, n_shots) in enumerate(zip(self.axes_, first.n_shots, strict=True)):
            for i, (name, curve) in enumerate(self.curves.items()):
                _draw_curve(axes, curve, row, name, style(i))
            _draw_chance(axes, first.k_ways, first.chance[row])
            axes.set(title=f"{n_shots}-shot", xlabel="speakers to choose from (k)", ylim=(0, 1.02))
            axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
        self.axes_[0].set_ylabel("accuracy")
        self.axes_[0].legend(frameon=False)
        return self


def _draw_curve(axes: Axes, curve: Bunch, row: int, name: str, look: dict[str, Any]) -> None:
    mean, lower, upper = curve.mean[row], curve.lower[row], curve.upper[row]
    axes.plot(curve.k_ways, mean, markersize=3.5, label=name, **look)
    if np.isnan(lower).all():
        return
    if len(curve.k_ways) == 1:  # a band of one point has no area
        axes.vlines(curve.k_ways, lower, upper, color=look["color"])
    else:
        axes.fill_between(curve.k_ways, lower, upper, color=look["color"], alpha=0.18, lw=0)


def _draw_chance(axes: Axes, k_ways: NDArray, chance: NDArray) -> None:
    if len(k_ways) == 1:  # a line of one point cannot be seen
        k_ways, chance = k_ways + np.array([-0.5, 0.5]), np.repeat(chance, 2)
    axes.plot(k_ways, chance, ":", color="0.4", label="chance")
