"""The way from a store to a database server, as the guide describes it, on a real server."""

import re
import tempfile
import textwrap
from pathlib import Path

import numpy as np
import pytest
import soundfile
from sklearn.pipeline import make_pipeline

from sklearn_siamese_speaker import MFCC, FramePooling, SpeakerStore
from sklearn_siamese_speaker.datasets import make_speakers

PAGE = Path(__file__).parents[2] / "docs" / "voiceprints.rst"
BLOCK = re.compile(r"^\.\. code-block:: python\n   :class: no-test\n\n((?:   .*\n|\n)+)", re.M)


@pytest.fixture(scope="module")
def address():
    pytest.importorskip("psycopg")
    pgserver = pytest.importorskip("pgserver", reason="pgserver brings a PostgreSQL with pgvector")
    # Not a folder of pytest: started by root, the server runs as a user who may not look there.
    with tempfile.TemporaryDirectory() as folder:
        server = pgserver.get_server(folder)
        yield server.get_uri()
        server.cleanup()


@pytest.mark.filterwarnings("ignore:XDG_RUNTIME_DIR is not set")
def test_a_server_gives_the_answers_of_the_store(address, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    X, y = make_speakers(n_speakers=30, n_recordings=2, duration=0.5, random_state=0)
    encoder = make_pipeline(MFCC(), FramePooling()).fit(X)
    store = SpeakerStore("people.db").enrol(y[::2], X[::2], encoder)
    soundfile.write("somebody.wav", X[7], 16000, subtype="FLOAT")
    (code,) = [block for block in BLOCK.findall(PAGE.read_text()) if "psycopg" in block]
    names = {"address": address, "store": store, "encoder": encoder}
    exec(compile(textwrap.dedent(code), PAGE.name, "exec"), names)
    who = store.classifier(encoder)
    labels, similarities = who.rank(["somebody.wav"], k=5, return_similarities=True)
    assert [name for name, _ in names["nearest"]] == labels[0].tolist()
    found = [similarity for _, similarity in names["nearest"]]
    np.testing.assert_allclose(found, similarities[0], rtol=1e-5)
