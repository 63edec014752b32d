"""One fit of an encoder: batches, validation, checkpoint and net put together."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from skorch.callbacks import Callback

from ..._torch import arrays_to_module, module_to_arrays
from ...features import FrameStore
from ...nn import Loss, Siamese, frame_statistics
from ._batches import FurtherSpeakers, Recordings, select
from ._checkpoint import Checkpoint, CheckpointFile, resume
from ._closed_form import start_in_closed_form
from ._modules import build_modules
from ._net import (
    LearningRateSchedule,
    SeedEpoch,
    StopNonFinite,
    build_net,
    epoch_history,
    train,
)
from ._part_params import Part
from ._progress_report import PairAccuracy, Report
from ._settings import Augmentation, Frames, TrainingSettings
from ._validation import Validation, hold_out_speakers

Arrays = Mapping[str, NDArray]


class Training:
    """A training, ready to run; everything random in it comes from the seed.

    Parameters
    ----------
    settings : TrainingSettings
        What to train, and how.
    frames : sequence of ndarray of shape (n_features, n_frames_i), float32
        The recordings.
    y : ndarray of shape (n_samples,)
        Their speakers.
    seed : int
        Chooses the speakers held out and starts every epoch's random numbers. The modules are
        drawn from torch's global generator.
    device : torch.device
        Where to train.
    start : (dict, dict) or None
        Arrays of the modules to start from, None for new ones.
    checkpoint : (CheckpointFile, dict or None) or None
        Where to save, and what a training cut off has saved there.
    make_callback : callable or None
        ``learned -> skorch callback``, run after each epoch's checkpoint is written.

    Attributes
    ----------
    classes : ndarray of shape (n_speakers,)
        The speakers trained on.
    frames : sequence of ndarray
        Their recordings, those of further speakers included.
    """

    def __init__(
        self,
        settings: TrainingSettings,
        frames: Frames,
        y: NDArray,
        *,
        seed: int,
        device: torch.device,
        start: tuple[Arrays, Arrays] | None = None,
        checkpoint: tuple[CheckpointFile, dict[str, Any] | None] | None = None,
        make_callback: Callable[[Callable[[], dict[str, Any]]], Callback] | None = None,
    ) -> None:
        self.settings = settings
        augment = settings.augment or ()
        _check_augment(augment, n_features=frames[0].shape[0])
        held_out = hold_out_speakers(y, settings.validation_fraction, seed)
        own = select(frames, ~held_out)
        self.frames = FurtherSpeakers(own, augment)
        self.classes, speakers = np.unique(y[~held_out], return_inverse=True)
        speakers = self.frames.speakers(speakers)
        generator = torch.Generator()
        sampler = _build_sampler(settings, speakers, generator)
        siamese, loss = _start_modules(settings, self.frames, speakers, start, seed)
        self.validation = None
        if held_out.any():
            self.validation = _build_validation(settings, frames, y, held_out, len(sampler), seed)
        crop_frames = _crop_length(settings.crop_frames, own)
        of_batches = [change for change in augment if callable(change)]
        self.recordings = Recordings(self.frames, speakers, crop_frames, of_batches)
        schedule = LearningRateSchedule(settings, len(sampler))
        self.report = Report(settings.max_epochs, len(sampler), settings.verbose, self.validation)
        file, saved = checkpoint or (None, None)
        self.net = build_net(
            siamese,
            loss,
            settings,
            sampler=sampler,
            generator=generator,
            device=device,
            # A checkpoint is written before anything stops the training.
            callbacks=[
                SeedEpoch(seed, generator),
                schedule,
                StopNonFinite(),
                PairAccuracy(),
                *([Checkpoint(file, seed, schedule, self.validation)] if file else []),
                self.report,
                *([make_callback(self.learned)] if make_callback else []),
                *([self.validation] if self.validation else []),
            ],
        )
        schedule.attach(self.net.optimizer_)
        if file is not None and saved is not None:
            resume(self.net, file, saved, schedule, self.validation)

    def run(self) -> None:
        """Train the epochs that are left and, with early stopping, go back to the best weights."""
        with self.report.show(len(self.net.history)):
            train(self.net, self.recordings)
        if self.validation is not None:
            self.validation.restore_best(self.net)

    def learned(self) -> dict[str, Any]:
        """Return what has been learned so far as arrays and plain values, by attribute."""
        epochs = epoch_history(self.net)
        validations = [] if self.validation is None else list(self.validation.validations)
        return {
            "_fitted_params": _module_params(self.settings.parts),
            "classes_": self.classes,
            "n_training_speakers_": int(self.recordings.speakers.max()) + 1,
            "embedding_metric_": self.net.criterion_.space.plain_metric,
            "state_": module_to_arrays(self.net.module_),
            "loss_state_": module_to_arrays(self.net.criterion_),
            "history_": {"epochs": epochs, "validations": validations},
            "n_iter_": len(epochs),
        }


def _build_sampler(
    settings: TrainingSettings, speakers: NDArray, generator: torch.Generator
) -> Any:
    batch_size = settings.batch_size
    sampler = settings.parts["pairs"].build(
        labels=speakers, batch_size=batch_size, generator=generator
    )
    per_speaker = getattr(sampler, "recordings_per_speaker", 0)
    if per_speaker >= batch_size:
        raise ValueError(
            f"A batch of batch_size={batch_size} would hold one speaker only, with "
            f"pairs__recordings_per_speaker={per_speaker}, and nothing to learn; batch_size must "
            "be larger."
        )
    return sampler


def _check_augment(augment: Sequence[Augmentation], n_features: int) -> None:
    """Raise a ValueError for a change that was made for another front end."""
    for change in augment:
        domains = getattr(change, "domains", {"any"})
        fits = "raw_audio" in domains if n_features == 1 else domains != {"raw_audio"}
        if not fits and "any" not in domains:
            raise ValueError(
                f"augment holds {type(change).__name__}, which changes frames of "
                f"{' or '.join(sorted(domains))}, but X has {n_features} feature(s) a frame; raw "
                "audio has 1, the other front ends have several."
            )


def _build_validation(
    settings: TrainingSettings,
    frames: Frames,
    y: NDArray,
    held_out: NDArray[np.bool_],
    batches_per_epoch: int,
    seed: int,
) -> Validation:
    speakers = np.unique(y[held_out], return_inverse=True)[1]
    generator = torch.Generator().manual_seed(seed)
    return Validation(
        select(frames, held_out),
        speakers,
        _build_sampler(settings, speakers, generator),
        settings,
        batches_per_epoch=batches_per_epoch,
        seed=seed,
    )


def _module_params(parts: Mapping[str, Part]) -> dict[str, Any]:
    """Return the parameters that network, metric, loss and pairs were built from."""
    params: dict[str, Any] = {}
    for name in ("network", "metric", "loss", "pairs"):
        given = parts[name].given
        params |= {name: parts[name].value, **{f"{name}__{key}": v for key, v in given.items()}}
    return params


def _crop_length(crop_frames: int | str, frames: Frames) -> int:
    """Return the frames of a crop, by default half the median recording."""
    if isinstance(crop_frames, str):
        if isinstance(frames, FrameStore):
            return max(1, int(np.median(frames.n_frames)) // 2)
        return max(1, int(np.median([recording.shape[1] for recording in frames])) // 2)
    return crop_frames


def _start_modules(
    settings: TrainingSettings,
    frames: Sequence[NDArray[np.float32]],
    speakers: NDArray,
    start: tuple[Arrays, Arrays] | None,
    seed: int,
) -> tuple[Siamese, Loss]:
    """Return the modules as a training begins: new, or with the weights of the fit before.

    A network that has a start in closed form begins there.
    """
    n_features, n_classes = frames[0].shape[0], int(speakers.max()) + 1
    mean, scale = frame_statistics(frames)
    siamese, loss = build_modules(settings.parts, n_features, n_classes, mean, scale)
    if getattr(siamese.network, "keeps_proportions", False):
        siamese.scale.fill_(scale.square().mean().sqrt())
    if start is None and hasattr(siamese.network, "set_discriminant"):
        start_in_closed_form(siamese, loss, frames, speakers, seed)
    if start is not None:
        _continue_from(siamese, start[0])
        # What belongs to the speakers of the fit before does not fit others.
        fresh = loss.state_dict()
        kept = {
            name: a
            for name, a in start[1].items()
            if name in fresh and fresh[name].shape == np.shape(a)
        }
        arrays_to_module(loss, kept, strict=False)
    return siamese, loss


def _continue_from(siamese: Siamese, arrays: Arrays) -> None:
    try:
        arrays_to_module(siamese, arrays)
    except RuntimeError as error:
        raise ValueError(
            "warm_start=True goes on from the weights of the fit before, but network, metric or "
            "their arguments have changed since, and the weights do not fit. Set warm_start=False "
            "to train anew."
        ) from error
