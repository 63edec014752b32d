"""What all figures share: axes, colours that colour-blind readers tell apart, docstring text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, cast

import numpy as np

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Okabe and Ito (2008), "Color universal design"; yellow is left out, it is pale on white.
PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<", ">", "*")

TEXTS = {
    "X": """\
X : array-like of shape (n_samples, ...)
    Recordings, or whatever else the estimators take.
""",
    "y": """\
y : array-like of shape (n_samples,)
    Speaker of each recording.
""",
    "ax": """\
ax : matplotlib Axes, default=None
    Where to draw. None makes a figure.
""",
    "returns": """\
Returns
-------
display : the display
    It holds what was drawn.
""",
    "attributes": """\
Attributes
----------
ax_ : matplotlib Axes
    Where it was drawn.
figure_ : matplotlib Figure
    The figure.
""",
    "attributes_of_several_axes": """\
Attributes
----------
axes_ : list of matplotlib Axes
    Where it was drawn.
figure_ : matplotlib Figure
    The figure.
""",
}


def figure_and_axes(
    ax: Axes | Sequence[Axes] | None = None, n_axes: int = 1, *, stacked: bool = False
) -> tuple[Figure, list[Axes]]:
    """Return a figure and a list of axes: the given ones, or `n_axes` new ones side by side.

    Stacked axes lie one below the other.
    """
    import matplotlib.pyplot as plt

    if ax is None:
        shape, size = (
            ((n_axes, 1), (7, 2.6 * n_axes)) if stacked else ((1, n_axes), (4.8 * n_axes, 3.8))
        )
        figure, axes = plt.subplots(*shape, figsize=size, layout="constrained", squeeze=False)
        return figure, list(axes.ravel())
    given: list[Axes] = np.array(ax, dtype=object).ravel().tolist()
    if len(given) != n_axes:
        raise ValueError(f"This figure needs ax to hold {n_axes} Axes, got {len(given)}.")
    return cast("Figure", given[0].figure), given


def style(i: int) -> dict[str, Any]:
    """Return the colour and the marker of the i-th system in a figure."""
    return {"color": PALETTE[i % len(PALETTE)], "marker": MARKERS[i % len(MARKERS)]}
