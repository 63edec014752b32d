"""The command line: ``python -m sklearn_siamese_speaker report [FOLDER]``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from ._report import report, report_representations


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command that the arguments name."""
    parser = argparse.ArgumentParser(prog="python -m sklearn_siamese_speaker")
    commands = parser.add_subparsers(dest="command", required=True)
    command = commands.add_parser(
        "report",
        help="train the Siamese encoder and test it next to k-NN on other speakers",
    )
    command.add_argument(
        "folder",
        nargs="?",
        metavar="FOLDER",
        help="recordings as <speaker>/<recording>.wav, .flac, .ogg or .mp3; those of load_voices() "
        "if left out",
    )
    command.add_argument(
        "--synthetic",
        action="store_true",
        help="synthetic voices instead, whose figures say nothing about real ones",
    )
    command.add_argument(
        "--unseen",
        metavar="FILE",
        help="names of the speakers to keep out of the training, one a line; a fixed quarter "
        "of them if left out",
    )
    command.add_argument(
        "--representations",
        action="store_true",
        help="compare raw audio, MFCC, log-mel and VGGish as input of the encoder instead",
    )
    command.add_argument(
        "--output", metavar="DIR", default="report", help="where files go (default: report)"
    )
    options = parser.parse_args(arguments)
    try:
        run = report_representations if options.representations else report
        run(
            options.folder,
            synthetic=options.synthetic,
            unseen=options.unseen,
            output=options.output,
        )
    except (ValueError, OSError, ImportError) as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main()
