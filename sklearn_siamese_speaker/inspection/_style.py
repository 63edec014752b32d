"""What all figures share: axes, colors that color-blind readers tell apart, docstring text."""

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

AX = """\
ax : matplotlib Axes, default=None
    Where to draw. None makes a figure.
"""

RETURNS = """\
Returns
-------
display : the display
    It holds what was drawn.
"""

TEXTS = {
    "embeddings": """\
Embeddings of 40 speakers, 8 recordings each:

>>> import numpy as np
>>> from sklearn.preprocessing import StandardScaler
>>> rng = np.random.default_rng(0)
>>> y = np.repeat(np.arange(40), 8)
>>> X = 2 * rng.normal(size=(40, 8))[y] + rng.normal(size=(320, 8))
""",
    "X": """\
X : array-like of shape (n_samples, ...)
    Recordings, or whatever else the estimators take.
""",
    "y": """\
y : array-like of shape (n_samples,)
    Speaker of each recording.
""",
    "ax": AX,
    "ax_of_shots": """\
ax : matplotlib Axes or sequence of them, default=None
    One for each number of shots. None makes a figure.
""",
    "returns": RETURNS,
    "drawn_on_ax": f"Parameters\n----------\n{AX}\n{RETURNS}",
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
    """Return a figure and its axes: the given ones, or `n_axes` side by side or stacked."""
    import matplotlib.pyplot as plt

    if ax is None:
        shape = (n_axes, 1) if stacked else (1, n_axes)
        size = (7, 2.6 * n_axes) if stacked else (4.8 * n_axes, 3.8)
        figure, axes = plt.subplots(*shape, figsize=size, layout="constrained", squeeze=False)
        return figure, list(axes.ravel())
    given: list[Axes] = np.array(ax, dtype=object).ravel().tolist()
    if len(given) != n_axes:
        raise ValueError(f"This figure needs ax to hold {n_axes} Axes, got {len(given)}.")
    return cast("Figure", given[0].figure), given


def style(i: int) -> dict[str, Any]:
    """Return the color and the marker of the i-th system in a figure."""
    return {"color": PALETTE[i % len(PALETTE)], "marker": MARKERS[i % len(MARKERS)]}
