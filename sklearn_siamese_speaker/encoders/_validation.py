"""Validation during training: n-shot k-way tasks on speakers held out, as in the case study."""

from __future__ import annotations

import numpy as np
import torch
from skorch.callbacks import Callback

from .._torch import arrays_to_module, embed, module_to_arrays
from ..model_selection import NShotKWaySplit
from ..similarity import nearest_speakers
from ._net import StopTraining

CASE_STUDY = {"n_shots": 1, "k_way": 4, "n_tasks": 100}


def hold_out_speakers(speakers, fraction, seed):
    """Return which recordings are of the held-out speakers.

    Parameters
    ----------
    speakers : ndarray of shape (n_samples,), int
        The speaker of each recording.
    fraction : float or None
        Share of the speakers to hold out; None holds out nobody.
    seed : int
        Chooses them.

    Returns
    -------
    is_held_out : ndarray of shape (n_samples,), bool

    Raises
    ------
    ValueError
        When fewer than 2 speakers would be held out or left, or those left had one recording each.
    """
    if fraction is None:
        return np.zeros(len(speakers), dtype=bool)
    names = np.unique(speakers)
    n_held_out = round(fraction * len(names))
    if min(n_held_out, len(names) - n_held_out) < 2:
        raise ValueError(
            f"validation_fraction={fraction} of {len(names)} speakers holds out {n_held_out}, but "
            "at least 2 must be held out and 2 left to train on; change validation_fraction."
        )
    is_held_out = np.isin(speakers, np.random.RandomState(seed).permutation(names)[:n_held_out])
    if np.unique(speakers[~is_held_out], return_counts=True)[1].max() < 2:
        raise ValueError(
            f"validation_fraction={fraction} of {len(names)} speakers leaves speakers with one "
            "recording only to train on; lower validation_fraction or change random_state."
        )
    return is_held_out


class Validation(Callback):
    """Recognise held-out speakers every few batches; with patience, stop and keep the best.

    Parameters
    ----------
    frames : sequence of ndarray of shape (n_features, n_frames_i)
        Recordings of the held-out speakers.
    speakers : ndarray of shape (n_samples,)
        Their speakers.
    metric : {"euclidean", "cosine", "manhattan"}
        The plain metric of the embeddings.
    split : NShotKWaySplit or None
        The tasks, the same ones every time; None is the case study's. Too few speakers for its
        `k_way` shrink that.
    every : int
        Batches between two validations.
    batches_per_epoch : int
        Batches of an epoch.
    patience : int or None
        Validations without improvement after which the training stops at the end of an epoch and
        the best weights are kept. None never stops and keeps the last weights.
    seed : int
        Draws the tasks where `split` has no random_state.

    Attributes
    ----------
    validations : list of dict
        ``{"epoch", "batch", "accuracy"}``; `batch` counts from the start of the training.
    best : dict or None
        Weights ``{"module": arrays, "criterion": arrays}`` of the best validation, with patience.
    """

    def __init__(
        self, frames, speakers, metric, split, *, every, batches_per_epoch, patience, seed
    ):
        self.frames = frames
        self.metric = metric
        self.every = every
        self.batches_per_epoch = batches_per_epoch
        self.patience = patience
        self.support, self.query = draw_tasks(split, speakers, seed)
        self.validations = []
        self.best = None

    def on_train_begin(self, net, **kwargs):
        """Do not go on with a training that had stopped."""
        self._stop_without_improvement()

    def on_batch_end(self, net, training=False, **kwargs):
        """Validate after every so many batches."""
        epoch = len(net.history)
        batch = (epoch - 1) * self.batches_per_epoch + len(net.history[-1, "batches"])
        if batch % self.every == 0:
            row = {"epoch": epoch, "batch": batch, "accuracy": self._accuracy(net)}
            self.validations.append(row)
            if self.patience is not None and self._since_best() == 0:
                self.best = {
                    "module": module_to_arrays(net.module_),
                    "criterion": module_to_arrays(net.criterion_),
                }

    def on_epoch_end(self, net, **kwargs):
        """Stop at the end of an epoch only, for a checkpoint holds whole epochs."""
        self._stop_without_improvement()

    def restore_best(self, net):
        """Go back to the best weights, where they are kept."""
        if self.best is not None:
            arrays_to_module(net.module_, self.best["module"])
            arrays_to_module(net.criterion_, self.best["criterion"])

    def _accuracy(self, net):
        devices = [net.device] if torch.device(net.device).type == "cuda" else []
        with torch.random.fork_rng(devices=devices):  # a module may draw while it evaluates
            embeddings = embed(net.module_, self.frames, torch.device(net.device))
        recognised = nearest_speakers(embeddings, self.support, self.query, metric=self.metric)
        return float((recognised == np.arange(recognised.shape[1])[:, np.newaxis]).mean())

    def _since_best(self):
        """Return how many validations ago the best one was, the first of equals."""
        accuracies = [row["accuracy"] for row in self.validations]
        return len(accuracies) - 1 - int(np.argmax(accuracies))

    def _stop_without_improvement(self):
        if self.patience is None or not self.validations:
            return
        if self._since_best() >= self.patience:
            raise StopTraining


def draw_tasks(split, speakers, seed):
    """Return support and query of the validation's tasks, with as many speakers as there are."""
    split = NShotKWaySplit(**CASE_STUDY) if split is None else split
    counts = np.unique(speakers, return_counts=True)[1]
    n_usable = int((counts >= split.n_shots + split.n_queries).sum())
    if n_usable < 2:
        raise ValueError(
            f"Validation with n_shots={split.n_shots} and n_queries={split.n_queries} needs at "
            f"least 2 held-out speakers with {split.n_shots + split.n_queries} recordings, got "
            f"{n_usable} of {len(counts)}; raise validation_fraction or lower n_shots."
        )
    split = NShotKWaySplit(
        n_shots=split.n_shots,
        k_way=min(split.k_way, n_usable),
        n_queries=split.n_queries,
        n_tasks=split.n_tasks,
        random_state=seed if split.random_state is None else split.random_state,
    )
    return split.tasks(speakers)
