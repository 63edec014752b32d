"""TrainingHistoryDisplay: how a training went."""

from __future__ import annotations

from sklearn.utils.validation import check_is_fitted

from ._style import PALETTE, figure_and_axes


class TrainingHistoryDisplay:
    """Training loss of each epoch.

    Parameters
    ----------
    history : dict
        ``history_`` of a :class:`~sklearn_siamese_speaker.SiameseSpeakerEncoder`.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Where the loss was drawn.

    figure_ : matplotlib Figure
        The figure.

    Examples
    --------
    >>> from sklearn_siamese_speaker.inspection import TrainingHistoryDisplay
    >>> history = {"epochs": [{"epoch": 1, "train_loss": 0.7}, {"epoch": 2, "train_loss": 0.5}]}
    >>> display = TrainingHistoryDisplay(history).plot()
    >>> display.ax_.get_ylabel()
    'training loss'
    """

    def __init__(self, history):
        self.history = history

    @classmethod
    def from_estimator(cls, estimator, *, ax=None):
        """Draw the history of a fitted encoder.

        Parameters
        ----------
        estimator : SiameseSpeakerEncoder
            The fitted encoder.

        ax : matplotlib Axes, default=None
            Where to draw; None makes a figure.

        Returns
        -------
        display : TrainingHistoryDisplay
            The display.
        """
        check_is_fitted(estimator)
        return cls(estimator.history_).plot(ax=ax)

    def plot(self, ax=None):
        """Draw.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; None makes a figure.

        Returns
        -------
        display : TrainingHistoryDisplay
            This object.
        """
        self.figure_, self.ax_ = figure_and_axes(ax)
        epochs = self.history["epochs"]
        self.ax_.plot(
            [row["epoch"] for row in epochs],
            [row["train_loss"] for row in epochs],
            color=PALETTE[0],
        )
        self.ax_.set(xlabel="epoch", ylabel="training loss", ylim=(0, None))
        return self
