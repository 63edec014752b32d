"""speechocean762, English read in China: the whole corpus, and the adults inside the package."""

from __future__ import annotations

import csv
from os import PathLike
from pathlib import Path

import numpy as np

from .._docs import substitute
from ._corpus import LOADER_TEXTS, Corpus, fetcher_texts, make_corpus
from ._fetch_archive import Archive, fetch_archive
from ._speaker_folder import find_recordings

COMMIT = "613968e3b0b789fc33936fb5eba1973176ba7d11"
ARCHIVE = Archive(
    name="speechocean762",
    url=f"https://github.com/jimbozhang/speechocean762/archive/{COMMIT}.tar.gz",
    root=f"speechocean762-{COMMIT}",
    recordings="WAVE/*/*.WAV",
    max_bytes=2 * 2**30,
    n_recordings=5000,
)

CITATION = """\
J. Zhang et al. (2021). "speechocean762: An Open-Source Non-native English Speech Corpus
For Pronunciation Assessment". Interspeech, arXiv:2104.01378."""

REFERENCES = "References\n----------\n.. [1] " + CITATION.replace("\n", "\n   ")

ABOUT = f"""\
speechocean762: English sentences read by speakers of Mandarin, half of them children, 16 kHz.
Licence: "available for free download for both commercial and non-commercial purposes" (README),
Apache-2.0 (dataset page of the authors, https://huggingface.co/datasets/mispeech/speechocean762).
Source: https://github.com/jimbozhang/speechocean762
Citation: {CITATION}"""

VOICES = Path(__file__).absolute().parent / "data" / "voices"
SUBSETS = ("train", "test", "all")

ABOUT_VOICES = f"""\
Adults of speechocean762: English sentences read by speakers of Mandarin, 16 kHz, one session a
speaker. Train and test speakers are different people.
Licence: Apache-2.0 (https://www.apache.org/licenses/LICENSE-2.0), by the dataset page of the
authors, https://huggingface.co/datasets/mispeech/speechocean762.
Source: https://github.com/jimbozhang/speechocean762
Changes: the first 6 of 14 recordings of each of 103 adults; silence before and after the speech
shortened to 0.15 s; encoded as Ogg Opus at about 20 kbit/s.
Citation: {CITATION}
Do not try to find out who the speakers are."""


@substitute(**fetcher_texts("speechocean762"), references=REFERENCES)
def fetch_speechocean762(
    *,
    data_home: str | PathLike[str] | None = None,
    download_if_missing: bool = True,
    return_X_y: bool = False,
    as_frame: bool = False,
    verbose: bool = False,
) -> Corpus:
    """Fetch speechocean762, 5000 English sentences read by 250 speakers of Mandarin.

    %(download_and_return)s
            Speakers, as "SPEAKER0001".
        %(one_session)s
        frame : DataFrame of shape (n_samples, 6)
            Columns path, speaker, utterance, split ("train" or "test", which share no speaker), age
            in years and gender ("f" or "m"). Only if `as_frame=True`.
    %(description_or_pair)s

    %(raises_oserror)s

    See Also
    --------
    load_voices : Some recordings of its adults, inside the package.

    %(references)s

    Examples
    --------
    >>> from sklearn_siamese_speaker.datasets import fetch_speechocean762
    >>> voices = fetch_speechocean762(as_frame=True)  # doctest: +SKIP
    >>> train = voices.frame.query("split == 'train'")  # doctest: +SKIP
    """
    corpus = fetch_archive(ARCHIVE, data_home, download_if_missing, verbose)
    rows = find_recordings(corpus / "WAVE")
    splits = {
        utterance: split
        for split in ("train", "test")
        for utterance in _read_table(corpus / split / "utt2spk")
    }
    ages, genders = (_read_both(corpus, table) for table in ("spk2age", "spk2gender"))
    for row in rows:
        utterance, number = Path(row["path"]).stem, row["speaker"].removeprefix("SPEAKER")
        row.update(
            utterance=utterance,
            split=splits[utterance],
            age=int(ages[number]),
            gender=genders[number].lower(),
        )
    return make_corpus(rows, ABOUT, return_X_y=return_X_y, as_frame=as_frame)


def _read_both(corpus: Path, table: str) -> dict[str, str]:
    return _read_table(corpus / "train" / table) | _read_table(corpus / "test" / table)


def _read_table(file: Path) -> dict[str, str]:
    """Read a Kaldi table, a key and a value a line."""
    return dict(line.split() for line in file.read_text(encoding="utf-8").splitlines())


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
    with open(VOICES / "voices.csv", encoding="utf-8", newline="") as table:
        rows: list[dict[str, object]] = [
            {
                "path": str(VOICES / row["path"]),
                **{column: row[column] for column in ("speaker", "split", "gender")},
                "duration_s": float(row["duration_s"]),
            }
            for row in csv.DictReader(table)
            if subset in ("all", row["split"])
        ]
    split = np.array([row["split"] for row in rows])
    return make_corpus(rows, ABOUT_VOICES, return_X_y=return_X_y, as_frame=as_frame, split=split)
