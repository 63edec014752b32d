"""Results of evaluations, which can be read as tables."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np
from sklearn.utils import Bunch

if TYPE_CHECKING:
    from pandas import DataFrame


class Results(Bunch):
    """A Bunch of arrays over a grid of settings, whose axes subclasses name."""

    # Name of the column in a table: the entry that holds its values. Subclasses stay at this
    # address: results are pickled.
    _axes: ClassVar[dict[str, str]]

    def to_frame(self) -> DataFrame:
        """Return a DataFrame with one row for each point of the grid, settings first."""
        from pandas import DataFrame

        axes = [np.asarray(self[entry]) for entry in self._axes.values()]
        shape = tuple(map(len, axes))
        grid = np.meshgrid(*axes, indexing="ij")
        columns = dict(zip(self._axes, map(np.ravel, grid), strict=True))
        for name, values in self.items():
            if name not in self._axes.values() and np.shape(values) == shape:
                columns[name] = np.ravel(values)
        return DataFrame(columns)


class Curve(Results):
    """Accuracies for each number of shots and of speakers."""

    _axes: ClassVar = {"n_shots": "n_shots", "k_way": "k_ways"}


class OpenSetScores(Results):
    """Error rates for each number of shots and of enrolled speakers."""

    _axes: ClassVar = {"n_shots": "n_shots", "n_enrolled": "n_enrolled"}


class Comparison(Results):
    """Accuracy and costs of each representation."""

    _axes: ClassVar = {"name": "names"}
