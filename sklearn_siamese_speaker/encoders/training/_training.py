"""One fit of an encoder: batches, validation, checkpoint and net put together."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.utils import Bunch
from skorch import NeuralNet
from skorch.callbacks import Callback
from torch import nn
from torch.optim.lr_scheduler import LRScheduler

from ..._progress import Progress, duration_text
from ..._torch import arrays_to_module, epoch_seed, module_to_arrays, reseed
from ...features import FrameStore
from ...features.frames import FrameSequence
from ...nn import Loss, Siamese, frame_statistics
from ...nn.protocols import ask
from ._closed_form import start_in_closed_form
from ._loop import Recordings, StopTraining, as_it_is, mean_or_none, pair_accuracy
from ._part import Part
from ._parts import Augmentation, build_modules
from ._validation import Validation, hold_out_speakers

if TYPE_CHECKING:
    from ._checkpoint import Checkpoint

Arrays = Mapping[str, NDArray]


class Training(Callback):
    """A training, ready to run, and what happens in its epochs; all that is random has one seed."""

    classes: NDArray  # the speakers trained on
    recordings: Recordings  # theirs, and the copies of further speakers

    def __init__(
        self,
        settings: Bunch,
        frames: FrameSequence,
        y: NDArray,  # their speakers
        *,
        seed: int,
        device: torch.device,
        start: tuple[Arrays, Arrays] | None = None,  # of the modules; None for new ones
        checkpoint: Checkpoint | None = None,
        callback: Callback | None = None,
    ) -> None:
        self.settings = settings
        augment = settings.augment or ()
        _check_augment(augment, n_features=frames[0].shape[0])
        own, own_y, held_out = frames, y, None
        if settings.validation_fraction is not None:
            is_held_out = hold_out_speakers(y, settings.validation_fraction, seed)
            own, own_y = _select(frames, ~is_held_out), y[~is_held_out]
            held_out = _select(frames, is_held_out), y[is_held_out]
        self.classes, speakers = np.unique(own_y, return_inverse=True)
        generator = torch.Generator()  # seeded at each epoch
        crop_frames = _crop_length(settings.crop_frames, own)
        self.recordings = Recordings(own, speakers, augment, crop_frames, generator)
        everyone = self.recordings.speakers.numpy()
        sampler = _build_sampler(settings, everyone, generator)
        modules = _start_modules(settings, self.recordings, everyone, start, seed)
        self.validation = None
        if held_out is not None:
            self.validation = _build_validation(settings, *held_out, len(sampler), seed)
        self.validations = [] if self.validation is None else self.validation.validations
        self.seed, self.generator = seed, generator
        self.batches_per_epoch = len(sampler)
        # A checkpoint is written before anything stops the training.
        callbacks = [self, checkpoint, callback, self.validation]
        callbacks = [each for each in callbacks if each is not None]
        self.net = _build_net(settings, modules, sampler, device, callbacks)
        self.scheduler = _build_scheduler(settings, self.net.optimizer_, len(sampler))
        if checkpoint is not None:
            checkpoint.attach(self.net, seed, self.scheduler, self.validation)

    def run(self) -> None:
        """Train the epochs that are left and, with early stopping, go back to the best weights."""
        net, n_done = self.net, len(self.net.history)
        self.n_epochs_before = n_done
        n_epochs = self.settings.max_epochs - n_done
        with Progress("Training, batch", n_epochs * self.batches_per_epoch) as self.progress:
            # skorch's own `fit` swallows a Ctrl-C; here it passes through.
            with contextlib.suppress(StopTraining):
                net.notify("on_train_begin", X=self.recordings, y=None)
                net.fit_loop(self.recordings, epochs=n_epochs)
            net.notify("on_train_end", X=self.recordings, y=None)
        if self.validation is not None:
            self.validation.restore_best(net)

    def learned(self) -> dict[str, Any]:
        """Return what has been learned so far as arrays and plain values, by attribute."""
        epochs = [
            {
                "epoch": row["epoch"],
                "train_loss": float(row["train_loss"]),
                "train_pair_accuracy": row["train_pair_accuracy"],
                "seconds": row["dur"],
            }
            for row in self.net.history
            if "train_pair_accuracy" in row  # an epoch that was cut off has none
        ]
        return {
            "_fitted_params": _module_params(self.settings.parts),
            "classes_": self.classes,
            "n_training_speakers_": int(self.recordings.speakers.max()) + 1,
            "embedding_metric_": self.net.criterion_.space.plain_metric,
            "state_": module_to_arrays(self.net.module_),
            "loss_state_": module_to_arrays(self.net.criterion_),
            "history_": {"epochs": epochs, "validations": list(self.validations)},
            "n_iter_": len(epochs),
        }

    # What skorch calls in the epochs

    def on_epoch_begin(self, net: NeuralNet, **kwargs: Any) -> None:
        """Seed all generators from (seed, epoch)."""
        # What a monitor draws then cannot change the epochs after it, and a resumed training draws
        # what an undisturbed one would have drawn.
        epoch = len(net.history)
        reseed(self.seed, epoch)
        # One more, or the batches would be drawn from the numbers that dropout draws from.
        self.generator.manual_seed(epoch_seed(self.seed, epoch) + 1)
        self.pair_accuracies: list[float | None] = []

    def on_grad_computed(
        self, net: NeuralNet, named_parameters: Iterable[tuple[str, nn.Parameter]], **kwargs: Any
    ) -> None:
        """Stop before a NaN or infinite gradient reaches the weights; such a loss shows in it."""
        gradients = [p.grad for _, p in named_parameters if p.grad is not None]
        if all(torch.isfinite(g).all() for g in gradients):
            return
        raise FloatingPointError(
            f"The loss or its gradient is not finite in epoch {len(net.history)}, batch "
            f"{len(net.history[-1, 'batches'])}, at a learning rate of "
            f"{net.optimizer_.param_groups[0]['lr']:.2g}. The weights of the batch before are "
            "kept; lower lr, or look for extreme values in X."
        )

    @torch.no_grad()
    def on_batch_end(
        self,
        net: NeuralNet,
        batch: tuple[torch.Tensor, torch.Tensor],
        y_pred: torch.Tensor,
        loss: torch.Tensor,
        **kwargs: Any,
    ) -> None:
        """Set the learning rate of the next batch; compare recordings as the loss did."""
        self.scheduler.step()
        pairs = net.criterion_.distances_of_pairs(y_pred, batch[1].to(y_pred.device))
        self.pair_accuracies.append(pair_accuracy(*pairs))
        if not self.settings.verbose:  # else a line an epoch is printed
            epoch = f"epoch {len(net.history)}/{self.settings.max_epochs}"
            self.progress.advance(detail=f"{epoch}, loss {loss.item():.3g}")

    def on_epoch_end(self, net: NeuralNet, **kwargs: Any) -> None:
        """Record the pair accuracy, and print the line of the epoch."""
        net.history.record("train_pair_accuracy", mean_or_none(self.pair_accuracies))
        if self.settings.verbose:
            print(self._line(net), flush=True)

    def _line(self, net: NeuralNet) -> str:
        row, max_epochs = net.history[-1], self.settings.max_epochs
        parts = [f"epoch {row['epoch']}/{max_epochs}", f"loss {row['train_loss']:.4f}"]
        if self.validations:
            parts.append(f"validation {self.validations[-1]['accuracy']:.3f}")
        seconds = [epoch["dur"] for epoch in net.history[self.n_epochs_before :]]
        left = float(np.mean(seconds)) * (max_epochs - len(net.history))
        return ", ".join([*parts, f"{duration_text(left)} left"])


def _check_augment(augment: Sequence[Augmentation], n_features: int) -> None:
    """Raise a ValueError for a change that was made for another front end."""
    for change in augment:
        domains = ask(change, "domains")
        fits = "raw_audio" in domains if n_features == 1 else domains != {"raw_audio"}
        if not fits and "any" not in domains:
            raise ValueError(
                f"augment holds {type(change).__name__}, which changes frames of "
                f"{' or '.join(sorted(domains))}, but X has {n_features} feature(s) a frame; raw "
                "audio has 1, the other front ends have several."
            )


def _select(frames: FrameSequence, is_chosen: NDArray[np.bool_]) -> FrameSequence:
    """Return some of the recordings, without a copy and without reading a store."""
    if isinstance(frames, FrameStore):
        return frames[is_chosen]
    return [frames[i] for i in np.flatnonzero(is_chosen).tolist()]


def _build_sampler(settings: Bunch, speakers: NDArray, generator: torch.Generator) -> Any:
    batch_size = settings.batch_size
    sampler = settings.parts["pairs"].build(
        labels=speakers, batch_size=batch_size, generator=generator
    )
    per_speaker = ask(sampler, "recordings_per_speaker")
    if per_speaker >= batch_size:
        raise ValueError(
            f"A batch of batch_size={batch_size} would hold one speaker only, with "
            f"pairs__recordings_per_speaker={per_speaker}, and nothing to learn; batch_size must "
            "be larger."
        )
    return sampler


def _build_validation(
    settings: Bunch, frames: FrameSequence, y: NDArray, batches_per_epoch: int, seed: int
) -> Validation:
    speakers = np.unique(y, return_inverse=True)[1]
    batches = _build_sampler(settings, speakers, torch.Generator().manual_seed(seed))
    return Validation(
        frames, speakers, batches, settings, batches_per_epoch=batches_per_epoch, seed=seed
    )


def _crop_length(crop_frames: int | str, frames: FrameSequence) -> int:
    """Return the frames of a crop, by default half the median recording."""
    if isinstance(crop_frames, str):
        if isinstance(frames, FrameStore):
            return max(1, int(np.median(frames.n_frames)) // 2)
        return max(1, int(np.median([recording.shape[1] for recording in frames])) // 2)
    return crop_frames


def _start_modules(
    settings: Bunch,
    frames: Sequence[NDArray[np.float32]],
    speakers: NDArray,
    start: tuple[Arrays, Arrays] | None,
    seed: int,
) -> tuple[Siamese, Loss]:
    """Return the modules as a training begins: new, in closed form, or as the fit before left."""
    n_features, n_classes = frames[0].shape[0], int(speakers.max()) + 1
    mean, scale = frame_statistics(frames)
    siamese, loss = build_modules(settings.parts, n_features, n_classes, mean, scale)
    # A network that keeps proportions is given one scale, the root mean square of all.
    if ask(siamese.network, "keeps_proportions"):
        siamese.scale.fill_(scale.square().mean().sqrt())
    if start is not None:
        _continue_from(*start, siamese, loss)
    elif ask(siamese.network, "set_discriminant") is not None:
        start_in_closed_form(siamese, loss, frames, speakers, seed)
    return siamese, loss


def _continue_from(state: Arrays, loss_state: Arrays, siamese: Siamese, loss: Loss) -> None:
    try:
        arrays_to_module(siamese, state)
    except RuntimeError as error:
        raise ValueError(
            "warm_start=True goes on from the weights of the fit before, but network, metric or "
            "their arguments have changed since, and the weights do not fit. Set warm_start=False "
            "to train anew."
        ) from error
    # What belongs to the speakers of the fit before does not fit others.
    fresh = loss.state_dict()
    kept = {n: a for n, a in loss_state.items() if n in fresh and fresh[n].shape == np.shape(a)}
    arrays_to_module(loss, kept, strict=False)


def _build_net(
    settings: Bunch,
    modules: tuple[Siamese, Loss],
    sampler: Any,
    device: torch.device,
    callbacks: Sequence[Callback],
) -> NeuralNet:
    """Return an initialized skorch net; callbacks run in this order, before those of the user."""
    optimizer = settings.parts["optimizer"]
    further = settings.parts["net"].plain_arguments()
    further |= {f"optimizer__{name}": v for name, v in optimizer.plain_arguments().items()}
    return NeuralNet(
        *modules,
        optimizer=optimizer.factory,
        lr=settings.lr,
        max_epochs=settings.max_epochs,
        train_split=None,
        # torch's DataLoader, with batches that a sampler of ours draws; `batch_size` is part of it.
        iterator_train__batch_sampler=sampler,
        iterator_train__batch_size=1,
        iterator_train__collate_fn=as_it_is,
        iterator_train__generator=torch.Generator(),  # else it draws from the global one
        device=device,
        verbose=0,
        callbacks=[*callbacks, *(further.pop("callbacks", None) or ())],
        **further,
    ).initialize()


def _module_params(parts: Mapping[str, Part]) -> dict[str, Any]:
    """Return the parameters that network, metric, loss and pairs were built from."""
    params: dict[str, Any] = {}
    for name in ("network", "metric", "loss", "pairs"):
        given = parts[name].given
        params |= {name: parts[name].value, **{f"{name}__{key}": v for key, v in given.items()}}
    return params


def _build_scheduler(
    settings: Bunch, optimizer: torch.optim.Optimizer, batches_per_epoch: int
) -> LRScheduler:
    """Return the schedule of the learning rate, which sets that of the first batch."""
    n_batches = batches_per_epoch * settings.max_epochs
    return settings.parts["schedule"].build(
        optimizer=optimizer,
        max_lr=settings.lr,
        T_max=n_batches,
        total_iters=n_batches,
        total_steps=n_batches,
        epochs=settings.max_epochs,
        steps_per_epoch=batches_per_epoch,
    )
