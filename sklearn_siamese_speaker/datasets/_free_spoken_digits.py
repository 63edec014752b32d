"""The Free Spoken Digit Dataset."""

from __future__ import annotations

import re
from os import PathLike
from typing import Any

from .._docs import substitute
from ._corpus import Corpus, fetcher_texts, make_corpus
from ._fetch_archive import Archive, fetch_archive

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


@substitute(**fetcher_texts("free_spoken_digits"))
def fetch_free_spoken_digits(
    *,
    data_home: str | PathLike[str] | None = None,
    download_if_missing: bool = True,
    return_X_y: bool = False,
    as_frame: bool = False,
    verbose: bool = False,
) -> Corpus:
    """Fetch the Free Spoken Digit Dataset, 3000 recordings of digits by 6 speakers.

    It is small and at 8 kHz. Use it for a first look: six speakers are too few to evaluate an
    encoder.

    %(download_and_return)s
            Speakers, as "jackson".
        groups : None
            Sessions are not known.
        frame : DataFrame of shape (n_samples, 4)
            Columns path, speaker, digit (what is said) and index (from 0). Only if
            `as_frame=True`.
    %(description_or_pair)s

    %(raises_oserror)s

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
    corpus = fetch_archive(ARCHIVE, data_home, download_if_missing, verbose)
    rows: list[dict[str, Any]] = []
    for file in corpus.glob(ARCHIVE.recordings):
        digit, speaker, index = NAME.findall(file.stem)[0]
        row = {"path": str(file), "speaker": speaker}
        rows.append(row | {"digit": int(digit), "index": int(index)})
    rows.sort(key=lambda row: (row["speaker"], row["digit"], row["index"]))
    return make_corpus(rows, ABOUT, return_X_y=return_X_y, as_frame=as_frame)
