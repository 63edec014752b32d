"""RepresentationDisplay: the accuracy of representations of sound against their size."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self

from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator
from sklearn.utils import Bunch

from .._docs import substitute
from ..model_selection import compare_representations
from ._style import TEXTS, figure_and_axes, style

if TYPE_CHECKING:
    from matplotlib.axes import Axes


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
        rows = zip(
            compared.names,
            compared.n_values,
            compared.mean,
            compared.mean - compared.lower,
            compared.upper - compared.mean,
            strict=True,
        )
        for i, (name, n_values, mean, below, above) in enumerate(rows):
            self.ax_.errorbar(
                n_values,
                mean,
                yerr=[[below], [above]],
                linestyle="none",
                capsize=3,
                label=name,
                **style(i),
            )
        self.ax_.axhline(compared.chance, linestyle=":", color="0.4", label="chance")
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
