"""The file of a store: one SQLite database, and what can be wrong with it in a sentence."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from threading import Lock
from typing import NoReturn

_APPLICATION_ID = 0x53_53_53_31  # "SSS1" in the header of the file
_VERSION = 1  # of the tables below
PAGE_SIZE = 4096  # bytes
_TABLES = (
    """
    CREATE TABLE voiceprints (
        id INTEGER PRIMARY KEY,
        name TEXT NOT NULL,
        embedding BLOB NOT NULL,      -- float32, little-endian
        enrolled TEXT NOT NULL,       -- UTC, ISO 8601
        recording TEXT UNIQUE,        -- SHA-256 of the recording
        encoder TEXT NOT NULL,        -- fingerprint of the encoder; the same in all rows
        checksum INTEGER NOT NULL     -- CRC-32 of the columns above, but id
    )
    """,
    """
    CREATE TABLE store (              -- one row
        change TEXT NOT NULL,         -- a new random name at each change
        to_erase TEXT,                -- the change that forgot voices whose bytes are still there
        calibration TEXT              -- CRC-32 and JSON
    )
    """,
    "INSERT INTO store (change) VALUES (lower(hex(randomblob(16))))",
    f"PRAGMA application_id = {_APPLICATION_ID}",
    f"PRAGMA user_version = {_VERSION}",
)
_NEW_CHANGE = "UPDATE store SET change = lower(hex(randomblob(16)))"
_READ_ONLY_CODES = {sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM}
_SECONDS_BETWEEN_TRIES = 0.02
_making = Lock()


class SpeakerStoreError(OSError):
    """A store that cannot be used: damaged, of another program, locked, or not to be written.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
        >>> from sklearn_siamese_speaker import SpeakerStore, SpeakerStoreError
        >>> with TemporaryDirectory() as folder:
        ...     path = Path(folder, "people.db")
        ...     _ = path.write_text("These are a few words and not a database.")
        ...     try:
        ...         SpeakerStore(path).people
        ...     except SpeakerStoreError as error:
        ...         print(str(error).partition("people.db")[2])
        ' is not a store of speakers, or its first bytes are damaged (file is not a database). ...
    """


class NotErasedError(SpeakerStoreError):
    """A voice is removed from a store, but its bytes are not overwritten yet.

    Another process was reading. The next change of the store, or another call of
    :meth:`SpeakerStore.erase`, overwrites them.

    Examples
    --------
    >>> from sklearn_siamese_speaker import NotErasedError, SpeakerStoreError
    >>> issubclass(NotErasedError, SpeakerStoreError)
    True
    """


class StoreFile:
    """An SQLite database that is opened for each piece of work and closed after it."""

    # No connection outlives a call: a store works in any thread, after a fork and in a pickle,
    # and keeps the log from being truncated only while it reads.

    def __init__(self, path: str | os.PathLike[str], timeout: float) -> None:  # seconds to wait
        self.path = os.path.abspath(path)
        self.timeout = timeout

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Yield a connection; all that is read through it is of one moment."""
        nothing = f"There is no store {self.path!r}; the first enrolment makes it."
        if not self._exists():
            raise FileNotFoundError(nothing)
        with self._connected() as db:
            if _is_new(db):
                raise FileNotFoundError(nothing)
            self._check(db)
            db.execute("BEGIN")
            yield db

    @contextmanager
    def changing(self) -> Iterator[sqlite3.Connection]:
        """Yield a connection; what the body does is committed as a whole, or not at all."""
        try:
            self._exists(make=True)
        except OSError as error:
            raise type(error)(
                f"The store {self.path!r} cannot be opened or made ({error.strerror})."
            ) from error
        with self._connected() as db:
            if _is_new(db):
                self._make_tables(db)
            self._check(db)
            db.execute("BEGIN IMMEDIATE")
            yield db
            db.execute(_NEW_CHANGE)
            db.execute("COMMIT")
            self._erase(db, timeout=0)

    def erase(self) -> None:
        """Overwrite what was forgotten; wait for readers, and raise where they do not end."""
        with self._connected() as db:
            self._check(db)
            if not self._erase(db, self.timeout):
                raise NotErasedError(
                    f"Another process has been reading {self.path!r} for more than "
                    f"{self.timeout:g} s. The voice is removed, but its bytes are not overwritten "
                    "yet: the next change of the store does it, or SpeakerStore.erase()."
                )

    def _erase(self, db: sqlite3.Connection, timeout: float) -> bool:
        """Return whether no byte of what was forgotten is left in any of the files."""
        (forgotten,) = db.execute("SELECT to_erase FROM store").fetchone()
        if forgotten is None:
            return True
        db.execute(f"PRAGMA busy_timeout = {round(1000 * timeout)}")
        try:
            # Pages that were split or merged may keep old bytes: all of them are written anew.
            if not _truncate_log(db):
                return False
            db.execute("VACUUM")
            if not _truncate_log(db):
                return False
        except sqlite3.OperationalError as error:
            if _code(error) != sqlite3.SQLITE_BUSY:
                raise
            return False
        # Another process may have forgotten somebody meanwhile; that is not erased yet.
        db.execute("UPDATE store SET to_erase = NULL WHERE to_erase = ?", [forgotten])
        return True

    @contextmanager
    def _connected(self) -> Iterator[sqlite3.Connection]:
        address = f"{Path(self.path).as_uri()}?mode=rw"
        try:
            with closing(
                sqlite3.connect(address, uri=True, timeout=self.timeout, isolation_level=None)
            ) as db:
                db.execute("PRAGMA secure_delete = ON")  # removed content becomes zeros
                db.execute("PRAGMA synchronous = FULL")  # what is committed survives a power cut
                db.execute("PRAGMA temp_store = MEMORY")  # no voice in a temporary file
                yield db
        except sqlite3.Error as error:
            self._refuse(error)

    def _exists(self, make: bool = False) -> bool:
        """Return whether the file exists, made empty on request."""
        # Nothing but SQLite may open a database that this process uses: closing a file takes all
        # locks of the process from it (https://www.sqlite.org/howtocorrupt.html, section 2.2). So
        # no thread may find the file before the one that makes it has closed it.
        with _making, suppress(FileExistsError):
            if make and not os.path.exists(self.path):
                # SQLite gives the log and its index the mode of the database.
                os.close(os.open(self.path, os.O_CREAT | os.O_EXCL, 0o600))
            return os.path.exists(self.path)
        return True

    def _make_tables(self, db: sqlite3.Connection) -> None:
        db.execute(f"PRAGMA page_size = {PAGE_SIZE}")
        self._turn_log_on(db)
        db.execute("BEGIN IMMEDIATE")
        if _is_new(db):  # another process may have been faster
            for statement in _TABLES:
                db.execute(statement)
        db.execute("COMMIT")

    def _turn_log_on(self, db: sqlite3.Connection) -> None:
        # SQLite does not wait here where two processes make the file at once.
        end = time.monotonic() + self.timeout
        while True:
            try:
                db.execute("PRAGMA journal_mode = WAL")
                return
            except sqlite3.OperationalError as error:
                if _code(error) != sqlite3.SQLITE_BUSY or time.monotonic() > end:
                    raise
            time.sleep(_SECONDS_BETWEEN_TRIES)

    def _check(self, db: sqlite3.Connection) -> None:
        (application,) = db.execute("PRAGMA application_id").fetchone()
        (version,) = db.execute("PRAGMA user_version").fetchone()
        if application != _APPLICATION_ID:
            raise SpeakerStoreError(
                f"{self.path!r} is not a store of speakers (a database of another program)."
            )
        if version > _VERSION:
            raise SpeakerStoreError(
                f"{self.path!r} has tables of version {version}, and this version of the library "
                f"knows {_VERSION}: install a later one."
            )

    def refuse_damaged(self, what: str) -> NoReturn:
        """Raise the error for a damaged file."""
        raise SpeakerStoreError(f"The store {self.path!r} is damaged ({what}). {self._way_back()}")

    def _way_back(self) -> str:
        return (
            "Bring back a backup, or take what is whole into a new store: "
            f"SpeakerStore(new_path).rescue({self.path!r})."
        )

    def _refuse(self, error: sqlite3.Error) -> NoReturn:
        code = _code(error)
        if code == sqlite3.SQLITE_NOTADB:
            raise SpeakerStoreError(
                f"{self.path!r} is not a store of speakers, or its first bytes are damaged "
                f"({error}). {self._way_back()}"
            )
        if code == sqlite3.SQLITE_BUSY:
            raise SpeakerStoreError(
                f"Other processes have been changing {self.path!r} for more than {self.timeout:g} "
                "s; try again, or give SpeakerStore a longer timeout."
            )
        if code in _READ_ONLY_CODES:
            raise SpeakerStoreError(
                f"{self.path!r} cannot be opened ({error}): reading a store, too, needs the right "
                "to write the file and its folder."
            )
        if code in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR):
            raise SpeakerStoreError(f"{self.path!r} cannot be read or written ({error}).")
        self.refuse_damaged(str(error))


def _is_new(db: sqlite3.Connection) -> bool:
    """Whether a database holds nothing at all, as of a process that was killed at the start."""
    (n_tables,) = db.execute("SELECT count(*) FROM sqlite_master").fetchone()
    return not n_tables and not db.execute("PRAGMA application_id").fetchone()[0]


def _code(error: sqlite3.Error) -> int:
    """Return the primary code of an error; errors of Python's own module have none."""
    return getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF


def _truncate_log(db: sqlite3.Connection) -> bool:
    """Return whether the log could be moved into the database, all of it."""
    return not db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
