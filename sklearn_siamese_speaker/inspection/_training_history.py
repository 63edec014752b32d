"""TrainingHistoryDisplay: how a training went."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from .._docs import substitute
from ._style import PALETTE, TEXTS, figure_and_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@substitute(**TEXTS)
class TrainingHistoryDisplay:
    """Training loss of each epoch.

    Parameters
    ----------
    history : dict
        ``history_`` of a :class:`~sklearn_siamese_speaker.SiameseSpeakerEncoder`.

    %(attributes)s

    Examples
    --------
    >>> from sklearn_siamese_speaker.inspection import TrainingHistoryDisplay
    >>> history = {"epochs": [{"epoch": 1, "train_loss": 0.7}, {"epoch": 2, "train_loss": 0.5}]}
    >>> display = TrainingHistoryDisplay(history).plot()
    >>> display.ax_.get_ylabel()
    'training loss'
    """

    def __init__(self, history: dict[str, Any]) -> None:
        self.history = history

    @classmethod
    @substitute(**TEXTS)
    def from_estimator(cls, estimator: BaseEstimator, *, ax: Axes | None = None) -> Self:
        """Draw the history of a fitted encoder.

        Parameters
        ----------
        estimator : SiameseSpeakerEncoder
            The fitted encoder.
        %(ax)s

        %(returns)s
        """
        check_is_fitted(estimator)
        return cls(estimator.history_).plot(ax=ax)

    @substitute(**TEXTS)
    def plot(self, ax: Axes | None = None) -> Self:
        """Draw.

        %(drawn_on_ax)s
        """
        self.figure_, (self.ax_,) = figure_and_axes(ax)
        epochs = self.history["epochs"]
        self.ax_.plot(
            [row["epoch"] for row in epochs],
            [row["train_loss"] for row in epochs],
            color=PALETTE[0],
        )
        self.ax_.set(xlabel="epoch", ylabel="training loss", ylim=(0, None))
        return self
