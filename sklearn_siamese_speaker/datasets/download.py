"""Files from the network: complete, in bounded time and space, or an error."""

from __future__ import annotations

import os
import threading
import time
from os import PathLike
from pathlib import Path
from typing import IO, Any

from .._progress import Progress

DATA_VARIABLE = "SKLEARN_SIAMESE_SPEAKER_DATA"
DEFAULT_DATA_HOME = "~/sklearn_siamese_speaker_data"
WAITS = (1.0, 5.0, 20.0)  # seconds before a cut download is continued
TIMEOUT = 30.0  # seconds without a byte until a connection counts as cut
MIN_SPEED = 10_000  # bytes a second, on average over `PATIENCE`, until a server is given up
PATIENCE = 60.0  # seconds
CHUNK = 2**16  # bytes; what a cut connection had begun of one is lost


class DownloadError(OSError):
    """A server that does not deliver; says only why."""


def get_data_home(data_home: str | PathLike[str] | None = None) -> str:
    """Return the folder of downloaded data; it is made when it does not exist.

    Parameters
    ----------
    data_home : str or path-like, default=None
        The folder; a leading `~` is the home folder. None is the environment variable
        `SKLEARN_SIAMESE_SPEAKER_DATA`, or `~/sklearn_siamese_speaker_data` where it is not set.

    Returns
    -------
    data_home : str
        Absolute path of the folder.

    Raises
    ------
    OSError
        If the folder cannot be made.

    Examples
    --------
    >>> import os, tempfile
    >>> from sklearn_siamese_speaker.datasets import get_data_home
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     os.path.relpath(get_data_home(os.path.join(folder, "speech")), folder)
    'speech'
    """
    if data_home is None:
        data_home = os.environ.get(DATA_VARIABLE) or DEFAULT_DATA_HOME
    folder = Path(data_home).expanduser().absolute()
    folder.mkdir(parents=True, exist_ok=True)
    return str(folder)


def download(url: str, path: Path, *, max_bytes: int, verbose: bool = False) -> None:
    """Download at most `max_bytes` to `path`, or raise a DownloadError that says why not."""
    # What was written until an error stays: the caller removes the file.
    import requests

    with open(path, "wb") as file, Progress(f"Downloading {url} (bytes)") as progress:
        # A connection that broke is taken up where it ended.
        for wait in (*WAITS, None):
            try:
                return _receive(_Connection(url, file, max_bytes, progress, verbose))
            except requests.RequestException as error:
                # One that never was is not tried again.
                if wait is None or file.tell() == 0:
                    raise DownloadError(str(error)) from error
            time.sleep(wait)


def _receive(connection: _Connection) -> None:
    """Wait until a connection has ended; raise what ended it, or if it is too slow."""
    connection.start()
    while connection.is_alive():
        n_before = connection.n_bytes
        connection.join(PATIENCE)
        if connection.is_alive() and connection.n_bytes - n_before < MIN_SPEED * PATIENCE:
            raise DownloadError(f"slower than {MIN_SPEED:,} bytes a second for {PATIENCE:g} s")
    if connection.failure is not None:
        raise connection.failure


class _Connection(threading.Thread):
    """A connection, and the file that it fills."""

    # A thread: a server that sends a byte now and then, of content or of a header, keeps a reader
    # for ever, whatever the timeout. Given up, the thread ends when it next writes to the file,
    # which is closed then.

    def __init__(
        self, url: str, file: IO[bytes], max_bytes: int, progress: Progress, verbose: bool
    ) -> None:
        super().__init__(daemon=True)
        self.url, self.file, self.max_bytes = url, file, max_bytes
        self.progress, self.verbose = progress, verbose
        self.n_bytes = 0  # through this connection
        self.failure: Exception | None = None

    def run(self) -> None:
        try:
            self._fill()
        except Exception as error:
            self.failure = error

    def _fill(self) -> None:
        import pooch

        # `pooch.retrieve` has no bound of size or time, and starts a cut download again: of pooch
        # we keep the request and the bar.
        # Without "identity", ranges would be those of a compressed stream.
        headers = {"Accept-Encoding": "identity", "Range": f"bytes={self.file.tell()}-"}
        downloader = pooch.HTTPDownloader(
            progressbar=self.verbose,
            chunk_size=CHUNK,
            timeout=TIMEOUT,
            headers=headers,
            hooks={"response": self._start_over_unless_continued},
        )
        downloader(self.url, self, None)

    def _start_over_unless_continued(self, response: Any, **_: object) -> None:
        if response.status_code == 200:  # 206 is the rest only
            self.file.seek(0)
            self.file.truncate()

    def write(self, piece: bytes) -> None:
        """Take a piece of the content, as pooch writes it."""
        if self.file.tell() + len(piece) > self.max_bytes:
            raise DownloadError(f"more than {self.max_bytes:,} bytes were sent")
        self.file.write(piece)
        self.n_bytes += len(piece)
        self.progress.advance(len(piece))

    def flush(self) -> None:
        """Write what is buffered, so that a full disk is seen at once."""
        self.file.flush()
