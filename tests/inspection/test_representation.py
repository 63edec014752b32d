"""RepresentationDisplay shows the numbers of a comparison."""

import numpy as np
import pytest
from sklearn.utils import Bunch

from sklearn_siamese_speaker.inspection import RepresentationDisplay

plt = pytest.importorskip("matplotlib.pyplot")
plt.switch_backend("Agg")


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


@pytest.fixture
def comparison():
    return Bunch(
        names=["raw audio", "log-mel", "VGGish"],
        n_values=np.array([48000, 19264, 384]),
        mean=np.array([0.7, 0.9, 0.8]),
        lower=np.array([0.6, 0.85, 0.7]),
        upper=np.array([0.8, 0.93, 0.86]),
        chance=0.2,
        n_shots=1,
        k_way=5,
    )


def test_each_representation_is_a_point_with_its_interval(comparison):
    display = RepresentationDisplay(comparison).plot()
    ax = display.ax_
    assert ax.get_xscale() == "log"
    assert ax.get_title() == "1-shot 5-way"
    points = dict(zip(comparison.names, ax.containers, strict=True))
    assert [c.get_label() for c in ax.containers] == comparison.names
    for i, container in enumerate(points.values()):
        line, _, (bar,) = container.lines
        assert line.get_xydata().tolist() == [[comparison.n_values[i], comparison.mean[i]]]
        ends = bar.get_segments()[0][:, 1]
        assert ends == pytest.approx([comparison.lower[i], comparison.upper[i]])
    assert len({container.lines[0].get_color() for container in points.values()}) == 3
    labels = [text.get_text() for text in ax.get_legend().get_texts()]
    assert labels == ["chance", *comparison.names]
    display.figure_.canvas.draw()


def test_it_draws_into_given_axes_and_past_the_last_color(comparison):
    for name in ("n_values", "mean", "lower", "upper"):
        comparison[name] = np.tile(comparison[name], 4)
    comparison.names = [f"representation {i}" for i in range(12)]
    _, ax = plt.subplots()
    display = RepresentationDisplay(comparison).plot(ax=ax)
    assert display.ax_ is ax
    assert len(ax.containers) == 12
