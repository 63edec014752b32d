"""What the commands have in common: their answers, the encoder they name, the files they write."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from sklearn.base import BaseEstimator

from .._files import replacing
from ..encoders import OnnxSpeakerEncoder, PretrainedSpeakerEncoder
from ..encoders.pretrained.public_models import PUBLIC_MODELS
from ..recognition import SpeakerStore

DEFAULT_ENCODER = "box"
OF_THE_STORE = "that of the store, box for a new one"


class Answer(NamedTuple):
    """What a command says: to people, to programs (`--json`), and by its exit code."""

    text: str
    data: Any
    code: int = 0


def add_command(commands: Any, name: str, run: Any, text: str, **kwargs: Any) -> Any:
    """Add a command that `run` carries out, a function of the options that returns an `Answer`."""
    parser = commands.add_parser(name, help=text, description=text, **kwargs)
    parser.set_defaults(run=run)
    parser.add_argument("--json", action="store_true", help="answer in JSON, for programs")
    return parser


def add_encoder(parser: argparse.ArgumentParser, default: str = DEFAULT_ENCODER) -> None:
    """Add the option `--encoder`."""
    names = ", ".join(PUBLIC_MODELS)
    parser.add_argument(
        "--encoder",
        metavar="ENCODER",
        help=f"{names}, a pipeline in a .skops file or a model in an .onnx file (default: "
        f"{default})",
    )


def add_store(parser: argparse.ArgumentParser, text: str = "file that keeps the people") -> None:
    """Add the argument that names a store."""
    parser.add_argument("store", metavar="STORE", help=text)


def find_encoder_of(store: SpeakerStore, name: str | None) -> BaseEstimator:
    """Return the encoder named, else the public one that a store was made with, else the box."""
    # Similarities of another encoder mean nothing. Of one in a file the store has the fingerprint,
    # not the path: it must be named again.
    if name is None and os.path.exists(store.path):
        title = (store.encoder or "").partition(":")[0]
        name = title if title in PUBLIC_MODELS else None
    return find_encoder(name)


def find_encoder(name: str | None) -> BaseEstimator:
    """Return the encoder that `--encoder` names; its file may be unreadable, or it names none."""
    name = name or DEFAULT_ENCODER
    if name in PUBLIC_MODELS:
        return PretrainedSpeakerEncoder(name)
    suffix = Path(name).suffix
    if suffix == ".onnx":
        return OnnxSpeakerEncoder(name)
    if suffix == ".skops":
        return _load(name)
    raise ValueError(
        f"--encoder {name} is neither one of {', '.join(PUBLIC_MODELS)} nor a file that ends in "
        ".skops or .onnx."
    )


def _load(path: str) -> BaseEstimator:
    check_skops()
    import skops.io

    from .. import TRUSTED_TYPES

    # A type that is not trusted raises: a file from elsewhere runs no code.
    try:
        return skops.io.load(path, trusted=TRUSTED_TYPES)
    except FileNotFoundError:
        raise
    except Exception as error:  # a damaged archive raises whatever the damage leads to
        raise ValueError(
            f"The encoder {path!r} cannot be loaded ({error}); give a pipeline that "
            "siamese-speaker train or skops has saved."
        ) from error


def check_skops() -> None:
    """Raise if skops, which reads and writes encoders, is not installed."""
    try:
        import skops.io  # noqa: F401
    except ImportError as error:
        raise ImportError(
            "Saved encoders need skops: pip install 'sklearn-siamese-speaker[skops]'."
        ) from error


@contextmanager
def writing(path: str) -> Iterator[str]:
    """Yield the name of a file to write; it takes the place of `path` once it is complete."""
    folder, name = os.path.split(os.path.abspath(path))
    if not os.path.isdir(folder):
        raise FileNotFoundError(f"There is no folder {folder!r} to write {name!r} to.")
    # What commands write may tell of voices: it is for its owner only.
    with replacing(path, private=True) as scratch:
        yield scratch
