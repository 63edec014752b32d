"""A training that is killed goes on from its last epoch: one file, replaced at each epoch."""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import pickle
import platform
import tempfile
import time
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import joblib
import numpy as np
import torch
from numpy.typing import NDArray
from skorch import NeuralNet
from skorch.callbacks import Callback
from skorch.history import History

from ..._torch import module_to_arrays
from ._modules import constant
from ._settings import TrainingSettings

if TYPE_CHECKING:
    from ._net import LearningRateSchedule
    from ._validation import Validation

_DIGEST_SIZE = hashlib.sha256().digest_size
_WRITING_TAKES_AT_MOST = 3600  # seconds; for processes of other machines, which cannot be asked
_PLAIN = (bool, int, float, str, tuple, type(None))


def fingerprint(params: Mapping[str, Any], *data: Any) -> str:
    """Return a name for what a training depends on; arrays count by their values.

    Raises
    ------
    ValueError
        For a parameter that cannot be pickled, such as a lambda.
    """
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
    """One training's file: a SHA-256 of the rest, then what torch saves.

    Parameters
    ----------
    directory : path-like
        Is made.
    name : str
        The training's fingerprint.
    """

    def __init__(self, directory: str | os.PathLike[str], name: str) -> None:
        self.directory = Path(directory)
        self.path = self.directory / f"{name}.ckpt"

    def load(self) -> dict[str, Any] | None:
        """Return what was saved, None when nothing was; what killed processes left is removed.

        Raises
        ------
        OSError
            For a file that is damaged or not a checkpoint, and a folder that cannot be made.
        """
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
        """Replace the file at once: whatever happens, the old or the new one is whole.

        Raises
        ------
        OSError
            When it cannot be written; the old one, if there is one, is intact.
        """
        buffer = io.BytesIO()
        torch.save(state, buffer)
        payload = buffer.getvalue()
        try:
            self._replace(hashlib.sha256(payload).digest() + payload)
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

    def _replace(self, content: bytes) -> None:
        prefix = f"{self.path.stem}.{_this_machine()}.{os.getpid()}."
        handle, temporary = tempfile.mkstemp(".tmp", prefix, self.directory)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, self.path)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise


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


def open_checkpoint(
    directory: str | os.PathLike[str], settings: TrainingSettings, *data: Any
) -> tuple[CheckpointFile, dict[str, Any] | None] | None:
    """Return the file of this very training and what it holds.

    A training at a constant learning rate can be made longer. With another schedule the number of
    epochs decides the rate of each batch, so that it is part of the name.

    Parameters
    ----------
    directory : path-like
        Where the files are.
    settings : TrainingSettings
        All of them decide the bits, but for `verbose`.
    *data
        What is trained on, and from.

    Returns
    -------
    file_and_saved : (CheckpointFile, dict or None) or None
        None where the file is of a longer training, and not for this one to change.
    """
    params = settings.by_name()
    max_epochs = params.pop("max_epochs")
    del params["verbose"]
    name = fingerprint(params, *data)
    if settings.parts["schedule"].factory is not constant:
        _warn_of_other_lengths(Path(directory), name, max_epochs)
        name = f"{name}-{max_epochs}"
    file = CheckpointFile(directory, name)
    saved = file.load()
    if saved is not None:
        if not isinstance(saved, dict) or not {"seed", "epochs"} <= saved.keys():
            file.refuse()
        if len(saved["epochs"]) > max_epochs:
            return None
    return file, saved


def _warn_of_other_lengths(directory: Path, name: str, max_epochs: int) -> None:
    found = {int(path.stem.rpartition("-")[2]) for path in directory.glob(f"{name}-*.ckpt")}
    if found and max_epochs not in found:
        others = " and ".join(map(str, sorted(found)))
        warnings.warn(
            f"checkpoint_dir holds this training with max_epochs={others}, which cannot be "
            f"continued to max_epochs={max_epochs}: the schedule of the learning rate depends on "
            "it. It starts anew; with schedule='constant' it would go on.",
            UserWarning,
            stacklevel=2,
        )


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

    def __init__(
        self,
        file: CheckpointFile,
        seed: int,
        schedule: LearningRateSchedule,
        validation: Validation | None,
    ) -> None:
        self.file = file
        self.seed = seed
        self.schedule = schedule
        self.validation = validation

    def on_epoch_end(self, net: NeuralNet, **kwargs: Any) -> None:
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


def resume(
    net: NeuralNet,
    file: CheckpointFile,
    state: dict[str, Any],
    schedule: LearningRateSchedule,
    validation: Validation | None,
) -> None:
    """Put a net, its schedule and its validation where a checkpoint was taken.

    Raises
    ------
    OSError
        For a state that lacks something or does not fit the net.
    """
    try:
        net.module_.load_state_dict(state["module"])
        net.criterion_.load_state_dict(state["criterion"])
        net.optimizer_.load_state_dict(state["optimizer"])
        schedule.scheduler.load_state_dict(state["schedule"])
        net.history = History({**row, "batches": []} for row in state["epochs"])
        if validation is not None:
            validation.validations = state["validations"]
            validation.best = _as_arrays(state["best"])
    except (AttributeError, KeyError, RuntimeError, TypeError, ValueError):
        file.refuse()


_EPOCH = ("epoch", "train_loss", "train_pair_accuracy", "dur")


def _plain_epoch(row: Mapping[str, Any]) -> dict[str, Any]:
    return {n: float(row[n]) if isinstance(row[n], np.floating) else row[n] for n in _EPOCH}


Best = dict[str, dict[str, NDArray]]


def _as_tensors(best: Best | None) -> dict[str, dict[str, torch.Tensor]] | None:
    if best is None:
        return None
    return {
        part: {name: torch.from_numpy(array) for name, array in arrays.items()}
        for part, arrays in best.items()
    }


def _as_arrays(best: dict[str, dict[str, torch.Tensor]] | None) -> Best | None:
    if best is None:
        return None
    return {
        part: {name: tensor.numpy() for name, tensor in tensors.items()}
        for part, tensors in best.items()
    }
