"""LibriSpeech, read audio books."""

from __future__ import annotations

from os import PathLike
from pathlib import Path

from .._docs import substitute
from ._corpus import Corpus, fetcher_texts, make_corpus
from ._fetch_archive import Archive, fetch_archive
from ._speaker_folder import find_recordings

SHA256 = {
    "dev-clean": "76f87d090650617fca0cac8f88b9416e0ebf80350acb97b343a85fa903728ab3",
    "dev-other": "12661c48e8c3fe1de2c1caa4c3e135193bfb1811584f11f569dd12645aa84365",
    "test-clean": "39fde525e59672dc6d1551919b1478f724438a95aa55f874b576be21967e6c23",
    "test-other": "d09c181bba5cf717b3dee7d4d592af11a3ee3a09e08ae025c5506f6ebe961c29",
    "train-clean-100": "d4ddd1d5a6ab303066f14971d768ee43278a5f2a0aa43dc716b0e64ecbbbf6e2",
    "train-clean-360": "146a56496217e96c14334a160df97fffedd6e0a04e66b9c5af0d40be3c792ecf",
    "train-other-500": "ddb22f27f96ec163645d53215559df6aa36515f26e01dd70798188350adcb6d2",
}
GIBIBYTES = {"train-clean-100": 16, "train-clean-360": 64, "train-other-500": 64}  # at most; else 1

ARCHIVES = {
    subset: Archive(
        name=f"librispeech-{subset}",
        url=f"https://www.openslr.org/resources/12/{subset}.tar.gz",
        root="LibriSpeech",
        recordings=f"{subset}/*/*/*.flac",
        max_bytes=GIBIBYTES.get(subset, 1) * 2**30,
        sha256=sha256,
    )
    for subset, sha256 in SHA256.items()
}

ABOUT = """\
LibriSpeech: English audio books of LibriVox, 16 kHz. Sessions are chapters.
Licence: CC BY 4.0. Source: https://www.openslr.org/12
Citation: V. Panayotov, G. Chen, D. Povey and S. Khudanpur (2015). "Librispeech: an ASR corpus based
on public domain audio books". ICASSP, 5206-5210."""


@substitute(**fetcher_texts("librispeech-<subset>"))
def fetch_librispeech(
    subset: str = "dev-clean",
    *,
    data_home: str | PathLike[str] | None = None,
    download_if_missing: bool = True,
    return_X_y: bool = False,
    as_frame: bool = False,
    verbose: bool = False,
) -> Corpus:
    """Fetch a subset of LibriSpeech, English audio books read by volunteers.

    %(download)s

    Parameters
    ----------
    subset : {"dev-clean", "dev-other", "test-clean", "test-other", "train-clean-100", \
            "train-clean-360", "train-other-500"}, default="dev-clean"
        No two subsets share a speaker. The archives of the first four have about 0.3 GB, of the
        others 6, 23 and 30 GB; unpacking takes as much again.

    %(fetcher_parameters)s

    %(returns)s
        target : ndarray of shape (n_samples,), str
            Speakers, as "1272".
        groups : ndarray of shape (n_samples,), str
            Sessions, the chapters of books, as "1272/128104".
        frame : DataFrame of shape (n_samples, 5)
            Columns path, speaker, session, utterance and gender ("f" or "m"). Only if
            `as_frame=True`.
    %(description_or_pair)s

    %(raises_oserror)s

    ValueError
        If there is no such subset.

    References
    ----------
    .. [1] V. Panayotov, G. Chen, D. Povey and S. Khudanpur (2015). "Librispeech: an ASR corpus
       based on public domain audio books". ICASSP, 5206-5210.

    Examples
    --------
    >>> from sklearn_siamese_speaker.datasets import fetch_librispeech
    >>> voices = fetch_librispeech("test-clean")  # doctest: +SKIP
    >>> print(voices.target[0], voices.groups[0])  # doctest: +SKIP
    1089 1089/134686
    """
    if subset not in ARCHIVES:
        raise ValueError(f"subset={subset!r} is not one of {', '.join(ARCHIVES)}.")
    corpus = fetch_archive(ARCHIVES[subset], data_home, download_if_missing, verbose)
    rows = find_recordings(corpus / subset)
    genders = _read_genders(corpus / "SPEAKERS.TXT")
    for row in rows:
        row.update(utterance=Path(row["path"]).stem, gender=genders[row["speaker"]])
    return make_corpus(rows, ABOUT, return_X_y=return_X_y, as_frame=as_frame)


def _read_genders(file: Path) -> dict[str, str]:
    """Read "ID | SEX | SUBSET | MINUTES | NAME"; lines that begin with a semicolon are comments."""
    lines = [line for line in file.read_text(encoding="utf-8").splitlines() if line[:1] != ";"]
    fields = [[field.strip() for field in line.split("|")] for line in lines]
    return {speaker: gender.lower() for speaker, gender, *_ in fields}
