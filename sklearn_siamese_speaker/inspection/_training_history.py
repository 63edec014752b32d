"""TrainingHistoryDisplay: loss and accuracy during a training."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from .._docs import substitute
from ._style import PALETTE, TEXTS, figure_and_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@substitute(**TEXTS)
class TrainingHistoryDisplay:
    """Loss and accuracy in the course of a training.

    The loss is drawn against the left axis; accuracies, of pairs and of the validation tasks,
    against the right one. Solid lines are for the training speakers, dashed ones for the speakers
    held out for validation. What the history does not hold is left out.

    Parameters
    ----------
    history : dict
        ``history_`` of a :class:`~sklearn_siamese_speaker.SiameseSpeakerEncoder`.

    Attributes
    ----------
    ax_ : matplotlib Axes
        The loss.
    accuracy_ax_ : matplotlib Axes or None
        The accuracies, over the same epochs. None for a history without any.
    figure_ : matplotlib Figure
        The figure.

    Examples
    --------
    >>> from sklearn_siamese_speaker.inspection import TrainingHistoryDisplay
    >>> history = {
    ...     "epochs": [{"epoch": 1, "train_loss": 0.7}, {"epoch": 2, "train_loss": 0.5}],
    ...     "validations": [{"epoch": 2, "batch": 20, "accuracy": 0.8}]}
    >>> display = TrainingHistoryDisplay(history).plot()
    >>> display.ax_.get_ylabel(), display.accuracy_ax_.get_ylabel()
    ('loss', 'accuracy')
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
        """Draw the lines that the history holds.

        %(drawn_on_ax)s
        """
        self.figure_, (self.ax_,) = figure_and_axes(ax)
        epochs, validations = self.history["epochs"], self.history.get("validations", [])
        at_epochs = np.array([row["epoch"] for row in epochs], dtype=float)
        at_validations = _times(validations)
        losses = [
            ("training loss", at_epochs, _column(epochs, "train_loss"), "-", 0),
            ("validation loss", at_validations, _column(validations, "loss"), "--", 0),
        ]
        accuracies = [
            ("pairs, training", at_epochs, _column(epochs, "train_pair_accuracy"), "-", 1),
            ("pairs, validation", at_validations, _column(validations, "pair_accuracy"), "--", 1),
            ("tasks, validation", at_validations, _column(validations, "accuracy"), "--", 2),
        ]
        lines = _draw(self.ax_, losses)
        self.ax_.set(xlabel="epoch", ylabel="loss", ylim=(0, None))
        self.accuracy_ax_ = None
        if any(np.isfinite(values).any() for _, _, values, _, _ in accuracies):
            self.accuracy_ax_ = self.ax_.twinx()
            lines += _draw(self.accuracy_ax_, accuracies)
            self.accuracy_ax_.set(ylabel="accuracy", ylim=(0, 1.02))
        self.ax_.legend(
            handles=lines,
            frameon=False,
            ncols=2,
            fontsize="small",
            loc="upper center",
            bbox_to_anchor=(0.5, -0.15),  # below: the lines of two axes leave no free corner
        )
        return self


def _column(rows: Sequence[dict[str, Any]], name: str) -> NDArray[np.float64]:
    """Return a value of each row, NaN where there is none."""
    return np.array([row.get(name) for row in rows], dtype=float)


def _times(validations: Sequence[dict[str, Any]]) -> NDArray[np.float64]:
    """Return when each validation was, in epochs: those of one epoch are spread over it."""
    # An epoch of 90 batches with a validation every 30 has them at 1/3, 2/3 and its end.
    epochs = np.array([row["epoch"] for row in validations], dtype=int)
    number = np.array([np.sum(epochs[: i + 1] == epoch) for i, epoch in enumerate(epochs)])
    of_epoch = np.array([np.sum(epochs == epoch) for epoch in epochs])
    return epochs - 1 + number / of_epoch


def _draw(axes: Axes, curves: Sequence[tuple[str, NDArray, NDArray, str, int]]) -> list[Any]:
    lines = []
    for label, times, values, line, color in curves:
        if np.isfinite(values).any():
            marker = "." if len(values) == 1 else ""  # a line of one point cannot be seen
            lines += axes.plot(
                times, values, line, color=PALETTE[color], marker=marker, label=label
            )
    return lines
