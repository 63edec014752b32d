from functools import partial

import conftest
import numpy as np
import pytest
from sklearn.decomposition import PCA
from sklearn.preprocessing import StandardScaler

from sklearn_siamese_speaker.inspection import SeenUnseenDisplay
from sklearn_siamese_speaker.model_selection import seen_unseen_score

plt = pytest.importorskip("matplotlib.pyplot")
plt.switch_backend("Agg")


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


make_recordings = partial(conftest.make_recordings, n_speakers=40, n_recordings=8, spread=2)


def test_each_system_is_drawn_with_its_intervals_above_seen_and_unseen():
    X, y = make_recordings()
    systems = {"scaled": StandardScaler(), "two dimensions": PCA(2)}
    parameters = {"k_way": 4, "n_tasks": 40, "random_state": 0}
    display = SeenUnseenDisplay.from_estimators(systems, X, y, **parameters)
    display.figure_.canvas.draw()
    assert len(display.ax_.containers) == 2
    for (name, system), drawn in zip(systems.items(), display.ax_.containers, strict=True):
        expected = seen_unseen_score(system, X, y, **parameters)
        assert drawn.get_label() == name
        points, _, (bars,) = drawn.lines
        assert points.get_ydata().tolist() == [expected.seen.mean, expected.unseen.mean]
        assert points.get_xdata().round().tolist() == [0, 1]
        ends = [segment[:, 1] for segment in bars.get_segments()]
        intervals = [[test.lower, test.upper] for test in (expected.seen, expected.unseen)]
        np.testing.assert_allclose(ends, intervals)
    chance = {line.get_label(): line.get_ydata()[0] for line in display.ax_.get_lines()}["chance"]
    assert chance == 1 / 4


def test_given_axes_are_drawn_in():
    X, y = make_recordings()
    scores = seen_unseen_score(PCA(2), X, y, n_tasks=10, random_state=0)
    _, ax = plt.subplots()
    assert SeenUnseenDisplay({"PCA": scores}).plot(ax=ax).ax_ is ax
