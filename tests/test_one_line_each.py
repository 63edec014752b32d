"""What CONTRIBUTING says under "Adding a part" is true: one file and one line are all.

Its files are written into a copy of the package; a process that imports the copy trains, searches,
saves and documents them.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import sklearn_siamese_speaker

PACKAGE = Path(sklearn_siamese_speaker.__file__).parent
ROOT = Path(__file__).parents[1]
FILE = re.compile(r"Write `([\w/.]+)`:\n\n```python\n(.*?)```", re.DOTALL)
LINE = re.compile(r"Add to `([\w/.]+)`: `(.*?)`")

START = f"""
import runpy
import sys

import numpy as np
import skops.io
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline

import sklearn_siamese_speaker as package
from sklearn_siamese_speaker import *
from sklearn_siamese_speaker import nn
from sklearn_siamese_speaker.datasets import make_speakers
from sklearn_siamese_speaker.model_selection import NShotKWayScorer, SpeakerKFold

assert package.__file__.startswith(sys.argv[1]), package.__file__
X, y = make_speakers(n_speakers=6, n_recordings=4, duration=0.3, random_state=0)
scoring = NShotKWayScorer(k_way=2, n_tasks=10)
filled = runpy.run_path(r"{ROOT / "docs" / "conf.py"}")["filled"]
with open(r"{ROOT / "docs" / "api.rst"}") as file:
    api = filled(file.read()).split()


def search(estimator, **grid):
    found = GridSearchCV(estimator, grid, scoring=scoring, cv=SpeakerKFold(2), error_score="raise")
    return found.fit(X, y).best_estimator_


def check_refused(sentence, function, **parameters):
    try:
        function(**parameters)
    except ValueError as error:
        assert sentence in str(error), error
    else:
        raise AssertionError(parameters)


def check_saved(estimator):
    skops.io.dump(estimator, "saved.skops")
    loaded = skops.io.load("saved.skops", trusted=TRUSTED_TYPES)
    np.testing.assert_array_equal(loaded.transform(X), estimator.transform(X))
"""

NETWORK = """
encoder = SiameseSpeakerEncoder("mean", max_epochs=1, random_state=0)
encoder.set_params(network__embedding_dim=4)
best = search(make_pipeline(MFCC(), encoder), siamesespeakerencoder__network__embedding_dim=[3])
assert best.transform(X).shape == (24, 3)
check_saved(best)
check_saved(make_pipeline(MFCC(), encoder.set_params(network=nn.MeanNetwork)).fit(X, y))
check_refused("its arguments are: embedding_dim.", encoder.set_params, network__width=5)
assert "sklearn_siamese_speaker.nn.MeanNetwork" in TRUSTED_TYPES and "MeanNetwork" in api
"""

LOSS = """
encoder = SiameseSpeakerEncoder("cnn1d", loss="squared", max_epochs=1, random_state=0)
encoder.set_params(network__filters=(4,), network__embedding_dim=4, loss__margin=0.5)
best = search(make_pipeline(MFCC(), encoder), siamesespeakerencoder__loss__margin=[0.7])
assert best[-1].get_params()["loss__margin"] == 0.7
check_saved(best)
check_saved(make_pipeline(MFCC(), encoder.set_params(loss=nn.SquaredMargin)).fit(X, y))
make_pipeline(MFCC(), encoder.set_params(pairs="random")).fit(X, y)
assert "sklearn_siamese_speaker.nn.SquaredMargin" in TRUSTED_TYPES and "SquaredMargin" in api
assert '"squared"' in filled(".. table of losses")
"""

FRONT_END = """
best = search(make_pipeline(FrameEnergy(), FramePooling()), frameenergy__length=[0.02])
assert best[0].transform(X).shape == (24, 1, 15)
check_saved(best)
assert "sklearn_siamese_speaker.FrameEnergy" in TRUSTED_TYPES and "FrameEnergy" in api
"""

AGGREGATION = """
E = np.random.default_rng(0).normal(size=(6, 3))
who = OneShotClassifier().set_params(aggregation="midrange").fit(E, ["ana"] * 3 + ["ben"] * 3)
middle = [(own.min(axis=0) + own.max(axis=0)) / 2 for own in (E[:3], E[3:])]
np.testing.assert_allclose(who.prototypes_, middle)
skops.io.dump(who, "saved.skops")
loaded = skops.io.load("saved.skops", trusted=TRUSTED_TYPES)
assert loaded.predict(E).tolist() == who.predict(E).tolist()
who = make_pipeline(MFCC(), FramePooling(), OneShotClassifier(aggregation="midrange"))
search(who, oneshotclassifier__aggregation=["midrange"])
check_refused("'midrange'", OneShotClassifier(aggregation="mode").fit, X=E, y=list("aabbcc"))
"""


@pytest.fixture(scope="module")
def grown(tmp_path_factory):
    """The folder of a copy of the package that holds the parts of CONTRIBUTING."""
    folder = tmp_path_factory.mktemp("grown")
    shutil.copytree(PACKAGE, folder / PACKAGE.name, ignore=shutil.ignore_patterns("__pycache__"))
    guide = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    files, lines = FILE.findall(guide), LINE.findall(guide)
    assert len(files) == len(lines) == 4
    for (address, content), (init, line) in zip(files, lines, strict=True):
        new, package = folder / PACKAGE.name / address, folder / PACKAGE.name / init
        assert not new.exists()
        assert new.parent == package.parent
        new.write_text(content, encoding="utf-8")
        text = package.read_text(encoding="utf-8")
        before, publish, after = text.rpartition("\n_public.publish(")
        grown = f"{before}{line}\n{publish}{after}" if publish else f"{text}{line}\n"
        package.write_text(grown, encoding="utf-8")
    return folder


@pytest.mark.parametrize(
    "program",
    [NETWORK, LOSS, FRONT_END, AGGREGATION],
    ids=["network", "loss", "front end", "aggregation"],
)
def test_a_part_is_one_file_and_one_line(grown, program, tmp_path):
    pytest.importorskip("skops")
    path = os.pathsep.join([str(grown), *filter(None, [os.environ.get("PYTHONPATH")])])
    subprocess.run(
        [sys.executable, "-c", START + program, str(grown)],
        env={**os.environ, "PYTHONPATH": path},
        cwd=tmp_path,
        check=True,
    )
