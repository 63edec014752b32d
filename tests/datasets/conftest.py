import contextlib
import http.server
import io
import tarfile
import threading
import zlib

import numpy as np
import pytest
import soundfile


@pytest.fixture
def make_noise_file():
    """Return a function that writes a short recording, by the extension of its name."""

    def make(path, sample_rate=16000):
        path.parent.mkdir(parents=True, exist_ok=True)
        noise = np.random.default_rng(zlib.crc32(path.parent.name.encode())).normal(
            0, 0.1, sample_rate // 10
        )
        soundfile.write(path, noise, sample_rate)

    return make


@pytest.fixture
def pack():
    """Return a function that makes a gzipped tar archive of a folder, as bytes."""

    def make(folder):
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
            archive.add(folder, arcname=folder.name)
        return buffer.getvalue()

    return make


class Server:
    """A local server of one file that may be out of order.

    Attributes
    ----------
    content : bytes
        What every address has.
    cuts : list of int
        After how many bytes each of the next connections breaks.
    continues : bool
        Whether it understands ranges.
    status : int
        200 if all is well.
    first_bytes : list of int
        The beginning of the range of each request until now.
    drips : str or None
        What it sends a byte at a time, for ever: "header" or "content".
    is_endless : bool
        Whether it repeats the content, without a length, for ever.
    """

    def __init__(self, content):
        self.content, self.cuts, self.continues, self.status = content, [], True, 200
        self.first_bytes = []
        self.drips, self.is_endless = None, False
        self.ends = threading.Event()  # of the test

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}/corpus.tar.gz"

    def answer(self, request):
        first = int(request.headers["Range"].removeprefix("bytes=").removesuffix("-"))
        self.first_bytes.append(first)
        if self.status != 200:
            return request.send_error(self.status)
        if self.drips or self.is_endless:
            return self.send_without_end(request)
        is_rest = self.continues and first > 0
        body = self.content[first:] if is_rest else self.content
        request.send_response(206 if is_rest else 200)
        request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        request.wfile.write(body[: self.cuts.pop(0)] if self.cuts else body)

    def send_without_end(self, request):
        if self.drips == "header":
            request.wfile.write(b"HTTP/1.1 200 OK\r\nX: ")
        else:
            request.send_response(200)
            request.end_headers()
        with contextlib.suppress(ConnectionError):
            while not self.ends.wait(0.01 if self.drips else 0):
                request.wfile.write(b"x" if self.drips else self.content)


@pytest.fixture
def serve(monkeypatch):
    """Return a function that starts a `Server`; it ends with the test."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    running = []

    def start(content):
        server = Server(content)

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                server.answer(self)

            def log_message(self, *args):
                pass

        # Not waiting for its threads: a client that gave up must not hold up the test.
        http_server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.port = http_server.server_port
        thread = threading.Thread(target=http_server.serve_forever, args=(0.01,))
        thread.start()
        running.append((server, http_server, thread))
        return server

    yield start
    for server, http_server, thread in running:
        server.ends.set()
        http_server.shutdown()
        http_server.server_close()
        thread.join()
