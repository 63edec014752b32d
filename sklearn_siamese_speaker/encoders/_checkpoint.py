"""A training that is killed goes on from its last epoch: one file, replaced at each epoch."""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import tempfile
import time
from pathlib import Path

import joblib
import torch
from skorch.callbacks import Callback
from skorch.history import History

from .._torch import module_to_arrays

_DIGEST_SIZE = hashlib.sha256().digest_size
_WRITERS_NEED = 3600  # seconds


def fingerprint(*parts):
    """Return a name for what a training depends on; arrays count by their values."""
    return joblib.hash([_describe(part) for part in parts])


def _describe(value):
    """Return `value` with torch modules, whose pickles vary, as their class and arrays."""
    if isinstance(value, torch.nn.Module):
        return type(value).__qualname__, module_to_arrays(value)
    if isinstance(value, dict):
        return {key: _describe(entry) for key, entry in sorted(value.items())}
    if isinstance(value, list | tuple):
        return [_describe(entry) for entry in value]
    return value


class CheckpointFile:
    """One training's file: a SHA-256 of the rest, then what torch saves.

    Parameters
    ----------
    directory : path-like
        Is made.
    name : str
        The training's fingerprint.
    """

    def __init__(self, directory, name):
        self.directory = Path(directory)
        self.path = self.directory / f"{name}.ckpt"

    def load(self):
        """Return what was saved, None when nothing was; what killed writers left goes in an hour.

        Raises
        ------
        OSError
            For a file that is damaged.
        """
        self.directory.mkdir(parents=True, exist_ok=True)
        for leftover in self.directory.glob(f"{self.path.stem}.*.tmp"):
            _remove_if_old(leftover)
        if not self.path.exists():
            return None
        content = self.path.read_bytes()
        digest, payload = content[:_DIGEST_SIZE], content[_DIGEST_SIZE:]
        if hashlib.sha256(payload).digest() != digest:
            raise OSError(
                f"The checkpoint {self.path} is damaged: its checksum does not match. Delete it to "
                "train from the start."
            )
        return torch.load(io.BytesIO(payload), weights_only=True, map_location="cpu")

    def save(self, state):
        """Replace the file at once: whatever happens, the old or the new one is whole.

        Raises
        ------
        OSError
            When it cannot be written; the old one is intact.
        """
        buffer = io.BytesIO()
        torch.save(state, buffer)
        payload = buffer.getvalue()
        try:
            self._replace(hashlib.sha256(payload).digest() + payload)
        except OSError as error:
            raise OSError(
                error.errno,
                f"The checkpoint {self.path} could not be written ({error.strerror}); the one of "
                "the epoch before is intact. Make room, or choose another checkpoint_dir, and "
                "fit again to go on from there",
            ) from error

    def _replace(self, content):
        handle, temporary = tempfile.mkstemp(".tmp", f"{self.path.stem}.", self.directory)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, self.path)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise


def _remove_if_old(leftover):
    """Remove a temporary file, unless another process may be writing it."""
    with contextlib.suppress(FileNotFoundError):
        if time.time() - leftover.stat().st_mtime > _WRITERS_NEED:
            leftover.unlink()


class Checkpoint(Callback):
    """Save a training at the end of each epoch.

    Parameters
    ----------
    file : CheckpointFile
        Where to.
    seed : int
        Of the training; kept, because a resumed one needs the same.
    schedule : LearningRateSchedule
        Its state is part of the training.
    validation : Validation or None
        Its rows and best weights are part of the training.
    """

    def __init__(self, file, seed, schedule, validation):
        self.file = file
        self.seed = seed
        self.schedule = schedule
        self.validation = validation

    def on_epoch_end(self, net, **kwargs):
        """Save."""
        state = {
            "seed": self.seed,
            "module": net.module_.state_dict(),
            "criterion": net.criterion_.state_dict(),
            "optimizer": net.optimizer_.state_dict(),
            "schedule": self.schedule.scheduler.state_dict(),
            "epochs": [_plain_epoch(row) for row in net.history],
        }
        if self.validation is not None:
            state["validations"] = self.validation.validations
            state["best"] = _as_tensors(self.validation.best)
        self.file.save(state)


def resume(net, state, schedule, validation):
    """Put a net, its schedule and its validation where a checkpoint was taken."""
    net.module_.load_state_dict(state["module"])
    net.criterion_.load_state_dict(state["criterion"])
    net.optimizer_.load_state_dict(state["optimizer"])
    schedule.scheduler.load_state_dict(state["schedule"])
    net.history = History({**row, "batches": []} for row in state["epochs"])
    if validation is not None:
        validation.validations = state["validations"]
        validation.best = _as_arrays(state["best"])


def _plain_epoch(row):
    return {"epoch": row["epoch"], "train_loss": float(row["train_loss"]), "dur": row["dur"]}


def _as_tensors(best):
    if best is None:
        return None
    return {
        part: {name: torch.from_numpy(array) for name, array in arrays.items()}
        for part, arrays in best.items()
    }


def _as_arrays(best):
    if best is None:
        return None
    return {
        part: {name: tensor.numpy() for name, tensor in tensors.items()}
        for part, tensors in best.items()
    }
