"""What the loaders and fetchers share: what they return, and the text that documents it."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from sklearn.utils import Bunch

Corpus: TypeAlias = Bunch | tuple[Any, Any]  # the second with `return_X_y=True`

LOADER_TEXTS = {
    "return_X_y": """
        return_X_y : bool, default=False
            Whether to return `(data, target)` instead of a Bunch.
        """,
    "as_frame": """
        as_frame : bool, default=False
            Whether `data`, `target` and, if known, `groups` are pandas Series, and the Bunch has a
            `frame`.
        """,
    "DESCR": """
        DESCR : str
            Number of recordings, speakers and sessions, the licence and the citation.
        """,
    "data_target": """
        (data, target) : tuple of ndarray or Series
            Only if `return_X_y=True`.
        """,
}


def make_corpus(
    rows: list[dict[str, Any]],
    about: str | None = None,
    *,
    return_X_y: bool = False,
    as_frame: bool = False,
    **more: object,
) -> Corpus:
    """Return a corpus as scikit-learn's loaders do.

    Parameters
    ----------
    rows : list of dict
        One for each recording, all with the same keys: "path", "speaker", "session" if the corpus
        has sessions, and other metadata.

    about : str, default=None
        Licence and citation, the end of `DESCR`.

    return_X_y : bool, default=False
        Whether to return only the paths and the speakers.

    as_frame : bool, default=False
        Whether paths, speakers and sessions are columns of a pandas DataFrame, `frame`.

    **more : object
        Further items of the Bunch.

    Returns
    -------
    Bunch or tuple
    """
    if as_frame:
        import pandas as pd

        columns = more["frame"] = pd.DataFrame(rows)
    else:
        names = rows[0].keys() & {"path", "speaker", "session"}
        columns = {name: np.array([row[name] for row in rows]) for name in names}
    data, target, groups = (columns.get(name) for name in ("path", "speaker", "session"))
    if return_X_y:
        return data, target
    description = f"{len(data)} recordings of {len(set(target))} speakers"
    if groups is not None:
        description += f" in {len(set(groups))} sessions"
    description += "." if about is None else f".\n\n{about}"
    return Bunch(data=data, target=target, groups=groups, DESCR=description, **more)
