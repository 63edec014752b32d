"""NShotKWayDisplay: accuracy against the number of speakers to choose from."""

from __future__ import annotations

from ..model_selection import n_shot_k_way_curve
from ._style import MARKERS, PALETTE, figure_and_axes


class NShotKWayDisplay:
    """Accuracy of one or several systems in n-shot k-way tasks, against k.

    Parameters
    ----------
    curves : dict of str to Bunch
        A name for each result of :func:`~sklearn_siamese_speaker.model_selection.\
n_shot_k_way_curve`; all with the same `k_ways` and `n_shots`.

    Attributes
    ----------
    axes_ : list of matplotlib Axes
        One for each number of shots.

    figure_ : matplotlib Figure
        The figure.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.preprocessing import StandardScaler
    >>> from sklearn_siamese_speaker.inspection import NShotKWayDisplay
    >>> rng = np.random.default_rng(0)
    >>> y = np.repeat(np.arange(6), 4)
    >>> X = 2 * rng.normal(size=(6, 8))[y] + rng.normal(size=(24, 8))
    >>> display = NShotKWayDisplay.from_estimators(
    ...     {"scaled": StandardScaler().fit(X)}, X, y, k_ways=[2, 4, 6], n_shots=[1], n_tasks=50)
    >>> display.axes_[0].get_title()
    '1-shot'
    """

    def __init__(self, curves):
        self.curves = curves

    @classmethod
    def from_estimators(cls, estimators, X, y, **kwargs):
        """Evaluate estimators on the same tasks and draw their curves.

        Parameters
        ----------
        estimators : dict of str to estimator
            Fitted systems, as `n_shot_k_way_curve` takes them.

        X : array-like
            Recordings, or whatever else the estimators take.

        y : array-like of shape (n_samples,)
            Their speakers.

        **kwargs : dict
            Passed to `n_shot_k_way_curve`.

        Returns
        -------
        display : NShotKWayDisplay
            The display.
        """
        curves = {name: n_shot_k_way_curve(e, X, y, **kwargs) for name, e in estimators.items()}
        return cls(curves).plot()

    def plot(self):
        """Draw one axes for each number of shots: curves, speaker-level intervals, chance.

        Returns
        -------
        display : NShotKWayDisplay
            This object.
        """
        first = next(iter(self.curves.values()))
        self.figure_, axes = figure_and_axes(n_axes=len(first.n_shots))
        self.axes_ = list(axes) if len(first.n_shots) > 1 else [axes]
        for row, (ax, n_shots) in enumerate(zip(self.axes_, first.n_shots, strict=True)):
            for i, (name, curve) in enumerate(self.curves.items()):
                _draw_curve(
                    ax, curve, row, name, PALETTE[i % len(PALETTE)], MARKERS[i % len(MARKERS)]
                )
            ax.plot(first.k_ways, first.chance[row], ":", color="0.4", label="chance")
            ax.set(title=f"{n_shots}-shot", xlabel="speakers to choose from (k)", ylim=(0, 1.02))
            ax.xaxis.get_major_locator().set_params(integer=True)
        self.axes_[0].set_ylabel("accuracy")
        self.axes_[0].legend(frameon=False)
        return self


def _draw_curve(ax, curve, row, name, color, marker):
    ax.fill_between(curve.k_ways, curve.lower[row], curve.upper[row], color=color, alpha=0.18, lw=0)
    ax.plot(curve.k_ways, curve.mean[row], color=color, marker=marker, markersize=3.5, label=name)
