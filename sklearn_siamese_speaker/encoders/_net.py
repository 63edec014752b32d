"""The skorch net around a Siamese module, and the loop that trains it."""

from __future__ import annotations

import contextlib

import numpy as np
import torch
from skorch import NeuralNet
from skorch.callbacks import Callback

from .._torch import epoch_seed, reseed
from ._batches import Batches
from ._schedule import LearningRateSchedule
from ._stop import StopTraining

OPTIMIZERS = {
    "radam": torch.optim.RAdam,
    "adam": torch.optim.Adam,
    "adamw": torch.optim.AdamW,
    "sgd": torch.optim.SGD,
}


_OWN_PARAMS = {"module", "criterion", "lr", "train_split", "iterator_train"}


class SeedEpoch(Callback):
    """Seed all generators at each epoch from (seed, epoch).

    What a monitor draws then cannot change the epochs after it, and a resumed training draws
    what an undisturbed one would have drawn.
    """

    def __init__(self, seed, generator):
        self.seed = seed
        self.generator = generator

    def on_epoch_begin(self, net, **kwargs):
        """Seed the global generators and the one that draws batches."""
        epoch = len(net.history)
        reseed(self.seed, epoch)
        self.generator.manual_seed(epoch_seed(self.seed, epoch) + 1)


class StopNonFinite(Callback):
    """Stop before a non-finite gradient reaches the weights."""

    def on_grad_computed(self, net, named_parameters, **kwargs):
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


def build_net(
    module,
    loss,
    sampler,
    generator,
    *,
    seed,
    optimizer,
    lr,
    schedule,
    max_epochs,
    device,
    verbose=0,
    callbacks=(),
    net_params=None,
):
    """Return an initialised skorch net.

    Parameters
    ----------
    module : torch.nn.Module
        Maps frames to coordinates.
    loss : torch.nn.Module
        Maps coordinates and speakers to a scalar; its parameters are trained too.
    sampler : sized iterable of lists of int
        The batches of an epoch.
    generator : torch.Generator
        The one the sampler and the crops draw from.
    seed : int
        Start of every epoch's random numbers.
    optimizer : str or torch.optim.Optimizer class
        A name in ``OPTIMIZERS`` or a class.
    lr, schedule, max_epochs, device, verbose
        As in :class:`~sklearn_siamese_speaker.SiameseSpeakerEncoder`.
    callbacks : sequence of skorch callbacks
        Run after our own.
    net_params : dict or None
        Further parameters of :class:`skorch.NeuralNet`; they win, but for callbacks, which run
        after the others.

    Raises
    ------
    ValueError
        For those among `net_params` that the encoder sets itself.
    """
    net_params = dict(net_params or {})
    own = sorted(name for name in net_params if name.split("__")[0] in _OWN_PARAMS)
    if own:
        raise ValueError(
            f"net_params holds {', '.join(own)}, which the encoder sets from its own parameters; "
            "set those."
        )
    params = {
        "module": module,
        "criterion": loss,
        "optimizer": OPTIMIZERS.get(optimizer, optimizer),
        "lr": float(lr),  # a scalar of numpy's would make the checkpoint unreadable
        "max_epochs": max_epochs,
        "train_split": None,
        "iterator_train": Batches,
        "iterator_train__sampler": sampler,
        "iterator_train__generator": generator,
        "device": device,
        "verbose": verbose,
        "callbacks": [
            SeedEpoch(seed, generator),
            LearningRateSchedule(schedule, float(lr), len(sampler), max_epochs),
            StopNonFinite(),
            *callbacks,
            *net_params.pop("callbacks", ()),
        ],
    }
    plain = {name: v.item() if isinstance(v, np.generic) else v for name, v in net_params.items()}
    return NeuralNet(**{**params, **plain}).initialize()


def train(net, recordings):
    """Run the epochs that are left; a Ctrl-C passes through (skorch's own `fit` swallows it)."""
    with contextlib.suppress(StopTraining):
        net.notify("on_train_begin", X=recordings, y=None)
        net.fit_loop(recordings, epochs=net.max_epochs - len(net.history))
    net.notify("on_train_end", X=recordings, y=None)
    return net


def epoch_history(net):
    """Return skorch's history of complete epochs as dicts: epoch, train_loss, seconds."""
    return [
        {"epoch": row["epoch"], "train_loss": float(row["train_loss"]), "seconds": row["dur"]}
        for row in net.history
        if "dur" in row
    ]
