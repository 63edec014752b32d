"""What all figures share: axes, and colours that colour-blind readers tell apart."""

from __future__ import annotations

# Okabe and Ito (2008), "Color universal design"; yellow is left out, it is pale on white.
PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<", ">", "*")


def figure_and_axes(ax=None, n_axes=1):
    """Return a figure and its axes: the given one, or `n_axes` new ones side by side."""
    import matplotlib.pyplot as plt

    if ax is not None:
        return ax.figure, ax
    figure, axes = plt.subplots(
        1, n_axes, figsize=(4.8 * n_axes, 3.8), layout="constrained", squeeze=False
    )
    return figure, axes[0] if n_axes > 1 else axes[0, 0]
