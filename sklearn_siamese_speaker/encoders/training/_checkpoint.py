"""A training that is killed goes on from its last epoch: one file, replaced at each epoch."""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import pickle
import platform
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NoReturn, Self

import joblib
import numpy as np
import torch
from sklearn.utils import Bunch
from skorch import NeuralNet
from skorch.callbacks import Callback
from skorch.history import History
from torch.optim.lr_scheduler import LRScheduler

from ..._audio import warn_caller
from ..._files import replacing
from ..._torch import module_to_arrays
from ...nn.protocols import ask
from ._parts import flat_settings
from ._validation import Validation

_DIGEST_SIZE = hashlib.sha256().digest_size
_WRITING_TAKES_AT_MOST = 3600  # seconds; for processes of other machines, which cannot be asked
_PLAIN = (bool, int, float, str, tuple, type(None))

Weights = dict[str, dict[str, Any]]  # arrays or tensors, by "module" or "criterion" and by name


def training_name(params: Mapping[str, Any], *data: Any) -> str:
    """Return a name for what a training depends on; arrays count by their values."""
    return joblib.hash([{name: _hash(name, value) for name, value in params.items()}, data])


def _hash(name: str, value: Any) -> str:
    try:
        return joblib.hash(_describe(value))
    except (pickle.PicklingError, AttributeError, TypeError):
        # The error of pickle quotes all that it was given, labels included.
        raise ValueError(
            f"checkpoint_dir names its file by a fingerprint of all parameters, but {name} holds "
            "what cannot be pickled, such as a lambda or a function inside a function. Define it "
            "at the top of a module, or train without checkpoint_dir."
        ) from None


def _describe(value: Any) -> Any:
    """Return `value` with torch modules, whose pickles vary, as classes, settings and arrays."""
    if isinstance(value, torch.nn.Module):
        settings = [
            (name, type(m).__qualname__, {k: v for k, v in vars(m).items() if type(v) in _PLAIN})
            for name, m in value.named_modules()
        ]
        return settings, module_to_arrays(value)
    if isinstance(value, dict):
        return {key: _describe(entry) for key, entry in sorted(value.items())}
    if isinstance(value, list | tuple):
        return [_describe(entry) for entry in value]
    return value


class CheckpointFile:
    """One training's file in a folder, which is made: a SHA-256, then what torch saves."""

    def __init__(self, directory: str | os.PathLike[str], name: str) -> None:
        self.directory = Path(directory)
        self.path = self.directory / f"{name}.ckpt"

    def load(self) -> dict[str, Any] | None:
        """Return what was saved, None when nothing was; raise an OSError for a damaged file."""
        self._make_directory()
        for leftover in self.directory.glob("*.tmp"):
            _remove_if_abandoned(leftover)
        if not self.path.exists():
            return None
        content = self.path.read_bytes()
        digest, payload = content[:_DIGEST_SIZE], content[_DIGEST_SIZE:]
        if hashlib.sha256(payload).digest() != digest:
            raise OSError(
                f"The checkpoint {self.path} is damaged: its checksum does not match. Delete it to "
                "train from the start."
            )
        try:
            return torch.load(io.BytesIO(payload), weights_only=True, map_location="cpu")
        except (pickle.UnpicklingError, RuntimeError):
            self.refuse()

    def refuse(self) -> NoReturn:
        """Raise an OSError: the file is whole, but nothing that this library wrote."""
        raise OSError(
            f"The checkpoint {self.path} does not hold this training: another program or another "
            "version of the library wrote it. Delete it to train from the start."
        ) from None

    def save(self, state: dict[str, Any]) -> None:
        """Replace the file at once; raise an OSError, and keep the old one, if that fails."""
        buffer = io.BytesIO()
        torch.save(state, buffer)
        payload = buffer.getvalue()
        try:
            # The name says which process writes it, for `load` to know whether it still does.
            prefix = f"{self.path.stem}.{_this_machine()}.{os.getpid()}."
            with replacing(self.path, prefix=prefix, suffix=".tmp", private=True) as scratch:
                Path(scratch).write_bytes(hashlib.sha256(payload).digest() + payload)
        except OSError as error:
            before = (
                "the one of the epoch before is intact" if self.path.exists() else "none exists"
            )
            raise OSError(
                error.errno,
                f"The checkpoint {self.path} could not be written ({error.strerror}); {before}. "
                "Free some space, or choose another checkpoint_dir, and fit again",
            ) from error

    def _make_directory(self) -> None:
        try:
            self.directory.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OSError(
                error.errno,
                f"checkpoint_dir={str(self.directory)!r} cannot be made a folder "
                f"({error.strerror}); choose another",
            ) from error


