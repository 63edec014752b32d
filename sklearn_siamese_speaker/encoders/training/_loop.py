"""What a training loops over: recordings in batches of crops, and epochs as tasks of callbacks."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from typing import Any

import numpy as np
import torch

# torch.optim imports this lazily; an interrupt there leaves it broken.
import torch._dynamo
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator
from skorch import NeuralNet
from skorch.callbacks import Callback
from torch.utils.data import Dataset

from ...features.frames import FrameSequence
from ...nn.protocols import ask


class Recordings(Dataset, Sequence[NDArray[np.float32]]):
    """Recordings and, behind them, their copies of further speakers, made when they are read.

    An index or a slice gives whole recordings; torch's DataLoader asks for batches of crops.
    """

    def __init__(
        self,
        frames: FrameSequence,
        speakers: NDArray[np.intp],  # (n_samples,), 0 .. n_speakers - 1
        changes: Sequence[Any] = (),  # augmentation, applied in this order
        crop_frames: int = 1,
        generator: torch.Generator | None = None,  # draws crops and augmentation
    ) -> None:
        self.frames = frames
        self._copies: list[tuple[Any, int]] = []  # which change, which of what it makes
        for change in changes:
            n_copies = len(list(_copies_by(change, frames[0])))
            self._copies += [(change, which) for which in range(n_copies)]
        n_speakers = 1 + speakers.max()
        everyone = [speakers + n_speakers * i for i in range(1 + len(self._copies))]
        self.speakers = torch.from_numpy(np.concatenate(everyone).astype(np.int64))
        self.augment = [change for change in changes if callable(change)]
        self.crop_frames = crop_frames
        self.generator = generator

    def __len__(self) -> int:
        return len(self.frames) * (1 + len(self._copies))

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return [self[i] for i in range(len(self))[index]]
        copy, row = divmod(range(len(self))[index], len(self.frames))
        recording = self.frames[row]
        if copy == 0:
            return recording
        change, which = self._copies[copy - 1]
        return next(islice(_copies_by(change, recording), which, None)).numpy()

    def __getitems__(self, indices: list[int]) -> tuple[torch.Tensor, torch.Tensor]:
        """Return crops ``(batch, n_features, crop_frames)`` of these recordings, and speakers."""
        crops = [random_crop(self[i], self.crop_frames, self.generator) for i in indices]
        batch = torch.from_numpy(np.stack(crops))
        for change in self.augment:
            batch = change(batch, self.generator)
        return batch, self.speakers[indices]


def _copies_by(change: Any, recording: NDArray[np.float32]) -> Iterator[torch.Tensor]:
    # The array is copied: torch refuses reversed ones, and warns of those that are read-only.
    tensor = torch.from_numpy(np.array(recording))
    yield from ask(change, "further_speakers")(tensor)


def as_it_is(batch: Any) -> Any:
    """Return a batch, which needs no collating."""
    return batch


def random_crop(recording: NDArray, n_frames: int, generator: torch.Generator | None) -> NDArray:
    """Cut `n_frames` from a random place of ``(n_features, n_frames_i)``; repeat a short one."""
    available = recording.shape[1]
    if available < n_frames:
        recording = np.tile(recording, (1, -(-n_frames // available)))
    last_start = recording.shape[1] - n_frames
    start = int(torch.randint(last_start + 1, (), generator=generator))
    return recording[:, start : start + n_frames]


class StopTraining(Exception):  # noqa: N818 - not an error
    """Raised by a callback to end the training after the current epoch."""


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
