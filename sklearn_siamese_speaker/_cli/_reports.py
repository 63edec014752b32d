"""The command that trains and tests on a folder, and writes a report."""

from __future__ import annotations

import argparse
import sys
from contextlib import nullcontext, redirect_stdout
from typing import Any

from ._answer import Answer, add_command


def add_commands(commands: Any) -> None:
    """Add this command to the command line."""
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


def report(options: argparse.Namespace) -> Answer:
    """Write a report; what it finds is printed while it is found."""
    from .._report import report, report_representations

    run = report_representations if options.representations else report
    with redirect_stdout(sys.stderr) if options.json else nullcontext():
        run(
            options.folder,
            synthetic=options.synthetic,
            unseen=options.unseen,
            output=options.output,
        )
    return Answer(f"The report is in {options.output}.", {"output": options.output})
