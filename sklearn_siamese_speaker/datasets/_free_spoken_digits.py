"""The Free Spoken Digit Dataset."""

from __future__ import annotations

import re

from ._bunch import make_bunch
from ._download import Archive, fetch_archive

COMMIT = "26eb9aaf76e81b692f806f9140c2d2777410d7a1"
ARCHIVE = Archive(
    name="free_spoken_digits",
    url=f"https://github.com/Jakobovski/free-spoken-digit-dataset/archive/{COMMIT}.tar.gz",
    root=f"free-spoken-digit-dataset-{COMMIT}",
    recordings="recordings/*.wav",
    max_bytes=2**28,
    n_recordings=3000,
)
NAME = re.compile(r"(\d)_([^_]+)_(\d+)")  # digit_speaker_index

ABOUT = """\
Free Spoken Digit Dataset: English digits, 8 kHz, trimmed: some recordings are shorter than 0.2 s.
Licence: CC BY-SA 4.0. Source: https://github.com/Jakobovski/free-spoken-digit-dataset
Citation: Z. Jackson et al. "Free Spoken Digit Dataset". Zenodo, doi:10.5281/zenodo.1342401."""


def fetch_free_spoken_digits(
    *,
    data_home=None,
    download_if_missing=True,
    return_X_y=False,
    as_frame=False,
    verbose=False,
):
    """Fetch the Free Spoken Digit Dataset, 3000 recordings of digits by 6 speakers.

    It is small and at 8 kHz: good for a first look, with too few speakers to judge an encoder.

    The first call downloads the archive of one fixed commit, unpacks it and verifies the number of
    recordings and their headers, a later call needs no network. While a call lasts, a download
    that was cut is continued, or begun again where the server cannot continue; a call that fails
    leaves nothing behind, and the next one starts again.

    Parameters
    ----------
    data_home : str or path-like, default=None
        Folder of downloaded data, see :func:`get_data_home`. An archive of your own at
        `<data_home>/free_spoken_digits.tar.gz` is used instead of a download.

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
            Paths of the recordings, sorted by speaker, digit and index.
        target : ndarray of shape (n_samples,), str
            Speakers, as "jackson".
        groups : None
            Sessions are not known.
        frame : DataFrame of shape (n_samples, 4)
            Columns path, speaker, digit (what is said) and index (from 0). Only if
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
    .. [1] Z. Jackson et al. "Free Spoken Digit Dataset". Zenodo, doi:10.5281/zenodo.1342401.

    Examples
    --------
    >>> from sklearn_siamese_speaker.datasets import fetch_free_spoken_digits
    >>> X, y = fetch_free_spoken_digits(return_X_y=True)  # doctest: +SKIP
    >>> X.shape  # doctest: +SKIP
    (3000,)
    """
    corpus = fetch_archive(
        ARCHIVE, data_home, download_if_missing=download_if_missing, verbose=verbose
    )
    rows = [_describe(file) for file in corpus.glob(ARCHIVE.recordings)]
    rows.sort(key=lambda row: (row["speaker"], row["digit"], row["index"]))
    return make_bunch(rows, ABOUT, return_X_y=return_X_y, as_frame=as_frame)


def _describe(file):
    digit, speaker, index = NAME.fullmatch(file.stem).groups()
    return {"path": str(file), "speaker": speaker, "digit": int(digit), "index": int(index)}
