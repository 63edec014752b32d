"""A server on 127.0.0.1 that does what servers must not do."""

import contextlib
import hashlib
import http.server
import io
import os
import tarfile
import tempfile
import threading
import time
from functools import partial

import numpy as np
import soundfile

from sklearn_siamese_speaker.datasets import download as _download
from sklearn_siamese_speaker.datasets._fetch_archive import Archive, fetch_archive

from .outcomes import Tally, outcome_of, replaced

PATIENCE = 20  # seconds until a call counts as one that never ends
MEGABYTE = 2**20


def corpus():
    """Return a small corpus as the bytes of a gzipped tar archive."""
    recording = io.BytesIO()
    noise = np.random.default_rng(0).uniform(-0.1, 0.1, 1600)
    soundfile.write(recording, noise, 16000, format="WAV")
    return pack(("corpus/ana/1.wav", recording.getvalue()), ("corpus/ben/1.wav", b"no sound"))


def pack(*files, **attributes):
    """Return a gzipped tar archive of (name, content) pairs as bytes."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name, content in files:
            member = tarfile.TarInfo(name)
            member.size = len(content)
            for attribute, value in attributes.items():
                setattr(member, attribute, value)
            archive.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


# What the server does with a request. Each writes to a socket file as it likes.


def _head(out, length, status="200 OK", *lines):
    header = [f"HTTP/1.1 {status}", f"Content-Length: {length}", *lines, "", ""]
    out.write("\r\n".join(header).encode())


def _slowly(out, content, pause):
    for byte in content:
        out.write(bytes([byte]))
        out.flush()
        time.sleep(pause)


def drips(out, content):
    """Send a byte a second."""
    _head(out, len(content))
    _slowly(out, content, 1.0)


def drips_its_header(out, content):
    """Send a header that goes on and on, slowly."""
    out.write(b"HTTP/1.1 200 OK\r\n")
    _slowly(out, b"X-Header: a\r\n" * 1000, 0.5)


def never_ends(out, content):
    """Send a body without length that goes on and on."""
    out.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")
    while True:
        out.write(bytes(MEGABYTE))


def never_ends_in_chunks(out, content):
    """Send chunks without an end."""
    out.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    while True:
        out.write(b"10000\r\n" + bytes(2**16) + b"\r\n")


def says_nothing(out, content):
    """Accept the connection, and send nothing."""
    time.sleep(PATIENCE)


def sends_too_little(out, content):
    """Close before the end of what was announced."""
    _head(out, len(content))
    out.write(content[: len(content) // 2])


def announces_too_little(out, content):
    """Announce half of the archive."""
    _head(out, len(content) // 2)
    out.write(content)


def announces_terabytes(out, content):
    """Announce more than any disk has."""
    _head(out, 2**43)
    out.write(content)


def sends_other_bytes(out, content):
    """Send as many bytes, of which one differs."""
    _head(out, len(content))
    out.write(content[:-9] + bytes([content[-9] ^ 1]) + content[-8:])


def sends_zeros(out, content):
    """Send zeros."""
    _head(out, len(content))
    out.write(bytes(len(content)))


def sends_a_page(out, content):
    """Send a page of a proxy instead of the archive."""
    page = b"<html><title>Log in</title></html>"
    _head(out, len(page), "200 OK", "Content-Type: text/html")
    out.write(page)


def sends_nothing(out, content):
    """Send an empty body."""
    _head(out, 0)


def sends_no_http(out, content):
    """Send bytes that are no HTTP."""
    out.write(bytes(range(256)) * 10)


def sends_long_headers(out, content):
    """Send a header line of 10 MB."""
    out.write(b"HTTP/1.1 200 OK\r\nX-Long: " + b"a" * (10 * MEGABYTE) + b"\r\n\r\n")


def closes(out, content):
    """Close the connection at once."""


def redirects_to_itself(out, content):
    """Redirect for ever."""
    _head(out, 0, "302 Found", "Location: /corpus.tar.gz")


def redirects_to_a_file(out, content):
    """Redirect to a file of the user."""
    _head(out, 0, "302 Found", "Location: file:///etc/passwd")


def redirects_to_nowhere(out, content):
    """Redirect to a port where nobody listens."""
    _head(out, 0, "302 Found", "Location: http://127.0.0.1:9/corpus.tar.gz")


def sends_a_wrong_range(out, content):
    """Send the middle of the archive when asked for its beginning."""
    _head(out, len(content) // 2, "206 Partial Content", "Content-Range: bytes 10-20/30")
    out.write(content[10 : 10 + len(content) // 2])


def status(code):
    """Return an answer with an error status."""

    def answer(out, content):
        _head(out, 0, f"{code} Error")

    answer.__name__ = f"status {code}"
    return answer


SERVERS = [
    drips,
    drips_its_header,
    never_ends,
    never_ends_in_chunks,
    says_nothing,
    sends_too_little,
    announces_too_little,
    announces_terabytes,
    sends_other_bytes,
    sends_zeros,
    sends_a_page,
    sends_nothing,
    sends_no_http,
    sends_long_headers,
    closes,
    redirects_to_itself,
    redirects_to_a_file,
    redirects_to_nowhere,
    sends_a_wrong_range,
    *(status(code) for code in (401, 403, 404, 429, 500, 503)),
]


def downloads(quick):
    """Download a corpus from each server: the error names the address, nothing is left."""
    os.environ["NO_PROXY"] = "127.0.0.1"
    tally = Tally()
    content = corpus()
    with replaced(_download, WAITS=(0.0,), TIMEOUT=2.0, PATIENCE=4.0):
        for answer in SERVERS:
            with tempfile.TemporaryDirectory() as home, serve(answer, content) as url:
                archive = Archive(
                    "voices",
                    url,
                    "corpus",
                    "*/*.wav",
                    max_bytes=MEGABYTE,
                    sha256=hashlib.sha256(content).hexdigest(),
                )
                outcome = _within_patience(partial(fetch_archive, archive, home), url)
                outcome = "accepted" if outcome == "read" else outcome
                tally.add(outcome, answer.__name__)
                if outcome != "hung" and os.listdir(home):
                    tally.add("left behind", f"{answer.__name__}: {os.listdir(home)}")
    return tally


@contextlib.contextmanager
def serve(answer, content):
    """Give the address of a server on a free port of this machine, for the time of a block."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            with contextlib.suppress(OSError):  # the client has gone, as it should
                answer(self.wfile, content)
            self.close_connection = True

        def log_message(self, *args):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/corpus.tar.gz"
    server.shutdown()


def _within_patience(call, name):
    outcomes = ["hung"]
    thread = threading.Thread(target=lambda: outcomes.append(outcome_of(call, name)), daemon=True)
    thread.start()
    thread.join(PATIENCE)
    return outcomes[-1]
