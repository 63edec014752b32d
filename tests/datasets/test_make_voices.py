"""The script that made the packaged recordings."""

import importlib.util
import io
import os
import zlib
from pathlib import Path

import numpy as np
import pytest
import soundfile

from sklearn_siamese_speaker.datasets import load_voices

SCRIPT = Path(__file__).parents[2] / "tools" / "make_voices.py"


@pytest.fixture(scope="module")
def script():
    spec = importlib.util.spec_from_file_location("make_voices", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def noise():
    return np.random.default_rng(0).normal(0, 0.1, 40_000).astype(np.float32)


def test_pages_keep_the_checksums_of_libogg_when_their_number_is_their_own(script, noise):
    file = io.BytesIO()
    soundfile.write(file, noise, 16000, format="OGG", subtype="OPUS")
    pages = script.split_into_pages(file.getvalue())
    assert len(pages) > 3
    assert b"".join(pages) == file.getvalue()
    serial = int.from_bytes(pages[0][14:18], "little")
    assert [script.renumber(page, serial) for page in pages] == pages


def test_two_runs_make_the_same_bytes_and_the_same_sound(script, noise):
    first, second = (script.encode(noise, 16000, serial=7) for _ in range(2))
    assert first == second
    decoded, _ = soundfile.read(io.BytesIO(first), dtype="float32")
    assert len(decoded) == len(noise)


def test_the_first_recordings_of_adults_are_chosen(script, tmp_path):
    rows = [f"{s}/{i}.flac,{s},train,{age}" for i in range(9, 0, -1) for s, age in SPEAKERS]
    (tmp_path / "table.csv").write_text("\n".join(["path,speaker,split,age_group", *rows]))
    chosen = [row["path"] for row in script.choose(tmp_path / "table.csv")]
    assert chosen == [f"{speaker}/{i}.flac" for speaker in ("a", "c") for i in range(1, 7)]


SPEAKERS = [("c", "adult"), ("b", "child"), ("a", "adult")]


def test_missing_and_different_files_are_counted(script, tmp_path, capsys):
    for folder, name, content in [
        ("made", "same.ogg", "1"),
        ("packaged", "same.ogg", "1"),
        ("made", "new.ogg", "1"),
        ("made", "other.ogg", "1"),
        ("packaged", "other.ogg", "2"),
    ]:
        (tmp_path / folder).mkdir(exist_ok=True)
        (tmp_path / folder / name).write_text(content)
    assert script.compare(tmp_path / "made", tmp_path / "packaged") == 1
    assert capsys.readouterr().out == "new.ogg differs\nother.ogg differs\n3 files, 2 different\n"
    assert script.compare(tmp_path / "made", tmp_path / "made") == 0


@pytest.mark.skipif(
    "SKLEARN_SIAMESE_SPEAKER_SPEECH" not in os.environ, reason="no folder of speech given"
)
def test_the_packaged_sound_is_what_the_script_makes_of_the_originals(script):
    corpus = Path(os.environ["SKLEARN_SIAMESE_SPEAKER_SPEECH"], "speechocean762")
    for path in map(Path, load_voices().data[::200]):
        name = f"{path.parent.name}/{path.name}"
        original, sample_rate = soundfile.read(corpus / Path(name).with_suffix(".flac"))
        made = script.encode(original, sample_rate, zlib.crc32(name.encode()))
        # Not the bytes: other processors and versions of libopus may round otherwise.
        expected, found = (soundfile.read(file)[0] for file in (io.BytesIO(made), path))
        assert np.corrcoef(expected, found)[0, 1] > 0.99
