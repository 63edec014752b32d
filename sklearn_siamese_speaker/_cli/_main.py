"""One command from its arguments to its exit code: 0, 1 for somebody unknown, 2 for an error."""

from __future__ import annotations

import argparse
import json
import os
import sys
import warnings
from collections.abc import Sequence
from typing import Any, NoReturn

from .._progress import only_on_a_terminal
from . import _encoders, _listen, _people
from ._answer import Answer

_ERROR = 2
_INTERRUPTED = 130  # what shells give for Ctrl-C
_SENTENCES = (ValueError, OSError, ImportError, ArithmeticError)  # their message says enough


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.exit(_ERROR, f"error: {message}; see {self.prog} --help\n")


class _Version(argparse.Action):
    def __call__(self, parser: argparse.ArgumentParser, *args: Any, **kwargs: Any) -> NoReturn:
        from .. import __version__

        print(f"siamese-speaker {__version__}")
        parser.exit()


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command that the arguments name, those of the process if None."""
    # It leaves by SystemExit where there is more to say than 0.
    options = _make_parser().parse_args(arguments)
    with warnings.catch_warnings(), only_on_a_terminal():
        # Ours, for the person who typed the command, whatever filters the process has.
        warnings.simplefilter("default", UserWarning)
        warnings.showwarning = _show_warning
        try:
            _print(options.run(options), options.json)
        except KeyboardInterrupt:
            _leave("interrupted", _INTERRUPTED)
        except BrokenPipeError:
            # Whoever read the output has had enough; Python must not flush what is left of it.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise SystemExit(_ERROR) from None
        except Exception as error:
            kind = "" if isinstance(error, _SENTENCES) else f"{type(error).__name__}: "
            _leave(f"error: {kind}{error}", _ERROR)


def _make_parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="siamese-speaker",
        description="Recognize people by their voice, from one recording of each.",
        epilog="Exit codes: 0; 1 if somebody is unknown or two voices are not the same; 2 after an "
        "error.",
    )
    parser.add_argument("--version", action=_Version, nargs=0, help="show the version and leave")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for module in (_people, _listen, _encoders):
        module.add_commands(commands)
    return parser


def _print(answer: Answer, as_json: bool) -> None:
    print(json.dumps(answer.data, ensure_ascii=False) if as_json else answer.text, flush=True)
    if answer.code:
        raise SystemExit(answer.code)


def _leave(sentence: str, code: int) -> NoReturn:
    print(sentence, file=sys.stderr)
    # Who catches it reads the sentence, a shell the code.
    leaving = SystemExit(sentence)
    leaving.code = code
    raise leaving


def _show_warning(message: Warning | str, *args: Any, **kwargs: Any) -> None:
    """Write a warning as a sentence, without the line of code that it comes from."""
    print(f"warning: {message}", file=sys.stderr)
