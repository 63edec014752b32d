"""What a training tells while it runs: pair accuracy, a line an epoch, the time that is left."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from skorch import NeuralNet
from skorch.callbacks import Callback

from ..._progress import Progress, duration_text

if TYPE_CHECKING:
    from ._validation import Validation


def pair_accuracy(distances: torch.Tensor, same: torch.Tensor) -> float | None:
    """Return how well one threshold of the distance tells same pairs from different ones.

    Parameters
    ----------
    distances : tensor of shape (n_pairs,)
        The distance of each pair.
    same : tensor of shape (n_pairs,), bool
        Whether it is of one speaker.

    Returns
    -------
    accuracy : float or None
        At the best threshold for these pairs, same and different ones weighing half each: 0.5 is
        chance. None where a kind is missing.
    """
    n_same = int(same.sum())
    if n_same in (0, len(same)):
        return None
    order = np.argsort(distances.cpu().numpy(), kind="stable")
    ordered, is_same = distances.cpu().numpy()[order], same.cpu().numpy()[order]
    accepted = np.cumsum(is_same) / n_same - np.cumsum(~is_same) / (len(same) - n_same)
    is_threshold = np.append(ordered[1:] > ordered[:-1], True)  # equal distances go together
    return float(0.5 + 0.5 * max(0.0, accepted[is_threshold].max()))


def mean_or_none(values: Sequence[float | None]) -> float | None:
    """Return the mean of those that are not None, None when there is none."""
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known else None


class PairAccuracy(Callback):
    """Record the mean pair accuracy of the batches of an epoch as ``train_pair_accuracy``."""

    def on_epoch_begin(self, net: NeuralNet, **kwargs: Any) -> None:
        """Start with no batch."""
        self.of_batches: list[float | None] = []

    @torch.no_grad()
    def on_batch_end(
        self,
        net: NeuralNet,
        batch: tuple[torch.Tensor, torch.Tensor],
        y_pred: torch.Tensor,
        **kwargs: Any,
    ) -> None:
        """Compare the recordings of the batch as the loss did."""
        pairs = net.criterion_.distances_of_pairs(y_pred, batch[1].to(y_pred.device))
        self.of_batches.append(pair_accuracy(*pairs))

    def on_epoch_end(self, net: NeuralNet, **kwargs: Any) -> None:
        """Record the mean."""
        net.history.record("train_pair_accuracy", mean_or_none(self.of_batches))


class Report(Callback):
    """Print a line an epoch, or show the progress of a training that takes longer.

    Parameters
    ----------
    max_epochs, batches_per_epoch : int
        How long the training is.
    verbose : int
        0 shows the progress on stderr once the training has taken five seconds; 1 prints a line
        for each epoch on stdout instead.
    validation : Validation or None
        Its latest accuracy is part of the line.
    """

    def __init__(
        self, max_epochs: int, batches_per_epoch: int, verbose: int, validation: Validation | None
    ) -> None:
        self.max_epochs = max_epochs
        self.batches_per_epoch = batches_per_epoch
        self.verbose = verbose
        self.validation = validation
        self.progress: Progress | None = None

    def on_train_begin(self, net: NeuralNet, **kwargs: Any) -> None:
        """Count the epochs that this process runs."""
        self.n_epochs_before = len(net.history)

    def on_batch_end(self, net: NeuralNet, loss: torch.Tensor, **kwargs: Any) -> None:
        """Show how far the training is."""
        if self.progress is not None:
            epoch = f"epoch {len(net.history)}/{self.max_epochs}"
            self.progress.advance(detail=f"{epoch}, loss {loss.item():.3g}")

    def on_epoch_end(self, net: NeuralNet, **kwargs: Any) -> None:
        """Print the line of the epoch."""
        if self.verbose:
            print(self._line(net), flush=True)

    def _line(self, net: NeuralNet) -> str:
        row = net.history[-1]
        parts = [f"epoch {row['epoch']}/{self.max_epochs}", f"loss {row['train_loss']:.4f}"]
        if self.validation is not None and self.validation.validations:
            parts.append(f"validation {self.validation.validations[-1]['accuracy']:.3f}")
        seconds = [epoch["dur"] for epoch in net.history[self.n_epochs_before :]]
        left = float(np.mean(seconds)) * (self.max_epochs - len(net.history))
        return ", ".join([*parts, f"{duration_text(left)} left"])

    def show(self, n_epochs_done: int) -> Progress:
        """Return what shows the progress; to be closed after the training."""
        n_batches = (self.max_epochs - n_epochs_done) * self.batches_per_epoch
        progress = Progress("Training, batch", n_batches)
        if not self.verbose:
            self.progress = progress
        return progress
