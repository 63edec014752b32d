"""The commands that say whose voice is heard: identify, and for conversations diarize."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from sklearn.base import BaseEstimator

from .._audio import open_recordings, raise_faults
from ..datasets import write_rttm
from ..encoders.fingerprint import make_ready
from ..recognition import OneShotClassifier, SpeakerDiarizer, SpeakerStore
from ._answer import (
    OF_THE_STORE,
    Answer,
    add_command,
    add_encoder,
    add_store,
    find_encoder,
    find_encoder_of,
    writing,
)

_LONG = 10.0  # seconds from which on several people may speak


def add_commands(commands: Any) -> None:
    """Add these commands to the command line."""
    parser = add_command(
        commands,
        "identify",
        identify,
        f"say whose voice is in a recording; of one longer than {_LONG:.0f} s, who speaks when",
    )
    add_store(parser)
    parser.add_argument("files", nargs="+", metavar="FILE")
    add_encoder(parser, OF_THE_STORE)

    parser = add_command(commands, "diarize", diarize, "say who speaks when in a conversation")
    parser.add_argument("files", nargs="+", metavar="FILE")
    parser.add_argument(
        "--store", metavar="STORE", help="call the people enrolled there by their names"
    )
    parser.add_argument(
        "--n-speakers", type=int, metavar="N", help="people in each file (default: estimated)"
    )
    parser.add_argument("--rttm", metavar="FILE", help="an RTTM file to write as well")
    add_encoder(parser)


def identify(options: argparse.Namespace) -> Answer:
    """Say for each recording who it is, how similar, and who would be next."""
    store = SpeakerStore(options.store)
    encoder = make_ready(find_encoder_of(store, options.encoder))
    who = store.classifier(encoder)
    # All files are looked at before the first one is embedded.
    recordings, faults = open_recordings(options.files, input_sample_rate=16000)
    raise_faults(faults, len(options.files))
    is_long = [recording.duration > _LONG for recording in recordings]
    short = [file for file, long in zip(options.files, is_long, strict=True) if not long]
    long = [file for file, long in zip(options.files, is_long, strict=True) if long]
    answers = _who_and_when(who, long)
    answers |= _who(who, encoder, short)
    found = [answers[file] for file in options.files]
    is_unknown = any(one["name"] is None for one in found)
    return Answer("\n".join(map(_lines, found)), found, code=int(is_unknown))


def _who(
    who: OneShotClassifier, encoder: BaseEstimator, files: list[str]
) -> dict[str, dict[str, Any]]:
    """Return what is known of each file; the name of somebody unknown is None."""
    if not files:
        return {}
    E = encoder.transform(files)
    who.encoder_ = None  # pass embeddings: `rank` and `predict` would embed twice
    n = min(2, len(who.classes_))
    labels, scores = (a.tolist() for a in who.rank(E, k=n, return_similarities=True))
    none = [None]  # where only one person is enrolled
    return {
        file: {
            "file": file,
            "name": best if name == best else None,
            "best": best,
            "score": score,
            "runner_up": second,
            "runner_up_score": second_score,
            "threshold": who.threshold,
        }
        for file, name, (best, second, *_), (score, second_score, *_) in zip(
            files,
            who.predict(E).tolist(),
            (row + none for row in labels),
            (row + none for row in scores),
            strict=True,
        )
    }


def _who_and_when(who: OneShotClassifier, files: list[str]) -> dict[str, dict[str, Any]]:
    """Return the segments of each file; it has a name if all its speech is of enrolled people."""
    if not files:
        return {}
    answers = {}
    for file, segments in zip(files, SpeakerDiarizer(classifier=who).predict(files), strict=True):
        voices = sorted({name for *_, name in segments})
        people = [name for name in voices if name in who.classes_]
        is_known = people == voices != []
        answers[file] = {
            "file": file,
            "name": ", ".join(people) if is_known else None,
            "people": people,
            "segments": _as_dicts(segments),
        }
    return answers


def _as_dicts(segments: list[tuple[float, float, str]]) -> list[dict[str, Any]]:
    return [
        {"start": round(start, 3), "end": round(end, 3), "speaker": name}
        for start, end, name in segments
    ]


def _lines(one: dict[str, Any]) -> str:
    if "segments" in one:
        return _segments(one)
    others = [] if one["name"] else [f"best {one['best']} {one['score']:.3f}"]
    if one["runner_up"]:
        others.append(f"then {one['runner_up']} {one['runner_up_score']:.3f}")
    who = f"{one['name']} {one['score']:.3f}" if one["name"] else "unknown"
    return f"{one['file']}: {who}" + (f" ({', '.join(others)})" if others else "")


def _segments(one: dict[str, Any]) -> str:
    lines = [f"{one['file']}:" + ("" if one["segments"] else " no speech")]
    for segment in one["segments"]:
        lines.append(f"{segment['start']:8.2f} - {segment['end']:.2f} s  {segment['speaker']}")
    return "\n".join(lines)


def diarize(options: argparse.Namespace) -> Answer:
    """Say who speaks when, by name where a store is given."""
    if options.store is None:
        diarizer = SpeakerDiarizer(find_encoder(options.encoder), n_speakers=options.n_speakers)
    else:
        store = SpeakerStore(options.store)
        who = store.classifier(find_encoder_of(store, options.encoder))
        diarizer = SpeakerDiarizer(classifier=who, n_speakers=options.n_speakers)
    if options.rttm is None:
        predicted = diarizer.predict(options.files)
    else:
        names = _names(options.files)  # raises before minutes of work
        with writing(options.rttm) as scratch:
            predicted = diarizer.predict(options.files)
            write_rttm(scratch, dict(zip(names, predicted, strict=True)))
    found = [
        {"file": file, "segments": _as_dicts(segments)}
        for file, segments in zip(options.files, predicted, strict=True)
    ]
    return Answer("\n".join(map(_segments, found)), found)


def _names(files: list[str]) -> list[str]:
    """Return what an RTTM file calls each recording."""
    names = [Path(file).stem for file in files]
    repeated = [name for name in names if names.count(name) > 1]
    if repeated:
        raise ValueError(
            f"Two files are named {repeated[0]!r}, which --rttm cannot tell apart; rename one."
        )
    return names
