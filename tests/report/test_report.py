"""The report command, from folders to files."""

import subprocess
import sys

import numpy as np
import pytest
import soundfile

from sklearn_siamese_speaker import TRUSTED_TYPES, OneShotClassifier, SiameseSpeakerEncoder
from sklearn_siamese_speaker.__main__ import main
from sklearn_siamese_speaker._report import _accuracy, _parts, _representations
from sklearn_siamese_speaker.datasets import make_speakers

pytest.importorskip("matplotlib")

pytestmark = pytest.mark.filterwarnings("ignore:.*too few for an interval over speakers")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("voices")
    X, y = make_speakers(n_speakers=12, n_recordings=7, duration=0.8, random_state=0)
    for i, (waveform, speaker) in enumerate(zip(X, y, strict=True)):
        (folder / speaker).mkdir(exist_ok=True)
        suffix = ["wav", "flac", "ogg"][i % 3]
        soundfile.write(folder / speaker / f"{i:03d}.{suffix}", waveform, 16000)
    return folder


@pytest.fixture
def tiny(monkeypatch):
    """The same reports with a network of a second."""

    def encoder(**params):
        params["max_epochs"] = 2
        return SiameseSpeakerEncoder(network="cnn2d", network__filters=(8, 8, 8), network__embedding_dim=16, **params)

    for module in (_accuracy, _representations):
        monkeypatch.setattr(module, "SiameseSpeakerEncoder", encoder)
        monkeypatch.setattr(module, "N_TASKS", 50)


def test_it_prints_the_table_and_saves_figures_and_a_pipeline_that_loads(
    folder, tiny, tmp_path, capsys
):
    unseen = tmp_path / "unseen.txt"
    unseen.write_text("speaker00\nspeaker03\n\nspeaker07\nspeaker09\n")
    main(["report", str(folder), "--unseen", str(unseen), "--output", str(tmp_path / "out")])
    printed = capsys.readouterr().out
    assert "8 speakers to train on (56 recordings), 4 unseen (28 recordings)" in printed
    rows = [line.split()[:3] for line in printed.splitlines() if "] " in line and "0." in line]
    assert [row[:2] for row in rows] == [[s, k] for s in "15" for k in "234"]
    assert rows[0][2] == "0.500"
    assert (tmp_path / "out" / "table.txt").read_text().strip() in printed
    assert "[few speakers]" in printed  # 4 of them give no interval
    assert "nan" not in printed
    for name in ["accuracy.png", "training.png", "embedding.png"]:
        assert (tmp_path / "out" / name).read_bytes().startswith(b"\x89PNG")

    skops_io = pytest.importorskip("skops.io")
    path = tmp_path / "out" / "pipeline.skops"
    assert f'skops.io.load("{path}", trusted=TRUSTED_TYPES)' in printed
    pipeline = skops_io.load(path, trusted=TRUSTED_TYPES)
    recordings = sorted(map(str, (folder / "speaker00").iterdir()))[:2]
    who = OneShotClassifier(pipeline).set_params(encoder=None)
    embeddings = pipeline.transform(recordings)
    assert who.fit(embeddings, ["a", "b"]).predict(embeddings).tolist() == ["a", "b"]


def test_a_figure_that_cannot_be_drawn_is_named(folder, tiny, tmp_path, capsys):
    unseen = tmp_path / "unseen.txt"
    unseen.write_text("speaker00\nspeaker03\n")
    main(["report", str(folder), "--unseen", str(unseen), "--output", str(tmp_path / "out")])
    printed = capsys.readouterr().out
    assert "embedding.png is left out: it shows 4 unseen speakers, got 2" in printed
    assert not (tmp_path / "out" / "embedding.png").exists()


def test_a_value_has_its_interval_where_there_is_one():
    assert _parts.with_interval(0.5, 0.25, 0.75) == "0.500 [0.250, 0.750]"
    assert _parts.with_interval(0.5, 0.25, 0.75, sign="+") == "+0.500 [+0.250, +0.750]"
    assert _parts.with_interval(0.5, np.nan, np.nan) == "0.500 [few speakers]"


def test_without_a_folder_the_recordings_of_the_package_keep_their_split():
    X, y, is_unseen = _parts.read_voices(None, None)
    assert (len(X), len(np.unique(y[~is_unseen])), len(np.unique(y[is_unseen]))) == (618, 78, 25)
    assert not set(y[is_unseen]) & set(y[~is_unseen])


def test_without_a_file_the_unseen_are_fixed_by_their_names():
    names = np.array([f"speaker{i}" for i in range(400)])
    unseen = _parts.find_unseen(names, None)
    assert 70 < len(unseen) < 130  # a quarter of 400
    some = names[::3]
    assert set(_parts.find_unseen(some, None)) == set(unseen) & set(some)


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ("speaker00\nnobody\n", "names speakers without recordings: nobody"),
        ("speaker00\n", "holds 1 of 12 speakers, but at least 2 must be unseen"),
        ("\n".join(f"speaker{i:02d}" for i in range(11)), "2 left to train on"),
    ],
)
def test_unseen_speakers_that_cannot_be(folder, tmp_path, lines, message):
    (tmp_path / "unseen.txt").write_text(lines)
    command = ["report", str(folder), "--unseen", str(tmp_path / "unseen.txt")]
    with pytest.raises(SystemExit, match=message):
        main([*command, "--output", str(tmp_path)])


