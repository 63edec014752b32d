"""speechocean762, English read by children and adults in China."""

from __future__ import annotations

from os import PathLike
from pathlib import Path

from .._docs import substitute
from ._corpus import Corpus, fetcher_texts, make_corpus
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
