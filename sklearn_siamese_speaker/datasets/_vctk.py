"""VCTK, English in many accents; users bring the recordings."""

from __future__ import annotations

import re
from os import PathLike
from pathlib import Path
from typing import Any

from .._docs import substitute
from ._corpus import LOADER_TEXTS, Corpus, make_corpus
from ._speaker_folder import find_recordings

LAYOUTS = ("wav48_silence_trimmed", "wav48")  # versions 0.92 and 0.80
NAME = re.compile(r"[a-z]\d+_(\d+)(_mic[12])?")  # speaker_utterance_microphone

ABOUT = """\
VCTK: newspaper sentences in many accents of English, 48 kHz.
Licence: CC BY 4.0 (version 0.92), ODC-By 1.0 (version 0.80).
Source: https://doi.org/10.7488/ds/2645
Citation: J. Yamagishi, C. Veaux and K. MacDonald (2019). "CSTR VCTK Corpus: English Multi-speaker
Corpus for CSTR Voice Cloning Toolkit (version 0.92)". University of Edinburgh."""


@substitute(**LOADER_TEXTS)
def load_vctk(
    path: str | PathLike[str], *, return_X_y: bool = False, as_frame: bool = False
) -> Corpus:
    """List the recordings of the VCTK corpus, version 0.92 or 0.80.

    Download it yourself from https://doi.org/10.7488/ds/2645 and unpack it. Version 0.92 has each
    sentence twice, from two microphones at the same moment; only the first one is listed, since
    the same words in support and query would make a task too easy. No sound is read.

    Parameters
    ----------
    path : str or path-like
        The folder that holds `wav48_silence_trimmed` (version 0.92) or `wav48` (version 0.80).

    %(loader_parameters)s

    %(returns)s
        target : ndarray of shape (n_samples,), str
            Speakers, as "p225".
        %(one_session)s
        frame : DataFrame of shape (n_samples, 6)
            Columns path, speaker, utterance, age in years, gender ("f" or "m") and accent; missing
            values where `speaker-info.txt` does not list the speaker. The first 24 utterances are
            the same text for all speakers. Only if `as_frame=True`.
    %(description_or_pair)s

    Raises
    ------
    FileNotFoundError
        If the folder holds neither version.

    ValueError
        If the folder of the recordings has another layout.

    References
    ----------
    .. [1] J. Yamagishi, C. Veaux and K. MacDonald (2019). "CSTR VCTK Corpus: English Multi-speaker
       Corpus for CSTR Voice Cloning Toolkit (version 0.92)". University of Edinburgh.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from sklearn_siamese_speaker.datasets import load_vctk
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     speaker = Path(folder, "wav48_silence_trimmed", "p225")
    ...     speaker.mkdir(parents=True)
    ...     for name in ["p225_001_mic1.flac", "p225_001_mic2.flac", "p225_002_mic1.flac"]:
    ...         (speaker / name).touch()
    ...     voices = load_vctk(folder)
    >>> [Path(file).name for file in voices.data]
    ['p225_001_mic1.flac', 'p225_002_mic1.flac']
    """
    folders = [Path(path, name) for name in LAYOUTS if Path(path, name).is_dir()]
    if not folders:
        raise FileNotFoundError(
            f"{str(path)!r} holds no folder {' or '.join(LAYOUTS)}; pass the folder into which "
            "VCTK was unpacked."
        )
    speakers = _read_speakers(Path(path, "speaker-info.txt"))
    rows = []
    for row in find_recordings(folders[0]):
        utterance, microphone = _read_name(row["path"])
        if microphone != "_mic2":
            age, gender, accent = speakers.get(row["speaker"], (None, None, None))
            row.update(utterance=utterance, age=age, gender=gender, accent=accent)
            rows.append(row)
    return make_corpus(rows, ABOUT, return_X_y=return_X_y, as_frame=as_frame)


def _read_name(path: str) -> tuple[str | Any, ...]:
    match = NAME.fullmatch(Path(path).stem)
    if not match:
        raise ValueError(
            f"{path!r} is not named as in VCTK, p225_001 or p225_001_mic1; remove it or pass the "
            "folder to load_speaker_folder."
        )
    return match.groups()


def _read_speakers(file: Path) -> dict[str, tuple[Any, ...]]:
    """Return age, gender and accent of the speakers; version 0.80 names them without the p."""
    if not file.is_file():
        return {}
    fields = [line.split() for line in file.read_text(encoding="utf-8").splitlines()]
    return {
        name if name[0].isalpha() else f"p{name}": (int(age), gender.lower(), accent)
        for name, age, gender, accent, *_ in (line for line in fields if len(line) > 3)
        if age.isdigit()
    }
