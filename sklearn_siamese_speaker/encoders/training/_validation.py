"""Validation during training: n-shot k-way tasks on speakers held out, as in the case study."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.utils import Bunch
from skorch import NeuralNet
from skorch.callbacks import Callback

from ..._torch import arrays_to_module, embed, module_to_arrays
from ...features.frames import FrameSequence
from ...model_selection import NShotKWaySplit
from ...nn import Loss
from ...similarity import nearest_speakers
from ._loop import StopTraining, mean_or_none, pair_accuracy

CASE_STUDY = {"n_shots": 1, "k_way": 4, "n_tasks": 100}
_DEFAULT_PATIENCE = 10


def hold_out_speakers(speakers: NDArray, fraction: float, seed: int) -> NDArray[np.bool_]:
    """Return which recordings (n_samples,) are of the held-out speakers, that share of all."""
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
    """Recognize held-out speakers every few batches; with patience, stop and keep the best."""

    # Rows of history_["validations"]: a report reads them while they grow.
    validations: list[dict[str, Any]]
    # Weights {"module": arrays, "criterion": arrays} of the best validation, with patience.
    best: dict[str, dict[str, NDArray]] | None

    def __init__(
        self,
        frames: FrameSequence,
        speakers: NDArray,  # of the frames, as integers
        batches: Iterable[list[int]],  # loss and pairs are those of batches, as in training
        settings: Bunch,
        *,
        batches_per_epoch: int,
        seed: int,
    ) -> None:
        n_batches = batches_per_epoch * settings.max_epochs
        if n_batches < settings.validate_every:
            raise ValueError(
                f"validate_every={settings.validate_every} batches, but the whole training has "
                f"{n_batches}: it would never be validated. Lower validate_every or raise "
                "max_epochs."
            )
        self.frames = frames
        self.speakers = torch.from_numpy(speakers)
        self.batches = list(batches)
        self.every = settings.validate_every
        self.batches_per_epoch = batches_per_epoch
        self.patience = _patience(settings.early_stopping)
        self.support, self.query = draw_tasks(settings.validation, speakers, seed)
        self.validations = []
        self.best = None

    def on_train_begin(self, net: NeuralNet, **kwargs: Any) -> None:
        """Do not go on with a training that had stopped."""
        self._stop_without_improvement()

    def on_batch_end(self, net: NeuralNet, training: bool = False, **kwargs: Any) -> None:
        """Validate after every so many batches."""
        epoch = len(net.history)
        batch = (epoch - 1) * self.batches_per_epoch + len(net.history[-1, "batches"])
        if batch % self.every == 0:
            self.validations.append({"epoch": epoch, "batch": batch, **self._validate(net)})
            if self.patience is not None and self._since_best() == 0:
                self.best = {
                    "module": module_to_arrays(net.module_),
                    "criterion": module_to_arrays(net.criterion_),
                }

    def on_epoch_end(self, net: NeuralNet, **kwargs: Any) -> None:
        """Stop at the end of an epoch only, for a checkpoint holds whole epochs."""
        self._stop_without_improvement()

    def restore_best(self, net: NeuralNet) -> None:
        """Go back to the best weights, where they are kept."""
        if self.best is not None:
            arrays_to_module(net.module_, self.best["module"])
            arrays_to_module(net.criterion_, self.best["criterion"])

    def _validate(self, net: NeuralNet) -> dict[str, float | None]:
        device = torch.device(net.device)
        with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
            embeddings = embed(net.module_, self.frames, device)  # a module may draw meanwhile
            losses, accuracies = self._on_batches(net.criterion_.eval(), embeddings, device)
        recognized = nearest_speakers(
            embeddings, self.support, self.query, metric=net.criterion_.space.plain_metric
        )
        return {
            "accuracy": float((recognized == np.arange(recognized.shape[1])[:, np.newaxis]).mean()),
            "loss": mean_or_none(losses),
            "pair_accuracy": mean_or_none(accuracies),
        }

    @torch.no_grad()
    def _on_batches(
        self, loss: Loss, embeddings: NDArray, device: torch.device
    ) -> tuple[list[float], list[float | None]]:
        """Return losses and pair accuracies of the batches; no losses of training speakers."""
        coordinates = torch.from_numpy(embeddings).to(device)
        losses, accuracies = [], []
        for indices in self.batches:
            batch, speakers = coordinates[indices], self.speakers[indices].to(device)
            accuracies.append(pair_accuracy(*loss.distances_of_pairs(batch, speakers)))
            if loss.is_for_any_speakers:
                losses.append(float(loss(batch, speakers)))
        return losses, accuracies

    def _since_best(self) -> int:
        """Return how many validations ago the best one was, the first of equals."""
        accuracies = [row["accuracy"] for row in self.validations]
        return len(accuracies) - 1 - int(np.argmax(accuracies))

    def _stop_without_improvement(self) -> None:
        if self.patience is None or not self.validations:
            return
        if self._since_best() >= self.patience:
            raise StopTraining


def _patience(early_stopping: bool | int) -> int | None:
    if early_stopping is True:
        return _DEFAULT_PATIENCE
    return early_stopping or None


def draw_tasks(
    split: NShotKWaySplit | None, speakers: NDArray, seed: int
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
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
    # With a seed, so that a resumed training is validated on the tasks it had before.
    split = NShotKWaySplit(
        n_shots=split.n_shots,
        k_way=min(split.k_way, n_usable),
        n_queries=split.n_queries,
        n_tasks=split.n_tasks,
        random_state=seed if split.random_state is None else split.random_state,
    )
    return split.tasks(speakers)