def _this_machine() -> str:
    return platform.node().replace(".", "-") or "machine"


def _remove_if_abandoned(leftover: Path) -> None:
    """Remove a temporary file of a checkpoint, unless its process may still be writing it."""
    *_, machine, process, _, _ = ["", "", "", *leftover.name.split(".")]
    if not process.isdecimal():
        return
    with contextlib.suppress(FileNotFoundError):
        if machine == _this_machine() and hasattr(os, "getuid"):  # on Windows a signal would kill
            is_abandoned = not _is_alive(int(process))
        else:
            is_abandoned = time.time() - leftover.stat().st_mtime > _WRITING_TAKES_AT_MOST
        if is_abandoned:
            leftover.unlink()


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return True


class Checkpoint(Callback):
    """Save a training at the end of each epoch; go on from what is `saved` already, if anything."""

    def __init__(self, file: CheckpointFile, saved: dict[str, Any] | None) -> None:
        self.file = file
        self.saved = saved
        # A resumed training needs the same seed; None before there is one.
        self.seed: int | None = None if saved is None else saved["seed"]

    @classmethod
    def open(cls, directory: str | os.PathLike[str], settings: Bunch, *data: Any) -> Self | None:
        """Return the checkpoint of this training; None if the file has more epochs than it."""
        params = flat_settings(settings)
        max_epochs = params.pop("max_epochs")
        del params["verbose"]  # all other settings decide the bits
        name = training_name(params, *data)
        if not ask(settings.parts["schedule"].factory, "can_be_continued"):
            _warn_of_other_lengths(Path(directory), name, max_epochs)
            name = f"{name}-{max_epochs}"
        file = CheckpointFile(directory, name)
        saved = file.load()
        if saved is not None:
            if not isinstance(saved, dict) or not {"seed", "epochs"} <= saved.keys():
                file.refuse()
            if len(saved["epochs"]) > max_epochs:
                return None  # a shorter training neither takes nor changes the file
        return cls(file, saved)

    def attach(
        self,
        net: NeuralNet,
        seed: int,
        scheduler: LRScheduler,
        validation: Validation | None,
    ) -> None:
        """Put a net, its scheduler and its validation where the training was cut off, if it was."""
        self.seed, self.scheduler, self.validation = seed, scheduler, validation
        saved, self.saved = self.saved, None
        if saved is None:
            return
        try:
            net.module_.load_state_dict(saved["module"])
            net.criterion_.load_state_dict(saved["criterion"])
            net.optimizer_.load_state_dict(saved["optimizer"])
            scheduler.load_state_dict(saved["schedule"])
            net.history = History({**row, "batches": []} for row in saved["epochs"])
            if validation is not None:
                validation.validations[:] = saved["validations"]
                validation.best = _with_each(saved["best"], torch.Tensor.numpy)
        except (AttributeError, KeyError, RuntimeError, TypeError, ValueError):
            self.file.refuse()

    def on_epoch_end(self, net: NeuralNet, **kwargs: Any) -> None:
        """Save."""
        state = {
            "seed": self.seed,
            "module": net.module_.state_dict(),
            "criterion": net.criterion_.state_dict(),
            "optimizer": net.optimizer_.state_dict(),
            "schedule": self.scheduler.state_dict(),
            "epochs": [_plain_epoch(row) for row in net.history],
        }
        if self.validation is not None:
            state["validations"] = self.validation.validations
            # torch reads no arrays of NumPy back unless it may run what a file says.
            state["best"] = _with_each(self.validation.best, torch.from_numpy)
        self.file.save(state)


def _warn_of_other_lengths(directory: Path, name: str, max_epochs: int) -> None:
    found = {int(path.stem.rpartition("-")[2]) for path in directory.glob(f"{name}-*.ckpt")}
    if found and max_epochs not in found:
        others = " and ".join(map(str, sorted(found)))
        warn_caller(
            f"checkpoint_dir holds this training with max_epochs={others}, which cannot be "
            f"continued to max_epochs={max_epochs}: the schedule of the learning rate depends on "
            "it. It starts anew; with schedule='constant' it would go on."
        )


_EPOCH = ("epoch", "train_loss", "train_pair_accuracy", "dur")


def _plain_epoch(row: Mapping[str, Any]) -> dict[str, Any]:
    return {n: float(row[n]) if isinstance(row[n], np.floating) else row[n] for n in _EPOCH}


def _with_each(weights: Weights | None, change: Callable[[Any], Any]) -> Weights | None:
    """Return weights by part and name with `change` applied to each; None stays None."""
    if weights is None:
        return None
    return {
        part: {name: change(array) for name, array in arrays.items()}
        for part, arrays in weights.items()
    }
