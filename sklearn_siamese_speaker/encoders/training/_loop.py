"""What happens in the epochs of a training: batches of crops, and callbacks of the skorch net.

Validation and checkpoints are callbacks too, in files of their own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch

# torch.optim imports this lazily; an interrupt there leaves it broken.
import torch._dynamo
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator
from skorch import NeuralNet
from skorch.callbacks import Callback
from torch import nn
from torch.utils.data import Dataset

from ..._progress import Progress, duration_text
from ..._torch import epoch_seed, reseed
from ...features.frames import FrameSequence
from ._parts import Augmentation, TrainingSettings


class Recordings(Dataset):
    """Recordings and their speakers as a dataset that hands out whole batches of crops."""

    def __init__(
        self,
        frames: FrameSequence,
        speakers: ArrayLike,  # (n_samples,), 0 .. n_speakers - 1
        crop_frames: int,
        augment: Sequence[Augmentation] = (),
    ) -> None:
        self.frames = frames
        self.speakers = torch.from_numpy(np.asarray(speakers, dtype=np.int64))
        self.crop_frames = crop_frames
        self.augment = tuple(augment)

    def __len__(self) -> int:
        return len(self.frames)

    def batch(
        self, indices: list[int], generator: torch.Generator
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return crops ``(batch, n_features, crop_frames)`` of these recordings, and speakers."""
        crops = np.stack(
            [random_crop(self.frames[i], self.crop_frames, generator) for i in indices]
        )
        batch = torch.from_numpy(crops)
        for change in self.augment:
            batch = change(batch, generator)
        return batch, self.speakers[indices]


