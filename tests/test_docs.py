"""The code of the documentation runs, and its messages exist."""

import ast
import importlib
import re
import runpy
import shutil
import textwrap
from pathlib import Path

import numpy as np
import pytest
import soundfile

import sklearn_siamese_speaker
from sklearn_siamese_speaker import SiameseSpeakerEncoder
from sklearn_siamese_speaker.datasets import make_speakers
from sklearn_siamese_speaker.nn import LOSSES, NETWORKS, SPACES

DOCS = Path(__file__).parents[1] / "docs"
FILLED = runpy.run_path(str(DOCS / "conf.py"))["filled"]  # what follows from the package
BLOCK = re.compile(r"^\.\. code-block:: python\n\n((?:   .*\n|\n)+)", re.MULTILINE)
FENCE = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)
SMALL_FILTERS = (4, 4, 4)
# What takes minutes on real speech is tried for an epoch on a bit of it.
SHORTER = {
    "max_epochs=12": "max_epochs=1",
    "validate_every=4": "validate_every=1",
    "encoder.fit(X, y)": "encoder.fit(X[:60], y[:60])",
}


def code_of(page):
    text = page.read_text()
    return [textwrap.dedent(block) for block in BLOCK.findall(text) + FENCE.findall(text)]


PAGES = [page for page in sorted(DOCS.glob("*.rst")) if code_of(page)]


@pytest.fixture(scope="module")
def folder_of_voices(tmp_path_factory):
    """The files that the pages speak of: background voices, colleagues, somebody."""
    folder = tmp_path_factory.mktemp("recordings")
    X, y = make_speakers(n_speakers=64, n_recordings=2, duration=0.5, random_state=0)
    for i, (waveform, speaker) in enumerate(zip(X[8:], y[8:], strict=True)):
        write(folder / "voices" / speaker / f"{i % 2}.wav", waveform)
    for first, second, name in zip(X[:6:2], X[1:6:2], ["ana", "ben", "me"], strict=True):
        write(folder / "enrolled" / name / "1.wav", first)
        write(folder / "later" / name / "2.wav", second)
    for name, waveform in zip(["ana", "ben", "eva", "somebody"], X[::2], strict=False):
        write(folder / f"{name}.wav", waveform)
    return folder


def write(path, waveform):
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, waveform, 16000)


@pytest.fixture
def _voices_in_this_folder(folder_of_voices, tmp_path, monkeypatch):
    shutil.copytree(folder_of_voices, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)


@pytest.mark.usefixtures("_voices_in_this_folder")
@pytest.mark.filterwarnings("ignore:The network has collapsed")
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_the_code_of_a_page_runs_from_top_to_bottom(page, monkeypatch):
    pytest.importorskip("skops")
    monkeypatch.setitem(SiameseSpeakerEncoder.__init__.__kwdefaults__, "max_epochs", 1)
    for network in NETWORKS.values():
        if "filters" in network.__init__.__kwdefaults__:
            monkeypatch.setitem(network.__init__.__kwdefaults__, "filters", SMALL_FILTERS)
    namespace = {}
    for block in code_of(page):
        for long, short in SHORTER.items():
            block = block.replace(long, short)
        run_line_by_line(block, namespace, page.name)


def test_the_first_lines_of_the_readme_run():
    run_line_by_line(code_of(DOCS.parent / "README.md")[0], {}, "README.md")


def run_line_by_line(block, namespace, name):
    """Run a block; where a comment beside an expression gives its value, compare."""
    lines = block.splitlines()
    for statement in ast.parse(block).body:
        source = "\n".join(lines[statement.lineno - 1 : statement.end_lineno])
        if not isinstance(statement, ast.Expr):
            exec(compile(source, name, "exec"), namespace)
            continue
        value = eval(compile(ast.Expression(statement.value), name, "eval"), namespace)
        comment = lines[statement.end_lineno - 1][statement.end_col_offset :].strip(" #")
        if (comment and comment[0] in "([{'0123456789") or comment == "set()":
            assert repr(plain(value)) == comment, source


def plain(value):
    """Return the value without numpy's types."""
    if isinstance(value, tuple):
        return tuple(plain(item) for item in value)
    return value.item() if isinstance(value, np.generic) else value


def test_every_message_of_the_troubleshooting_page_is_in_the_package():
    package = Path(sklearn_siamese_speaker.__file__).parent
    texts = "\n".join(
        node.value
        for file in package.rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    )
    page = (DOCS / "troubleshooting.rst").read_text()
    messages = re.findall(r"^(\S.*)\n   \S", page, re.MULTILINE)
    assert len(messages) >= 20
    fragments = [part for m in messages for part in m.split("...") if len(part.strip(" :;,")) > 3]
    missing = [part for part in fragments if part.strip(" :;,.'[") not in texts]
    assert missing == []


