"""Results of evaluations, which can be read as tables."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np
from sklearn.utils import Bunch

if TYPE_CHECKING:
    from pandas import DataFrame


class Results(Bunch):
    """A Bunch of arrays over a grid of settings. Subclasses name the axes of the grid."""

    # Name of the column in a table, and of the entry that holds its values.
    _axes: ClassVar[dict[str, str]]

    def to_frame(self) -> DataFrame:
        """Return one row for each point of the grid.

        Returns
        -------
        frame : DataFrame
            The settings first, then all results that are one number for each of them.

        Raises
        ------
        ImportError
            If pandas is not installed.
        """
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
