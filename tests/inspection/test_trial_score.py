"""Tests of TrialScoreDisplay."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

matplotlib = pytest.importorskip("matplotlib")
pytest.importorskip("matplotlib.pyplot")
matplotlib.use("Agg")

from sklearn_siamese_speaker import SpeakerVerifier  # noqa: E402
from sklearn_siamese_speaker.inspection._trial_score import TrialScoreDisplay  # noqa: E402


def make_scores():
    rng = np.random.default_rng(0)
    y = np.repeat([0, 1], [90, 30])
    return 2.0 * y[:, np.newaxis] + rng.normal(size=(120, 1)), y


def test_each_kind_is_a_density_and_no_trial_is_left_out():
    scores, y = make_scores()
    display = TrialScoreDisplay.from_predictions(y, scores[:, 0], bins=20)
    for bars, kind in zip(display.ax_.containers, [0, 1], strict=True):
        areas = np.array([bar.get_width() * bar.get_height() for bar in bars])
        counts, _ = np.histogram(scores[y == kind], np.histogram_bin_edges(scores, 20))
        assert areas == pytest.approx(counts / counts.sum())
    _, labels = display.ax_.get_legend_handles_labels()
    assert labels == ["different speakers (90 trials)", "same speaker (30 trials)"]
    matplotlib.pyplot.close(display.figure_)


def test_a_verifier_is_drawn_with_its_log_likelihood_ratios_and_threshold():
    scores, y = make_scores()
    verifier = SpeakerVerifier().fit(scores, y)
    display = TrialScoreDisplay.from_estimator(verifier, scores, y)
    assert np.array_equal(display.y_score, verifier.log_likelihood_ratio(scores))
    assert display.ax_.lines[0].get_xdata()[0] == verifier.threshold_
    assert display.ax_.get_xlabel() == "log-likelihood ratio (natural)"
    matplotlib.pyplot.close(display.figure_)


def test_any_binary_classifier_is_drawn_with_its_decision_function():
    scores, y = make_scores()
    names = np.array(["different", "same"])[y]
    display = TrialScoreDisplay.from_estimator(
        LogisticRegression().fit(scores, names), scores, names
    )
    assert np.array_equal(display.y_true, y)
    assert display.ax_.lines[0].get_xdata()[0] == 0
    matplotlib.pyplot.close(display.figure_)


def test_given_axes_are_drawn_in_and_without_a_threshold_no_line():
    scores, y = make_scores()
    figure, ax = matplotlib.pyplot.subplots()
    display = TrialScoreDisplay(y, scores[:, 0]).plot(ax=ax)
    assert display.ax_ is ax
    assert display.figure_ is figure
    assert not ax.lines
    matplotlib.pyplot.close(figure)
