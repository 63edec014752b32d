"""speechocean762, English read by children and adults in China."""

from __future__ import annotations

from pathlib import Path

from ._bunch import make_bunch
from ._download import Archive, fetch_archive
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

ABOUT = """\
speechocean762: English sentences read by speakers of Mandarin, half of them children, 16 kHz.
Licence: "available for free download for both commercial and non-commercial purposes".
Source: https://github.com/jimbozhang/speechocean762
Citation: J. Zhang et al. (2021). "speechocean762: An Open-Source Non-native English Speech Corpus
For Pronunciation Assessment". Interspeech, arXiv:2104.01378."""


def fetch_speechocean762(
    *,
    data_home=None,
    download_if_missing=True,
    return_X_y=False,
    as_frame=False,
    verbose=False,
):
    """Fetch speechocean762, 5000 English sentences read by 250 speakers of Mandarin.

    The first call downloads the archive of one fixed commit, unpacks it and verifies the number of
    recordings and their headers, a later call needs no network. While a call lasts, a download
    that was cut is continued, or begun again where the server cannot continue; a call that fails
    leaves nothing behind, and the next one starts again.

    Parameters
    ----------
    data_home : str or path-like, default=None
        Folder of downloaded data, see :func:`get_data_home`. An archive of your own at
        `<data_home>/speechocean762.tar.gz` is used instead of a download.

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
            Paths of the recordings, sorted by speaker and file name.
        target : ndarray of shape (n_samples,), str
            Speakers, as "SPEAKER0001".
        groups : None
            There is one session a speaker.
        frame : DataFrame of shape (n_samples, 6)
            Columns path, speaker, utterance, split ("train" or "test", which share no speaker), age
            in years and gender ("f" or "m"). Only if `as_frame=True`.
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
    .. [1] J. Zhang et al. (2021). "speechocean762: An Open-Source Non-native English Speech Corpus
       For Pronunciation Assessment". Interspeech, arXiv:2104.01378.

    Examples
    --------
    >>> from sklearn_siamese_speaker.datasets import fetch_speechocean762
    >>> voices = fetch_speechocean762(as_frame=True)  # doctest: +SKIP
    >>> train = voices.frame.query("split == 'train'")  # doctest: +SKIP
    """
    corpus = fetch_archive(
        ARCHIVE, data_home, download_if_missing=download_if_missing, verbose=verbose
    )
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
    return make_bunch(rows, ABOUT, return_X_y=return_X_y, as_frame=as_frame)


def _read_both(corpus, table):
    return _read_table(corpus / "train" / table) | _read_table(corpus / "test" / table)


def _read_table(file):
    """Read a Kaldi table, a key and a value a line."""
    return dict(line.split() for line in file.read_text(encoding="utf-8").splitlines())