def random_crop(recording: NDArray, n_frames: int, generator: torch.Generator) -> NDArray:
    """Cut `n_frames` from a random place of ``(n_features, n_frames_i)``; repeat a short one."""
    available = recording.shape[1]
    if available < n_frames:
        recording = np.tile(recording, (1, -(-n_frames // available)))
    last_start = recording.shape[1] - n_frames
    start = int(torch.randint(last_start + 1, (), generator=generator))
    return recording[:, start : start + n_frames]


class Batches:
    """The batches of an epoch, in the shape of a skorch iterator (``iterator_train``)."""

    def __init__(
        self,
        dataset: Recordings,
        sampler: Iterable[list[int]],
        generator: torch.Generator,
        batch_size: int | None = None,
    ) -> None:
        # skorch passes `batch_size`; the sampler knows it already.
        self.dataset = dataset
        self.sampler = sampler
        self.generator = generator

    def __iter__(self) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        for indices in self.sampler:
            yield self.dataset.batch(indices, self.generator)


class StopTraining(Exception):  # noqa: N818 - not an error
    """Raised by a callback to end the training after the current epoch."""


class SeedEpoch(Callback):
    """Seed all generators at each epoch from (seed, epoch)."""

    # What a monitor draws then cannot change the epochs after it, and a resumed training draws what
    # an undisturbed one would have drawn.

    def __init__(self, seed: int, generator: torch.Generator) -> None:
        self.seed = seed
        self.generator = generator

    def on_epoch_begin(self, net: NeuralNet, **kwargs: Any) -> None:
        """Seed the global generators and the one that draws batches."""
        epoch = len(net.history)
        reseed(self.seed, epoch)
        # One more, or the batches would be drawn from the numbers that dropout draws from.
        self.generator.manual_seed(epoch_seed(self.seed, epoch) + 1)


class StopNonFinite(Callback):
    """Stop before a non-finite gradient reaches the weights."""

    def on_grad_computed(
        self, net: NeuralNet, named_parameters: Iterable[tuple[str, nn.Parameter]], **kwargs: Any
    ) -> None:
        """Check the gradients of the batch; a NaN or infinite loss always shows in them."""
        gradients = [p.grad for _, p in named_parameters if p.grad is not None]
        if all(torch.isfinite(g).all() for g in gradients):
            return
        raise FloatingPointError(
            f"The loss or its gradient is not finite in epoch {len(net.history)}, batch "
            f"{len(net.history[-1, 'batches'])}, at a learning rate of "
            f"{net.optimizer_.param_groups[0]['lr']:.2g}. The weights of the batch before are "
            "kept; lower lr, or look for extreme values in X."
        )


class LearningRateSchedule(Callback):
    """Move the learning rate along one of torch's schedules, batch by batch."""

    # From `attach` on. Its state is part of the training, as the optimizer's is.
    scheduler: torch.optim.lr_scheduler.LRScheduler

    def __init__(self, settings: TrainingSettings, batches_per_epoch: int) -> None:
        self.settings = settings
        self.batches_per_epoch = batches_per_epoch

    def attach(self, optimizer: torch.optim.Optimizer) -> None:
        """Build the schedule, which sets the learning rate of the first batch."""
        n_batches = self.batches_per_epoch * self.settings.max_epochs
        self.scheduler = self.settings.parts["schedule"].build(
            optimizer=optimizer,
            max_lr=self.settings.lr,
            T_max=n_batches,
            total_iters=n_batches,
            total_steps=n_batches,
            epochs=self.settings.max_epochs,
            steps_per_epoch=self.batches_per_epoch,
        )

    def on_batch_end(self, net: NeuralNet, training: bool = False, **kwargs: Any) -> None:
        """Set the learning rate of the next batch."""
        self.scheduler.step()


def pair_accuracy(distances: torch.Tensor, same: torch.Tensor) -> float | None:
    """Return how well one threshold of the distances (n_pairs,) tells same pairs from others."""
    # The threshold is the best one for these pairs, and same and different ones weigh half each, so
    # that 0.5 is chance.
    n_same = int(same.sum())
    if n_same in (0, len(same)):
        return None  # a kind is missing
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
    """Print a line an epoch if verbose, else show on stderr how far a long training is."""

    def __init__(
        self,
        max_epochs: int,
        batches_per_epoch: int,
        verbose: int,
        validations: Sequence[Mapping[str, Any]],  # grow during the training
    ) -> None:
        self.max_epochs = max_epochs
        self.batches_per_epoch = batches_per_epoch
        self.verbose = verbose
        self.validations = validations
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
        if self.validations:
            parts.append(f"validation {self.validations[-1]['accuracy']:.3f}")
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


class FitTask(Callback):
    """Report each epoch as a task of the estimator's fit to scikit-learn's callbacks."""

    def __init__(
        self,
        estimator: BaseEstimator,
        context: Any,  # a sklearn.callback.CallbackContext, scikit-learn >= 1.9 only
        X: ArrayLike,
        y: ArrayLike,
        learned: Callable[[], dict[str, Any]],  # what `fit` would set if it ended now
    ) -> None:
        self.estimator = estimator
        self.context = context
        self.X = X
        self.y = y
        self.learned = learned

    def on_epoch_begin(self, net: NeuralNet, **kwargs: Any) -> None:
        """Open the epoch's task."""
        task = self.context.subcontext(task_name="epoch")
        self.epoch = task.call_on_fit_task_begin(estimator=self.estimator, X=self.X, y=self.y)

    def on_epoch_end(self, net: NeuralNet, **kwargs: Any) -> None:
        """Close it; a callback may ask for the end of the training."""
        stop = self.epoch.call_on_fit_task_end(
            estimator=self.estimator,
            X=self.X,
            y=self.y,
            reconstruction_attributes=self.learned,
        )
        if stop:
            raise StopTraining


@contextmanager
def fit_task(
    estimator: BaseEstimator,
    X: ArrayLike,
    y: ArrayLike,
    max_epochs: int,
    learned: Callable[[], dict[str, Any]],
) -> Iterator[FitTask | None]:
    """Tell scikit-learn's callbacks that a fit begins and ends; yield what tells the epochs."""
    if not hasattr(estimator, "_init_callback_context"):
        yield None  # a scikit-learn before 1.9
        return
    context = estimator._init_callback_context(max_subtasks=max_epochs)
    context = context.call_on_fit_task_begin(estimator=estimator, X=X, y=y)
    yield FitTask(estimator, context, X, y, learned)
    context.call_on_fit_task_end(estimator=estimator, X=X, y=y)
