"""Displays of accuracies: against k, of seen and unseen speakers, and of representations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator
from sklearn.utils import Bunch

from .._docs import substitute
from ..model_selection import compare_representations, n_shot_k_way_curve, seen_unseen_score
from ._style import TEXTS, figure_and_axes, style

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_TESTS = ("seen", "unseen")
_WIDTH = 0.3  # of the row of systems above "seen" and above "unseen"


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
        %(ax_of_shots)s
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
        %(ax_of_shots)s

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
    if np.isnan(lower).all():  # too few speakers for an interval
        return
    if len(curve.k_ways) == 1:  # a band of one point has no area
        axes.vlines(curve.k_ways, lower, upper, color=look["color"])
    else:
        axes.fill_between(curve.k_ways, lower, upper, color=look["color"], alpha=0.18, lw=0)


def _draw_chance(axes: Axes, k_ways: NDArray, chance: NDArray) -> None:
    if len(k_ways) == 1:  # a line of one point cannot be seen
        k_ways, chance = k_ways + np.array([-0.5, 0.5]), np.repeat(chance, 2)
    axes.plot(k_ways, chance, ":", color="0.4", label="chance")


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
        # Side by side, so that no interval hides another.
        offsets = _WIDTH * (np.arange(len(self.scores)) - (len(self.scores) - 1) / 2)
        offsets /= max(1, len(self.scores) - 1)
        for i, (name, scores) in enumerate(self.scores.items()):
            mean, lower, upper = (
                np.array([scores[test][key] for test in _TESTS])
                for key in ("mean", "lower", "upper")
            )
            look = style(i) | {"label": name}
            _draw_intervals(self.ax_, np.arange(2) + offsets[i], mean, lower, upper, look)
        chance = next(iter(self.scores.values())).chance
        self.ax_.axhline(chance, color="0.4", ls=":", label="chance")
        self.ax_.set_xticks([0, 1], [f"{test} speakers" for test in _TESTS])
        self.ax_.set(ylabel="accuracy", xlim=(-0.5, 1.5), ylim=(0, 1.02))
        self.ax_.legend(frameon=False)
        return self


@substitute(**TEXTS)
class RepresentationDisplay:
    """Accuracy of representations against their dimensionality, on a logarithmic axis.

    Parameters
    ----------
    comparison : Bunch
        Result of :func:`~sklearn_siamese_speaker.model_selection.compare_representations`.

    %(attributes)s

    Examples
    --------
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn_siamese_speaker import MFCC, FramePooling, LogMelSpectrogram
    >>> pipelines = {
    ...     "MFCC": make_pipeline(MFCC(), FramePooling()),
    ...     "log-mel": make_pipeline(LogMelSpectrogram(), FramePooling()),
    ... }
    >>> from sklearn_siamese_speaker.datasets import make_speakers
    >>> from sklearn_siamese_speaker.inspection import RepresentationDisplay
    >>> X, y = make_speakers(n_speakers=20, n_recordings=4, duration=1.0, random_state=0)
    >>> display = RepresentationDisplay.from_estimators(
    ...     pipelines, X, y, unseen=0.5, k_way=3, n_tasks=50)
    >>> display.ax_.get_xscale()
    'log'
    """

    def __init__(self, comparison: Bunch) -> None:
        self.comparison = comparison

    @classmethod
    @substitute(**TEXTS)
    def from_estimators(
        cls,
        pipelines: Mapping[str, BaseEstimator],
        X: ArrayLike,
        y: ArrayLike,
        *,
        ax: Axes | None = None,
        **kwargs: Any,
    ) -> Self:
        """Compare pipelines and draw the result.

        Parameters
        ----------
        pipelines : dict of str to estimator
            A name for each representation, as `compare_representations` takes them.
        %(X)s
        %(y)s
        %(ax)s
        **kwargs : dict
            Passed to `compare_representations`.

        %(returns)s
        """
        return cls(compare_representations(pipelines, X, y, **kwargs)).plot(ax=ax)

    @substitute(**TEXTS)
    def plot(self, ax: Axes | None = None) -> Self:
        """Draw one point with its speaker-level interval for each representation, and chance.

        %(drawn_on_ax)s
        """
        self.figure_, (self.ax_,) = figure_and_axes(ax)
        compared = self.comparison
        for i, name in enumerate(compared.names):
            at, look = slice(i, i + 1), style(i) | {"label": name}
            _draw_intervals(
                self.ax_,
                compared.n_values[at],
                compared.mean[at],
                compared.lower[at],
                compared.upper[at],
                look,
            )
        self.ax_.axhline(compared.chance, color="0.4", ls=":", label="chance")
        self.ax_.set(
            title=f"{compared.n_shots}-shot {compared.k_way}-way",
            xlabel="values for 3 s of sound",
            ylabel="accuracy",
            xscale="log",
            ylim=(0, 1.02),
        )
        self.ax_.margins(x=0.2)
        self.ax_.legend(frameon=False)
        return self


def _draw_intervals(
    ax: Axes, x: NDArray, mean: NDArray, lower: NDArray, upper: NDArray, look: dict[str, Any]
) -> None:
    ax.errorbar(x, mean, [mean - lower, upper - mean], ls="", capsize=3, **look)
