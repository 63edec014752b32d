"""What the loaders and fetchers share: what they return, and the text that documents it."""

from __future__ import annotations

import textwrap
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

DOWNLOAD = """
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

LOADER_TEXTS = {
    "return_X_y": RETURN_X_Y,
    "loader_parameters": RETURN_X_Y + AS_FRAME,
    "returns": """
        Returns
        -------
        voices : :class:`~sklearn.utils.Bunch`
            data : ndarray of shape (n_samples,), str
                Absolute paths of the recordings, sorted by speaker first.
        """,
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

FETCHER_TEXTS = {
    **LOADER_TEXTS,
    "download": """
        The first call downloads the archive, checks its SHA-256 hash or the number and the headers
        of its recordings, and unpacks it. Later calls need no network. Within one call, an
        interrupted download is continued, or restarted where the server cannot continue. A call
        that fails leaves no files; the next one starts again.
        """,
    "raises_oserror": """
        Raises
        ------
        OSError
            If the corpus is not in `data_home` and cannot or must not be downloaded.
        """,
}


def fetcher_texts(archive: str) -> dict[str, str]:
    """Return the texts for the fetcher of an archive of that name."""
    parameters = DOWNLOAD.format(archive=archive) + RETURN_X_Y + AS_FRAME + VERBOSE
    download, returns, description, raises = (
        textwrap.dedent(FETCHER_TEXTS[name]).strip("\n")
        for name in ("download", "returns", "description_or_pair", "raises_oserror")
    )
    target = "    target : ndarray of shape (n_samples,), str"
    return FETCHER_TEXTS | {
        "fetcher_parameters": parameters,
        "download_and_return": (
            f"{download}\n\nParameters\n----------\n{parameters.strip()}\n\n{returns}\n{target}"
        ),
        "description_and_raises": f"{description}\n\n{raises}",
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
