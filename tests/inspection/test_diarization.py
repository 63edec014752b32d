"""The figure of who spoke when."""

import numpy as np
import pytest

from sklearn_siamese_speaker import AudioError
from sklearn_siamese_speaker.inspection import DiarizationDisplay

pytest.importorskip("matplotlib")

NOISE = np.random.default_rng(0).uniform(-0.5, 0.5, 16000 * 4)
FOUND = [(0.5, 1.0, "S1"), (1.0, 2.5, "S2"), (3.0, 4.0, "S1")]


def bars(ax):
    """Return (row, start, end) of each bar."""
    extents = [
        path.get_extents() for collection in ax.collections for path in collection.get_paths()
    ]
    return sorted((round((e.y0 + e.y1) / 2), e.x0, e.x1) for e in extents)


def test_each_speaker_has_a_row_of_bars():
    display = DiarizationDisplay.from_recording(NOISE, FOUND)
    waveform, rows = display.axes_
    assert [label.get_text() for label in rows.get_yticklabels()] == ["S1", "S2"]
    assert bars(rows) == [(0, 0.5, 1.0), (0, 3.0, 4.0), (1, 1.0, 2.5)]
    assert waveform.get_xlim() == rows.get_xlim() == (0, 4)
    assert rows.get_xlabel() == "time (s)"


def test_a_reference_is_drawn_below():
    reference = [(0.4, 2.6, "ana")]
    display = DiarizationDisplay.from_recording(NOISE, FOUND, reference=reference)
    assert [ax.get_ylabel() for ax in display.axes_] == ["samples", "found", "reference"]
    assert bars(display.axes_[2]) == [(0, 0.4, 2.6)]


def test_nobody_speaks_and_it_is_drawn_on_given_axes():
    import matplotlib.pyplot as plt

    axes = plt.subplots(2)[1]
    display = DiarizationDisplay.from_recording(NOISE, [], ax=axes)
    assert display.axes_ == list(axes)
    assert bars(axes[1]) == []


def test_what_cannot_be_drawn_is_an_error():
    with pytest.raises(AudioError, match=r"X\[0\] is silent"):
        DiarizationDisplay.from_recording(np.zeros(16000), FOUND)
    with pytest.raises(TypeError, match=r"segments\[0\] is 'S1'; a segment is \(start, end, spe"):
        DiarizationDisplay.from_recording(NOISE, ["S1"])
