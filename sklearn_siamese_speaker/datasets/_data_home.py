"""Where downloaded corpora and encoders lie."""

from __future__ import annotations

import os
from pathlib import Path

DATA_VARIABLE = "SKLEARN_SIAMESE_SPEAKER_DATA"
DEFAULT_DATA_HOME = "~/sklearn_siamese_speaker_data"


def get_data_home(data_home=None):
    """Return the folder of downloaded data; it is made when it does not exist.

    Parameters
    ----------
    data_home : str or path-like, default=None
        The folder; a leading `~` is the home folder. None is the environment variable
        `SKLEARN_SIAMESE_SPEAKER_DATA`, or `~/sklearn_siamese_speaker_data` where it is not set.

    Returns
    -------
    data_home : str
        Absolute path of the folder.

    Raises
    ------
    OSError
        If the folder cannot be made.

    Examples
    --------
    >>> import os, tempfile
    >>> from sklearn_siamese_speaker.datasets import get_data_home
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     os.path.relpath(get_data_home(os.path.join(folder, "speech")), folder)
    'speech'
    """
    if data_home is None:
        data_home = os.environ.get(DATA_VARIABLE) or DEFAULT_DATA_HOME
    folder = Path(data_home).expanduser().absolute()
    folder.mkdir(parents=True, exist_ok=True)
    return str(folder)
