"""The Arabic Speech Commands dataset."""

from __future__ import annotations

import re
from os import PathLike
from typing import Any

from .._docs import substitute
from ._corpus import Corpus, fetcher_texts, make_corpus
from ._fetch_archive import Archive, fetch_archive

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


@substitute(**fetcher_texts("arabic_speech_commands"))
def fetch_arabic_speech_commands(
    *,
    data_home: str | PathLike[str] | None = None,
    download_if_missing: bool = True,
    return_X_y: bool = False,
    as_frame: bool = False,
    verbose: bool = False,
) -> Corpus:
    """Fetch Arabic Speech Commands, 12000 words of one second by 30 contributors.

    %(download_and_return)s
            Speakers, as "00000001".
        groups : None
            Sessions are not known.
        frame : DataFrame of shape (n_samples, 4)
            Columns path, speaker, keyword (what is said, in English) and round (from 1). Only if
            `as_frame=True`.
    %(description_or_pair)s

    %(raises_oserror)s

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
    corpus = fetch_archive(ARCHIVE, data_home, download_if_missing, verbose)
    rows: list[dict[str, Any]] = []
    for file in corpus.glob(ARCHIVE.recordings):
        speaker, number = NAME.findall(file.stem)[0]
        row = {"path": str(file), "speaker": speaker}
        rows.append(row | {"keyword": file.parent.name, "round": int(number)})
    rows.sort(key=lambda row: (row["speaker"], row["keyword"], row["round"]))
    return make_corpus(rows, ABOUT, return_X_y=return_X_y, as_frame=as_frame)
