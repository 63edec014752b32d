"""The only entry point for torch: devices, seeds, weights as arrays, inference.

The functions take and return NumPy arrays.
"""

from __future__ import annotations

import ctypes
import sys
import threading
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

import joblib
import numpy as np
from joblib.parallel import LokyBackend, get_active_backend
from numpy.typing import NDArray
from sklearn.utils import gen_batches

from ._interrupts import uninterrupted

with uninterrupted():
    import torch

_Module = TypeVar("_Module", bound=torch.nn.Module)
_Built = TypeVar("_Built")

_RECORDINGS_PER_TASK = 200  # fewer, and a process waits for frames longer than it computes

# From glibc's malloc.h.
_M_TRIM_THRESHOLD, _M_TOP_PAD, _M_MMAP_THRESHOLD = -1, -2, -3

# torch has one generator a process, and dropout draws from it. Fits in threads of one process
# therefore queue here instead of disturbing each other's random numbers.
_FIT_LOCK = threading.RLock()

# Built modules live outside the estimators, so that those pickle as arrays and plain values only.
_BUILT: weakref.WeakKeyDictionary = weakref.WeakKeyDictionary()


def resolve_device(device: str) -> torch.device:
    """Return the torch device for "auto" (CUDA when present, else CPU) or a device's name."""
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        resolved = torch.device(device)
    except RuntimeError as error:
        raise ValueError(
            f"device={device!r} is not a device of torch; use 'auto', 'cpu' or 'cuda'."
        ) from error
    if resolved.type == "cuda" and not torch.cuda.is_available():
        raise ValueError(f"device={device!r}, but torch finds no CUDA device; use device='auto'.")
    return resolved


@contextmanager
def random_guard(seed: int, device: torch.device) -> Iterator[None]:
    """Run a block on its own seeded generators; the global ones are untouched after it."""
    cuda = [device] if device.type == "cuda" else []
    with _FIT_LOCK, torch.random.fork_rng(devices=cuda):
        numpy_state = np.random.get_state()  # a user's module may draw from it
        try:
            reseed(seed)
            yield
        finally:
            np.random.set_state(numpy_state)


def reseed(seed: int, epoch: int = 0) -> None:
    """Seed the global generators from a pair: an epoch does not depend on the ones before it."""
    mixed = epoch_seed(seed, epoch)
    torch.manual_seed(mixed)
    np.random.seed(mixed % 2**32)


def epoch_seed(seed: int, epoch: int) -> int:
    """Return a 62-bit seed, well mixed from the seed of a fit and the number of an epoch."""
    return int(np.random.SeedSequence([seed, epoch]).generate_state(1, np.uint64)[0] >> 2)


def use_whole_machine() -> None:
    """Let torch have all cores, and glibc keep the memory that torch frees."""
    # For processes of our own, never for a library call: both hold for the whole process.
    torch.set_num_threads(joblib.cpu_count())
    if sys.platform == "linux":
        # By default glibc hands every freed tensor of a training step back to the kernel, and the
        # page faults of getting it again take up to half of the step.
        mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # musl has none
        if mallopt is not None:
            # Tensors up to this size, the largest that glibc allows here, come from the heap,
            mallopt(_M_MMAP_THRESHOLD, 32 * 2**20)
            # whose free end is never given back,
            mallopt(_M_TRIM_THRESHOLD, 2**31 - 1)
            # and which grows in large steps.
            mallopt(_M_TOP_PAD, 256 * 2**20)


def module_to_arrays(module: torch.nn.Module) -> dict[str, NDArray]:
    """Return the weights and buffers of a module, compiled or not, as a dict of arrays."""
    state = _uncompiled(module).state_dict()
    return {name: t.detach().cpu().numpy().copy() for name, t in state.items()}


def arrays_to_module(
    module: _Module, arrays: Mapping[str, NDArray], strict: bool = True
) -> _Module:
    """Load a dict of arrays into a module, which is returned; if strict, all that it has."""
    # np.array restores a 0-d array from the numpy scalar that some formats make of it.
    tensors = {name: torch.from_numpy(np.array(array)) for name, array in arrays.items()}
    _uncompiled(module).load_state_dict(tensors, strict=strict)
    return module


def _uncompiled(module: torch.nn.Module) -> torch.nn.Module:
    """Return the module inside what torch.compile made of it, which names its weights otherwise."""
    return getattr(module, "_orig_mod", module)


def cached(owner: object, state: Any, build: Callable[[], _Built]) -> _Built:
    """Return `build()`, cached as long as `owner` lives and has this very `state`."""
    state_then, module = _BUILT.get(owner, (None, None))
    if state_then is not state:
        module = build()
        _BUILT[owner] = (state, module)
    return module


def as_array_function(
    module: torch.nn.Module, device: torch.device
) -> Callable[[NDArray], NDArray]:
    """Return a module, in evaluation mode, as a function of arrays of shape (batch, ...)."""
    module.eval().to(device)

    @torch.no_grad()
    def function(batch: NDArray) -> NDArray:
        return module(torch.from_numpy(batch).to(device)).cpu().numpy()

    return function


def embed(
    module: torch.nn.Module, frames: Sequence[NDArray] | NDArray, device: torch.device
) -> NDArray[np.float32]:
    """Return the embeddings, (n_samples, n_dims), of recordings, each (n_features, n_frames_i)."""
    # One recording a pass keeps its bits independent of its neighbors and needs no padding; on a
    # CPU it is also faster than padded chunks are for recordings of different lengths. Processes
    # share the recordings where joblib is told so, as in ``joblib.parallel_config(n_jobs=2)``.
    # Threads do with its backend "threading", which pays for large networks only: between the short
    # operations of a small one, threads wait for the interpreter.
    module.eval().to(device)
    n_threads = torch.get_num_threads()
    tasks = [*gen_batches(len(frames), _RECORDINGS_PER_TASK)]
    if len(tasks) == 1:  # joblib alone takes as long as a small network
        parts = [_embed_some(module, frames, device, n_threads)]
    else:
        parallel = joblib.Parallel(require=None if _may_travel(module, device) else "sharedmem")
        some = joblib.delayed(_embed_some)
        parts = parallel(some(module, frames[task], device, n_threads) for task in tasks)
    return np.concatenate(parts).astype(np.float32, copy=False)


@torch.no_grad()  # holds for a thread
def _embed_some(
    module: torch.nn.Module,
    frames: Sequence[NDArray] | NDArray,
    device: torch.device,
    n_threads: int,
) -> NDArray[np.float32]:
    """Return embeddings computed with `n_threads` torch threads wherever this runs: same bits."""
    before = torch.get_num_threads()
    torch.set_num_threads(n_threads)
    try:
        rows = [module(torch.from_numpy(np.array(f)[None]).to(device)) for f in frames]
        return torch.cat(rows).cpu().numpy()
    finally:
        torch.set_num_threads(before)  # a process of joblib works for others too


def _may_travel(module: torch.nn.Module, device: torch.device) -> bool:
    """Whether joblib's processes on this machine may have a copy of the module."""
    # Not of one on a GPU or a compiled one; and a cluster is not sent the frames of every call.
    backend, _ = get_active_backend()
    is_plain = _uncompiled(module) is module and device.type == "cpu"
    return is_plain and isinstance(backend, LokyBackend)
