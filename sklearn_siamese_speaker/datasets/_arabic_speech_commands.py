"""The Arabic Speech Commands dataset."""

from __future__ import annotations

import re

from ._bunch import make_bunch
from ._download import Archive, fetch_archive

COMMIT = "72f3438212ff6cf8fbe5ae8068361840646429bd"
ARCHIVE = Archive(
    name="arabic_speech_commands",
    url=f"https://github.com/abdulkaderghandoura/arabic-speech-commands-dataset/archive/{COMMIT}.tar.gz",
    root=f"arabic-speech-commands-dataset-{COMMIT}",
    recordings="dataset/*/*_NO_*.wav",
    max_bytes=2 * 2**30,
    n_recordings=12000,
)
NAME = re.compile(r"(.+)_NO_(\d+)")  # contributor_NO_round

ABOUT = """\
Arabic Speech Commands: 40 Arabic words, said 10 times by each of 30 contributors, 16 kHz, 1 s each.
Licence: CC BY 4.0. Source: https://github.com/abdulkaderghandoura/arabic-speech-commands-dataset
Citation: A. Ghandoura, F. Hjabo and O. Al Dakkak (2021). "Building and benchmarking an Arabic
Speech Commands dataset for small-footprint keyword spotting". Engineering Applications of
Artificial Intelligence 102, 104267."""


def fetch_arabic_speech_commands(
    *,
    data_home=None,
    download_if_missing=True,
    return_X_y=False,
    as_frame=False,
    verbose=False,
):
    """Fetch Arabic Speech Commands, 12000 words of one second by 30 contributors.

    The first call downloads the archive of one fixed commit, unpacks it and verifies the number of
    recordings and their headers, a later call needs no network. While a call lasts, a download
    that was cut is continued, or begun again where the server cannot continue; a call that fails
    leaves nothing behind, and the next one starts again.

    Parameters
    ----------
    data_home : str or path-like, default=None
        Folder of downloaded data, see :func:`get_data_home`. An archive of your own at
        `<data_home>/arabic_speech_commands.tar.gz` is used instead of a download.

    download_if_missing : bool, default=True
        Whether to download what is not in `data_home`, instead of raising an error.

    return_X_y : bool, default=False
        Whether to return `(data, target)` instead of a Bunch.

    as_frame : bool, default=False
        Whether `data` and `target` are pandas Series and the Bunch has a `frame`.

    verbose : bool, default=False
        Whether to show the progress of the download.

    Returns
    -------
    voices : :class:`~sklearn.utils.Bunch`
        data : ndarray of shape (n_samples,), str
            Paths of the recordings, sorted by speaker, keyword and round.
        target : ndarray of shape (n_samples,), str
            Speakers, as "00000001".
        groups : None
            Sessions are not known.
        frame : DataFrame of shape (n_samples, 4)
            Columns path, speaker, keyword (what is said, in English) and round (from 1). Only if
            `as_frame=True`.
        DESCR : str
            What was found, the licence and the citation.

    (data, target) : tuple of ndarray or Series
        Only if `return_X_y=True`.

    Raises
    ------
    OSError
        If the corpus is not there and cannot or must not be downloaded.

    References
    ----------
    .. [1] A. Ghandoura, F. Hjabo and O. Al Dakkak (2021). "Building and benchmarking an Arabic
       Speech Commands dataset for small-footprint keyword spotting". Engineering Applications of
       Artificial Intelligence 102, 104267.

    Examples
    --------
    >>> from sklearn_siamese_speaker.datasets import fetch_arabic_speech_commands
    >>> X, y = fetch_arabic_speech_commands(return_X_y=True)  # doctest: +SKIP
    >>> X.shape  # doctest: +SKIP
    (12000,)
    """
    corpus = fetch_archive(
        ARCHIVE, data_home, download_if_missing=download_if_missing, verbose=verbose
    )
    rows = [_describe(file) for file in corpus.glob(ARCHIVE.recordings)]
    rows.sort(key=lambda row: (row["speaker"], row["keyword"], row["round"]))
    return make_bunch(rows, ABOUT, return_X_y=return_X_y, as_frame=as_frame)


def _describe(file):
    speaker, number = NAME.fullmatch(file.stem).groups()
    return {
        "path": str(file),
        "speaker": speaker,
        "keyword": file.parent.name,
        "round": int(number),
    }
