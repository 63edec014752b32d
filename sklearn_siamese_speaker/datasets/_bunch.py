"""What loaders and fetchers return."""

from __future__ import annotations

import numpy as np
from sklearn.utils import Bunch


def make_bunch(rows, about=None, *, return_X_y=False, as_frame=False, **more):
    """Return a corpus as scikit-learn's loaders do.

    Parameters
    ----------
    rows : list of dict
        One for each recording, with the same keys: "path", "speaker", "session" if the corpus has
        sessions, and other metadata.

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
