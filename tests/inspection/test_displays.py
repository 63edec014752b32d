"""Displays are rendered and show what they were given."""

import numpy as np
import pytest
from sklearn.preprocessing import FunctionTransformer

from sklearn_siamese_speaker.inspection import (
    EmbeddingDisplay,
    NShotKWayDisplay,
    TrainingHistoryDisplay,
)
from sklearn_siamese_speaker.model_selection import n_shot_k_way_curve

plt = pytest.importorskip("matplotlib.pyplot")
plt.switch_backend("Agg")

pytestmark = pytest.mark.filterwarnings("ignore:.*too few for an interval over speakers")


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def make_embeddings(n_speakers=6, n_recordings=5):
    rng = np.random.default_rng(0)
    y = np.repeat([f"s{i}" for i in range(n_speakers)], n_recordings)
    return rng.normal(size=(n_speakers, 4)).repeat(n_recordings, 0) * 3 + rng.normal(
        size=(len(y), 4)
    ), y


def test_n_shot_k_way_display_draws_each_curve_and_chance():
    X, y = make_embeddings(12)
    systems = {"as it is": FunctionTransformer().fit(X), "half": FunctionTransformer(half).fit(X)}
    display = NShotKWayDisplay.from_estimators(
        systems, X, y, k_ways=[2, 3, 6], n_shots=[1, 2], n_tasks=30
    )
    assert [ax.get_title() for ax in display.axes_] == ["1-shot", "2-shot"]
    for row, ax in enumerate(display.axes_):
        lines = {line.get_label(): line for line in ax.get_lines()}
        assert list(lines) == ["as it is", "half", "chance"]
        assert lines["chance"].get_ydata() == pytest.approx([1 / 2, 1 / 3, 1 / 6])
        expected = display.curves["half"].mean[row]
        assert lines["half"].get_ydata() == pytest.approx(expected)
        assert len(ax.collections) == 2  # the intervals
    display.figure_.canvas.draw()


def test_displays_of_several_axes_draw_into_given_ones():
    E, y = make_embeddings()
    _, given = plt.subplots(1, 2)
    display = EmbeddingDisplay.from_embeddings(E, y, n_sets=2, n_speakers=3, ax=given)
    assert display.axes_ == list(given)
    assert display.figure_ is given[0].figure
    X = FunctionTransformer().fit(E)
    curves = NShotKWayDisplay.from_estimators(
        {"a": X}, E, y, k_ways=[2, 3], n_shots=[1, 2], n_tasks=9
    )
    assert curves.plot(ax=given).axes_ == list(given)
    with pytest.raises(ValueError, match="This figure needs ax to hold 2 Axes, got 1"):
        curves.plot(ax=given[0])


@pytest.mark.parametrize(("n_speakers", "n_intervals"), [(3, 0), (12, 1)])
@pytest.mark.parametrize("k_ways", [[2], [2, 3]])
def test_a_curve_of_few_k_has_whole_numbers_chance_and_the_intervals_there_are(
    k_ways, n_speakers, n_intervals
):
    X, y = make_embeddings(n_speakers)
    as_it_is = FunctionTransformer().fit(X)
    curve = n_shot_k_way_curve(as_it_is, X, y, k_ways=k_ways, n_shots=[1], n_tasks=30)
    display = NShotKWayDisplay({"as it is": curve}).plot()
    display.figure_.canvas.draw()
    (ax,) = display.axes_
    low, high = ax.get_xlim()
    ticks = [tick for tick in ax.get_xticks() if low <= tick <= high]
    assert ticks
    assert all(tick == round(tick) for tick in ticks)
    chance = {line.get_label(): line for line in ax.get_lines()}["chance"]
    assert np.ptp(chance.get_xdata()) >= 1  # long enough to be seen
    assert chance.get_ydata()[0] == 1 / 2
    drawn = [c for c in ax.collections if np.isfinite(c.get_datalim(ax.transData).height)]
    assert len(drawn) == n_intervals
    for collection in drawn:
        box = collection.get_datalim(ax.transData)
        assert (box.y0, box.y1) == pytest.approx((curve.lower.min(), curve.upper.max()))