def test_every_public_name_is_on_the_api_page():
    import sklearn_siamese_speaker.datasets
    import sklearn_siamese_speaker.inspection
    import sklearn_siamese_speaker.metrics
    import sklearn_siamese_speaker.model_selection
    import sklearn_siamese_speaker.nn

    package = sklearn_siamese_speaker
    packages = [package, package.datasets, package.inspection, package.metrics]
    packages += [package.model_selection, package.nn]
    names = {name for one in packages for name in one.__all__}
    page = FILLED((DOCS / "api.rst").read_text())
    listed = set(re.findall(r"^(?:   |\.\. data:: | {10})(\w+)$", page, re.MULTILINE))
    assert names - listed == set()


def test_every_name_on_the_api_page_has_an_executed_example():
    page = FILLED((DOCS / "api.rst").read_text())
    module = None
    without = []
    for line in page.splitlines():
        if line.startswith(".. currentmodule:: "):
            module = importlib.import_module(line.split()[-1])
        elif re.fullmatch(r"   \w+", line) and ">>> " not in getattr(module, line.strip()).__doc__:
            without.append(line.strip())
    assert without == []


def test_no_summary_on_the_api_page_holds_the_key_of_a_citation():
    page = FILLED((DOCS / "api.rst").read_text())
    module, cited = None, []
    for line in page.splitlines():
        if line.startswith(".. currentmodule:: "):
            module = importlib.import_module(line.split()[-1])
        elif re.fullmatch(r"   \w+", line):
            summary = getattr(module, line.strip()).__doc__.strip().split("\n\n")[0]
            cited += [line.strip()] * ("]_" in summary)
    assert cited == []


def test_the_api_page_lists_what_a_package_makes_public():
    page = FILLED(
        ".. currentmodule:: sklearn_siamese_speaker\n   [sklearn_siamese_speaker.features]"
    )
    assert page.split()[3:] == [
        *["RawAudio", "MFCC", "LogMelSpectrogram", "VGGish", "FramePooling"],
        "features.FrameStore",
    ]


def test_the_guide_says_what_a_loss_goes_with():
    """By what `fit` does, whatever the attributes of the losses say."""
    table = FILLED((DOCS / "training.rst").read_text()).split(".. list-table::")[1]
    header, *rows = [re.findall(r"- (.*)", row) for row in table.split("   * ")[1:]]
    assert [row[0] for row in rows] == [*(f'"{name}"' for name in LOSSES), "a callable"]
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(4, 3, 5)).astype(np.float32), [0, 0, 1, 1]
    for name, *cells in rows:
        loss = name.strip('"') if name in [f'"{one}"' for one in LOSSES] else sum_of_squares
        for column, cell in zip(header[1:], cells, strict=True):
            given = {"metric": column} if column in SPACES else {"pairs": "random"}
            if given == {"pairs": "random"} and loss == "aam":
                given["metric"] = "cosine"
            encoder = SiameseSpeakerEncoder("tdnn", loss=loss, max_epochs=1, **TINY, **given)
            if cell == "yes":
                encoder.fit(X, y)
            else:
                with pytest.raises(ValueError, match="goes with"):
                    encoder.fit(X, y)


TINY = {"network__filters": (4, 4), "network__embedding_dim": 4}


def sum_of_squares(embeddings, labels):
    return (embeddings**2).sum()


# One word for each thing: a layer or a package, not a room of a house; a task, not an episode; to
# evaluate or to test, not to judge. Names in code have American spelling.
WORDS = re.compile(
    r"(?<![a-z])(?:houses?|rooms?|floors?(?!\()|doors?|judg\w*|episodes?)(?![a-z])", re.IGNORECASE
)
ABOUT_ROOMS = {
    "_channels.py",
    "channels.py",
    "channels.rst",
    "_perturbation.py",
    "CHANGES.md",
    "results.rst",
    "training.rst",
}  # acoustics
BRITISH = re.compile(
    r"centre|colour|(?:normal|standard|optim|initial|quant|minim|maxim)is(?:e|a|i)"
)
ROOT = DOCS.parent
TEXTS = [
    *ROOT.glob("*.md"),
    *DOCS.glob("*.rst"),
    *DOCS.glob("*.md"),
    *(ROOT / "examples").glob("*.*"),
    *(ROOT / "benchmarks").glob("*.py"),
    *(ROOT / "sklearn_siamese_speaker").rglob("*.py"),
]


@pytest.mark.parametrize("file", TEXTS, ids=lambda file: file.relative_to(ROOT).as_posix())
def test_a_thing_has_one_word(file):
    found = {word.lower() for word in WORDS.findall(file.read_text(encoding="utf-8"))}
    assert found - ({"room", "rooms"} if file.name in ABOUT_ROOMS else set()) == set()


@pytest.mark.parametrize(
    "file",
    [file for file in TEXTS if file.suffix == ".py"],
    ids=lambda file: file.relative_to(ROOT).as_posix(),
)
def test_names_have_american_spelling(file):
    tree = ast.parse(file.read_text(encoding="utf-8"))
    names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    names |= {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    names |= {node.arg for node in ast.walk(tree) if isinstance(node, (ast.arg, ast.keyword))} - {
        None
    }
    kinds = (ast.FunctionDef, ast.ClassDef)
    names |= {node.name for node in ast.walk(tree) if isinstance(node, kinds)}
    assert [name for name in names if BRITISH.search(name)] == []
