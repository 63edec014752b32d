"""Learning-rate schedules: a multiplier of ``lr`` for each share of the training done."""

from __future__ import annotations

import math

from skorch.callbacks import Callback


def constant(progress):
    """Keep the learning rate."""
    return 1.0


def cosine(progress):
    """Fall from 1 to 0 along half a cosine (Loshchilov and Hutter, 2017, without restarts)."""
    return 0.5 * (1 + math.cos(math.pi * progress))


def one_cycle(progress, warm_up=0.3, start=1 / 25):
    """Rise from `start` to 1 during `warm_up`, then fall to 0, on cosines (Smith, 2018)."""
    if progress < warm_up:
        return start + (1 - start) * (1 - cosine(progress / warm_up))
    return cosine((progress - warm_up) / (1 - warm_up))


SCHEDULES = {"constant": constant, "cosine": cosine, "one_cycle": one_cycle}


class LearningRateSchedule(Callback):
    """Set the learning rate of each batch from how far the training is.

    It remembers nothing from batch to batch, so a resumed training needs no state of it.
    """

    def __init__(self, schedule, lr, batches_per_epoch, max_epochs):
        self.schedule = schedule
        self.lr = lr
        self.batches_per_epoch = batches_per_epoch
        self.max_epochs = max_epochs

    def on_batch_begin(self, net, batch=None, training=False, **kwargs):
        """Set the rate for the batch about to be trained on."""
        epochs_done = len(net.history) - 1
        batches_done = epochs_done * self.batches_per_epoch + len(net.history[-1, "batches"]) - 1
        progress = batches_done / (self.batches_per_epoch * self.max_epochs)
        for group in net.optimizer_.param_groups:
            group["lr"] = self.lr * SCHEDULES[self.schedule](progress)
