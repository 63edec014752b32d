"""One fit of an encoder: batches, validation, checkpoint and net put together."""

from __future__ import annotations

import numpy as np
import torch

from .._torch import arrays_to_module, module_to_arrays
from ..nn import RandomPairSampler, SpeakerBatchSampler, build_modules, frame_statistics
from ._batches import Recordings
from ._checkpoint import Checkpoint, resume
from ._net import build_net, epoch_history, train
from ._validation import Validation, hold_out_speakers

_DEFAULT_PATIENCE = 10
_NET_PARAMS = ("optimizer", "lr", "schedule", "max_epochs", "verbose", "net_params")


class Training:
    """A training, ready to run; everything random in it comes from the seed.

    Parameters
    ----------
    params : dict
        Parameters of a :class:`~sklearn_siamese_speaker.SiameseSpeakerEncoder`.
    frames : sequence of ndarray of shape (n_features, n_frames_i), float32
        The recordings.
    y : ndarray of shape (n_samples,)
        Their speakers.
    metric : {"euclidean", "cosine", "manhattan"}
        The plain metric of the embeddings.
    seed : int
        Chooses the speakers held out and starts every epoch's random numbers. The modules are
        drawn from torch's global generator.
    device : torch.device
        Where to train.
    start : (dict, dict) or None
        Arrays of the modules to start from, None for new ones.
    checkpoint : (CheckpointFile, dict or None) or None
        Where to save, and what a training cut off has saved there.
    bridge : callable or None
        ``learned -> skorch callback``, run after each epoch's checkpoint is written.

    Attributes
    ----------
    classes : ndarray of shape (n_speakers,)
        The speakers trained on.
    frames : list of ndarray
        Their recordings.
    """

    def __init__(
        self, params, frames, y, *, metric, seed, device, start=None, checkpoint=None, bridge=None
    ):
        augment = params["augment"] or ()
        _check_augment(augment, n_features=frames[0].shape[0])
        held_out = hold_out_speakers(y, params["validation_fraction"], seed)
        self.frames = [frames[i] for i in np.flatnonzero(~held_out)]
        self.classes, speakers = np.unique(y[~held_out], return_inverse=True)
        generator = torch.Generator()
        sampler = _build_sampler(params, speakers, generator)
        self.validation = None
        if held_out.any():
            self.validation = Validation(
                [frames[i] for i in np.flatnonzero(held_out)],
                y[held_out],
                metric,
                params["validation"],
                every=params["validate_every"],
                batches_per_epoch=len(sampler),
                patience=_patience(params["early_stopping"]),
                seed=seed,
            )
        self.recordings = Recordings(
            self.frames, speakers, _crop_length(params, self.frames), augment
        )
        file, saved = checkpoint or (None, None)
        self.net = build_net(
            *_start_modules(params, self.frames, len(self.classes), start),
            sampler,
            generator,
            seed=seed,
            device=device,
            # A checkpoint is written before anything stops the training.
            callbacks=[
                *([Checkpoint(file, seed, self.validation)] if file else []),
                *([bridge(self.learned)] if bridge else []),
                *([self.validation] if self.validation else []),
            ],
            **{name: params[name] for name in _NET_PARAMS},
        )
        if saved is not None:
            resume(self.net, saved, self.validation)

    def run(self):
        """Train the epochs that are left and, with early stopping, go back to the best weights."""
        train(self.net, self.recordings)
        if self.validation is not None:
            self.validation.restore_best(self.net)

    def learned(self):
        """Return what has been learned so far as arrays and plain values, by attribute."""
        epochs = epoch_history(self.net)
        validations = [] if self.validation is None else list(self.validation.validations)
        return {
            "classes_": self.classes,
            "state_": module_to_arrays(self.net.module_),
            "loss_state_": module_to_arrays(self.net.criterion_),
            "history_": {"epochs": epochs, "validations": validations},
            "n_iter_": len(epochs),
        }


def _build_sampler(params, speakers, generator):
    if params["pairs"] == "random":
        return RandomPairSampler(speakers, params["batch_size"], generator=generator)
    return SpeakerBatchSampler(
        speakers, params["batch_size"], params["recordings_per_speaker"], generator=generator
    )


def _check_augment(augment, n_features):
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


def _patience(early_stopping):
    if early_stopping is True:
        return _DEFAULT_PATIENCE
    return early_stopping or None


def _crop_length(params, frames):
    """Return the frames of a crop, by default half the median recording."""
    if params["crop_frames"] == "auto":
        return max(1, int(np.median([recording.shape[1] for recording in frames])) // 2)
    return params["crop_frames"]


def _start_modules(params, frames, n_classes, start):
    """Return the modules as a training begins: new, or with the weights of the fit before."""
    n_features = frames[0].shape[0]
    siamese, loss = build_modules(params, n_features, n_classes, *frame_statistics(frames))
    if start is not None:
        arrays_to_module(siamese, start[0])
        # What belongs to the speakers of the fit before does not fit others.
        fresh = loss.state_dict()
        kept = {
            name: a
            for name, a in start[1].items()
            if name in fresh and fresh[name].shape == np.shape(a)
        }
        arrays_to_module(loss, kept, strict=False)
    return siamese, loss
