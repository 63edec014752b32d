"""The report command, from folders to files."""

import contextlib
import csv
import io
import json
import re
import subprocess
import sys
from html.parser import HTMLParser
from types import SimpleNamespace

import numpy as np
import pytest
import sklearn
import soundfile
from sklearn.base import BaseEstimator
from sklearn.pipeline import make_pipeline
from sklearn.utils import Bunch

from sklearn_siamese_speaker import TRUSTED_TYPES, OneShotClassifier, SiameseSpeakerEncoder
from sklearn_siamese_speaker.__main__ import main
from sklearn_siamese_speaker._report import _accuracy, _findings, _representations, _shared
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
    make_tiny(monkeypatch)


def make_tiny(monkeypatch):
    """Make the same reports with a network of a second."""

    def encoder(network="cnn2d", **params):
        params |= {"max_epochs": 2, "network__filters": (8, 8, 8), "network__embedding_dim": 16}
        return SiameseSpeakerEncoder(network, **params)

    for module in (_findings, _representations):
        monkeypatch.setattr(module, "SiameseSpeakerEncoder", encoder)
        monkeypatch.setattr(module, "N_TASKS", 50)
    monkeypatch.setattr(_findings, "MIN_VALIDATED", 8)


class Page(HTMLParser):
    """What a page holds: headings, the text of the rows of tables, and what it would load."""

    def __init__(self, file):
        super().__init__()
        self.loads, self.headings, self.rows, self.names, self._open = [], [], [], {}, None
        self.text = file.read_text(encoding="utf-8")
        self.feed(self.text)

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        self._open = tag
        if tag == "tr":
            self.rows.append([])
        if tag == "link" or "src" in attributes:
            self.loads.append(attributes.get("src") or attributes.get("href"))

    def handle_data(self, data):
        if self._open == "h2" and data.strip():
            self.headings.append(data)
        elif self._open in ("td", "th") and data.strip():
            self.rows[-1].append(data)
        elif self._open == "dd" and data.strip():
            self.names[self._name] = data
        elif self._open == "dt":
            self._name = data


@pytest.fixture(scope="module")
def made(folder, tmp_path_factory):
    """What one report printed, and the folder it wrote to."""
    out = tmp_path_factory.mktemp("out")
    (out / "unseen.txt").write_text("speaker00\nspeaker03\n\nspeaker07\nspeaker09\n")
    printed = io.StringIO()
    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(printed):
        make_tiny(patch)
        main(["report", str(folder), "--unseen", str(out / "unseen.txt"), "--output", str(out)])
    return printed.getvalue(), out


def test_it_prints_the_table_and_saves_figures(made):
    printed, out = made
    assert "8 speakers (56 recordings) to train on, 4 speakers (28 recordings) unseen" in printed
    rows = [line.split()[:3] for line in printed.splitlines() if "] " in line and "0." in line]
    assert [row[:2] for row in rows] == [[s, k] for s in "15" for k in "234"]
    assert rows[0][2] == "0.500"
    assert (out / "table.txt").read_text().strip() in printed
    assert "[few speakers]" in printed  # 4 of them give no interval
    assert "nan" not in printed
    names = ["accuracy_1_shot", "accuracy_5_shot", "training", "threshold"]
    for name in [*names, "embedding_seen", "embedding_unseen"]:
        assert (out / f"{name}.png").read_bytes().startswith(b"\x89PNG")


def test_the_saved_pipeline_loads_as_the_report_says(made, folder):
    printed, out = made
    skops_io = pytest.importorskip("skops.io")
    path = out / "pipeline.skops"
    assert f'skops.io.load("{path}", trusted=TRUSTED_TYPES)' in printed
    pipeline = skops_io.load(path, trusted=TRUSTED_TYPES)
    recordings = sorted(map(str, (folder / "speaker00").iterdir()))[:2]
    who = OneShotClassifier(pipeline).set_params(encoder=None)
    embeddings = pipeline.transform(recordings)
    assert who.fit(embeddings, ["a", "b"]).predict(embeddings).tolist() == ["a", "b"]