def test_speakers_with_one_recording_cannot_be_tested():
    with pytest.raises(ValueError, match="at least 2 unseen speakers with 2 recordings, got 0"):
        _parts.choose_tasks(np.array(["a", "b"]), n_shots=[1, 5])


def test_bad_recordings_end_the_command_with_their_sentence(folder, tmp_path):
    for speaker in ["ana", "ben", "eva", "kim"]:
        (tmp_path / "voices" / speaker).mkdir(parents=True)
        for name in ["empty.wav", "nothing.wav"]:
            (tmp_path / "voices" / speaker / name).touch()
    (tmp_path / "unseen.txt").write_text("ana\nben\n")
    command = [sys.executable, "-m", "sklearn_siamese_speaker", "report", tmp_path / "voices"]
    done = subprocess.run(
        [*command, "--unseen", tmp_path / "unseen.txt", "--output", tmp_path / "out"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.startswith("error: ")
    assert "empty.wav" in done.stderr
    assert "Traceback" not in done.stderr


# Representations


@pytest.fixture
def unseen(tmp_path):
    file = tmp_path / "unseen.txt"
    file.write_text("speaker00\nspeaker03\nspeaker07\nspeaker09\n")
    return str(file)


def test_representations_are_compared_in_a_table_and_a_figure(
    folder, unseen, tiny, tmp_path, capsys, monkeypatch
):
    monkeypatch.setenv("SKLEARN_SIAMESE_SPEAKER_DATA", str(tmp_path / "empty"))
    command = ["report", "--representations", str(folder), "--unseen", unseen]
    main([*command, "--output", str(tmp_path / "out")])
    printed = capsys.readouterr().out
    assert "8 speakers to train on (56 recordings), 4 unseen (28 recordings)" in printed
    assert "VGGish is left out: VGGish().fit(X) downloads its weights" in printed
    assert "1-shot 4-way, 50 tasks, the same for all (chance 0.250)" in printed
    rows = [
        line.split("  ")[0] for line in printed.splitlines() if line.endswith("]") or "] " in line
    ]
    assert rows == ["raw audio, 4 kHz", "MFCC", "log-mel"]
    assert "12,000" in printed  # 3 s at 4 kHz
    assert (tmp_path / "out" / "table.txt").read_text().strip() in printed
    figure = (tmp_path / "out" / "representations.png").read_bytes()
    assert figure.startswith(b"\x89PNG")


def test_vggish_is_compared_where_its_weights_are_at_hand(monkeypatch, capsys):
    weights = _representations._vggish_weights
    monkeypatch.setattr(weights, "is_at_hand", lambda published: published is weights.NETWORK)
    pipelines = _representations._make_pipelines()
    assert list(pipelines) == ["raw audio, 4 kHz", "MFCC", "log-mel", "VGGish"]
    assert pipelines["VGGish"][0].weights == "audioset"
    assert "left out" not in capsys.readouterr().out


def test_too_few_recordings_end_the_comparison_with_their_sentence(tmp_path):
    for speaker in ["ana", "ben", "eva", "kim"]:
        (tmp_path / "voices" / speaker).mkdir(parents=True)
        noise = np.random.default_rng(0).uniform(-0.5, 0.5, 8000)
        soundfile.write(tmp_path / "voices" / speaker / "a.wav", noise, 16000)
    (tmp_path / "unseen.txt").write_text("ana\nben\n")
    command = ["report", "--representations", str(tmp_path / "voices")]
    unseen = ["--unseen", str(tmp_path / "unseen.txt"), "--output", str(tmp_path / "out")]
    with pytest.raises(SystemExit, match="at least 2 unseen speakers with 2 recordings, got 0"):
        main([*command, *unseen])


def test_what_is_not_installed_is_said_before_the_training(folder, monkeypatch):
    monkeypatch.setattr(_parts, "find_spec", lambda name: None)
    for arguments, missing in [([], "matplotlib and skops"), (["--representations"], "matplotlib")]:
        with pytest.raises(SystemExit, match=f"error: A report needs {missing}: pip install"):
            main(["report", str(folder), *arguments])


def test_unseen_speakers_without_a_second_recording_are_refused_before_the_training(
    tmp_path, monkeypatch
):
    monkeypatch.setattr(_accuracy, "_fit_systems", lambda *args: pytest.fail("was trained"))
    X, y = make_speakers(n_speakers=4, n_recordings=2, duration=0.5, random_state=0)
    for i, (waveform, speaker) in enumerate(zip(X, y, strict=True)):
        if i % 2 == 0 or i >= 4:  # the first two speakers have one recording each
            (tmp_path / "voices" / speaker).mkdir(parents=True, exist_ok=True)
            soundfile.write(tmp_path / "voices" / speaker / f"{i}.wav", waveform, 16000)
    (tmp_path / "unseen.txt").write_text("\n".join(np.unique(y)[:2]))
    with pytest.raises(SystemExit, match="1-shot tasks need at least 2 unseen speakers"):
        main(
            [
                "report",
                str(tmp_path / "voices"),
                "--unseen",
                str(tmp_path / "unseen.txt"),
                "--output",
                str(tmp_path / "out"),
            ]
        )
