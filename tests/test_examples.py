"""The gallery runs on anybody's recordings; synthetic voices back no claim about accuracy."""

import ast
import doctest
import re
import runpy
from pathlib import Path

import numpy as np
import pytest
import soundfile

import sklearn_siamese_speaker
from sklearn_siamese_speaker.datasets import make_speakers

ROOT = Path(__file__).parents[1]
EXAMPLES = sorted((ROOT / "examples").glob("plot_*.py"))

# What measures how well speakers are recognized.
MEASURES = {
    "NShotKWayDisplay",
    "NShotKWayScorer",
    "SeenUnseenDisplay",
    "cllr",
    "compare_representations",
    "cross_val_score",
    "diarization_error_rate",
    "equal_error_rate",
    "min_cllr",
    "min_dcf",
    "n_shot_k_way_curve",
    "n_shot_k_way_score",
    "open_set_score",
    "paired_difference",
    "score",
    "seen_unseen_score",
}
TIMED = {"growth.py"}  # it prints the seconds of an evaluation, not its result
NUMBER = re.compile(r"(?<![\w.])(?:0?\.\d+|1\.0|\d+(?:\.\d+)? ?%)")


def measures_in(code):
    """Return the names of what the code calls to measure accuracy."""
    calls = [node.func for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Call)]
    names = [getattr(f, "id", getattr(f, "attr", None)) for f in calls]
    names += [f.value.id for f in calls if isinstance(getattr(f, "value", None), ast.Name)]
    return MEASURES & set(names)


def claims_of_docstring(docstring):
    """Return examples that print a measure of synthetic voices as a number."""
    examples = doctest.DocTestParser().get_examples(docstring)
    if not any("make_speakers" in example.source for example in examples):
        return []
    return [e.source for e in examples if measures_in(e.source) and NUMBER.search(e.want)]


def claims_of_page(text):
    """Return lines of code that give a measure of synthetic voices as a number, and sentences."""
    lines = text.splitlines() if "make_speakers(" in text else []
    of_code = [line for line in lines if re.search(r"[\w)\]]  # ", line)]
    of_code = [line for line in of_code if any(name in line for name in MEASURES)]
    in_code = [line for line in of_code if NUMBER.search(line.split("  # ")[1])]
    sentences = re.split(r"(?<=[.:])\s", re.sub(r"\s+", " ", text))
    about_accuracy = re.compile(r"accura|error rate|recogni[sz]ed", re.IGNORECASE)
    synthetic = re.compile(r"synthetic voices|synthetic speakers|make_speakers", re.IGNORECASE)
    in_prose = [s for s in sentences if synthetic.search(s) and about_accuracy.search(s)]
    return in_code + [s for s in in_prose if NUMBER.search(s)]


def docstrings(file):
    tree = ast.parse(file.read_text(encoding="utf-8"))
    kinds = (ast.Module, ast.ClassDef, ast.FunctionDef)
    return [ast.get_docstring(node) or "" for node in ast.walk(tree) if isinstance(node, kinds)]


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda file: file.stem)
def test_an_example_is_on_real_voices(example):
    assert "make_speakers" not in example.read_text(encoding="utf-8")


def test_no_docstring_claims_an_accuracy_on_synthetic_voices():
    files = Path(sklearn_siamese_speaker.__file__).parent.rglob("*.py")
    texts = [text for file in files for text in docstrings(file)]
    assert sum("make_speakers" in text for text in texts) > 10
    assert [claim for text in texts for claim in claims_of_docstring(text)] == []


def test_no_page_claims_an_accuracy_on_synthetic_voices():
    pages = [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.rst"), *(ROOT / "docs").glob("*.md")]
    assert len(pages) > 15
    assert [c for page in pages for c in claims_of_page(page.read_text(encoding="utf-8"))] == []


def test_no_benchmark_measures_accuracy_on_synthetic_voices():
    for file in (ROOT / "benchmarks").rglob("*.py"):
        code = file.read_text(encoding="utf-8")
        if "datasets import make_speakers" in code and file.name not in TIMED:
            assert measures_in(code) == set(), file


@pytest.mark.parametrize(
    ("example", "n_claims"),
    [
        (">>> n_shot_k_way_score(e, X, y).mean\n0.93\n", 1),
        (">>> who.score(X, y)\n1.0\n", 1),
        (">>> len(X)\n40\n", 0),
        (">>> n_shot_k_way_curve(e, X, y).mean.shape\n(1, 2)\n", 0),
    ],
)
def test_a_claim_in_a_docstring_is_found(example, n_claims):
    text = ">>> X, y = make_speakers()\n" + example
    assert len(claims_of_docstring(text)) == n_claims
    assert claims_of_docstring(example) == []  # of real voices


@pytest.mark.parametrize(
    ("page", "n_claims"),
    [
        ("X, y = make_speakers()\nn_shot_k_way_score(e, X, y).mean  # 0.93", 1),
        ("X, y = make_speakers()\nlen(X)  # 40", 0),
        ("On synthetic voices the accuracy is 93 %.", 1),
        ("On synthetic voices the accuracy says nothing.", 0),
        ("On real voices the accuracy is 93 %.", 0),
    ],
)
def test_a_claim_on_a_page_is_found(page, n_claims):
    assert len(claims_of_page(page)) == n_claims


@pytest.fixture(scope="module")
def own_folder(tmp_path_factory):
    """12 speakers with 4 recordings each."""
    folder = tmp_path_factory.mktemp("voices")
    X, y = make_speakers(n_speakers=12, n_recordings=4, duration=1.2, random_state=0)
    for i, (waveform, speaker) in enumerate(zip(X, y, strict=True)):
        (folder / speaker).mkdir(exist_ok=True)
        soundfile.write(folder / speaker / f"{i}.wav", np.asarray(waveform), 16000)
    return folder


def last_words(example):
    """Run an example, and return what it ends with if it does not run to its end."""
    try:
        runpy.run_path(str(example), run_name="__main__")
    except SystemExit as end:
        return str(end)
    return None


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # so few speakers give no intervals
@pytest.mark.parametrize("example", EXAMPLES, ids=lambda file: file.stem)
def test_an_example_runs_on_a_folder_of_few_speakers_or_says_what_it_lacks(
    example, own_folder, monkeypatch
):
    pyplot = pytest.importorskip("matplotlib.pyplot")
    monkeypatch.setattr(pyplot, "show", lambda: None)
    monkeypatch.setenv("SKLEARN_SIAMESE_SPEAKER_VOICES", str(own_folder))
    with pyplot.rc_context({"backend": "agg"}):
        lacks = last_words(example)
        pyplot.close("all")
    assert lacks is None or re.fullmatch(r"This example needs .*, got \d+\.", lacks)