def test_the_page_holds_everything_and_loads_nothing(made):
    _, out = made
    page = Page(out / "index.html")
    assert len(page.loads) == 6
    assert all(source.startswith("data:image/png;base64,") for source in page.loads)
    assert not re.search(r"@import|url\(\s*['\"]?http", page.text)
    assert '<meta name="viewport" content="width=device-width' in page.text
    assert page.headings == [
        "What was done",
        "Accuracy on unseen speakers",
        "Training",
        "Embeddings",
        "The same speaker or not",
        "How far these figures carry",
        "How to use the pipeline",
    ]
    assert page.names["Trained on"] == "6 speakers (42 recordings)"
    assert page.names["Validated on"] == "2 speakers (14 recordings)"
    assert page.names["Tested on"] == "4 speakers (28 recordings)"
    assert f"scikit-learn {sklearn.__version__}" in page.names["Versions"]
    assert "chosen with the 2 speakers held out for validation" in page.text


def test_the_table_of_the_page_is_that_of_the_csv(made):
    _, out = made
    with open(out / "table.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["n_shots"], row["k_way"]) for row in rows] == [(s, k) for s in "15" for k in "234"]
    of_page = [row for row in Page(out / "index.html").rows if len(row) == 6][1:]
    assert len(of_page) == 2 + 1 + len(rows)  # k = 2 for both shots; the header; all k
    for row, (shots, k, chance, ours, baseline, _) in zip(rows, of_page[3:], strict=True):
        assert (row["n_shots"], row["k_way"]) == (shots, k)
        assert float(row["chance"]) == pytest.approx(float(chance), abs=1e-3)
        assert float(row["siamese"]) == pytest.approx(float(ours.split()[0]), abs=1e-3)
        assert float(row["knn"]) == pytest.approx(float(baseline.split()[0]), abs=1e-3)
        assert row["siamese_lower"] == ""  # too few speakers for an interval


def test_a_page_says_what_too_few_speakers_leave_out(folder, tiny, tmp_path, monkeypatch):
    monkeypatch.setattr(_findings, "MIN_VALIDATED", 11)
    unseen = tmp_path / "unseen.txt"
    unseen.write_text("speaker00\nspeaker03\n")
    main(["report", str(folder), "--unseen", str(unseen), "--output", str(tmp_path / "out")])
    page = Page(tmp_path / "out" / "index.html")
    assert "There were too few speakers to hold some out for validation." in page.text
    assert "There were too few speakers to choose a threshold." in page.text
    assert page.names["Validated on"] == "0 speakers (0 recordings)"


@pytest.mark.parametrize(
    ("lower", "upper", "verdict"),
    [
        (0.01, 0.2, "The Siamese encoder is better, for other speakers of this kind too."),
        (-0.2, -0.01, "k-NN is better, for other speakers of this kind too."),
        (-0.1, 0.2, "With these speakers, neither can be called better."),
        (np.nan, np.nan, "With these speakers, neither can be called better."),
    ],
)
def test_the_page_calls_a_system_better_only_beyond_the_interval(lower, upper, verdict):
    curve = Bunch(n_shots=[1], k_ways=[2], chance=np.full((1, 1), 0.5))
    curve |= dict.fromkeys(("mean", "lower", "upper"), np.full((1, 1), 0.75))
    paired = Bunch(
        difference=np.full((1, 1), 0.05), lower=np.full((1, 1), lower), upper=np.full((1, 1), upper)
    )
    curves = dict.fromkeys(_findings.SYSTEMS, Bunch(**curve))
    lead = _accuracy._lead(SimpleNamespace(curves=curves, paired=paired))
    assert lead.endswith(verdict)


class AsTheyAre(BaseEstimator):
    """The last step of a pipeline whose embeddings are the recordings."""

    embedding_metric_ = "euclidean"

    def fit(self, X, y=None):
        self.is_fitted_ = True
        return self

    def transform(self, X):
        return X


def test_errors_at_the_threshold_are_those_of_the_distances():
    rng = np.random.default_rng(0)
    centers, y = rng.normal(size=(12, 3)), np.repeat(np.arange(12), 5)
    X = centers[y] + 0.4 * rng.normal(size=(60, 3))
    known, new = y < 6, y >= 6
    decision = _findings.decide(
        make_pipeline(AsTheyAre()).fit(X), (X[known], y[known]), (X[new], y[new])
    )
    first, second = np.triu_indices(30, k=1)
    accepted = -np.linalg.norm(X[new][first] - X[new][second], axis=1) > decision.threshold
    same = y[new][first] == y[new][second]
    assert decision.n_known == 6
    assert decision.false_accepts[0] == pytest.approx(accepted[~same].mean())
    assert decision.false_rejects[0] == pytest.approx((~accepted)[same].mean())
    assert 0 < decision.false_accepts[0] < decision.false_accepts[1] < 1


def test_synthetic_voices_are_asked_for(monkeypatch, capsys):
    voices = _shared.read_voices(None, synthetic=True)
    assert voices.source == _shared.SYNTHETIC
    assert len(voices.X) == len(voices.y) == 420
    assert "synthetic" in capsys.readouterr().out


def test_synthetic_voices_and_a_folder_are_refused(folder, tmp_path):
    with pytest.raises(SystemExit, match="and synthetic voices were both asked for; leave one out"):
        main(["report", str(folder), "--synthetic", "--output", str(tmp_path)])


def test_a_value_has_its_interval_where_there_is_one():
    assert _shared.with_interval(0.5, 0.25, 0.75) == "0.500 [0.250, 0.750]"
    assert _shared.with_interval(0.5, 0.25, 0.75, sign="+") == "+0.500 [+0.250, +0.750]"
    assert _shared.with_interval(0.5, np.nan, np.nan) == "0.500 [few speakers]"


def test_without_a_folder_the_recordings_of_the_package_keep_their_split():
    X, y, is_unseen, _ = _shared.read_voices(None)
    assert (len(X), len(np.unique(y[~is_unseen])), len(np.unique(y[is_unseen]))) == (618, 78, 25)
    assert not set(y[is_unseen]) & set(y[~is_unseen])


def test_without_a_file_the_unseen_are_fixed_by_their_names():
    names = np.array([f"speaker{i}" for i in range(400)])
    unseen = _shared.find_unseen(names, None)
    assert 70 < len(unseen) < 130  # a quarter of 400
    some = names[::3]
    assert set(_shared.find_unseen(some, None)) == set(unseen) & set(some)


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
        _shared.choose_tasks(np.array(["a", "b"]), n_shots=[1, 5])


def test_for_programs_it_says_where_the_report_is(folder, tmp_path):
    command = [sys.executable, "-m", "sklearn_siamese_speaker", "report", folder, "--json"]
    done = subprocess.run(
        [*command, "--output", tmp_path / "out"], capture_output=True, text=True, check=True
    )
    assert json.loads(done.stdout) == {"output": str(tmp_path / "out")}
    assert "1-shot" in (tmp_path / "out" / "index.html").read_text(encoding="utf-8")


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
    assert done.returncode == 2
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
    assert "8 speakers (56 recordings) to train on, 4 speakers (28 recordings) unseen" in printed
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
    weights = _representations.vggish_weights
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
    monkeypatch.setattr(_shared, "find_spec", lambda name: None)
    for arguments, missing in [([], "matplotlib and skops"), (["--representations"], "matplotlib")]:
        with pytest.raises(SystemExit, match=f"error: A report needs {missing}: pip install"):
            main(["report", str(folder), *arguments])


def test_unseen_speakers_without_a_second_recording_are_refused_before_the_training(
    tmp_path, monkeypatch
):
    monkeypatch.setattr(_findings, "_fit_systems", lambda *args: pytest.fail("was trained"))
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
