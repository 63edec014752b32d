"""The commands that need no store: verify, embed, train, report."""

from __future__ import annotations

import argparse
import csv
import io
import sys
from contextlib import nullcontext, redirect_stdout
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.pipeline import make_pipeline

from .._estimators import published_threshold
from ..datasets import load_speaker_folder
from ..encoders import SiameseSpeakerEncoder
from ..encoders.fingerprint import fingerprint, make_ready
from ..features import MFCC
from ..model_selection import find_embedding_metric
from ..recognition import OneShotClassifier
from ._answer import Answer, add_command, add_encoder, check_skops, find_encoder, writing


def add_commands(commands: Any) -> None:
    """Add these commands to the command line."""
    parser = add_command(commands, "verify", verify, "say whether two recordings are of one voice")
    parser.add_argument("files", nargs=2, metavar="FILE")
    parser.add_argument(
        "--threshold",
        type=float,
        metavar="SCORE",
        help="least similarity of one voice (default: that of the encoder, if it comes with one)",
    )
    add_encoder(parser)

    parser = add_command(commands, "embed", embed, "write the embeddings of recordings")
    parser.add_argument("files", nargs="+", metavar="FILE")
    parser.add_argument(
        "-o",
        "--output",
        metavar="FILE",
        help="an .npz or .csv file (default: CSV to the standard output)",
    )
    add_encoder(parser)

    parser = add_command(commands, "train", train, "train an encoder on recordings of many people")
    parser.add_argument("folder", metavar="FOLDER", help="recordings, as FOLDER/<name>/<recording>")
    parser.add_argument(
        "-o", "--output", metavar="FILE", required=True, help="the .skops file to write"
    )
    parser.add_argument("--seed", type=int, default=0, help="of the training (default: 0)")

    parser = add_command(
        commands,
        "report",
        report,
        "train the Siamese encoder and test it next to k-NN on other speakers",
    )
    parser.add_argument(
        "folder",
        nargs="?",
        metavar="FOLDER",
        help="recordings as <speaker>/<recording>.wav, .flac, .ogg or .mp3; those of load_voices() "
        "if left out",
    )
    parser.add_argument(
        "--synthetic",
        action="store_true",
        help="synthetic voices instead, whose figures say nothing about real ones",
    )
    parser.add_argument(
        "--unseen",
        metavar="FILE",
        help="names of the speakers to keep out of the training, one a line; a fixed quarter "
        "of them if left out",
    )
    parser.add_argument(
        "--representations",
        action="store_true",
        help="compare raw audio, MFCC, log-mel and VGGish as input of the encoder instead",
    )
    parser.add_argument(
        "--output", metavar="DIR", default="report", help="where files go (default: report)"
    )


def verify(options: argparse.Namespace) -> Answer:
    """Compare two recordings."""
    encoder = make_ready(find_encoder(options.encoder))
    metric = find_embedding_metric(encoder)
    threshold = options.threshold
    if threshold is None:
        threshold = published_threshold(encoder, metric)
    if threshold is None:
        raise ValueError(
            f"The encoder {fingerprint(encoder)!r} comes without a threshold: give --threshold."
        )
    E = encoder.transform(options.files)
    # One person enrolled: the similarity is that of all other commands.
    pair = OneShotClassifier(metric=metric).fit(E[:1], ["first"])
    score = pair.similarities(E[1:]).item()
    is_same = score >= threshold
    words = "the same voice" if is_same else "not the same voice"
    data = {"same": is_same, "score": score, "threshold": threshold}
    text = f"{words}, score {score:.3f} (threshold {threshold:.3f})"
    return Answer(text, data, code=int(not is_same))


def embed(options: argparse.Namespace) -> Answer:
    """Embed recordings, and write them to a file or to the standard output."""
    suffix = None if options.output is None else Path(options.output).suffix
    if suffix not in (None, ".npz", ".csv"):
        raise ValueError(f"--output {options.output} must end in .npz or .csv.")
    encoder = make_ready(find_encoder(options.encoder))
    E, name = encoder.transform(options.files), fingerprint(encoder)
    data: dict[str, Any] = {"encoder": name, "files": options.files}
    if options.output is None:
        return Answer(_as_csv(options.files, E), {**data, "embeddings": E.tolist()})
    with writing(options.output) as scratch:
        if suffix == ".npz":
            np.savez(scratch, files=options.files, embeddings=E, encoder=name)
        else:
            Path(scratch).write_text(_as_csv(options.files, E) + "\n", encoding="utf-8")
    text = f"{len(E)} embeddings of {E.shape[1]} dimensions in {options.output}"
    return Answer(text, {**data, "output": options.output})


def _as_csv(files: list[str], E: NDArray) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["file", *range(E.shape[1])])
    writer.writerows([file, *row] for file, row in zip(files, E.tolist(), strict=True))
    return text.getvalue().rstrip("\n")


def train(options: argparse.Namespace) -> Answer:
    """Train the default encoder, and save it."""
    if Path(options.output).suffix != ".skops":
        raise ValueError(f"--output {options.output} must end in .skops.")
    check_skops()
    import skops.io

    files, names = load_speaker_folder(options.folder, return_X_y=True)
    # The standard output is for the answer: what the training prints goes to stderr.
    with writing(options.output) as scratch, redirect_stdout(sys.stderr):
        encoder = SiameseSpeakerEncoder(random_state=options.seed, verbose=int(sys.stderr.isatty()))
        pipeline = make_pipeline(MFCC(), encoder).fit(files, names)
        skops.io.dump(pipeline, scratch)
    n_speakers = len(set(names))
    data = {"output": options.output, "encoder": fingerprint(pipeline), "speakers": n_speakers}
    text = f"{options.output}: trained on {len(files)} recordings of {n_speakers} people"
    return Answer(text, {**data, "recordings": len(files)})


def report(options: argparse.Namespace) -> Answer:
    """Write a report; what it finds is printed while it is found."""
    from .._report import report, report_representations  # slow to load

    run = report_representations if options.representations else report
    with redirect_stdout(sys.stderr) if options.json else nullcontext():
        run(
            options.folder,
            synthetic=options.synthetic,
            unseen=options.unseen,
            output=options.output,
        )
    return Answer(f"The report is in {options.output}.", {"output": options.output})
