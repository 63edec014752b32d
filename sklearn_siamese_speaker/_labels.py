"""What names a speaker, and what stands for nobody."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils import assert_all_finite, column_or_1d
from sklearn.utils.multiclass import check_classification_targets


def are_strings(labels: NDArray) -> bool:
    """Whether an array of checked labels holds strings."""
    return labels.dtype.kind in "UO"


def check_speakers(y: ArrayLike) -> NDArray:
    """Return labels, (n_samples,), as an array, each of which names a speaker."""
    labels = column_or_1d(y, warn=True)
    if labels.dtype.kind in "USO":
        # Looked for in y as given: NumPy has turned a NaN among strings into "nan".
        _check_strings(np.asarray(y, dtype=object).ravel())
    elif labels.dtype.kind not in "iub":  # for integers it warns of one recording a speaker
        assert_all_finite(labels, input_name="y")
        check_classification_targets(labels)
    return labels


def _check_strings(labels: NDArray) -> None:
    for i, label in enumerate(labels):
        if isinstance(label, bytes):
            raise TypeError(f"y[{i}] is {label!r}, bytes: decode the labels to strings.")
        if not isinstance(label, str):
            raise ValueError(
                f"Unknown label type: y[{i}] is {label!r}. Label every recording with its "
                "speaker, all with strings or all with an array of integers."
            )


def resolve_unknown_label(unknown_label: str | int, classes: NDArray) -> str | int:
    """Return the label for somebody who is not among the speakers `classes`."""
    if unknown_label == "auto":
        if not are_strings(classes) and classes.dtype.kind not in "iu":
            raise ValueError(
                "unknown_label='auto' needs speakers labeled with strings or integers, got "
                f"{classes.dtype} labels: convert y, or set threshold=None and margin=None."
            )
        unknown_label = "unknown" if are_strings(classes) else -1
    if isinstance(unknown_label, str) != are_strings(classes):
        raise ValueError(
            f"unknown_label={unknown_label!r} is of another kind than the speakers' labels, "
            f"{classes.tolist()[0]!r} and others: use a string with strings, an integer with "
            "integers."
        )
    if unknown_label in classes:
        raise ValueError(
            f"unknown_label={unknown_label!r} is also an enrolled speaker: rename one of them."
        )
    return unknown_label
