"""The rows of a store: voiceprints with their checksums, the calibration, the present state."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import closing, suppress
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.utils import Bunch

from ._store_file import PAGE_SIZE, StoreFile

_COLUMNS = "name, embedding, enrolled, recording, encoder, checksum"
_LEAST_BYTES = 50  # of a voiceprint

Voiceprint = tuple[str, bytes, str, str | None, str]


def checksum(name: str, embedding: bytes, *others: str | None) -> int:
    """Return the CRC-32 of the columns of a voiceprint: SQLite notices no flipped bit in them."""
    text = "\0".join([name, *(other or "" for other in others)])
    return zlib.crc32(embedding, zlib.crc32(text.encode()))


def is_whole(row: tuple) -> bool:
    """Whether a row, as it was read, has the checksum it was written with."""
    *columns, found = row
    try:
        return checksum(*columns) == found
    except (TypeError, AttributeError):  # a flipped bit may also turn text into a number
        return False


def insert(
    db: sqlite3.Connection,
    name: str,
    embedding: bytes,
    enrolled: str,
    recording: str | None,
    encoder: str,
) -> None:
    """Add a voiceprint, with its checksum."""
    row = (name, embedding, enrolled, recording, encoder)
    db.execute(
        f"INSERT INTO voiceprints ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?)", [*row, checksum(*row)]
    )


def read_voiceprints(db: sqlite3.Connection, file: StoreFile) -> Bunch:
    """Return what `SpeakerStore.voiceprints` does; raise if a checksum does not match."""
    rows = db.execute(f"SELECT {_COLUMNS} FROM voiceprints ORDER BY id").fetchall()
    for i, row in enumerate(rows):
        if not is_whole(row):
            file.refuse_damaged(f"the checksum of voiceprint {i + 1} does not match")
    names, embeddings, enrolled, recordings, encoders, _ = (
        zip(*rows, strict=True) if rows else 6 * [()]
    )
    n_dims = len(embeddings[0]) // 4 if rows else 0
    return Bunch(
        names=np.array(names, dtype=str),
        embeddings=np.frombuffer(b"".join(embeddings), dtype="<f4").reshape(len(rows), n_dims),
        enrolled=np.array([time[:19] for time in enrolled], dtype="datetime64[s]"),
        recordings=list(recordings),
        encoder=encoders[0] if rows else None,
    )


def whole_voiceprints(path: str) -> list[Voiceprint]:
    """Return the voiceprints of a damaged file that can be read and are whole."""
    found = list(_read_one_by_one(path))
    if found:
        return found
    with tempfile.TemporaryDirectory() as folder:
        return list(_read_one_by_one(_with_new_first_page(path, folder)))


def _read_one_by_one(path: str) -> Iterator[Voiceprint]:
    last = os.path.getsize(path) // _LEAST_BYTES
    with closing(sqlite3.connect(f"{Path(path).absolute().as_uri()}?mode=ro", uri=True)) as db:
        with suppress(sqlite3.Error):
            last = db.execute("SELECT max(id) FROM voiceprints").fetchone()[0] or 0
        query = f"SELECT {_COLUMNS} FROM voiceprints WHERE id = ?"
        for position in range(1, last + 1):
            with suppress(sqlite3.Error):
                yield from (row[:-1] for row in db.execute(query, [position]) if is_whole(row))


def _with_new_first_page(path: str, folder: str) -> str:
    """Return a copy of a damaged file with the first page, of names of tables, of a new store."""
    new, copy = StoreFile(os.path.join(folder, "new"), 1.0), os.path.join(folder, "copy")
    with new.changing():
        pass
    shutil.copyfile(path, copy)
    with open(new.path, "rb") as of_new, open(copy, "r+b") as of_damaged:
        of_damaged.write(of_new.read(PAGE_SIZE))
    return copy


def check_encoder(
    db: sqlite3.Connection, path: str | PathLike[str], encoder: str, n_dims: int
) -> None:
    """Raise if the store holds voiceprints of another encoder."""
    row = db.execute("SELECT encoder, length(embedding) FROM voiceprints LIMIT 1").fetchone()
    if row is None:
        return
    if row[0] != encoder:
        raise ValueError(
            f"{os.fspath(path)!r} holds voiceprints of the encoder {row[0]!r}, and this one is "
            f"{encoder!r}: give the encoder they were made with, or enrol everybody with this one "
            "in another store."
        )
    if row[1] // 4 != n_dims:
        raise ValueError(
            f"X has {n_dims} dimensions, and the voiceprints in {os.fspath(path)!r} have "
            f"{row[1] // 4}: enrol embeddings of one encoder."
        )


def is_enrolled(
    db: sqlite3.Connection, path: str | PathLike[str], name: str, recording: str | None
) -> bool:
    """Whether a recording is enrolled under this name; raise if it is under another."""
    query = "SELECT name FROM voiceprints WHERE recording = ?"
    row = db.execute(query, [recording]).fetchone()
    if row is not None and row[0] != name:
        raise ValueError(
            f"A recording of {name!r} is enrolled in {os.fspath(path)!r} as {row[0]!r} already: "
            "check whose it is, or forget that person first."
        )
    return row is not None


def names_in(db: sqlite3.Connection) -> list[str]:
    """Return the names of the enrolled people, sorted."""
    return [name for (name,) in db.execute("SELECT DISTINCT name FROM voiceprints ORDER BY name")]


def encoder_of(db: sqlite3.Connection) -> str | None:
    """Return the fingerprint of the encoder, None if nobody is enrolled."""
    row = db.execute("SELECT encoder FROM voiceprints LIMIT 1").fetchone()
    return None if row is None else row[0]


def version_of(db: sqlite3.Connection) -> str:
    """Return a random token, new at each write."""
    return db.execute("SELECT change FROM store").fetchone()[0]


def keep_calibration(db: sqlite3.Connection, calibration: dict[str, Any]) -> None:
    """Write a calibration as JSON behind its CRC-32."""
    text = json.dumps(calibration, default=_plain)
    db.execute("UPDATE store SET calibration = ?", [f"{zlib.crc32(text.encode()):08x} {text}"])


def calibration_in(db: sqlite3.Connection, file: StoreFile) -> dict[str, Any] | None:
    """Return what `SpeakerStore.keep_calibration` kept, else None."""
    (kept,) = db.execute("SELECT calibration FROM store").fetchone()
    if kept is None:
        return None
    found, _, text = str(kept).partition(" ")
    if found != f"{zlib.crc32(text.encode()):08x}":
        file.refuse_damaged("the checksum of the calibration does not match")
    return json.loads(text)


def _plain(value: Any) -> Any:
    return value.tolist() if isinstance(value, np.ndarray | np.generic) else value
