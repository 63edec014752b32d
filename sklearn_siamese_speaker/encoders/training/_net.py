"""The skorch net around a Siamese module, and the loop that trains it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Sequence
from typing import Any

import torch
import torch._dynamo  # an optimizer would import it, where a Ctrl-C could leave half of it behind
from skorch import NeuralNet
from skorch.callbacks import Callback
from torch import nn

from ..._torch import epoch_seed, reseed
from ._batches import Batches, Recordings
from ._settings import TrainingSettings


class StopTraining(Exception):  # noqa: N818 - not an error
    """Raised by a callback to end the training after the current epoch."""


class SeedEpoch(Callback):
    """Seed all generators at each epoch from (seed, epoch).

    What a monitor draws then cannot change the epochs after it, and a resumed training draws
    what an undisturbed one would have drawn.
    """

    def __init__(self, seed: int, generator: torch.Generator) -> None:
        self.seed = seed
        self.generator = generator

    def on_epoch_begin(self, net: NeuralNet, **kwargs: Any) -> None:
        """Seed the global generators and the one that draws batches."""
        epoch = len(net.history)
        reseed(self.seed, epoch)
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
    """Move the learning rate along one of torch's schedules, batch by batch.

    Parameters
    ----------
    settings : TrainingSettings
        With the schedule, its highest rate and its number of epochs.
    batches_per_epoch : int
        Batches of an epoch.

    Attributes
    ----------
    scheduler : torch.optim.lr_scheduler.LRScheduler
        From `attach` on. Its state is part of the training, as the optimizer's is.
    """

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


def build_net(
    module: nn.Module,
    loss: nn.Module,
    settings: TrainingSettings,
    *,
    sampler: Iterable[list[int]],
    generator: torch.Generator,
    device: torch.device,
    callbacks: Sequence[Callback],
) -> NeuralNet:
    """Return an initialized skorch net.

    Parameters
    ----------
    module : torch.nn.Module
        Maps frames to coordinates.
    loss : torch.nn.Module
        Maps coordinates and speakers to a scalar; its parameters are trained too.
    settings : TrainingSettings
        With the optimizer and further arguments of :class:`skorch.NeuralNet`.
    sampler : iterable of lists of int
        The batches of an epoch.
    generator : torch.Generator
        Draws the crops and the augmentation.
    device : torch.device
        Where to train.
    callbacks : sequence of skorch callbacks
        They run in this order, before those of the settings.
    """
    further = settings.parts["net"].plain_arguments()
    further |= {
        f"optimizer__{name}": value
        for name, value in settings.parts["optimizer"].plain_arguments().items()
    }
    return NeuralNet(
        module,
        loss,
        optimizer=settings.parts["optimizer"].factory,
        lr=settings.lr,
        max_epochs=settings.max_epochs,
        train_split=None,
        iterator_train=Batches,
        iterator_train__sampler=sampler,
        iterator_train__generator=generator,
        device=device,
        verbose=0,
        callbacks=[*callbacks, *(further.pop("callbacks", None) or ())],
        **further,
    ).initialize()


def train(net: NeuralNet, recordings: Recordings) -> None:
    """Run the epochs that are left; a Ctrl-C passes through (skorch's own `fit` swallows it)."""
    with contextlib.suppress(StopTraining):
        net.notify("on_train_begin", X=recordings, y=None)
        net.fit_loop(recordings, epochs=net.max_epochs - len(net.history))
    net.notify("on_train_end", X=recordings, y=None)


def epoch_history(net: NeuralNet) -> list[dict[str, Any]]:
    """Return skorch's history of complete epochs as dicts of plain numbers."""
    return [
        {
            "epoch": row["epoch"],
            "train_loss": float(row["train_loss"]),
            "train_pair_accuracy": row["train_pair_accuracy"],
            "seconds": row["dur"],
        }
        for row in net.history
        if "train_pair_accuracy" in row
    ]
