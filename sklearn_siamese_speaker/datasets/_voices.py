"""The recordings inside the package: adults of speechocean762."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np

from .._docs import substitute
from ._corpus import LOADER_TEXTS, Corpus, make_corpus
from ._speechocean762 import CITATION, REFERENCES

FOLDER = Path(__file__).absolute().parent / "data" / "voices"
SUBSETS = ("train", "test", "all")

ABOUT = f"""\
Adults of speechocean762: English sentences read by speakers of Mandarin, 16 kHz, one session a
speaker. Train and test speakers are different people.
Licence: Apache-2.0 (https://www.apache.org/licenses/LICENSE-2.0), by the dataset page of the
authors, https://huggingface.co/datasets/mispeech/speechocean762.
Source: https://github.com/jimbozhang/speechocean762
Changes: the first 6 of 14 recordings of each of 103 adults; silence before and after the speech
shortened to 0.15 s; encoded as Ogg Opus at about 20 kbit/s.
Citation: {CITATION}
Do not try to find out who the speakers are."""


@substitute(**LOADER_TEXTS, references=REFERENCES)
def load_voices(*, subset: str = "all", return_X_y: bool = False, as_frame: bool = False) -> Corpus:
    """List the recordings inside the package: real speech of 103 adults, without a download.

    Six recordings of about 3.7 s by each of 103 adults who read English and speak Mandarin; 78
    are in the train and 25 in the test split. It is enough to learn something real and to see how
    a method works. It is not enough to rank methods that are close: 25 test speakers leave an
    interval of several points, and each speaker was recorded in a single session, so that the
    microphone helps to recognize the person.

    Parameters
    ----------
    subset : {"train", "test", "all"}, default="all"
        Which speakers. Train and test share none.

    %(loader_parameters)s

    %(returns)s
        target : ndarray of shape (n_samples,), str
            Speakers, as "SPEAKER0024".
        %(one_session)s
        split : ndarray of shape (n_samples,), str
            "train" or "test".
        frame : DataFrame of shape (n_samples, 5)
            Columns path, speaker, split, gender ("f" or "m") and duration_s, in seconds. Only if
            `as_frame=True`.
    %(description_or_pair)s

    Raises
    ------
    ValueError
        If there is no such subset.

    See Also
    --------
    fetch_speechocean762 : The whole corpus, children included, as it was published.

    Notes
    -----
    The recordings were published under the Apache License 2.0. The file NOTICE beside the licence
    says what was changed; ``tools/make_voices.py`` in the repository made them.

    %(references)s

    Examples
    --------
    >>> from sklearn_siamese_speaker.datasets import load_voices
    >>> background = load_voices(subset="train")
    >>> X, y = load_voices(subset="test", return_X_y=True)
    >>> len(background.data), len(X)
    (468, 150)
    >>> set(background.target) & set(y)
    set()
    """
    if subset not in SUBSETS:
        raise ValueError(f"subset={subset!r} is not one of {', '.join(SUBSETS)}.")
    with open(FOLDER / "voices.csv", encoding="utf-8", newline="") as table:
        rows = [_describe(row) for row in csv.DictReader(table) if subset in ("all", row["split"])]
    split = np.array([row["split"] for row in rows])
    return make_corpus(rows, ABOUT, return_X_y=return_X_y, as_frame=as_frame, split=split)


def _describe(row: dict[str, str]) -> dict[str, str | float]:
    return {
        "path": str(FOLDER / row["path"]),
        "speaker": row["speaker"],
        "split": row["split"],
        "gender": row["gender"],
        "duration_s": float(row["duration_s"]),
    }