def half(X):
    return X[:, :2]


def test_embedding_display_draws_sets_that_share_no_speaker():
    E, y = make_embeddings()
    display = EmbeddingDisplay.from_embeddings(E, y, n_sets=2, n_speakers=3, n_recordings=4)
    speakers = [set(labels) for labels in display.labels]
    assert [len(s) for s in speakers] == [3, 3]
    assert not speakers[0] & speakers[1]
    assert [points.shape for points in display.points] == [(12, 2), (12, 2)]
    assert len(display.axes_[0].collections) == 3
    display.figure_.canvas.draw()


def test_purity_is_the_share_of_recordings_next_to_their_own_speaker():
    E = np.array([[0.0, 0], [1, 0], [10, 0], [11, 0], [12.5, 0], [2.4, 0]])
    y = np.array(["a", "a", "b", "b", "b", "b"])
    # The neighbors of 0, 1, 10, 11, 12.5, 2.4 are 1, 0, 11, 10, 11 and 1: one is another speaker.
    display = EmbeddingDisplay.from_embeddings(E, y, n_sets=1, n_speakers=2)
    assert display.purity == pytest.approx([5 / 6])


def test_too_few_speakers_for_the_sets_are_counted():
    E, y = make_embeddings(n_speakers=3)
    with pytest.raises(ValueError, match="n_sets=2 sets of at least 2 speakers need 4 speakers"):
        EmbeddingDisplay.from_embeddings(E, y)


def test_training_history_display_draws_the_loss():
    history = {"epochs": [{"epoch": 1, "train_loss": 3.0}, {"epoch": 2, "train_loss": 1.0}]}
    display = TrainingHistoryDisplay(history).plot()
    (line,) = display.ax_.get_lines()
    assert line.get_ydata().tolist() == [3.0, 1.0]
    assert line.get_xdata().tolist() == [1, 2]


def test_training_history_display_draws_what_the_history_holds():
    epochs = [
        {"epoch": 1, "train_loss": 3.0, "train_pair_accuracy": 0.6},
        {"epoch": 2, "train_loss": 1.0, "train_pair_accuracy": 0.9},
    ]
    validations = [
        {"epoch": 1, "batch": 5, "accuracy": 0.3, "loss": 3.5, "pair_accuracy": 0.5},
        {"epoch": 2, "batch": 10, "accuracy": 0.5, "loss": 2.0, "pair_accuracy": 0.7},
        {"epoch": 2, "batch": 15, "accuracy": 0.6, "loss": 1.5, "pair_accuracy": None},
    ]
    display = TrainingHistoryDisplay({"epochs": epochs, "validations": validations}).plot()
    drawn = {
        line.get_label(): line.get_xydata().tolist()
        for ax in (display.ax_, display.accuracy_ax_)
        for line in ax.get_lines()
    }
    assert np.isnan(drawn.pop("pairs, validation")[2][1])
    assert drawn == {
        "training loss": [[1, 3.0], [2, 1.0]],
        "validation loss": [[1, 3.5], [1.5, 2.0], [2, 1.5]],
        "pairs, training": [[1, 0.6], [2, 0.9]],
        "tasks, validation": [[1, 0.3], [1.5, 0.5], [2, 0.6]],
    }
    assert len(display.ax_.get_legend().get_texts()) == 5
    display.figure_.canvas.draw()
    display = TrainingHistoryDisplay({"epochs": epochs[:1], "validations": []}).plot()
    assert [line.get_marker() for line in display.ax_.get_lines()] == ["."]
    del epochs[0]["train_pair_accuracy"]  # a loss without pairs
    assert TrainingHistoryDisplay({"epochs": epochs[:1]}).plot().accuracy_ax_ is None
