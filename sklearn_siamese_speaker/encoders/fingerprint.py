"""The fingerprint of an encoder: the name of what it computes.

A store keeps it beside its embeddings: another process, day or machine finds the same name for the
same encoder, and refuses to compare embeddings of another one.
"""

from __future__ import annotations

import hashlib
import inspect
import pickle
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, clone
from sklearn.utils import get_tags
from sklearn.utils.validation import check_is_fitted

from .._estimators import thaw

# Parameters that change where or how an embedding is computed, but not what it is. What a file
# holds is told by the hash among the fitted attributes.
_IRRELEVANT = {"checkpoint_dir", "device", "file", "memory", "n_jobs", "random_state", "verbose"}
_SECOND_OF_NOISE = np.random.default_rng(0).uniform(-0.1, 0.1, 16000).astype(np.float32)


def make_ready(encoder: BaseEstimator) -> BaseEstimator:
    """Return the encoder, thawed; of one that needs no training, a fitted clone."""
    encoder = thaw(encoder)
    if not get_tags(encoder).requires_fit and not _is_fitted(encoder):
        return clone(encoder).fit([_SECOND_OF_NOISE])
    check_is_fitted(encoder)
    return encoder


def _is_fitted(encoder: BaseEstimator) -> bool:
    return not hasattr(encoder, "__sklearn_is_fitted__") or encoder.__sklearn_is_fitted__()


def fingerprint(encoder: BaseEstimator) -> str:
    """Return the name of what an encoder computes, as `make_ready` returns it: title and digest."""
    # Of fitted attributes, and of the parameters that are not the default: one that a later version
    # adds must not lock people out of their stores.
    digest = hashlib.sha256()
    _add(digest, encoder)
    return f"{_title(encoder)}:{digest.hexdigest()[:32]}"


def _title(encoder: Any) -> str:
    """Return the name of the weights, of the model file, or of the class of the last step."""
    last = encoder.steps[-1][1] if hasattr(encoder, "steps") else encoder
    if hasattr(last, "weights"):
        return str(last.weights)
    return Path(last.file).stem if hasattr(last, "file") else type(last).__name__


def _add(digest: Any, value: Any) -> None:
    """Add a value to a digest, so that the bytes depend on no version of a library."""
    if isinstance(value, np.ndarray) and value.dtype != object:
        digest.update(f"array {value.dtype.str} {value.shape} ".encode())
        digest.update(np.ascontiguousarray(value).data)
    elif isinstance(value, dict):
        digest.update(f"dict {len(value)} ".encode())
        for key in sorted(value, key=str):
            digest.update(f"{key} ".encode())
            _add(digest, value[key])
    elif isinstance(value, set | frozenset):
        _add(digest, sorted(value, key=repr))
    elif isinstance(value, list | tuple | np.ndarray):
        digest.update(f"list {len(value)} ".encode())
        for item in value:
            _add(digest, item)
    elif value is None or isinstance(value, bool | int | float | complex | str | bytes):
        digest.update(f"{value!r} ".encode())
    elif isinstance(value, np.generic):
        _add(digest, value.item())
    elif inspect.isclass(value) or inspect.isroutine(value):
        digest.update(f"{value.__module__}.{value.__qualname__} ".encode())
    elif isinstance(value, BaseEstimator):
        _add(digest, type(value))
        _add(digest, _state(value))
    else:
        _add_other(digest, value)


def _add_other(digest: Any, value: Any) -> None:
    _add(digest, type(value))
    if hasattr(value, "state_dict"):
        # A torch module given as a parameter; what it learned is in the fitted arrays.
        return
    if hasattr(value, "__dict__"):
        _add(digest, vars(value))
    else:
        digest.update(pickle.dumps(value, protocol=4))


def _state(estimator: BaseEstimator) -> dict[str, Any]:
    """Return the fitted attributes, and the parameters that are not the default."""
    defaults = inspect.signature(type(estimator)).parameters
    parameters = {
        name: value
        for name, value in estimator.get_params(deep=False).items()
        if name not in _IRRELEVANT and not _is_default(value, defaults.get(name))
    }
    fitted = {n: v for n, v in vars(estimator).items() if n.endswith("_") and n[0] != "_"}
    return parameters | fitted


def _is_default(value: Any, parameter: inspect.Parameter | None) -> bool:
    default = None if parameter is None else parameter.default
    return value is default or (type(value) is type(default) and repr(value) == repr(default))
