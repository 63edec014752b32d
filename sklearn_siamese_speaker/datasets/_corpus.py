"""What the loaders and fetchers share: what they return, and the text that documents it."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from sklearn.utils import Bunch

Corpus: TypeAlias = Bunch | tuple[Any, Any]  # the second with `return_X_y=True`

RETURN_X_Y = """
return_X_y : bool, default=False
    Whether to return `(data, target)` instead of a Bunch.
"""

AS_FRAME = """
as_frame : bool, default=False
    Whether `data`, `target` and, if known, `groups` are pandas Series, and the Bunch has a
    `frame`.
"""

DATA_HOME = """
data_home : str or path-like, default=None
    Folder of downloaded data, see :func:`get_data_home`. If you put the archive there
    yourself, as `<data_home>/{archive}.tar.gz`, nothing is downloaded.

download_if_missing : bool, default=True
    Whether to download a corpus that is not in `data_home`. If False, that is an error.
"""

VERBOSE = """
verbose : bool, default=False
    Whether to show the progress of the download.
"""

RETURNS = """\
Returns
-------
voices : :class:`~sklearn.utils.Bunch`
    data : ndarray of shape (n_samples,), str
        Absolute paths of the recordings, sorted by speaker first.
"""

LOADER_TEXTS = {
    "return_X_y": RETURN_X_Y,
    "loader_parameters": RETURN_X_Y + AS_FRAME,
    "returns": RETURNS,
    "one_session": """
groups : None
    Each speaker was recorded in one session.
""",
    "description_or_pair": """
    DESCR : str
        Number of recordings, speakers and sessions; of a public corpus, also the licence
        and the citation.

(data, target) : tuple of ndarray or Series
    Only if `return_X_y=True`.
""",
}

DOWNLOAD = """\
The first call downloads the archive, checks its SHA-256 hash or the number and the headers
of its recordings, and unpacks it. Later calls need no network. Within one call, an
interrupted download is continued, or restarted where the server cannot continue. A call
that fails leaves no files; the next one starts again.
"""

RAISES = """
Raises
------
OSError
    If the corpus is not in `data_home` and cannot or must not be downloaded.
"""


def fetcher_texts(archive: str) -> dict[str, str]:
    """Return the texts for the fetcher of an archive of that name."""
    parameters = DATA_HOME.format(archive=archive) + RETURN_X_Y + AS_FRAME + VERBOSE
    target = "    target : ndarray of shape (n_samples,), str"
    return LOADER_TEXTS | {
        "download": DOWNLOAD,
        "fetcher_parameters": parameters,
        "download_and_return": (
            f"{DOWNLOAD}\nParameters\n----------{parameters}\n{RETURNS}{target}"
        ),
        "raises_oserror": RAISES,
    }


def make_corpus(
    rows: list[dict[str, Any]],
    about: str | None = None,
    *,
    return_X_y: bool = False,
    as_frame: bool = False,
    **more: object,
) -> Corpus:
    """Return a corpus as scikit-learn's loaders do, `more` being further items of the Bunch."""
    # A row has "path" and "speaker", "session" if the corpus has sessions, and other metadata.
    # `about`, licence and citation, is the end of DESCR.
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
