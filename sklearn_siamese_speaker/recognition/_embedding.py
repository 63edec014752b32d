"""Recordings on their way to a decision: checked, and embedded by an encoder."""

from __future__ import annotations

from os import PathLike, fspath
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, clone

from .._audio import warn_caller
from .._estimators import was_trained
from ..similarity import check_embeddings


def check_recordings(X: ArrayLike, name: str = "X") -> None:
    """Raise if `X` is one path where a list of recordings belongs, or holds none."""
    if isinstance(X, str | PathLike):
        path = fspath(X)
        raise TypeError(f"{name} is one path, {path!r}; pass a list of paths: [{path!r}].")
    if 0 in getattr(X, "shape", (len(X),) if isinstance(X, list | tuple) else ())[:1]:
        raise ValueError(f"{name} is empty: pass at least one recording.")


def refuse_paths(X: ArrayLike, instead: str) -> None:
    """Raise if the first item of `X`, or of its first row, is a path; say what is taken instead."""
    item: Any = X.to_numpy() if hasattr(X, "to_numpy") else X
    while isinstance(item, list | tuple) or (isinstance(item, np.ndarray) and item.ndim):
        item = item[0] if len(item) else None
    if isinstance(item, str | PathLike):
        raise ValueError(f"X holds {str(fspath(item))!r}, but {instead}")


def fit_encoder(encoder: BaseEstimator, X: ArrayLike, labels: NDArray[Any]) -> BaseEstimator:
    """Return a clone of an encoder, fitted on the enrolment unless it is frozen."""
    if was_trained(encoder):
        warn_caller(
            f"The {type(encoder).__name__} was fitted already; a clone of it is fitted anew on the "
            "enrolled recordings. To use it as it was trained, pass FrozenEstimator(encoder)."
        )
    return clone(encoder).fit(X, labels)


def embed(X: ArrayLike, encoder: BaseEstimator, name: str = "X") -> NDArray[Any]:
    """Return the embeddings of recordings: (n_samples, n_dims), float32 or float64."""
    check_recordings(X, name)
    embeddings = encoder.transform(X)
    if np.ndim(embeddings) != 2:
        raise ValueError(
            "The encoder must return embeddings of shape (n_samples, n_dims), got "
            f"{np.shape(embeddings)}: end it with FramePooling or a SiameseSpeakerEncoder."
        )
    return check_embeddings(embeddings)
