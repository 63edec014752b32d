"""The commands that keep a store of people: enrol, people, forget, calibrate."""

from __future__ import annotations

import argparse
import os
from typing import Any

import numpy as np

from ..datasets import load_speaker_folder
from ..recognition import SpeakerStore
from ._answer import OF_THE_STORE, Answer, add_command, add_encoder, add_store, find_encoder_of


def add_commands(commands: Any) -> None:
    """Add these commands to the command line."""
    parser = add_command(commands, "enrol", enrol, "enrol people with recordings of their voice")
    parser.usage = "%(prog)s [-h] [--json] [--encoder ENCODER] STORE (NAME FILE... | FOLDER)"
    add_store(parser, "file that keeps the people; it is made when there is none")
    parser.add_argument(
        "who",
        nargs="+",
        metavar="NAME FILE",
        help="a name and recordings of this person, or one folder as FOLDER/<name>/<recording>",
    )
    add_encoder(parser, OF_THE_STORE)

    parser = add_command(commands, "people", people, "list the enrolled people")
    add_store(parser)

    parser = add_command(commands, "forget", forget, "remove people, and overwrite their voices")
    add_store(parser)
    parser.add_argument("names", nargs="+", metavar="NAME")
    parser.add_argument(
        "--timeout",
        type=float,
        default=10.0,
        metavar="SECONDS",
        help="how long to wait for programs that read the store (default: 10)",
    )

    parser = add_command(
        commands, "calibrate", calibrate, "set the threshold for unknown voices, and keep it"
    )
    add_store(parser)
    parser.add_argument(
        "folder", metavar="FOLDER", help="recordings of other people, as FOLDER/<name>/<recording>"
    )
    parser.add_argument(
        "--target-far",
        type=float,
        default=0.01,
        metavar="SHARE",
        help="share of the recordings of unknown people to accept at most (default: 0.01)",
    )
    add_encoder(parser, OF_THE_STORE)


def enrol(options: argparse.Namespace) -> Answer:
    """Enrol recordings of one person, or those in a folder of people."""
    names, files = _find_recordings(options.who)
    store = SpeakerStore(options.store)
    store.enrol(names, files, find_encoder_of(store, options.encoder))
    n_recordings = _count(store)
    enrolled: list[dict[str, Any]] = [
        {"name": name, "recordings": n_recordings[name]} for name in sorted(set(names))
    ]
    lines = [f"{one['name']}: {_recordings(one['recordings'])}" for one in enrolled]
    lines.append(f"{len(n_recordings)} people in {options.store}")
    return Answer("\n".join(lines), {"enrolled": enrolled, "people": len(n_recordings)})


def _find_recordings(who: list[str]) -> tuple[list[str], list[str]]:
    if len(who) > 1:
        return [who[0]] * len(who[1:]), who[1:]
    if os.path.isdir(who[0]):
        files, names = load_speaker_folder(who[0], return_X_y=True)
        return names.tolist(), list(files)
    raise ValueError(
        f"{who[0]!r} is not a folder of people, and no recording follows it: give NAME FILE..., or "
        "a FOLDER with a folder of recordings for each person."
    )


def people(options: argparse.Namespace) -> Answer:
    """List who is enrolled, and whether the threshold is calibrated for so many."""
    store = SpeakerStore(options.store)
    kept, calibration = store.voiceprints(), store.calibration
    names, position, counts = np.unique(kept.names, return_inverse=True, return_counts=True)
    last = np.zeros(len(names), dtype="datetime64[s]")
    np.maximum.at(last, position, kept.enrolled)
    rows = list(zip(names.tolist(), counts.tolist(), np.datetime_as_string(last), strict=True))
    everybody = [{"name": name, "recordings": n, "last_enrolled": str(t)} for name, n, t in rows]
    lines = [f"{name}: {_recordings(n)}, the last on {time[:10]}" for name, n, time in rows]
    data = {"people": everybody, "encoder": kept.encoder, "calibration": calibration}
    return Answer("\n".join([*lines, _describe(calibration)]), data)


def _count(store: SpeakerStore) -> dict[str, int]:
    names, counts = np.unique(store.voiceprints().names, return_counts=True)
    return dict(zip(names.tolist(), counts.tolist(), strict=True))


def _recordings(n: int) -> str:
    return "1 recording" if n == 1 else f"{n} recordings"


def _describe(calibration: dict[str, Any] | None) -> str:
    if calibration is None:
        return "The threshold is not calibrated."
    found = calibration["found"]
    stale = ": calibrate again, more people are enrolled now" if calibration["is_stale"] else ""
    return (
        f"The threshold {found['threshold']:.3f} is calibrated for {found['n_enrolled']} people"
        f"{stale}."
    )


def forget(options: argparse.Namespace) -> Answer:
    """Remove people."""
    SpeakerStore(options.store, timeout=options.timeout).forget(options.names)
    names = sorted(set(options.names))
    return Answer(f"forgotten: {', '.join(names)}", {"forgotten": names})


def calibrate(options: argparse.Namespace) -> Answer:
    """Set the threshold on recordings of other people, and keep it in the store."""
    store = SpeakerStore(options.store)
    files, names = load_speaker_folder(options.folder, return_X_y=True)
    who = store.classifier(find_encoder_of(store, options.encoder), threshold=None)
    who.calibrate_threshold(files, names, target_far=options.target_far)
    found: dict[str, Any] = store.keep_calibration(who).calibration["found"]  # type: ignore[index]
    text = (
        f"{_describe(store.calibration)} Of the recordings of other people "
        f"{100 * found['false_accept_rate']:.1f} % are accepted, with 95 % confidence at most "
        f"{100 * found['false_accept_bound']:.1f} %."
    )
    return Answer(text, found)
